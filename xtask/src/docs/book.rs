//! The pages as a book, by mdBook. It is made of a tree that lies as the repository does, so that links between pages hold
//! in the book as they do on a forge.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::{Page, links, markdown};
use crate::process::{command, run};

const FOLDER: &str = "target/book";
const SETTINGS: &str = "docs/book.toml";
const SUMMARY: &str = "docs/SUMMARY.md";

/// Builds the book and returns the folder of its HTML.
///
/// # Errors
/// A page is in no chapter, a file cannot be copied, or mdBook fails.
pub(super) fn build(root: &Path, pages: &[Page]) -> anyhow::Result<PathBuf> {
    let folder = root.join(FOLDER);
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("remove {}", folder.display()))?;
    }
    let summary = pages
        .iter()
        .find(|page| page.path == Path::new(SUMMARY))
        .with_context(|| format!("find {SUMMARY}"))?;
    let chapters = chapters(summary);
    let forgotten: Vec<_> = pages
        .iter()
        .filter(|page| page.path.starts_with("docs") && page != &summary)
        .filter(|page| !chapters.contains(&page.path))
        .map(|page| page.path.display().to_string())
        .collect();
    anyhow::ensure!(
        forgotten.is_empty(),
        "{} in no chapter of {SUMMARY}",
        forgotten.join(", ")
    );
    let source = folder.join("src");
    for page in pages {
        put(&source.join(&page.path), as_chapter(&page.text).as_bytes())?;
    }
    for path in attachments(root, pages) {
        let content = fs::read(root.join(&path)).with_context(|| format!("read {}", path.display()))?;
        put(&source.join(&path), &content)?;
    }
    put(
        &source.join("SUMMARY.md"),
        seen_from_root(&summary.text).as_bytes(),
    )?;
    let settings = root.join(SETTINGS);
    let settings_text = fs::read(&settings).with_context(|| format!("read {}", settings.display()))?;
    put(&folder.join("book.toml"), &settings_text)?;
    run(command("mdbook").arg("build").arg(&folder).current_dir(root))?;
    Ok(folder.join("html"))
}

fn chapters(summary: &Page) -> Vec<PathBuf> {
    markdown::links(&summary.text)
        .iter()
        .filter_map(|(_, link)| links::inner(&summary.path, link))
        .map(|(path, _)| path)
        .collect()
}

/// What pages link to and show beside other pages.
fn attachments(root: &Path, pages: &[Page]) -> Vec<PathBuf> {
    let mut paths: Vec<_> = pages
        .iter()
        .flat_map(|page| {
            let links = markdown::links(&page.text).into_iter();
            links.filter_map(|(_, link)| links::inner(&page.path, &link).map(|(path, _)| path))
        })
        .filter(|path| path.extension().is_none_or(|extension| extension != "md"))
        .filter(|path| root.join(path).is_file())
        .collect();
    paths.sort();
    paths.dedup();
    paths
}

/// The summary, whose links begin in its own folder, with links that begin at the root.
fn seen_from_root(summary: &str) -> String {
    let mut parts = summary.split("](");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push_str("](");
        match part.strip_prefix("../") {
            Some(outside) => text.push_str(outside),
            None if part.starts_with(')') => text.push_str(part),
            None => {
                text.push_str("docs/");
                text.push_str(part);
            }
        }
    }
    text
}

/// A page with links to the index pages that mdBook makes of every `README.md`.
fn as_chapter(text: &str) -> String {
    let mut parts = text.split("](");
    let mut chapter = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        chapter.push_str("](");
        let (target, rest) = part.split_at(part.find([')', '#']).unwrap_or(0));
        match target.strip_suffix("README.md") {
            Some(folder) => chapter.push_str(&format!("{folder}index.md")),
            None => chapter.push_str(target),
        }
        chapter.push_str(rest);
    }
    chapter
}

fn put(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    let folder = path.parent().unwrap_or(Path::new(""));
    fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    fs::write(path, content).with_context(|| format!("write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_to_a_readme_lead_to_its_index() {
        assert_eq!(
            as_chapter("[a](../README.md#b), [c](d/README.md) and [e](README.md.txt) `](`"),
            "[a](../index.md#b), [c](d/index.md) and [e](README.md.txt) `](`"
        );
    }

    #[test]
    fn the_summary_is_turned_towards_the_root() {
        assert_eq!(
            seen_from_root("- [A](a.md)\n  - [B](decisions/b.md)\n- [C](../C.md)\n- [later]()\n"),
            "- [A](docs/a.md)\n  - [B](docs/decisions/b.md)\n- [C](C.md)\n- [later]()\n"
        );
    }
}
