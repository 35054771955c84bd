//! The rule for the statements of the stores: the same files in every dialect, so that two can be compared side by side.

use std::collections::BTreeSet;
use std::path::Path;

use super::{File, Finding};

/// The folders with the statements of each store.
const FOLDERS: [&str; 2] = [
    "crates/store-postgres/src/queries",
    "crates/store-sqlite/src/queries",
];

pub(super) fn check(files: &[File]) -> Vec<Finding> {
    let names = FOLDERS.map(|folder| names(files, folder));
    let all: BTreeSet<&Path> = names.iter().flatten().copied().collect();
    let mut findings = Vec::new();
    for (folder, present) in FOLDERS.iter().zip(&names) {
        let missing = all.difference(present);
        findings.extend(missing.map(|name| Finding {
            path: Path::new(folder).join(name),
            problem: "is missing: another store has a statement of this name".to_owned(),
        }));
    }
    findings
}

fn names<'f>(files: &'f [File], folder: &str) -> BTreeSet<&'f Path> {
    let below = files
        .iter()
        .filter_map(|(path, _)| path.strip_prefix(folder).ok());
    below
        .filter(|name| name.extension().is_some_and(|extension| extension == "sql"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> File {
        (path.into(), String::new())
    }

    #[test]
    fn a_statement_that_one_store_lacks_is_found() {
        let both = FOLDERS.map(|folder| file(&format!("{folder}/job.sql")));
        assert_eq!(check(&both), []);
        let [postgres, sqlite] = both;
        let one = [
            postgres,
            sqlite,
            file("crates/store-sqlite/src/queries/event.sql"),
        ];
        let findings = check(&one);
        assert_eq!(findings.len(), 1, "{findings:?}");
        assert_eq!(
            findings[0].path,
            Path::new("crates/store-postgres/src/queries/event.sql")
        );
    }

    #[test]
    fn statements_that_are_elsewhere_need_no_fellow() {
        assert_eq!(
            check(&[file("crates/store-postgres/src/locks/lock_jobs.sql")]),
            []
        );
    }
}
