//! What the server knows of media work: the protocol, the processes, their descriptors.
//!
//! The only place that starts processes. It links no decoder: `sfumato-media` does, and this crate is how the server
//! speaks to it.
#![forbid(unsafe_code)]

pub mod protocol;
pub mod pool;
