//! Errors with their causes, as text.

use std::error::Error;

/// An error and all its causes, outermost first, in one line: for logs. (The JSON form of `tracing` writes only the
/// first of an error value.)
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] std::fmt::Error);

    #[test]
    fn every_cause_is_named_once() {
        assert_eq!(
            chain(&Outer(std::fmt::Error)),
            "outer: an error occurred when formatting an argument"
        );
    }
}
