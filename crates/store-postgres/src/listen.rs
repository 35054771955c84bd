//! News across processes, by LISTEN and NOTIFY.
//!
//! A notification inside a transaction would make every commit that notifies wait for every other one, fsync included:
//! PostgreSQL holds one lock for the whole server from there on. So a word is sent after the commit, by a connection of
//! its own, and words that gather meanwhile go together. A word that is lost (the process dies in between, the connection
//! breaks, nobody listens yet) costs a delay and nothing else: couriers look at what waits from time to time anyway.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::channel::mpsc;
use futures::{StreamExt, future, stream};
use sfumato_core::store::{Call, News};
use sfumato_core::{ClientId, EndpointId, JobId};
use tokio::sync::Notify;
use tokio_postgres::{AsyncMessage, Client, Notification};
use uuid::Uuid;

use crate::hook::Hook;
use crate::open::Place;

const CHANNEL: &str = "sfumato";

/// Words in one notification: a payload holds 8,000 bytes at most.
const WORDS_MAX: usize = 150;

/// Words that wait for a connection; more than that are forgotten, since whoever missed so many looks at everything.
const WAITING_MAX: usize = 10_000;

/// Waits between attempts to connect: the first, and the longest.
const RECONNECT: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// What one process says to the others. Kinds that a version does not know are passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Word {
    /// Something may be due at an endpoint.
    Waiting(EndpointId),
    /// An endpoint's settings have changed.
    Changed(EndpointId),
    /// An endpoint has been deleted.
    Gone(EndpointId),
    /// What an engine calls to the others.
    Call(Call),
}

impl Word {
    /// What the others hear of a piece of news. A leased delivery is the business of this process alone.
    pub(crate) fn of(news: &News) -> Option<Self> {
        match news {
            News::Leased(_) => None,
            News::Waiting(endpoint) => Some(Self::Waiting(*endpoint)),
            News::Changed(endpoint) => Some(Self::Changed(*endpoint)),
            News::Gone(endpoint) => Some(Self::Gone(*endpoint)),
        }
    }

    /// Tells whoever it is for in this process.
    fn tell(self, hook: &Hook) {
        match self {
            Self::Waiting(endpoint) => hook.heard(vec![News::Waiting(endpoint)]),
            Self::Changed(endpoint) => hook.heard(vec![News::Changed(endpoint)]),
            Self::Gone(endpoint) => hook.heard(vec![News::Gone(endpoint)]),
            Self::Call(call) => hook.hear(call),
        }
    }

    fn write(self) -> String {
        let (kind, about) = match self {
            Self::Waiting(endpoint) => ("waiting", endpoint.as_uuid()),
            Self::Changed(endpoint) => ("changed", endpoint.as_uuid()),
            Self::Gone(endpoint) => ("gone", endpoint.as_uuid()),
            Self::Call(Call::Jobs) => ("jobs", Uuid::nil()),
            Self::Call(Call::Replays) => ("replays", Uuid::nil()),
            Self::Call(Call::Finished) => ("finished", Uuid::nil()),
            Self::Call(Call::Cancelled(job)) => ("cancelled", job.as_uuid()),
            Self::Call(Call::Told(client)) => ("told", client.as_uuid()),
        };
        format!("{kind}:{}", about.simple())
    }

    fn read(text: &str) -> Option<Self> {
        let (kind, about) = text.split_once(':')?;
        let about = Uuid::try_parse(about).ok()?;
        let endpoint = EndpointId::from_uuid(about);
        Some(match kind {
            "waiting" => Self::Waiting(endpoint),
            "changed" => Self::Changed(endpoint),
            "gone" => Self::Gone(endpoint),
            "jobs" => Self::Call(Call::Jobs),
            "replays" => Self::Call(Call::Replays),
            "finished" => Self::Call(Call::Finished),
            "cancelled" => Self::Call(Call::Cancelled(JobId::from_uuid(about))),
            "told" => Self::Call(Call::Told(ClientId::from_uuid(about))),
            _ => return None,
        })
    }
}

/// Words that are to be sent.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    words: Mutex<BTreeSet<Word>>,
    listens: AtomicBool,
    filled: Notify,
}

impl Outbox {
    /// Somebody in this process wants to hear the others.
    pub(crate) fn listen(&self) {
        self.listens.store(true, Ordering::Relaxed);
        self.filled.notify_one();
    }

    pub(crate) fn put(&self, words: impl Iterator<Item = Word>) {
        let mut waiting = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.extend(words);
        if waiting.len() > WAITING_MAX {
            waiting.clear();
        }
        if !waiting.is_empty() {
            self.filled.notify_one();
        }
    }

    /// Some of the words, as one payload.
    fn take(&self, sender: Uuid) -> Option<String> {
        let mut waiting = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        let mut payload = sender.simple().to_string();
        for _ in 0..WORDS_MAX {
            let Some(word) = waiting.pop_first() else { break };
            payload.push(' ');
            payload.push_str(&word.write());
        }
        (payload.len() > sender.simple().to_string().len()).then_some(payload)
    }

    fn is_needed(&self) -> bool {
        let waiting = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        !waiting.is_empty() || self.listens.load(Ordering::Relaxed)
    }
}

/// What a notification says, unless it is one of our own.
fn words(payload: &str, own: Uuid) -> Vec<Word> {
    let mut parts = payload.split(' ');
    let sender = parts.next().and_then(|sender| Uuid::try_parse(sender).ok());
    if sender == Some(own) {
        return vec![];
    }
    parts.filter_map(Word::read).collect()
}

/// Sends and hears words. Connects when there is a reason to.
async fn run(place: Place, hook: Arc<Hook>, own: Uuid) {
    let mut wait = RECONNECT.0;
    loop {
        while !hook.outbox.is_needed() {
            hook.outbox.filled.notified().await;
        }
        let mut worked = false;
        if let Err(error) = converse(&place, &hook, own, &mut worked).await {
            tracing::warn!(
                error = sfumato_core::chain(&error),
                "the connection for news between processes broke; it is made again"
            );
        }
        wait = if worked {
            RECONNECT.0
        } else {
            (wait * 2).min(RECONNECT.1)
        };
        tokio::time::sleep(wait).await;
    }
}

/// One connection, as long as it lasts.
async fn converse(
    place: &Place,
    hook: &Hook,
    own: Uuid,
    worked: &mut bool,
) -> Result<(), tokio_postgres::Error> {
    let (client, mut connection) = place.connect().await?;
    let (hear, mut heard) = mpsc::unbounded();
    let driver = stream::poll_fn(move |context| connection.poll_message(context)).for_each(move |message| {
        // Whoever listened is gone, and drops the connection in a moment.
        let _ = hear.unbounded_send(message);
        future::ready(())
    });
    let _driver = AbortOnDrop(tokio::spawn(driver).abort_handle());
    client.batch_execute(&format!("LISTEN {CHANNEL}")).await?;
    *worked = true;
    loop {
        send(&client, hook, own).await?;
        tokio::select! {
            message = heard.next() => match message {
                Some(Ok(AsyncMessage::Notification(notification))) => hear_one(hook, &notification, own),
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(error),
                None => return Ok(()),
            },
            () = hook.outbox.filled.notified() => {}
        }
    }
}

fn hear_one(hook: &Hook, notification: &Notification, own: Uuid) {
    for word in words(notification.payload(), own) {
        word.tell(hook);
    }
}

async fn send(client: &Client, hook: &Hook, own: Uuid) -> Result<(), tokio_postgres::Error> {
    while let Some(payload) = hook.outbox.take(own) {
        client
            .execute("SELECT pg_notify($1, $2)", &[&CHANNEL, &payload])
            .await?;
    }
    Ok(())
}

struct AbortOnDrop(tokio::task::AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The task that [`run`] is; ends with the store.
#[derive(Debug)]
pub(crate) struct Listener(tokio::task::AbortHandle);

impl Listener {
    pub(crate) fn start(place: Place, hook: Arc<Hook>, own: Uuid) -> Self {
        Self(tokio::spawn(run(place, hook, own)).abort_handle())
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_read_back_as_they_were_written_and_our_own_and_unknown_ones_are_passed_over() {
        let (own, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let endpoint = EndpointId::from_uuid(Uuid::from_u128(7));
        let (job, client) = (
            JobId::from_uuid(Uuid::from_u128(8)),
            ClientId::from_uuid(Uuid::from_u128(9)),
        );
        let calls = [
            Call::Jobs,
            Call::Replays,
            Call::Finished,
            Call::Cancelled(job),
            Call::Told(client),
        ];
        let said: Vec<_> = [
            Word::Waiting(endpoint),
            Word::Changed(endpoint),
            Word::Gone(endpoint),
        ]
        .into_iter()
        .chain(calls.map(Word::Call))
        .collect();
        let outbox = Outbox::default();
        outbox.put(said.iter().chain(&said).copied());
        let payload = outbox.take(other).unwrap();
        assert_eq!(outbox.take(other), None);
        assert_eq!(words(&payload, own), said);
        assert_eq!(words(&payload, other), []);
        assert_eq!(words(&format!("{payload} moon:full waiting:nobody x"), own), said);
        assert_eq!(words("", own), []);
    }

    #[test]
    fn a_payload_stays_below_what_postgresql_takes() {
        let outbox = Outbox::default();
        let endpoint = |n| Word::Changed(EndpointId::from_uuid(Uuid::from_u128(n)));
        outbox.put((0..1_000).map(endpoint));
        let payloads: Vec<String> = std::iter::from_fn(|| outbox.take(Uuid::nil())).collect();
        assert!(payloads.iter().all(|payload| payload.len() < 8_000));
        let read: Vec<Word> = payloads
            .iter()
            .flat_map(|payload| words(payload, Uuid::max()))
            .collect();
        assert_eq!(read.len(), 1_000);
        outbox.put((0..20_000).map(endpoint));
        assert_eq!(
            outbox.take(Uuid::nil()),
            None,
            "whoever missed so many looks at everything"
        );
    }
}
