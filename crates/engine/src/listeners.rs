//! Who waits for events: readers whose request stays open until something happens to a job of theirs.
//!
//! Like every wake-up of this process it only saves waiting; a reader that is not woken finds the event when it looks again.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use sfumato_core::ClientId;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Readers of one client that may wait at the same time.
pub(crate) const LISTENERS_PER_CLIENT_MAX: usize = 16;

/// The waiting readers of each client.
#[derive(Debug, Default)]
pub(crate) struct Listeners {
    clients: Mutex<BTreeMap<ClientId, watch::Sender<()>>>,
    closed: CancellationToken,
}

impl Listeners {
    fn clients(&self) -> MutexGuard<'_, BTreeMap<ClientId, watch::Sender<()>>> {
        // The map is whole at every instruction, so that a panic elsewhere leaves nothing half done in it.
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins to wait. What happens from now on is heard, also what happens before it is waited for. `None` where too many
    /// readers of the client wait.
    pub(crate) fn listen(&self, client: ClientId) -> Option<watch::Receiver<()>> {
        let mut clients = self.clients();
        // Whoever has gone away leaves an entry; the next one to come clears them.
        clients.retain(|_, sender| sender.receiver_count() > 0);
        let sender = clients.entry(client).or_insert_with(|| watch::channel(()).0);
        (sender.receiver_count() < LISTENERS_PER_CLIENT_MAX).then(|| sender.subscribe())
    }

    /// Something has happened to a job of this client.
    pub(crate) fn tell(&self, client: ClientId) {
        if let Some(sender) = self.clients().get(&client) {
            sender.send_replace(());
        }
    }

    /// Something has happened to a job, who knows whose.
    pub(crate) fn tell_all(&self) {
        for sender in self.clients().values() {
            sender.send_replace(());
        }
    }

    /// Nobody waits any longer: the process stops.
    pub(crate) fn close(&self) {
        self.closed.cancel();
    }

    /// Whether [`Listeners::close`] was called.
    pub(crate) fn is_closed(&self) -> bool {
        self.closed.is_cancelled()
    }

    /// Ready when [`Listeners::close`] was called.
    pub(crate) async fn closed(&self) {
        self.closed.cancelled().await;
    }
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    fn client(number: u128) -> ClientId {
        ClientId::from_uuid(Uuid::from_u128(number))
    }

    #[test]
    fn only_the_readers_of_the_client_hear() {
        let listeners = Listeners::default();
        let (mine, other) = (listeners.listen(client(1)), listeners.listen(client(2)));
        let (mine, other) = (mine.unwrap(), other.unwrap());
        listeners.tell(client(1));
        assert!(mine.has_changed().unwrap());
        assert!(!other.has_changed().unwrap());
        listeners.tell_all();
        assert!(other.has_changed().unwrap());
        listeners.tell(client(3));
    }

    #[test]
    fn the_number_of_readers_is_bounded_and_those_who_left_make_room() {
        let listeners = Listeners::default();
        let mut waiting: Vec<_> = (0..LISTENERS_PER_CLIENT_MAX)
            .map(|_| listeners.listen(client(1)).unwrap())
            .collect();
        assert!(listeners.listen(client(1)).is_none());
        assert!(listeners.listen(client(2)).is_some());
        waiting.pop();
        assert!(listeners.listen(client(1)).is_some());
        waiting.clear();
        drop(listeners.listen(client(3)));
        assert_eq!(
            listeners.clients().len(),
            1,
            "nobody is remembered who does not wait"
        );
    }
}
