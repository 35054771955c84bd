//! Errors with their causes.

use std::error::Error;
use std::iter::successors;

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

/// The outermost error of one kind among an error and its causes.
pub fn find_cause<'e, E: Error + 'static>(error: &'e (dyn Error + 'static)) -> Option<&'e E> {
    successors(Some(error), |&error| error.source()).find_map(|error| error.downcast_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("outer")]
    struct Outer(#[source] std::fmt::Error);

    #[test]
    fn a_cause_is_found_by_its_kind() {
        let error = Outer(std::fmt::Error);
        assert_eq!(find_cause::<std::fmt::Error>(&error), Some(&std::fmt::Error));
        assert!(find_cause::<Outer>(&error).is_some());
        assert!(find_cause::<std::io::Error>(&error).is_none());
    }

    #[test]
    fn every_cause_is_named_once() {
        assert_eq!(
            chain(&Outer(std::fmt::Error)),
            "outer: an error occurred when formatting an argument"
        );
    }
}
