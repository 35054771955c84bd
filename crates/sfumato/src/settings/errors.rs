//! Where a value came from, and what can be wrong with it there.

use std::fmt;
use std::path::PathBuf;

use thiserror::Error;

use super::values::WrongValue;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// It is built in.
    Default,
    /// A line of the settings file.
    File {
        /// The file as it was named.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
    },
    /// An environment variable.
    Variable(String),
    /// A flag of the command line.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Variable(name) => f.write_str(name),
            Self::Flag(name) => f.write_str(name),
        }
    }
}

/// The settings cannot be used as they are written.
#[derive(Debug, Error)]
pub(crate) enum SettingsError {
    /// The settings file cannot be opened.
    #[error("read the settings file {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The settings file is no TOML.
    #[error("read the settings at {origin}: {message}\n{excerpt}")]
    Syntax {
        /// Where.
        origin: Origin,
        /// What is wrong.
        message: String,
        /// The line.
        excerpt: String,
    },
    /// A key or section that does not exist.
    #[error(
        "read the settings at {origin}: there is no {kind} `{key}`{}\n{excerpt}",
        suggestion(near)
    )]
    Unknown {
        /// Where.
        origin: Origin,
        /// "setting" or "section".
        kind: &'static str,
        /// What was written.
        key: String,
        /// What may have been meant.
        near: Option<String>,
        /// The line.
        excerpt: String,
    },
    /// A value of the wrong kind.
    #[error("read the settings at {origin}: `{key}` {wrong}{excerpt}")]
    Value {
        /// Where.
        origin: Origin,
        /// Which setting.
        key: &'static str,
        /// What is allowed.
        wrong: WrongValue,
        /// A line break and the line, for a file.
        excerpt: String,
    },
    /// More than one of these.
    #[error("{}", one_after_the_other(.0))]
    Several(Vec<SettingsError>),
    /// A value that is of the right kind and useless.
    #[error("use the settings: `{key}` ({origin}) {rule}")]
    Rule {
        /// Which setting.
        key: &'static str,
        /// Where it was set.
        origin: Origin,
        /// What must hold.
        rule: &'static str,
    },
}

impl SettingsError {
    /// All of these in one; `None` where there are none.
    pub(super) fn of(mut all: Vec<Self>) -> Option<Self> {
        if all.len() > 1 {
            return Some(Self::Several(all));
        }
        all.pop()
    }

    /// The line of the settings file, where it is about one.
    pub(super) fn line(&self) -> Option<usize> {
        match self {
            Self::Syntax { origin, .. }
            | Self::Unknown { origin, .. }
            | Self::Value { origin, .. }
            | Self::Rule { origin, .. } => match origin {
                Origin::File { line, .. } => Some(*line),
                _ => None,
            },
            Self::File { .. } | Self::Several(_) => None,
        }
    }
}

/// Each begins with a verb, as every error does behind "failed to".
fn one_after_the_other(all: &[SettingsError]) -> String {
    let texts: Vec<_> = all.iter().map(ToString::to_string).collect();
    texts.join("\nand to ")
}

/// What may have been meant, as the end of a sentence.
pub(super) fn suggestion(near: &Option<String>) -> String {
    near.as_ref()
        .map(|near| format!("; did you mean `{near}`?"))
        .unwrap_or_default()
}
