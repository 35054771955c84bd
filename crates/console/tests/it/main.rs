//! The Manager through a real listening server, with the real engine, database and storage, and a browser that keeps
//! cookies and sends forms.
#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail like tests, and clippy knows only the latter"
)]

mod account;
mod audit;
mod browser;
mod forgery;
mod isolation;
mod live;
mod setup;
mod sign_in;
mod surface;
mod users;
