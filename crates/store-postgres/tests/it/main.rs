//! The store against the rules of every store, and against what only a server with many connections can do.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "whatever a test does not expect fails it")]

mod chaos;
mod conformance;
mod counters;
mod installation;
mod news;
mod opening;
mod rows;
mod schema;
mod together;
mod traffic;
