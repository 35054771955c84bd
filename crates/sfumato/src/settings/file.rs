//! Places in the settings file, for messages that show the line.

use std::borrow::Cow;
use std::ops::Range;
use std::path::Path;

use toml::Spanned;

use super::errors::{Origin, SettingsError};
use super::options::OPTIONS;

/// More than any name has. What is longer is no slip of the pen, and would be compared with every name at length.
const NEAR_BYTES_MAX: usize = 128;

/// The settings file, to find lines in.
pub(super) struct File<'a> {
    /// Its name, as it was given.
    pub(super) path: &'a Path,
    /// Its content.
    pub(super) text: &'a str,
}

impl File<'_> {
    fn line(&self, span: &Range<usize>) -> usize {
        let before = self.text.as_bytes().iter().take(span.start);
        before.filter(|byte| **byte == b'\n').count() + 1
    }

    /// The line of a place.
    pub(super) fn origin(&self, span: &Range<usize>) -> Origin {
        Origin::File {
            path: self.path.to_owned(),
            line: self.line(span),
        }
    }

    /// The text of the line of a place, with its number.
    pub(super) fn excerpt(&self, span: &Range<usize>) -> String {
        let line = self.line(span);
        let text = self.text.lines().nth(line - 1).unwrap_or_default();
        format!("  {line} | {text}")
    }

    /// The error for a name that is no setting or section.
    pub(super) fn unknown(
        &self,
        kind: &'static str,
        section: &str,
        name: &Spanned<Cow<'_, str>>,
    ) -> SettingsError {
        let key = if section.is_empty() {
            name.get_ref().to_string()
        } else {
            format!("{section}.{}", name.get_ref())
        };
        let candidates = OPTIONS.iter().map(|option| match kind {
            "section" => option.section_and_name().0.to_owned(),
            _ => option.key.to_owned(),
        });
        SettingsError::Unknown {
            origin: self.origin(&name.span()),
            kind,
            near: nearest(&key, candidates),
            key,
            excerpt: self.excerpt(&name.span()),
        }
    }
}

/// The candidate that is written most alike, if any is alike at all. A name that was written without its section, or in
/// the wrong one, is found by its last part.
pub(super) fn nearest(written: &str, candidates: impl Iterator<Item = String>) -> Option<String> {
    fn last(key: &str) -> &str {
        key.rsplit('.').next().unwrap_or(key)
    }
    if written.len() > NEAR_BYTES_MAX {
        return None;
    }
    candidates
        .map(|candidate| {
            let whole = strsim::jaro_winkler(written, &candidate);
            let part = strsim::jaro_winkler(last(written), last(&candidate)) * 0.99;
            (whole.max(part), candidate)
        })
        .filter(|(likeness, _)| *likeness > 0.85)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nearest_to(written: &str, candidate: &str) -> Option<String> {
        nearest(written, [candidate.to_owned()].into_iter())
    }

    #[test]
    fn a_name_without_end_is_not_compared() {
        let long = "a".repeat(60_000);
        assert_eq!(nearest_to(&long, &long), None);
        assert_eq!(nearest_to("lisen", "listen").as_deref(), Some("listen"));
        for option in OPTIONS {
            assert_eq!(nearest_to(option.key, option.key).as_deref(), Some(option.key));
            assert!(nearest_to(&option.variable(), &option.variable()).is_some());
        }
    }
}
