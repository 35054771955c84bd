//! The application: everything that happens after HTTP and before SQL.
#![forbid(unsafe_code)]
