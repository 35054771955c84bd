//! The `sfumato` binary.
#![forbid(unsafe_code)]
fn main() {}
