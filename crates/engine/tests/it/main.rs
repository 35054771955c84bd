//! The engine against real sockets, a real database and a clock that the test moves.
#![forbid(unsafe_code)]

mod guard;
mod outbound;
mod receiver;
mod tls;
