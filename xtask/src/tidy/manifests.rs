//! Rules for the manifests: which crate may know which, and that versions stand in one place.

use std::path::Path;

use anyhow::Context;

use super::{File, Finding};

/// The only arrows between the crates of the product, as ARCHITECTURE.md draws them.
const ARROWS: [(&str, &[&str]); 13] = [
    ("sfumato-core", &[]),
    ("sfumato-failpoints", &[]),
    ("sfumato-detect", &["sfumato-core"]),
    ("sfumato-media-client", &["sfumato-core", "sfumato-failpoints"]),
    (
        "sfumato-media",
        &["sfumato-core", "sfumato-detect", "sfumato-media-client"],
    ),
    ("sfumato-store-rows", &["sfumato-core"]),
    (
        "sfumato-store-postgres",
        &["sfumato-core", "sfumato-failpoints", "sfumato-store-rows"],
    ),
    (
        "sfumato-store-sqlite",
        &["sfumato-core", "sfumato-failpoints", "sfumato-store-rows"],
    ),
    (
        "sfumato-engine",
        &["sfumato-core", "sfumato-failpoints", "sfumato-media-client"],
    ),
    ("sfumato-http", &["sfumato-core", "sfumato-engine"]),
    ("sfumato-console", &["sfumato-core", "sfumato-engine"]),
    (
        "sfumato",
        &[
            "sfumato-console",
            "sfumato-core",
            "sfumato-engine",
            "sfumato-failpoints",
            "sfumato-http",
            "sfumato-media-client",
            "sfumato-store-postgres",
            "sfumato-store-sqlite",
        ],
    ),
    ("sfumato-testkit", &["sfumato-core"]),
];

/// Crates that are no part of what is shipped.
const OUTSIDE: [&str; 2] = ["sfumato-e2e", "xtask"];

/// Every package costs build time and trust; more than this many is a decision, made by changing the number.
const PACKAGES_MAX: usize = 550;

pub(super) fn check(files: &[File]) -> anyhow::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for (path, text) in files {
        let problems = match path.file_name().and_then(|name| name.to_str()) {
            Some("Cargo.lock") => lock(text),
            Some("Cargo.toml") => manifest(path, text)?,
            _ => continue,
        };
        findings.extend(problems.into_iter().map(|problem| Finding {
            path: path.clone(),
            problem,
        }));
    }
    Ok(findings)
}

fn lock(text: &str) -> Vec<String> {
    let packages = text.lines().filter(|line| line.starts_with("name = ")).count();
    if packages > PACKAGES_MAX {
        vec![format!("{packages} packages, and {PACKAGES_MAX} are the limit")]
    } else {
        Vec::new()
    }
}

fn manifest(path: &Path, text: &str) -> anyhow::Result<Vec<String>> {
    let manifest: toml::Table = text.parse().with_context(|| format!("read {}", path.display()))?;
    let name = manifest
        .get("package")
        .and_then(|package| package.get("name"))
        .and_then(toml::Value::as_str)
        .with_context(|| format!("find the package's name in {}", path.display()))?;
    let mut problems = Vec::new();
    let arrows = ARROWS.iter().find(|(from, _)| *from == name).map(|(_, to)| *to);
    if arrows.is_none() && !OUTSIDE.contains(&name) {
        problems.push(format!("`{name}` is not in the table of arrows between crates"));
    }
    for (kind, dependency, value) in dependencies(&manifest) {
        if !is_inherited(value) {
            problems.push(format!(
                "`{dependency}` has to be `{dependency}.workspace = true`: versions and features stand in the workspace's table"
            ));
        }
        // Tests may put together what the product keeps apart.
        let forbidden = arrows.is_some_and(|to| kind != "dev-dependencies" && !to.contains(&dependency));
        if dependency.starts_with("sfumato") && forbidden {
            problems.push(format!("the arrow `{name}` -> `{dependency}` is not allowed"));
        }
    }
    let lints = manifest.get("lints").and_then(|lints| lints.get("workspace"));
    if lints != Some(&toml::Value::Boolean(true)) {
        problems.push("lacks `[lints] workspace = true`".to_owned());
    }
    Ok(problems)
}

/// All dependencies, those for one platform too, with the name of their table.
fn dependencies(manifest: &toml::Table) -> impl Iterator<Item = (&'static str, &str, &toml::Value)> {
    const KINDS: [&str; 3] = ["dependencies", "dev-dependencies", "build-dependencies"];
    let targets = manifest.get("target").and_then(toml::Value::as_table);
    let by_target = targets
        .into_iter()
        .flat_map(toml::Table::values)
        .filter_map(toml::Value::as_table);
    [manifest].into_iter().chain(by_target).flat_map(|table| {
        KINDS.into_iter().flat_map(move |kind| {
            let entries = table.get(kind).and_then(toml::Value::as_table);
            entries
                .into_iter()
                .flatten()
                .map(move |(name, value)| (kind, name.as_str(), value))
        })
    })
}

/// `workspace = true`, and nothing else but that a feature of the crate brings it: a feature that one crate adds builds the
/// dependency twice.
fn is_inherited(value: &toml::Value) -> bool {
    let Some(table) = value.as_table() else {
        return false;
    };
    let known = |(key, value): (&String, &toml::Value)| {
        ["workspace", "optional"].contains(&key.as_str()) && value.as_bool() == Some(true)
    };
    table.contains_key("workspace") && table.iter().all(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problems(text: &str) -> Vec<String> {
        manifest(Path::new("crates/x/Cargo.toml"), text).unwrap()
    }

    fn package(name: &str, rest: &str) -> String {
        format!("[package]\nname = \"{name}\"\n[lints]\nworkspace = true\n{rest}")
    }

    #[test]
    fn an_arrow_that_is_not_drawn_is_found_in_every_table() {
        for table in [
            "dependencies",
            "build-dependencies",
            "target.'cfg(unix)'.dependencies",
        ] {
            let text = package(
                "sfumato-core",
                &format!("[{table}]\nsfumato-engine.workspace = true\n"),
            );
            assert_eq!(
                problems(&text),
                ["the arrow `sfumato-core` -> `sfumato-engine` is not allowed"]
            );
        }
    }

    #[test]
    fn the_testkit_is_for_tests_only() {
        let used = |table: &str| {
            problems(&package(
                "sfumato-engine",
                &format!("[{table}]\nsfumato-testkit.workspace = true\n"),
            ))
        };
        assert_eq!(used("dev-dependencies"), Vec::<String>::new());
        assert_eq!(used("dependencies").len(), 1);
    }

    #[test]
    fn drawn_arrows_and_crates_outside_the_product_are_free() {
        let text = package(
            "sfumato-http",
            "[dependencies]\nsfumato-engine.workspace = true\n",
        );
        assert_eq!(problems(&text), Vec::<String>::new());
        let text = package("sfumato-e2e", "[dependencies]\nsfumato-core.workspace = true\n");
        assert_eq!(problems(&text), Vec::<String>::new());
    }

    #[test]
    fn a_crate_that_nobody_drew_is_found() {
        assert_eq!(
            problems(&package("sfumato-utils", "")),
            ["`sfumato-utils` is not in the table of arrows between crates"]
        );
    }

    #[test]
    fn a_version_or_a_feature_of_one_crate_is_found() {
        for dependency in [
            "serde = \"1\"",
            "serde = { version = \"1\" }",
            "serde = { workspace = true, features = [\"rc\"] }",
        ] {
            let found = problems(&package(
                "sfumato-core",
                &format!("[dependencies]\n{dependency}\n"),
            ));
            assert_eq!(found.len(), 1, "{dependency}");
            assert!(found[0].contains("serde.workspace = true"), "{found:?}");
        }
    }

    #[test]
    fn a_dependency_that_a_feature_brings_is_inherited_too() {
        let text = package(
            "sfumato-core",
            "[dependencies]\nserde = { workspace = true, optional = true }\n",
        );
        assert_eq!(problems(&text), Vec::<String>::new());
    }

    #[test]
    fn a_crate_without_the_lints_is_found() {
        let found = problems("[package]\nname = \"sfumato-core\"\n");
        assert_eq!(found, ["lacks `[lints] workspace = true`"]);
    }

    #[test]
    fn a_lock_file_over_the_limit_is_found() {
        let packages = |count| "[[package]]\nname = \"x\"\n".repeat(count);
        assert_eq!(lock(&packages(PACKAGES_MAX)), Vec::<String>::new());
        assert_eq!(lock(&packages(PACKAGES_MAX + 1)).len(), 1);
    }
}
