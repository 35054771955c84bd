//! Bytes in, bytes out: the only code that decodes user media, and its executable.
#![forbid(unsafe_code)]
