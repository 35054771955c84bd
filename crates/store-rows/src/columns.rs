//! States, spread over the columns that hold them.

use sfumato_core::delivery::DeliveryState;
use sfumato_core::endpoint::{Endpoint, EndpointState};
use sfumato_core::job::{JobResult, JobState};
use sfumato_core::{StoreError, Timestamp};
use uuid::Uuid;

fn unavailable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    StoreError::Unavailable { source: error.into() }
}

fn bytes(count: u64) -> Result<i64, StoreError> {
    i64::try_from(count).map_err(unavailable)
}

/// The columns of a job's state, from `available_at` to `expected_end_at`.
#[derive(Debug, Default)]
pub struct JobColumns<'a> {
    /// Queued: from when on it may be claimed, microseconds.
    pub available_at: Option<i64>,
    /// Running: whose it is.
    pub worker: Option<Uuid>,
    /// Running: until when, microseconds.
    pub lease_expires_at: Option<i64>,
    /// Running: how much is done, 0 to 1.
    pub progress: Option<f64>,
    /// Running: when it will be done, microseconds.
    pub expected_end_at: Option<i64>,
    /// When it ended, microseconds.
    pub finished_at: Option<i64>,
    /// Failed: why.
    pub error: Option<&'a str>,
    /// Expired: when its result went, microseconds.
    pub expired_at: Option<i64>,
    /// What came out.
    pub result: ResultColumns<'a>,
}

impl<'a> JobColumns<'a> {
    /// The columns of a state; those of others are empty.
    ///
    /// # Errors
    /// A number is larger than any column holds.
    pub fn of(state: &'a JobState) -> Result<Self, StoreError> {
        Ok(match state {
            JobState::Queued { available_at } => Self {
                available_at: Some(available_at.as_micros()),
                ..Self::default()
            },
            JobState::Running {
                lease,
                lease_expires_at,
                progress,
            } => Self {
                worker: Some(lease.worker.as_uuid()),
                lease_expires_at: Some(lease_expires_at.as_micros()),
                progress: Some(f64::from(progress.done)),
                expected_end_at: progress.expected_end.map(Timestamp::as_micros),
                ..Self::default()
            },
            JobState::Succeeded { finished_at, result } => Self {
                finished_at: Some(finished_at.as_micros()),
                result: ResultColumns::of(result)?,
                ..Self::default()
            },
            JobState::Failed { finished_at, error } => Self {
                finished_at: Some(finished_at.as_micros()),
                error: Some(error),
                ..Self::default()
            },
            JobState::Cancelled { finished_at } => Self {
                finished_at: Some(finished_at.as_micros()),
                ..Self::default()
            },
            JobState::Expired {
                finished_at,
                result,
                expired_at,
            } => Self {
                finished_at: Some(finished_at.as_micros()),
                expired_at: Some(expired_at.as_micros()),
                result: ResultColumns::of(result)?,
                ..Self::default()
            },
        })
    }
}

/// The columns of a result, from `result` to `warnings`.
#[derive(Debug, Default)]
pub struct ResultColumns<'a> {
    /// Its identifier.
    pub id: Option<Uuid>,
    /// Its format.
    pub format: Option<&'a str>,
    /// Its size.
    pub bytes: Option<i64>,
    /// The hash of its content.
    pub sha256: Option<&'a [u8]>,
    /// The size of the detections document.
    pub document_bytes: Option<i64>,
    /// Its hash.
    pub document_sha256: Option<&'a [u8]>,
    /// How many faces were hidden.
    pub faces: Option<i64>,
    /// How many licence plates were.
    pub plates: Option<i64>,
    /// What the customer should know, a JSON array.
    pub warnings: Option<String>,
}

impl<'a> ResultColumns<'a> {
    fn of(result: &'a JobResult) -> Result<Self, StoreError> {
        let document = result.document.as_ref();
        Ok(Self {
            id: Some(result.id.as_uuid()),
            format: Some(result.format.as_str()),
            bytes: Some(bytes(result.bytes)?),
            sha256: Some(&result.sha256),
            document_bytes: document.map(|(size, _)| bytes(*size)).transpose()?,
            document_sha256: document.map(|(_, sha256)| sha256.as_slice()),
            faces: Some(result.faces.into()),
            plates: Some(result.plates.into()),
            warnings: Some(serde_json::to_string(&result.warnings).map_err(unavailable)?),
        })
    }
}

/// The columns of a delivery's state, from `not_before` to `closed_at`.
#[derive(Clone, Copy, Debug, Default)]
pub struct DeliveryColumns {
    /// Pending: before when it is not sent, microseconds.
    pub not_before: Option<i64>,
    /// Sending: whose it is.
    pub worker: Option<Uuid>,
    /// Sending: until when, microseconds.
    pub lease_expires_at: Option<i64>,
    /// When it was closed, microseconds.
    pub closed_at: Option<i64>,
}

impl DeliveryColumns {
    /// The columns of a state; those of others are empty.
    pub fn of(state: &DeliveryState) -> Self {
        match state {
            DeliveryState::Pending { not_before } => Self {
                not_before: Some(not_before.as_micros()),
                ..Self::default()
            },
            DeliveryState::Sending {
                lease,
                lease_expires_at,
            } => Self {
                worker: Some(lease.worker.as_uuid()),
                lease_expires_at: Some(lease_expires_at.as_micros()),
                ..Self::default()
            },
            DeliveryState::Delivered { at }
            | DeliveryState::Superseded { at }
            | DeliveryState::Expired { at }
            | DeliveryState::Dropped { at } => Self {
                closed_at: Some(at.as_micros()),
                ..Self::default()
            },
        }
    }
}

/// The columns of an endpoint's state and credentials.
#[derive(Clone, Copy, Debug)]
pub struct EndpointColumns<'a> {
    /// The state's name.
    pub state: &'static str,
    /// Held: since when, microseconds.
    pub held_since: Option<i64>,
    /// Held: why.
    pub held_reason: Option<&'static str>,
    /// Held: when it is probed next, microseconds.
    pub next_probe_at: Option<i64>,
    /// The token, sealed.
    pub token: &'a [u8],
    /// The one before it.
    pub old_token: Option<&'a [u8]>,
    /// Until when that one is valid, microseconds.
    pub old_token_until: Option<i64>,
    /// The signing secret, sealed.
    pub signing_secret: &'a [u8],
    /// The one before it.
    pub old_secret: Option<&'a [u8]>,
    /// Until when that one signs, microseconds.
    pub old_secret_until: Option<i64>,
}

impl<'a> EndpointColumns<'a> {
    /// The columns of an endpoint.
    pub fn of(endpoint: &'a Endpoint) -> Self {
        let (token, secret) = (&endpoint.token, &endpoint.signing_secret);
        let (state, held) = match endpoint.state {
            EndpointState::Active => ("active", None),
            EndpointState::Disabled => ("disabled", None),
            EndpointState::Held {
                since,
                reason,
                next_probe_at,
            } => ("held", Some((since, reason, next_probe_at))),
        };
        Self {
            state,
            held_since: held.map(|(since, ..)| since.as_micros()),
            held_reason: held.map(|(_, reason, _)| reason.as_str()),
            next_probe_at: held.map(|(.., at)| at.as_micros()),
            token: token.current.as_bytes(),
            old_token: token.previous.as_ref().map(|(token, _)| token.as_bytes()),
            old_token_until: token.previous.as_ref().map(|(_, until)| until.as_micros()),
            signing_secret: secret.current.as_bytes(),
            old_secret: secret.previous.as_ref().map(|(secret, _)| secret.as_bytes()),
            old_secret_until: secret.previous.as_ref().map(|(_, until)| until.as_micros()),
        }
    }
}
