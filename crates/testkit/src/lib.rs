//! Development only: conformance suite, simulated clock and entropy, receiver.
#![forbid(unsafe_code)]
