//! The engine against real sockets, a real database and a clock that the test moves.
#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    reason = "a test that meets an error fails, also in its helpers"
)]

mod ack;
mod addresses;
mod again;
mod blobs;
mod courier;
mod courier_faults;
mod documents;
mod forbidden;
mod guard;
mod guard_oracle;
mod guard_properties;
mod hostile_framing;
mod hostile_stalls;
mod intake;
mod janitor;
mod kept;
mod leased_ahead;
mod logs;
mod outbound;
mod pull;
mod rebinding;
mod receiver;
mod replay;
mod rotation;
mod secrets;
mod sim;
mod tls;
#[expect(
    unreachable_pub,
    reason = "the snippet of docs/webhooks.md is compiled as it stands there"
)]
mod verify;
mod world;
