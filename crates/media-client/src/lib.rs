//! What the server knows of media work: the protocol, the processes, their descriptors.
//!
//! The only place that starts processes. It links no decoder: `sfumato-media` does, and this crate is how the server
//! speaks to it. [`MediaPool`] is the entrance.
#![forbid(unsafe_code)]

mod census;
mod child;
mod config;
mod end;
mod error;
pub mod frame;
pub mod limits;
pub mod models;
mod parts;
mod pool;
pub mod protocol;
pub mod sandbox;
mod scratch;

pub use census::Processes;
pub use config::MediaPoolConfig;
pub use end::ChildEnd;
pub use error::MediaError;
pub use parts::{KeptParts, KeptPlan, Turn, Turns};
pub use pool::{Finished, MediaPool, Warm};
