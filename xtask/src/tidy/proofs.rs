//! What `docs/security.md` says of a threat is shown by a test that it names, and the test is there.

use std::collections::BTreeSet;

use super::{File, Finding};

/// The page, below the workspace.
pub(super) const PAGE: &str = "docs/security.md";
/// The head of each table of threats ends with it.
const SHOWN_BY: &str = "shown by";

/// Finds rows without a test and names of tests that are none.
pub(super) fn check(files: &[File]) -> Vec<Finding> {
    let Some((path, page)) = files.iter().find(|(path, _)| path.ends_with(PAGE)) else {
        return Vec::new();
    };
    let tests = all_tests(files);
    let mut findings = Vec::new();
    for row in rows(page) {
        let threat = row.first().copied().unwrap_or_default();
        let named: Vec<_> = row.last().map(|cell| names(cell).collect()).unwrap_or_default();
        if named.is_empty() {
            findings.push(format!("nothing shows that `{threat}` is stopped"));
        }
        let missing = named.iter().filter(|name| !tests.contains(**name));
        findings
            .extend(missing.map(|name| format!("`{threat}` names the test {name}, which does not exist")));
    }
    let finding = |problem| Finding {
        path: path.clone(),
        problem,
    };
    findings.into_iter().map(finding).collect()
}

/// The cells of each row of the tables of threats.
fn rows(page: &str) -> impl Iterator<Item = Vec<&str>> {
    page.lines()
        .filter_map(|line| line.strip_prefix('|')?.strip_suffix('|'))
        .map(|line| line.split('|').map(str::trim).collect::<Vec<_>>())
        .filter(|row| !row.iter().all(|cell| cell.starts_with("---")))
        .filter(|row| row.last() != Some(&SHOWN_BY))
}

/// What stands between backquotes.
fn names(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// The names of all functions behind `#[test]` and its kin.
fn all_tests(files: &[File]) -> BTreeSet<&str> {
    let sources = files
        .iter()
        .filter(|(path, _)| path.extension().is_some_and(|end| end == "rs"));
    let mut tests = BTreeSet::new();
    for (_, text) in sources {
        let mut is_test = false;
        for line in text.lines().map(str::trim) {
            if let Some((_, rest)) = line.split_once("fn ").filter(|_| is_test) {
                tests.extend(rest.split('(').next());
                is_test = false;
            }
            is_test |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
        }
    }
    tests
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(row: &str) -> Vec<File> {
        let page =
            format!("# Threats\n\n| tries to | is stopped by | shown by |\n| --- | --- | --- |\n{row}\n");
        let test = "fn helper() {}\n#[tokio::test]\nasync fn it_is_stopped() {}\n";
        vec![
            (PAGE.into(), page),
            ("crates/a/tests/it/a.rs".into(), test.to_owned()),
        ]
    }

    #[test]
    fn a_threat_without_a_test_that_exists_is_found() {
        assert_eq!(check(&page("| read | a wall | `it_is_stopped` |")), []);
        for (row, problem) in [
            ("| read | a wall | trust |", "nothing shows"),
            ("| read | a wall | `it_was_stopped` |", "does not exist"),
            (
                "| read | a wall | `it_is_stopped`, `helper` |",
                "names the test helper",
            ),
        ] {
            let findings = check(&page(row));
            assert!(
                findings.len() == 1 && findings[0].problem.contains(problem),
                "{findings:?}"
            );
        }
    }
}
