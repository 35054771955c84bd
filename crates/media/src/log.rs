//! The log is the standard error of the executable: whoever started it decides what becomes of it.

use std::error::Error;
use std::fmt::Arguments;
use std::io::{self, Write};

/// Writes a line. A log that cannot be written is no reason to fail.
pub fn line(line: Arguments<'_>) {
    let _unheard = writeln!(io::stderr().lock(), "{line}");
}

/// An error and its causes on one line.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
