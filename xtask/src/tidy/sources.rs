//! Rules for the text of sources: length, purpose, `unsafe`, the clock of the database.

use std::path::Path;

use super::{File, Finding};

/// What is not seen at once is not understood at once.
const FILE_LINES_MAX: usize = 500;

/// The one crate with `unsafe` in it, every use of which it has to expect by name.
const UNSAFE: &str = "crates/media";

/// What would read the time or make randomness in the database, where no test can hold it still.
const SQL_SOURCES_OF_CHANGE: [&str; 8] = [
    "now(",
    "'now'",
    "current_date",
    "current_time",
    "unixepoch(",
    "julianday(",
    "random(",
    "randomblob(",
];

pub(super) fn check(files: &[File]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in files {
        let problems = match path.extension().and_then(|extension| extension.to_str()) {
            Some("rs") => rust(path, text),
            Some("sql") => sql(text),
            _ => continue,
        };
        findings.extend(problems.into_iter().map(|problem| Finding {
            path: path.clone(),
            problem,
        }));
    }
    findings
}

fn rust(path: &Path, text: &str) -> Vec<String> {
    let mut problems = Vec::new();
    let lines = text.lines().count();
    if lines > FILE_LINES_MAX {
        problems.push(format!(
            "{lines} lines, and {FILE_LINES_MAX} are the limit: split it"
        ));
    }
    if is_root(path) {
        if !text.starts_with("//! ") {
            problems.push("has to begin with `//!` and the crate's purpose".to_owned());
        }
        // The compiler does the rest: what a root forbids, no module can allow.
        let is_safe = text.contains("#![forbid(unsafe_code)]");
        let is_watched = path.starts_with(UNSAFE) && text.contains("#![deny(unsafe_code)]");
        if !is_safe && !is_watched {
            problems.push("lacks `#![forbid(unsafe_code)]`".to_owned());
        }
    }
    problems
}

/// Whether the compiler starts from this file: a library, a binary, or the binary of the integration tests.
fn is_root(path: &Path) -> bool {
    let folder = path.parent().unwrap_or(Path::new(""));
    let in_folder = |name: &str| folder.file_name().is_some_and(|own| own == name);
    match path.file_name().and_then(|name| name.to_str()) {
        Some("lib.rs") => in_folder("src"),
        Some("main.rs") => in_folder("src") || in_folder("it"),
        Some("build.rs") => !path.components().any(|component| component.as_os_str() == "src"),
        _ => false,
    }
}

fn sql(text: &str) -> Vec<String> {
    let code: String = text
        .lines()
        .map(|line| line.split_once("--").map_or(line, |(code, _)| code))
        .flat_map(|line| [line, "\n"])
        .collect();
    let code = code.to_lowercase();
    SQL_SOURCES_OF_CHANGE
        .iter()
        .filter(|source| code.contains(*source))
        .map(|source| format!("`{source}` in SQL: time and randomness are parameters"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "//! What it is for.\n#![forbid(unsafe_code)]\n";

    #[test]
    fn a_long_file_is_found() {
        let path = Path::new("crates/core/src/job.rs");
        assert_eq!(rust(path, &"x\n".repeat(FILE_LINES_MAX)), Vec::<String>::new());
        assert_eq!(
            rust(path, &"x\n".repeat(FILE_LINES_MAX + 1)),
            ["501 lines, and 500 are the limit: split it"]
        );
    }

    #[test]
    fn every_root_forbids_unsafe_and_says_its_purpose() {
        for root in [
            "crates/core/src/lib.rs",
            "crates/core/build.rs",
            "xtask/src/main.rs",
            "tests/it/main.rs",
        ] {
            assert_eq!(rust(Path::new(root), ROOT), Vec::<String>::new(), "{root}");
            assert_eq!(rust(Path::new(root), "fn main() {}\n").len(), 2, "{root}");
        }
        assert_eq!(
            rust(Path::new("crates/core/src/job.rs"), "fn x() {}\n"),
            Vec::<String>::new()
        );
    }

    #[test]
    fn only_media_may_expect_uses_of_unsafe_by_name() {
        let text = "//! What it is for.\n#![deny(unsafe_code)]\n";
        let problems = |path: &str| rust(Path::new(path), text);
        assert_eq!(problems("crates/media/src/lib.rs"), Vec::<String>::new());
        assert_eq!(
            problems("crates/media-client/src/lib.rs"),
            ["lacks `#![forbid(unsafe_code)]`"]
        );
    }

    #[test]
    fn the_clock_and_the_randomness_of_the_database_are_found() {
        for statement in [
            "UPDATE jobs SET changed_at = NOW();",
            "SELECT datetime('now');",
            "CREATE TABLE t (at TEXT DEFAULT CURRENT_TIMESTAMP) STRICT;",
            "SELECT hex(randomblob(16));",
        ] {
            assert_eq!(sql(statement).len(), 1, "{statement}");
        }
        let statement = "-- Not now(): the caller knows the time.\nUPDATE jobs SET changed_at = :now;\n";
        assert_eq!(sql(statement), Vec::<String>::new());
    }
}
