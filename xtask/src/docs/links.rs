//! Whether links lead somewhere: in the pages as they are, and in the book that is made of them. Links to other servers are
//! not tried, so that the checks need no connection.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};

use anyhow::Context;

use super::{Page, markdown};

/// Finds the links of pages that lead to no file, or to a heading that is not there.
pub(super) fn check(root: &Path, pages: &[Page]) -> Vec<String> {
    let anchors: HashMap<&Path, Vec<String>> = pages
        .iter()
        .map(|page| (page.path.as_path(), markdown::anchors(&page.text)))
        .collect();
    let mut findings = Vec::new();
    for page in pages {
        for (line, link) in markdown::links(&page.text) {
            let Some((path, anchor)) = inner(&page.path, &link) else {
                continue;
            };
            let is_there = match anchors.get(path.as_path()) {
                Some(anchors) => anchor.is_empty() || anchors.iter().any(|known| known == anchor),
                None => root.join(&path).exists(),
            };
            if !is_there {
                findings.push(format!("{}:{line}: {link}", page.path.display()));
            }
        }
    }
    findings
}

/// The file and the anchor that a link within the repository leads to; `None` for one that leads elsewhere.
pub(super) fn inner<'a>(from: &Path, link: &'a str) -> Option<(PathBuf, &'a str)> {
    let is_elsewhere = link.starts_with("mailto:") || link.starts_with("data:") || link.contains("://");
    if is_elsewhere {
        return None;
    }
    let (target, anchor) = link.split_once('#').unwrap_or((link, ""));
    if target.is_empty() {
        return Some((from.to_owned(), anchor));
    }
    let folder = from.parent().unwrap_or(Path::new(""));
    Some((normal(&folder.join(target)), anchor))
}

/// The path without `.` and `..`, which lead out of the files that are known by name.
fn normal(path: &Path) -> PathBuf {
    let mut parts = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir if parts.pop() => {}
            Component::CurDir => {}
            other => parts.push(other),
        }
    }
    parts
}

/// Finds the links of a site that lead to no file of it, or to an anchor that is not there.
///
/// # Errors
/// A file cannot be read.
pub(super) fn check_html(site: &Path) -> anyhow::Result<Vec<String>> {
    let mut files = Vec::new();
    collect(site, &mut files)?;
    let texts = files.iter().map(|path| {
        let text = std::fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
        Ok((path.clone(), text))
    });
    let texts: HashMap<PathBuf, String> = texts.collect::<anyhow::Result<_>>()?;
    let mut findings = Vec::new();
    for path in &files {
        // It is shown at any address, so that its links begin at the root of the site.
        if path.ends_with("404.html") {
            continue;
        }
        let text = &texts[path];
        for link in attributes(text, "href").chain(attributes(text, "src")) {
            let Some((mut target, anchor)) = inner(path, link) else {
                continue;
            };
            if target.is_dir() {
                target.push("index.html");
            }
            let is_there = match texts.get(&target) {
                Some(text) => anchor.is_empty() || attributes(text, "id").any(|known| known == anchor),
                None => target.exists(),
            };
            if !is_there {
                findings.push(format!("{}: {link}", path.display()));
            }
        }
    }
    findings.sort();
    findings.dedup();
    Ok(findings)
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))?;
    for entry in entries {
        let path = entry
            .with_context(|| format!("list {}", folder.display()))?
            .path();
        if path.is_dir() {
            collect(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "html") {
            files.push(path);
        }
    }
    Ok(())
}

/// The values of an attribute in a document that a program has written, so that all are quoted in the same way.
fn attributes<'a>(text: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    let begin = format!(" {name}=\"");
    let ends: Vec<_> = text
        .match_indices(&begin)
        .map(|(at, begin)| at + begin.len())
        .collect();
    ends.into_iter()
        .filter_map(move |at| text[at..].split_once('"').map(|(value, _)| value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(path: &str, text: &str) -> Page {
        Page {
            path: path.into(),
            text: text.into(),
        }
    }

    #[test]
    fn what_leads_nowhere_is_found_with_its_line() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir(root.path().join("images")).unwrap();
        std::fs::write(root.path().join("images/a.jpg"), "").unwrap();
        let pages = [
            page(
                "docs/one.md",
                "# One\n[two](two.md#part) [up](../README.md) [own](#one)\n\
                 ![a](../images/a.jpg) [far](https://example.com/x) [folder](../images/)\n\n\
                 [gone](three.md)\n[heading](two.md#whole)\n![gone](../images/b.jpg)\n",
            ),
            page("docs/two.md", "## Part\n"),
            page("README.md", ""),
        ];
        assert_eq!(
            check(root.path(), &pages),
            [
                "docs/one.md:5: three.md",
                "docs/one.md:6: two.md#whole",
                "docs/one.md:7: ../images/b.jpg"
            ]
        );
    }

    #[test]
    fn a_site_is_checked_as_a_browser_would_go_through_it() {
        let site = tempfile::tempdir().unwrap();
        let folder = site.path().join("a");
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(
            site.path().join("index.html"),
            r#"<h1 id="top"><a href="a/">a</a><a href="a/index.html#part">b</a><img src="gone.png">"#,
        )
        .unwrap();
        std::fs::write(
            folder.join("index.html"),
            r#"<h1 id="part"><a href="../index.html#top">a</a><a href="../index.html#bottom">"#,
        )
        .unwrap();
        let findings = check_html(site.path()).unwrap();
        assert_eq!(findings.len(), 2, "{findings:?}");
        assert!(findings[0].ends_with("#bottom") && findings[1].ends_with("gone.png"));
    }
}
