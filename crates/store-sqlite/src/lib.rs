//! The embedded default store on SQLite.
#![forbid(unsafe_code)]
