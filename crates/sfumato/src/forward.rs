//! `sfumato listen --forward`: the events of a server, handed on to a service that the server cannot reach.
//!
//! The events are read and not waited for at an open port, so that this works behind any router. Each is handed on in order,
//! again and again until it is acknowledged, and only then is the place remembered: whoever starts again goes on with the
//! event that was not acknowledged.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use serde::Serialize;
use sfumato_core::{Clock, DeliveryId, Outcome, Timestamp};
use sfumato_engine::outbound::Outbound;
use sfumato_engine::system::SystemClock;
use tokio_util::sync::CancellationToken;

use crate::api_client::{ApiClient, ApiError, ApiEvent};
use crate::message::{Target, Told};

/// First and longest pause after something failed.
const BACKOFF: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// One event handed on once.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Forwarded {
    /// When it was handed on.
    pub(crate) at: Timestamp,
    /// When it had happened.
    pub(crate) event_at: Timestamp,
    /// The job.
    pub(crate) task_id: String,
    /// The job's status.
    pub(crate) status: String,
    /// The event's number within its job.
    pub(crate) sequence: u32,
    /// How often it was handed on, with this time.
    pub(crate) attempt: u32,
    /// What it came to.
    pub(crate) outcome: Outcome,
    /// The HTTP status of the answer.
    pub(crate) answer: Option<u16>,
    /// How long it took.
    pub(crate) duration_ms: u64,
    /// In words.
    pub(crate) explanation: String,
}

/// What there is to tell a person.
pub(crate) enum News<'a> {
    /// An event was handed on.
    Forwarded(&'a Forwarded),
    /// The server does not answer now.
    Trouble(&'a ApiError),
}

/// Where the place in the stream of events is remembered.
pub(crate) struct Place {
    file: Option<PathBuf>,
}

impl Place {
    pub(crate) const fn new(file: Option<PathBuf>) -> Self {
        Self { file }
    }

    /// The remembered cursor, where there is one.
    ///
    /// # Errors
    /// The file is there and cannot be read.
    pub(crate) fn read(&self) -> anyhow::Result<Option<String>> {
        let Some(path) = &self.file else {
            return Ok(None);
        };
        match std::fs::read_to_string(path) {
            Ok(text) => Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("read the cursor in {}", path.display())),
        }
    }

    /// Remembers a cursor: whole or not at all.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(crate) fn write(&self, cursor: &str) -> anyhow::Result<()> {
        let Some(path) = &self.file else {
            return Ok(());
        };
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        let write = || -> std::io::Result<()> {
            let mut file = tempfile::NamedTempFile::new_in(folder)?;
            writeln!(file, "{cursor}")?;
            file.persist(path)?;
            Ok(())
        };
        write().with_context(|| format!("write the cursor to {}", path.display()))
    }
}

/// Hands events on until `stop`.
///
/// # Errors
/// The server refuses for good, or the place cannot be remembered.
pub(crate) async fn forward(
    mut api: ApiClient,
    target: Target,
    outbound: Outbound,
    place: Place,
    stop: CancellationToken,
    mut tell: impl FnMut(News<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut backoff = Backoff::new();
    let mut after = place.read()?;
    while !stop.is_cancelled() {
        let read = async {
            match &after {
                Some(cursor) => api.events(cursor).await.map(|page| (page.events, page.next)),
                // Nothing is remembered: what happens from now on.
                None => api.latest().await.map(|next| (vec![], next)),
            }
        };
        let read = tokio::select! {
            read = read => read,
            () = stop.cancelled() => break,
        };
        let (events, next) = match read {
            Ok(read) => read,
            Err(error) if error.is_passing() => {
                tell(News::Trouble(&error))?;
                backoff.pause(&stop).await;
                continue;
            }
            Err(error) => return Err(error).context("read the events"),
        };
        backoff = Backoff::new();
        for event in &events {
            if !hand_on(&outbound, &target, event, &stop, &mut tell).await? {
                return Ok(());
            }
            place.write(&event.cursor)?;
        }
        if after.is_none() {
            place.write(&next)?;
        }
        after = Some(next);
    }
    Ok(())
}

/// Hands one event on until it is acknowledged; `false` where it was stopped before.
async fn hand_on(
    outbound: &Outbound,
    target: &Target,
    event: &ApiEvent,
    stop: &CancellationToken,
    tell: &mut impl FnMut(News<'_>) -> anyhow::Result<()>,
) -> anyhow::Result<bool> {
    let mut backoff = Backoff::new();
    for attempt in 1.. {
        let at = SystemClock.now();
        let message = target.message(&Told {
            // One event goes to one receiver here, so that the event's identifier tells a repetition.
            id: DeliveryId::from_uuid(event.id.as_uuid()),
            task_id: &event.task_id,
            status: &event.status,
            sequence: event.sequence,
            attempt,
            at,
            extra: None,
        });
        let exchange = tokio::select! {
            exchange = outbound.send(&message) => exchange,
            () = stop.cancelled() => return Ok(false),
        };
        tell(News::Forwarded(&Forwarded {
            at,
            event_at: event.at,
            task_id: event.task_id.clone(),
            status: event.status.clone(),
            sequence: event.sequence,
            attempt,
            outcome: exchange.outcome,
            answer: exchange.status,
            duration_ms: exchange.phases.total_ms.round() as u64,
            explanation: exchange.explanation,
        }))?;
        if exchange.outcome == Outcome::Ok {
            return Ok(true);
        }
        backoff.pause(stop).await;
        if stop.is_cancelled() {
            return Ok(false);
        }
    }
    Ok(false)
}

/// Growing pauses.
struct Backoff(Duration);

impl Backoff {
    const fn new() -> Self {
        Self(BACKOFF.0)
    }

    async fn pause(&mut self, stop: &CancellationToken) {
        tokio::select! {
            () = tokio::time::sleep(self.0) => {}
            () = stop.cancelled() => {}
        }
        self.0 = (self.0 * 2).min(BACKOFF.1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_remembered_whole_and_an_absent_one_is_none() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::new(Some(folder.path().join("cursor")));
        assert_eq!(place.read().unwrap(), None);
        place.write("first").unwrap();
        place.write("second").unwrap();
        assert_eq!(place.read().unwrap().as_deref(), Some("second"));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        let nowhere = Place::new(Some(folder.path().join("absent/cursor")));
        assert!(nowhere.write("a").is_err());
        let none = Place::new(None);
        none.write("a").unwrap();
        assert_eq!(none.read().unwrap(), None);
    }
}
