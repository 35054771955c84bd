//! House rules that neither the compiler nor clippy knows.

mod advisories;
mod manifests;
mod proofs;
mod secrets;
mod sources;
mod statements;

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::report::note;
use crate::workspace;

/// The folders with the code of the workspace.
const CODE: [&str; 3] = ["crates", "tests", "xtask"];

/// A rule that is broken, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Finding {
    /// The file, below the workspace.
    path: PathBuf,
    problem: String,
}

/// Checks the workspace.
///
/// # Errors
/// A file cannot be read, or a rule is broken; all findings are printed.
pub(crate) fn run() -> anyhow::Result<()> {
    let files = read(&workspace::root())?;
    let findings = check(&files)?;
    for finding in &findings {
        note(&format!("{}: {}", finding.path.display(), finding.problem));
    }
    if findings.is_empty() {
        note(&format!("{} files keep the house rules", files.len()));
        return Ok(());
    }
    bail!(
        "house rules are broken at {} places; `cargo xtask tidy` shows them again",
        findings.len()
    );
}

/// A file of the workspace: its path below the root, and its text.
type File = (PathBuf, String);

fn check(files: &[File]) -> anyhow::Result<Vec<Finding>> {
    let mut findings = sources::check(files);
    findings.extend(manifests::check(files)?);
    findings.extend(advisories::check(files)?);
    findings.extend(statements::check(files));
    findings.extend(proofs::check(files));
    findings.extend(secrets::check(files));
    Ok(findings)
}

/// Reads the lock file, the page of threats, the settings of what looks for advisories, and the code, manifests and SQL of the workspace, in the order of their paths.
fn read(root: &Path) -> anyhow::Result<Vec<File>> {
    let single = ["Cargo.lock", proofs::PAGE, advisories::DENY, advisories::AUDIT];
    let mut paths: Vec<_> = single.map(|path| root.join(path)).into();
    for folder in CODE {
        collect(&root.join(folder), &mut paths)?;
    }
    paths.sort();
    let read = |path: PathBuf| {
        let text = std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        let below = path.strip_prefix(root).unwrap_or(&path).to_owned();
        Ok((below, text))
    };
    paths.into_iter().map(read).collect()
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    let entries = std::fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))?;
    for entry in entries {
        let path = entry
            .with_context(|| format!("list {}", folder.display()))?
            .path();
        let extension = path.extension().and_then(|extension| extension.to_str());
        if path.is_dir() {
            // What npm has installed is not ours.
            if path.ends_with("node_modules") {
                continue;
            }
            collect(&path, paths)?;
        } else if matches!(extension, Some("rs" | "sql" | "toml")) {
            paths.push(path);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_keeps_the_house_rules() {
        let files = read(&workspace::root()).unwrap();
        assert!(files.iter().any(|(path, _)| path.ends_with("core/src/lib.rs")));
        let findings = check(&files).unwrap();
        assert!(findings.is_empty(), "{findings:#?}");
    }
}
