//! What processes say to each other, and how it is written.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use sfumato_core::store::{Call, News};
use sfumato_core::{ClientId, EndpointId, JobId};
use tokio::sync::Notify;
use uuid::Uuid;

/// Words in one notification: a payload holds 8,000 bytes at most.
const WORDS_MAX: usize = 150;

/// Words that wait for a connection; more than that are forgotten, since whoever missed so many looks at everything.
const WAITING_MAX: usize = 10_000;

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
    pub(crate) fn take(&self, sender: Uuid) -> Option<String> {
        let mut waiting = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        let mut payload = sender.simple().to_string();
        for _ in 0..WORDS_MAX {
            let Some(word) = waiting.pop_first() else { break };
            payload.push(' ');
            payload.push_str(&word.write());
        }
        (payload.len() > sender.simple().to_string().len()).then_some(payload)
    }

    /// Comes when there is something new to send, or somebody who listens.
    pub(crate) async fn filled(&self) {
        self.filled.notified().await;
    }

    pub(crate) fn is_needed(&self) -> bool {
        let waiting = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        !waiting.is_empty() || self.listens.load(Ordering::Relaxed)
    }
}

/// What a notification says, unless it is one of our own.
pub(crate) fn words(payload: &str, own: Uuid) -> Vec<Word> {
    let mut parts = payload.split(' ');
    let sender = parts.next().and_then(|sender| Uuid::try_parse(sender).ok());
    if sender == Some(own) {
        return vec![];
    }
    parts.filter_map(Word::read).collect()
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
