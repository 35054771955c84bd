//! Development only: a clock and a source of entropy that tests command, builders of domain objects, a server to store in, and the behaviour
//! that every store must show.
//!
//! A store's tests say [`store_conformance!`] with a function that opens an empty store; each case becomes a test of its
//! own. [`postgres`] has real servers for them, [`storage`] an object storage that misbehaves, [`earlier`] installations of earlier schemas. Deliberately
//! absent: any store, and anything that a product could depend on.
#![forbid(unsafe_code)]

pub mod build;
pub mod conformance;
pub mod earlier;
pub mod postgres;
pub mod s3;
pub mod secrets;
mod sim;
pub mod storage;
mod world;

pub use sim::{SimClock, SimEntropy};
pub use world::{COURIER, LEASE, WORKER, World, lease_of};
