//! What a build calls itself, and when it was made.

use std::fs;
use std::path::Path;

use anyhow::{Context, bail, ensure};

use crate::process::{command, output};

const MANIFEST: &str = "Cargo.toml";
const CHANGELOG: &str = "CHANGELOG.md";
const UNRELEASED: &str = "Unreleased";

/// The version of the workspace where the changelog tells what is in it, and what comes before that version otherwise: `~`
/// sorts before the end in Debian.
///
/// # Errors
/// Manifest and changelog do not fit together.
pub(super) fn of_this_tree(root: &Path) -> anyhow::Result<String> {
    let read = |name: &str| fs::read_to_string(root.join(name)).with_context(|| format!("read {name}"));
    named(&read(MANIFEST)?, &read(CHANGELOG)?)
}

/// What the manifest says of all packages of the workspace.
///
/// # Errors
/// It cannot be read, or says nothing.
pub(super) fn workspace_package(root: &Path) -> anyhow::Result<toml::Table> {
    let manifest = fs::read_to_string(root.join(MANIFEST)).with_context(|| format!("read {MANIFEST}"))?;
    package(&manifest)
}

fn package(manifest: &str) -> anyhow::Result<toml::Table> {
    let manifest: toml::Table = manifest.parse().context("read the manifest of the workspace")?;
    manifest
        .get("workspace")
        .and_then(|workspace| workspace.get("package")?.as_table())
        .cloned()
        .context("find what the workspace says of its packages")
}

fn named(manifest: &str, changelog: &str) -> anyhow::Result<String> {
    let package = package(manifest)?;
    let version = package
        .get("version")
        .and_then(toml::Value::as_str)
        .context("find the version of the workspace")?;
    let mut headings = changelog.lines().filter_map(|line| line.strip_prefix("## "));
    let newest = headings.next().context("find a heading in the changelog")?;
    if newest == UNRELEASED {
        return Ok(format!("{version}~unreleased"));
    }
    let Some((named, date)) = newest.split_once(" - ") else {
        bail!("`## {newest}` of {CHANGELOG} is neither `## {UNRELEASED}` nor `## VERSION - DATE`");
    };
    ensure!(
        named == version,
        "{CHANGELOG} begins with {named}, and {MANIFEST} says {version}"
    );
    let digits = |text: &str, count| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<_> = date.split('-').collect();
    ensure!(
        matches!(parts[..], [year, month, day] if digits(year, 4) && digits(month, 2) && digits(day, 2)),
        "{date} of {CHANGELOG} is no date like 2026-01-31"
    );
    Ok(version.to_owned())
}

/// Seconds since 1970 of the last commit, or what `SOURCE_DATE_EPOCH` says
/// (<https://reproducible-builds.org/specs/source-date-epoch/>).
///
/// # Errors
/// Neither is there.
pub(super) fn moment(root: &Path) -> anyhow::Result<String> {
    if let Ok(said) = std::env::var("SOURCE_DATE_EPOCH") {
        return Ok(said);
    }
    let log = ["log", "-1", "--format=%ct"];
    let seconds = output(command("git").args(log).current_dir(root))
        .context("ask git for the time of the last commit; SOURCE_DATE_EPOCH stands in for it")?;
    Ok(String::from_utf8(seconds)
        .context("read the time")?
        .trim()
        .to_owned())
}

/// The commit of a checkout in twelve digits, with a plus sign where something was changed since.
///
/// # Errors
/// Git does not answer.
pub(super) fn commit(root: &Path) -> anyhow::Result<String> {
    let ask = |arguments: &[&str]| -> anyhow::Result<String> {
        let said =
            output(command("git").args(arguments).current_dir(root)).context("ask git for the commit")?;
        Ok(String::from_utf8(said)
            .context("read the commit")?
            .trim()
            .to_owned())
    };
    let commit = ask(&["rev-parse", "--short=12", "HEAD"])?;
    let changed = ask(&["status", "--porcelain", "--untracked-files=no"])?;
    Ok(if changed.is_empty() {
        commit
    } else {
        format!("{commit}+")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "[workspace.package]\nversion = \"1.2.0\"\n";

    #[test]
    fn a_version_needs_its_place_in_the_changelog() {
        let named = |changelog: &str| named(MANIFEST, changelog).map_err(|error| error.to_string());
        assert_eq!(
            named("# Changelog\n\n## Unreleased\n").unwrap(),
            "1.2.0~unreleased"
        );
        assert_eq!(
            named("## 1.2.0 - 2026-01-31\n\n## 1.1.0 - 2025-12-01\n").unwrap(),
            "1.2.0"
        );
        assert!(
            named("## 1.1.0 - 2025-12-01\n")
                .unwrap_err()
                .contains("says 1.2.0")
        );
        assert!(named("## 1.2.0\n").unwrap_err().contains("VERSION - DATE"));
        assert!(named("## 1.2.0 - today\n").unwrap_err().contains("no date"));
    }

    #[test]
    fn this_tree_has_a_version_and_the_description_of_the_api_has_it_too() {
        let root = crate::workspace::root();
        let version = of_this_tree(&root).unwrap();
        let described = fs::read_to_string(root.join("docs/openapi.json")).unwrap();
        let described: serde_json::Value = serde_json::from_str(&described).unwrap();
        let of_the_api = described["info"]["version"].as_str().unwrap();
        assert_eq!(version.split('~').next(), Some(of_the_api));
    }
}
