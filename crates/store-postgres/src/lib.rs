//! The store on PostgreSQL: several processes, on one or several machines, share one database.
//!
//! Every method is one transaction at READ COMMITTED. Others write meanwhile, so that whoever reads to change locks first
//! (`locks.rs`) and then reads what was committed until then. The rules of the domain are called, not repeated: a
//! transaction reads a row, has `sfumato_core` decide, and writes what it decided, guarded by what it read.
//!
//! Deliberately absent: HTTP, files, and any reading of the time in SQL.
#![forbid(unsafe_code)]

mod attempts;
mod audit;
mod claims;
mod clients;
mod clock;
mod counters;
mod deliveries;
mod endpoints;
mod events;
mod history;
mod hook;
mod inspect;
mod installations;
mod jobs;
mod keys;
mod listen;
mod lists;
mod locks;
mod migrations;
mod open;
mod parts;
mod policies;
mod postgres;
mod queries;
mod queue;
mod replays;
mod retention;
mod rows;
mod secrets;
mod sql;
mod statistics;
mod store;
mod tables;
mod tls;
mod transact;
mod users;
mod words;

pub use inspect::Inspection;
pub use open::{OpenError, PostgresOptions};
pub use postgres::PostgresStore;
pub use tables::Snapshot;
