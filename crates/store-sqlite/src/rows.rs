//! Rows as the driver fetches them.

use rusqlite::Row;
use rusqlite::types::FromSql;
use sfumato_core::StoreError;
use sfumato_core::audit::AuditEntry;
use sfumato_core::client::Client;
use sfumato_core::delivery::{Attempt, Delivery};
use sfumato_core::endpoint::Endpoint;
use sfumato_core::event::Event;
use sfumato_core::job::{FencingToken, Job};
use sfumato_core::policy::{ClientPolicy, Usage};
use sfumato_core::replay::Replay;
use sfumato_core::user::{SetupLink, User, UserSession};
use sfumato_store_rows::Unreadable;
use uuid::Uuid;

pub(crate) use sfumato_store_rows::{client_state, client_state_name, position};

/// The bytes of an identifier as they are stored.
pub(crate) const fn key(uuid: Uuid) -> [u8; 16] {
    *uuid.as_bytes()
}

/// A row that the driver has fetched.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fetched<'r, 's>(&'r Row<'s>);

/// What reads a row of a named table.
pub(crate) type Reader<'r, 's> = sfumato_store_rows::Reader<Fetched<'r, 's>>;

impl<'r, 's> From<&'r Row<'s>> for Fetched<'r, 's> {
    fn from(row: &'r Row<'s>) -> Self {
        Self(row)
    }
}

impl Fetched<'_, '_> {
    fn get<T: FromSql>(&self, index: usize) -> Result<T, Unreadable> {
        Ok(self.0.get(index)?)
    }
}

impl sfumato_store_rows::Row for Fetched<'_, '_> {
    fn name(&self, index: usize) -> Option<&str> {
        self.0.as_ref().column_name(index).ok()
    }

    fn integer(&self, index: usize) -> Result<Option<i64>, Unreadable> {
        self.get(index)
    }

    fn real(&self, index: usize) -> Result<Option<f64>, Unreadable> {
        self.get(index)
    }

    fn boolean(&self, index: usize) -> Result<Option<bool>, Unreadable> {
        self.get(index)
    }

    fn text(&self, index: usize) -> Result<Option<&str>, Unreadable> {
        Ok(self.0.get_ref(index)?.as_str_or_null()?)
    }

    fn bytes(&self, index: usize) -> Result<Option<&[u8]>, Unreadable> {
        Ok(self.0.get_ref(index)?.as_blob_or_null()?)
    }

    fn id(&self, index: usize) -> Result<Option<Uuid>, Unreadable> {
        Ok(self.get::<Option<[u8; 16]>>(index)?.map(Uuid::from_bytes))
    }
}

/// What reads a row of one table.
macro_rules! rows {
    ($($name:ident: $table:literal, $type:ty;)*) => {
        $(pub(crate) fn $name(row: &Row<'_>) -> Result<$type, StoreError> {
            sfumato_store_rows::$name(&Reader::new(row, $table))
        })*
    };
}

rows! {
    client: "clients", Client;
    job: "jobs", Job;
    event: "events", Event;
    endpoint: "endpoints", Endpoint;
    told: "deliveries", Event;
    delivery: "deliveries", (Delivery, FencingToken);
    attempt: "attempts", Attempt;
    user: "users", User;
    user_session: "user_sessions", UserSession;
    setup_link: "setup_links", SetupLink;
    audit_entry: "audit", AuditEntry;
    replay: "replays", Replay;
    policy: "clients", ClientPolicy;
    usage: "client_totals", Usage;
}
