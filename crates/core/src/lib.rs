//! The domain of Sfumato: types, transitions and ports. No I/O.
#![forbid(unsafe_code)]
