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
