//! What the server knows of media work: protocol, processes, descriptors.
#![forbid(unsafe_code)]
