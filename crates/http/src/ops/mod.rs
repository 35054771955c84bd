//! What machines ask to learn whether this server lives and works.

pub(crate) mod health;
pub(crate) mod metrics;
pub(crate) mod ready;
