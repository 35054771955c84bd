//! The embedded default store: one SQLite file, one writer, several readers.
//!
//! SQLite allows one writer at a time, so that one thread owns the writing connection and everything else queues at it;
//! what has queued up shares one commit, and with it one wait for the disk. Readers have connections of their own and see
//! the last commit (write-ahead log). Another process (the command line) may write meanwhile: it waits its turn.
//!
//! The rules of the domain are called, not repeated: a transaction reads a row, has `sfumato_core` decide, and writes
//! what it decided, guarded by what it read.
//!
//! Deliberately absent: HTTP, files other than the database, and any reading of the time in SQL.
#![forbid(unsafe_code)]

mod attempts;
mod audit;
mod backup;
mod claims;
mod clients;
mod clock;
mod deliveries;
mod endpoints;
mod error;
mod events;
mod history;
mod hook;
mod installations;
mod jobs;
mod keys;
mod lists;
mod migrations;
mod open;
mod parts;
mod policies;
mod queries;
mod queue;
mod readers;
mod replays;
mod retention;
mod rows;
mod secrets;
mod sql;
mod sqlite;
mod statistics;
mod store;
mod tables;
mod users;
mod writer;

pub use backup::backup;
pub use error::OpenError;
pub use open::{SqliteOptions, check};
pub use sqlite::SqliteStore;
