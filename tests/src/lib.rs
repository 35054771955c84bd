//! Drives the built binaries from outside.
#![forbid(unsafe_code)]
