//! The store against the rules of every store, and against what only a database file can do.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "whatever a test does not expect fails it")]

mod conformance;
mod durability;
mod sequences;
