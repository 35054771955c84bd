//! The documentation: links hold, the book builds, what readers are told to type works, and what they are told to put into
//! files can be read.

mod book;
mod commands;
mod examples;
mod guide;
mod links;
mod markdown;
mod pictures;
mod script;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::process::{command, output};
use crate::reference::Commands;
use crate::report::note;

pub(crate) use examples::read as read_examples;
pub(crate) use guide::run as run_guide;
pub(crate) use pictures::draw as draw_pictures;

/// A text of the repository.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Page {
    /// The file, below the workspace.
    path: PathBuf,
    text: String,
}

/// Checks the links of all pages and builds the book, whose links are checked once more.
///
/// # Errors
/// A link leads nowhere, or the book cannot be built; all such links are printed.
pub(crate) fn build_book(root: &Path) -> anyhow::Result<()> {
    let pages = pages(root)?;
    judge(root, &pages)?;
    let html = book::build(root, &pages)?;
    settle("links of the book lead nowhere", links::check_html(&html)?)?;
    note(&format!(
        "{} pages; the book is {}",
        pages.len(),
        html.join("index.html").display()
    ));
    Ok(())
}

/// Looks for what can be wrong with pages as they are.
fn judge(root: &Path, pages: &[Page]) -> anyhow::Result<()> {
    settle("links lead nowhere", links::check(root, pages))?;
    settle("examples are not what they should be", broken_examples(pages))?;
    let known = Commands::read(root)?;
    let misunderstood = pages.iter().flat_map(|page| commands::check(page, &known));
    settle("commands would not be understood", misunderstood.collect())
}

fn settle(what: &str, findings: Vec<String>) -> anyhow::Result<()> {
    for finding in &findings {
        note(finding);
    }
    if !findings.is_empty() {
        bail!(
            "{} {what}; `cargo xtask test docs` shows them again",
            findings.len()
        );
    }
    Ok(())
}

/// Finds examples of JSON and TOML that no program could read.
fn broken_examples(pages: &[Page]) -> Vec<String> {
    let mut findings = Vec::new();
    for page in pages {
        for block in markdown::blocks(&page.text) {
            let problem = match block.language.as_str() {
                "json" => serde_json::from_str::<serde_json::Value>(&block.body)
                    .err()
                    .map(|error| error.to_string()),
                "toml" => block
                    .body
                    .parse::<toml::Table>()
                    .err()
                    .map(|error| error.to_string()),
                _ => None,
            };
            findings
                .extend(problem.map(|problem| format!("{}:{}: {problem}", page.path.display(), block.line)));
        }
    }
    findings
}

/// Every page in Markdown that is in the repository or about to be, in the order of their paths.
fn pages(root: &Path) -> anyhow::Result<Vec<Page>> {
    let listed = output(command("git").current_dir(root).args([
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
        "-z",
        "*.md",
    ]))?;
    let listed = String::from_utf8(listed).context("read the names of the pages")?;
    let mut paths: Vec<_> = listed
        .split_terminator('\0')
        .map(PathBuf::from)
        .filter(|path| root.join(path).is_file())
        .collect();
    paths.sort();
    let read = |path: PathBuf| {
        let text =
            std::fs::read_to_string(root.join(&path)).with_context(|| format!("read {}", path.display()))?;
        Ok(Page { path, text })
    };
    paths.into_iter().map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pages_of_the_workspace_are_as_they_should_be() {
        let root = crate::workspace::root();
        judge(&root, &pages(&root).unwrap()).unwrap();
    }

    #[test]
    fn an_example_that_cannot_be_read_is_found() {
        let page = Page {
            path: "a.md".into(),
            text: "```json\n{\"a\": 1}\n```\n```json\n{\"a\": 1,}\n```\n```toml\na = \n```\n".into(),
        };
        let findings = broken_examples(&[page]);
        assert_eq!(findings.len(), 2, "{findings:?}");
        assert!(findings[0].starts_with("a.md:4:") && findings[1].starts_with("a.md:7:"));
    }
}
