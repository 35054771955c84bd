//! Domain objects as rows: what the columns of a table say and what they are made from, the same for every store. A row that
//! breaks a rule is reported with table, column and key.
//!
//! A store gives [`Row`] to what its driver fetches, and reads by a [`Reader`]. In the other direction [`JobColumns`],
//! [`DeliveryColumns`] and [`EndpointColumns`] spread a state over the columns that hold it.

#![forbid(unsafe_code)]

mod clients;
mod columns;
mod deliveries;
mod endpoints;
mod jobs;
mod people;
mod reader;
mod replays;
mod row;

pub use clients::{client, client_state, client_state_name, policy, priority_max, quotas, usage, weight};
pub use columns::{DeliveryColumns, EndpointColumns, JobColumns, ResultColumns};
pub use deliveries::{attempt, delivery, event, told};
pub use endpoints::endpoint;
pub use jobs::job;
pub use people::{audit_entry, setup_link, user, user_session};
pub use reader::{Reader, position};
pub use replays::{ended_at, replay};
pub use row::{Row, Unreadable, Value};

/// For a store: a function for each kind of row, which reads it from the driver's `$row` by the store's `Reader`.
#[macro_export]
macro_rules! row_readers {
    ($row:ty) => {
        $crate::row_readers! {
            $row;
            client: "clients", sfumato_core::client::Client;
            job: "jobs", sfumato_core::job::Job;
            event: "events", sfumato_core::event::Event;
            endpoint: "endpoints", sfumato_core::endpoint::Endpoint;
            told: "deliveries", sfumato_core::event::Event;
            delivery: "deliveries", (sfumato_core::delivery::Delivery, sfumato_core::job::FencingToken);
            attempt: "attempts", sfumato_core::delivery::Attempt;
            user: "users", sfumato_core::user::User;
            user_session: "user_sessions", sfumato_core::user::UserSession;
            setup_link: "setup_links", sfumato_core::user::SetupLink;
            audit_entry: "audit", sfumato_core::audit::AuditEntry;
            replay: "replays", sfumato_core::replay::Replay;
            policy: "clients", sfumato_core::policy::ClientPolicy;
            usage: "client_totals", sfumato_core::policy::Usage;
        }
    };
    ($row:ty; $($name:ident: $table:literal, $type:ty;)*) => {
        $(pub(crate) fn $name(row: &$row) -> Result<$type, sfumato_core::StoreError> {
            $crate::$name(&Reader::new(row, $table))
        })*
    };
}
