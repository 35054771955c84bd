//! The Manager through a real listening server, with the real engine, database and storage, and a browser that keeps
//! cookies and sends forms.
#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests fail like tests, and clippy knows only the latter"
)]

mod account;
mod audit;
mod audit_page;
mod browser;
mod developer;
mod developer_deliveries;
mod forgery;
mod isolation;
mod job;
mod job_files;
mod jobs;
mod limits;
mod live;
mod overview;
mod review;
mod settings;
mod setup;
mod sign_in;
mod surface;
mod upload;
mod users;
mod work;
