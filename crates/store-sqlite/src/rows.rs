//! Rows to domain objects and back. A row that breaks a rule is reported with table, column and key.

use std::cell::Cell;

use rusqlite::Row;
use rusqlite::types::FromSql;
use sfumato_core::client::{Client, ClientKey, ClientState, SecretHash};
use sfumato_core::delivery::{Attempt, Delivery, DeliveryLease, DeliveryState, PhaseTimes};
use sfumato_core::endpoint::{
    Endpoint, EndpointHealth, EndpointState, HoldReason, SigningSecret, Warning, WebhookToken, WebhookUrl,
};
use sfumato_core::event::Event;
use sfumato_core::job::{
    DetectionSource, FencingToken, GivenBlob, Job, JobResult, JobState, Lease, Progress, Revision, Upload,
};
use sfumato_core::{EventPosition, Rotating, StoreError, Timestamp};
use uuid::Uuid;

/// A row of a named table, which can say what is wrong with it.
pub(crate) struct Reader<'r, 's> {
    row: &'r Row<'s>,
    table: &'static str,
    /// Where the next column is looked for first: rows are mostly read in the order of their columns.
    next: Cell<usize>,
}

impl<'r, 's> Reader<'r, 's> {
    pub(crate) const fn new(row: &'r Row<'s>, table: &'static str) -> Self {
        Self {
            row,
            table,
            next: Cell::new(0),
        }
    }

    pub(crate) fn corrupt(&self, column: &'static str, why: impl std::fmt::Display) -> StoreError {
        let key = self
            .row
            .get::<_, [u8; 16]>("id")
            .map(|bytes| Uuid::from_bytes(bytes).to_string());
        StoreError::Corrupt {
            table: self.table,
            column,
            row: key.unwrap_or_else(|_| "?".into()),
            why: why.to_string(),
        }
    }

    pub(crate) fn get<T: FromSql>(&self, column: &'static str) -> Result<T, StoreError> {
        let found = self.position_of(column).and_then(|index| self.row.get(index));
        found.map_err(|error| self.corrupt(column, error))
    }

    /// The driver would compare every name from the first on, for each column of each row.
    fn position_of(&self, column: &'static str) -> rusqlite::Result<usize> {
        let (next, statement) = (self.next.get(), self.row.as_ref());
        if statement.column_name(next).is_ok_and(|name| name == column) {
            self.next.set(next + 1);
            return Ok(next);
        }
        let index = statement.column_index(column)?;
        self.next.set(index + 1);
        Ok(index)
    }

    pub(crate) fn time(&self, column: &'static str) -> Result<Timestamp, StoreError> {
        self.get(column).map(Timestamp::from_micros)
    }

    pub(crate) fn optional_time(&self, column: &'static str) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.get::<Option<i64>>(column)?.map(Timestamp::from_micros))
    }

    pub(crate) fn optional_id(&self, column: &'static str) -> Result<Option<Uuid>, StoreError> {
        Ok(self.get::<Option<[u8; 16]>>(column)?.map(Uuid::from_bytes))
    }

    pub(crate) fn optional_number<T: TryFrom<i64, Error: std::fmt::Display>>(
        &self,
        column: &'static str,
    ) -> Result<Option<T>, StoreError> {
        let number = self.get::<Option<i64>>(column)?.map(T::try_from).transpose();
        number.map_err(|error| self.corrupt(column, error))
    }

    fn uuid(&self, column: &'static str) -> Result<Uuid, StoreError> {
        self.get(column).map(Uuid::from_bytes)
    }

    pub(crate) fn parse<T: std::str::FromStr<Err: std::fmt::Display>>(
        &self,
        column: &'static str,
    ) -> Result<T, StoreError> {
        self.get::<String>(column)?
            .parse()
            .map_err(|error| self.corrupt(column, error))
    }

    pub(crate) fn position(&self, column: &'static str) -> Result<EventPosition, StoreError> {
        self.number(column).map(EventPosition::new)
    }

    pub(crate) fn number<T: TryFrom<i64, Error: std::fmt::Display>>(
        &self,
        column: &'static str,
    ) -> Result<T, StoreError> {
        T::try_from(self.get::<i64>(column)?).map_err(|error| self.corrupt(column, error))
    }
}

/// The position of an event, as it is stored.
pub(crate) fn position(position: EventPosition) -> i64 {
    i64::try_from(position.get()).unwrap_or(i64::MAX)
}

macro_rules! ids {
    ($($name:ident: $type:ident;)*) => {
        impl Reader<'_, '_> {
            $(pub(crate) fn $name(&self, column: &'static str) -> Result<sfumato_core::$type, StoreError> {
                self.uuid(column).map(sfumato_core::$type::from_uuid)
            })*
        }
    };
}

ids! {
    client_id: ClientId;
    login_id: LoginId;
    job_id: JobId;
    upload_id: UploadId;
    result_id: ResultId;
    endpoint_id: EndpointId;
    event_id: EventId;
    delivery_id: DeliveryId;
    replay_id: ReplayId;
    attempt_id: AttemptId;
    worker_id: WorkerId;
    user_id: UserId;
    session_id: SessionId;
    audit_id: AuditId;
    installation_id: InstallationId;
}

/// The bytes of an identifier as they are stored.
pub(crate) const fn key(uuid: Uuid) -> [u8; 16] {
    *uuid.as_bytes()
}

pub(crate) fn client_state(text: &str) -> Option<ClientState> {
    match text {
        "active" => Some(ClientState::Active),
        "disabled" => Some(ClientState::Disabled),
        _ => None,
    }
}

pub(crate) const fn client_state_name(state: ClientState) -> &'static str {
    match state {
        ClientState::Active => "active",
        ClientState::Disabled => "disabled",
    }
}

pub(crate) fn client(row: &Row<'_>) -> Result<Client, StoreError> {
    let row = Reader::new(row, "clients");
    let state: String = row.get("state")?;
    let previous_until = row.optional_time("previous_until")?;
    let previous: Option<[u8; 32]> = row.get("previous_secret")?;
    Ok(Client {
        id: row.client_id("id")?,
        key: ClientKey::new(row.get::<String>("key")?),
        name: row.get("name")?,
        state: client_state(&state).ok_or_else(|| row.corrupt("state", &state))?,
        created_at: row.time("created_at")?,
        secret: SecretHash::from_bytes(row.get("secret")?),
        previous_secret: previous.map(SecretHash::from_bytes).zip(previous_until),
    })
}

pub(crate) fn job(row: &Row<'_>) -> Result<Job, StoreError> {
    let row = Reader::new(row, "jobs");
    let options: String = row.get("options")?;
    let claims = FencingToken(row.number("claims")?);
    Ok(Job {
        id: row.job_id("id")?,
        client: row.client_id("client")?,
        created_at: row.time("created_at")?,
        upload: Upload {
            id: row.upload_id("upload")?,
            format: row.parse("upload_format")?,
            bytes: row.number("upload_bytes")?,
            sha256: row.get("upload_sha256")?,
            file_name: row.get("file_name")?,
        },
        original_kept: !row.get::<bool>("upload_retired")?,
        revises: revises(&row)?,
        options: serde_json::from_str(&options).map_err(|error| row.corrupt("options", error))?,
        source: source(&row)?,
        attempts: row.number("attempts")?,
        claims,
        started_at: row.optional_time("started_at")?,
        state: job_state(&row, claims)?,
    })
}

fn revises(row: &Reader<'_, '_>) -> Result<Option<Revision>, StoreError> {
    if row.get::<Option<[u8; 16]>>("revises")?.is_none() {
        return Ok(None);
    }
    Ok(Some(Revision {
        root: row.job_id("revises")?,
        number: row.number("revision")?,
    }))
}

fn source(row: &Reader<'_, '_>) -> Result<DetectionSource, StoreError> {
    Ok(match row.get::<Option<[u8; 32]>>("given_sha256")? {
        Some(sha256) => DetectionSource::Given(GivenBlob {
            bytes: row.number("given_bytes")?,
            sha256,
        }),
        None => DetectionSource::Detected,
    })
}

fn job_state(row: &Reader<'_, '_>, claims: FencingToken) -> Result<JobState, StoreError> {
    let state: String = row.get("state")?;
    Ok(match state.as_str() {
        "queued" => JobState::Queued {
            available_at: row.time("available_at")?,
        },
        "running" => JobState::Running {
            lease: Lease {
                worker: row.worker_id("worker")?,
                token: claims,
            },
            lease_expires_at: row.time("lease_expires_at")?,
            progress: Progress {
                done: row.get("progress")?,
                expected_end: row.optional_time("expected_end_at")?,
                advanced: false,
            },
        },
        "succeeded" => JobState::Succeeded {
            finished_at: row.time("finished_at")?,
            result: result(row)?,
        },
        "failed" => JobState::Failed {
            finished_at: row.time("finished_at")?,
            error: row.get("error")?,
        },
        "cancelled" => JobState::Cancelled {
            finished_at: row.time("finished_at")?,
        },
        "expired" => JobState::Expired {
            finished_at: row.time("finished_at")?,
            result: result(row)?,
            expired_at: row.time("expired_at")?,
        },
        other => return Err(row.corrupt("state", other)),
    })
}

fn result(row: &Reader<'_, '_>) -> Result<JobResult, StoreError> {
    let warnings: String = row.get("warnings")?;
    let document = match row.get::<Option<[u8; 32]>>("document_sha256")? {
        Some(sha256) => Some((row.number("document_bytes")?, sha256)),
        None => None,
    };
    Ok(JobResult {
        id: row.result_id("result")?,
        format: row.parse("result_format")?,
        bytes: row.number("result_bytes")?,
        sha256: row.get("result_sha256")?,
        document,
        faces: row.number("faces")?,
        plates: row.number("plates")?,
        warnings: serde_json::from_str(&warnings).map_err(|error| row.corrupt("warnings", error))?,
    })
}

pub(crate) fn event(row: &Row<'_>) -> Result<Event, StoreError> {
    let row = Reader::new(row, "events");
    Ok(Event {
        id: row.event_id("id")?,
        client: row.client_id("client")?,
        job: row.job_id("job")?,
        sequence: row.number("sequence")?,
        status: row.parse("status")?,
        at: row.time("at")?,
    })
}

pub(crate) fn endpoint(row: &Row<'_>) -> Result<Endpoint, StoreError> {
    let row = Reader::new(row, "endpoints");
    let state: String = row.get("state")?;
    let state = match state.as_str() {
        "active" => EndpointState::Active,
        "disabled" => EndpointState::Disabled,
        "held" => {
            let reason: String = row.get("held_reason")?;
            let reason = match reason.as_str() {
                "failing" => HoldReason::Failing,
                "gone" => HoldReason::Gone,
                other => return Err(row.corrupt("held_reason", other)),
            };
            EndpointState::Held {
                since: row.time("held_since")?,
                reason,
                next_probe_at: row.time("next_probe_at")?,
            }
        }
        other => return Err(row.corrupt("state", other)),
    };
    let old_token: Option<String> = row.get("old_token")?;
    let old_secret: Option<[u8; 32]> = row.get("old_secret")?;
    let description: Option<String> = row.get("description")?;
    Ok(Endpoint {
        id: row.endpoint_id("id")?,
        client: row.client_id("client")?,
        url: WebhookUrl::from_judged(row.get::<String>("url")?),
        description: description
            .map(|text| text.parse())
            .transpose()
            .map_err(|error| row.corrupt("description", error))?,
        ack: row.parse("ack")?,
        keep_responses: row.get("keep_responses")?,
        token: Rotating {
            current: WebhookToken::from_stored(row.get::<String>("token")?),
            previous: old_token
                .map(WebhookToken::from_stored)
                .zip(row.optional_time("old_token_until")?),
        },
        signing_secret: Rotating {
            current: SigningSecret::from_bytes(row.get("signing_secret")?),
            previous: old_secret
                .map(SigningSecret::from_bytes)
                .zip(row.optional_time("old_secret_until")?),
        },
        state,
        health: EndpointHealth {
            consecutive_failures: row.number("consecutive_failures")?,
            failing_since: row.optional_time("failing_since")?,
            last_success_at: row.optional_time("last_success_at")?,
            paused_until: row.optional_time("paused_until")?,
            warned: match row.get::<Option<String>>("warned")? {
                Some(word) => Some(warning(&word).ok_or_else(|| row.corrupt("warned", &word))?),
                None => None,
            },
            recovering_since: row.optional_time("recovering_since")?,
            overflowed: row.number("overflowed")?,
        },
        created_at: row.time("created_at")?,
        updated_at: row.time("updated_at")?,
    })
}

fn warning(word: &str) -> Option<Warning> {
    Warning::ALL.into_iter().find(|warning| warning.as_str() == word)
}

/// The event that a row of a delivery repeats.
pub(crate) fn told(row: &Row<'_>) -> Result<Event, StoreError> {
    let row = Reader::new(row, "deliveries");
    Ok(Event {
        id: row.event_id("event")?,
        client: row.client_id("client")?,
        job: row.job_id("job")?,
        sequence: row.number("sequence")?,
        status: row.parse("status")?,
        at: row.time("created_at")?,
    })
}

/// A delivery, and how often it was claimed: the fencing token of the last claim.
pub(crate) fn delivery(row: &Row<'_>) -> Result<(Delivery, FencingToken), StoreError> {
    let row = Reader::new(row, "deliveries");
    let state: String = row.get("state")?;
    let claims = FencingToken(row.number("claims")?);
    let state = match state.as_str() {
        "pending" => DeliveryState::Pending {
            not_before: row.time("not_before")?,
        },
        "sending" => DeliveryState::Sending {
            lease: DeliveryLease {
                worker: row.worker_id("worker")?,
                token: claims,
            },
            lease_expires_at: row.time("lease_expires_at")?,
        },
        "delivered" => DeliveryState::Delivered {
            at: row.time("closed_at")?,
        },
        "superseded" => DeliveryState::Superseded {
            at: row.time("closed_at")?,
        },
        "expired" => DeliveryState::Expired {
            at: row.time("closed_at")?,
        },
        "dropped" => DeliveryState::Dropped {
            at: row.time("closed_at")?,
        },
        other => return Err(row.corrupt("state", other)),
    };
    let delivery = Delivery {
        id: row.delivery_id("id")?,
        event: row.event_id("event")?,
        client: row.client_id("client")?,
        job: row.job_id("job")?,
        endpoint: row.endpoint_id("endpoint")?,
        attempts: row.number("attempts")?,
        failures: row.number("failures")?,
        created_at: row.time("created_at")?,
        opened_at: row.time("opened_at")?,
        urgent: row.get("urgent")?,
        state,
    };
    Ok((delivery, claims))
}

pub(crate) fn attempt(row: &Row<'_>) -> Result<Attempt, StoreError> {
    let row = Reader::new(row, "attempts");
    let status: Option<i64> = row.get("status")?;
    Ok(Attempt {
        id: row.attempt_id("id")?,
        number: row.number("number")?,
        started_at: row.time("started_at")?,
        duration_ms: row.number("duration_ms")?,
        phases: match row.get::<Option<String>>("phases")? {
            Some(text) => text.parse().map_err(|error| row.corrupt("phases", error))?,
            None => PhaseTimes::default(),
        },
        outcome: row.parse("outcome")?,
        ours: row.get("ours")?,
        status: status
            .map(u16::try_from)
            .transpose()
            .map_err(|error| row.corrupt("status", error))?,
        response: row.get("response")?,
        retry_after: row.optional_time("retry_after")?,
    })
}
