//! Lines for people and machines on standard output and standard error.
//!
//! `println!` panics when the reader has gone away (`sfumato config print | head -1`); these end the process quietly, as
//! every other tool does.

use std::io::{self, Write};

/// Writes a line to standard output.
///
/// # Errors
/// The disk behind a redirected output is full, for example.
pub(crate) fn line(text: impl AsRef<str>) -> io::Result<()> {
    raw(&format!("{}\n", text.as_ref()))
}

/// Writes text to standard output as it is.
///
/// # Errors
/// As [`line()`].
pub(crate) fn raw(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
        outcome => outcome,
    }
}

/// Writes a JSON value to standard output, indented.
///
/// # Errors
/// As [`line()`].
pub(crate) fn json(value: &serde_json::Value) -> io::Result<()> {
    line(format!("{value:#}"))
}

/// Writes a line for a person to standard error. There is nowhere to say that this failed.
pub(crate) fn note(text: impl AsRef<str>) {
    let _unheard = writeln!(io::stderr().lock(), "{}", text.as_ref());
}
