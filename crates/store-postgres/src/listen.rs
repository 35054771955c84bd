//! News across processes, by LISTEN and NOTIFY.
//!
//! A notification inside a transaction would make every commit that notifies wait for every other one, fsync included:
//! PostgreSQL holds one lock for the whole server from there on. So a word is sent after the commit, by a connection of
//! its own, and words that gather meanwhile go together. A word that is lost (the process dies in between, the connection
//! breaks, nobody listens yet) costs a delay and nothing else: couriers look at what waits from time to time anyway.

use std::sync::Arc;
use std::time::Duration;

use futures::channel::mpsc;
use futures::{StreamExt, future, stream};
use sfumato_core::store::News;
use tokio_postgres::{AsyncMessage, Client, Notification};
use uuid::Uuid;

use crate::hook::Hook;
use crate::open::Place;
use crate::words::{Word, words};

const CHANNEL: &str = "sfumato";

/// Waits between attempts to connect: the first, and the longest.
const RECONNECT: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// Sends and hears words. Connects when there is a reason to.
async fn run(place: Place, hook: Arc<Hook>, own: Uuid) {
    let mut wait = RECONNECT.0;
    loop {
        while !hook.outbox.is_needed() {
            hook.outbox.filled().await;
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
            () = hook.outbox.filled() => {}
        }
    }
}

/// Tells whoever a word is for in this process.
fn tell(word: Word, hook: &Hook) {
    match word {
        Word::Waiting(endpoint) => hook.heard(vec![News::Waiting(endpoint)]),
        Word::Changed(endpoint) => hook.heard(vec![News::Changed(endpoint)]),
        Word::Gone(endpoint) => hook.heard(vec![News::Gone(endpoint)]),
        Word::Call(call) => hook.hear(call),
    }
}

fn hear_one(hook: &Hook, notification: &Notification, own: Uuid) {
    for word in words(notification.payload(), own) {
        tell(word, hook);
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
