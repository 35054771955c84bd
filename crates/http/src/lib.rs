//! The BlurIt-compatible HTTP API.
#![forbid(unsafe_code)]
