//! The engine against real sockets, a real database and a clock that the test moves.
#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    reason = "a test that meets an error fails, also in its helpers"
)]

mod addresses;
mod courier;
mod courier_faults;
mod guard;
mod guard_properties;
mod intake;
mod janitor;
mod logs;
mod outbound;
mod receiver;
mod sim;
mod tls;
mod world;
