//! Known weaknesses of dependencies: `cargo deny` looks at what is built for the targets of `deny.toml`, `cargo audit` at
//! every package of the lock file. What is accepted stands in `deny.toml` with its reason, and once more in
//! `.cargo/audit.toml`; `tidy` compares them.

use std::path::Path;

use anyhow::{Context, ensure};

use crate::process::{cargo, run};
use crate::report::note;
use crate::tools;

/// Where `cargo deny` looks for the database below the folder of databases: the last part of the address it would be
/// fetched from, and a hash of it.
const FOLDER_OF_DENY: &str = "advisory-db-3157b0e258782691";

/// Runs both tools, on a copy of the advisory database or, where none is given, on one that each fetches.
///
/// # Errors
/// A package has a weakness that is not accepted, an accepted one is in no package any more, the database is older than 90
/// days or cannot be had, or a tool cannot be installed.
pub(crate) fn check(root: &Path, copy: Option<&Path>) -> anyhow::Result<()> {
    tools::install_auditor(root)?;
    match copy {
        Some(copy) => check_by(root, copy),
        None => {
            run(cargo(root).args(["deny", "--locked", "check", "advisories"]))?;
            run(cargo(root).arg("audit"))
        }
    }
}

fn check_by(root: &Path, copy: &Path) -> anyhow::Result<()> {
    let copy = std::path::absolute(copy).with_context(|| format!("find {}", copy.display()))?;
    ensure!(
        copy.join("crates").is_dir() && copy.join(".git").exists(),
        "{} is no clone of https://github.com/RustSec/advisory-db",
        copy.display()
    );
    note(&format!("the advisories of {}", copy.display()));
    let place = tempfile::tempdir().context("make a folder for the database")?;
    let at = place.path().join(FOLDER_OF_DENY);
    std::os::unix::fs::symlink(&copy, &at).with_context(|| format!("link {}", at.display()))?;
    let settings = std::fs::read_to_string(root.join("deny.toml")).context("read deny.toml")?;
    let file = place.path().join("deny.toml");
    std::fs::write(&file, with_databases(&settings, place.path())?)
        .with_context(|| format!("write {}", file.display()))?;
    run(cargo(root)
        .args(["deny", "--locked", "--offline", "--config"])
        .arg(&file)
        .args(["check", "advisories"]))?;
    run(cargo(root).args(["audit", "--no-fetch", "--db"]).arg(&copy))
}

/// The settings of `cargo deny` for databases that lie in this folder.
fn with_databases(settings: &str, folder: &Path) -> anyhow::Result<String> {
    let mut settings: toml::Table = toml::from_str(settings).context("read deny.toml")?;
    let advisories = settings
        .get_mut("advisories")
        .and_then(toml::Value::as_table_mut)
        .context("find the table `advisories` of deny.toml")?;
    let folder = folder.to_str().context("name a folder in UTF-8")?;
    advisories.insert("db-path".to_owned(), folder.into());
    toml::to_string(&settings).context("write deny.toml anew")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_databases_is_the_only_change_of_the_settings() {
        let before = std::fs::read_to_string(crate::workspace::root().join("deny.toml")).unwrap();
        let after = with_databases(&before, Path::new("/somewhere")).unwrap();
        let mut after: toml::Table = toml::from_str(&after).unwrap();
        let advisories = after["advisories"].as_table_mut().unwrap();
        assert_eq!(advisories.remove("db-path"), Some("/somewhere".into()));
        assert_eq!(after, toml::from_str(&before).unwrap());
    }

    #[test]
    fn what_is_no_database_is_refused_by_its_name() {
        let place = tempfile::tempdir().unwrap();
        let refused = check_by(place.path(), place.path()).unwrap_err().to_string();
        assert!(refused.contains(&place.path().display().to_string()), "{refused}");
    }
}
