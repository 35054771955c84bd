//! The engine against real sockets, a real database and a clock that the test moves.
#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    reason = "a test that meets an error fails, also in its helpers"
)]

mod ack;
mod addresses;
mod courier;
mod courier_faults;
mod forbidden;
mod guard;
mod guard_oracle;
mod guard_properties;
mod hostile_framing;
mod hostile_stalls;
mod intake;
mod janitor;
mod kept;
mod logs;
mod outbound;
mod rebinding;
mod receiver;
mod tls;
mod world;
