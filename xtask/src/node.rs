//! Packages of Node.js, exactly as they are locked.

use std::path::Path;

use anyhow::{Context, bail};

use crate::deploy;
use crate::process::{command, output, run};
use crate::report::note;

/// What is written beside installed packages: which lock file they are of.
const INSTALLED: &str = "node_modules/.installed";
/// The oldest Node.js that the packages run on.
const NODE_MAJOR_MIN: u32 = 20;

/// A folder with packages, and what they do.
const FOLDERS: [(&str, &str); 3] = [
    ("tests/browser", "drive Chromium and look for barriers"),
    ("clients/typescript", "make the typed client and compile it"),
    (
        deploy::DASHBOARD_TYPES,
        "know what a dashboard of Grafana may say",
    ),
];

/// Installs the packages of every folder, unless they are there.
///
/// # Errors
/// Node.js is too old, or the packages cannot be fetched.
pub(crate) fn install_missing(root: &Path) -> anyhow::Result<()> {
    check_node()?;
    for (folder, purpose) in FOLDERS {
        install(&root.join(folder), folder, purpose)?;
    }
    Ok(())
}

fn install(folder: &Path, name: &str, purpose: &str) -> anyhow::Result<()> {
    let lock = folder.join("package-lock.json");
    let wanted = std::fs::read(&lock).with_context(|| format!("read {}", lock.display()))?;
    let installed = folder.join(INSTALLED);
    if std::fs::read(&installed).is_ok_and(|there| there == wanted) {
        note(&format!("the packages of {name} are here"));
        return Ok(());
    }
    note(&format!("fetching the packages of {name}: they {purpose}"));
    // No package may run a program of its own when it is installed.
    run(command("npm")
        .current_dir(folder)
        .args(["ci", "--ignore-scripts", "--no-fund", "--no-audit"]))?;
    std::fs::write(&installed, wanted).with_context(|| format!("write {}", installed.display()))
}

fn check_node() -> anyhow::Result<()> {
    let version = output(command("node").arg("--version"))?;
    let version = String::from_utf8_lossy(&version);
    let version = version.trim();
    let major = version
        .trim_start_matches('v')
        .split('.')
        .next()
        .and_then(|major| major.parse::<u32>().ok());
    if major.is_none_or(|major| major < NODE_MAJOR_MIN) {
        bail!(
            "the checks need Node.js {NODE_MAJOR_MIN} or later, and this is {version}; install a newer one"
        );
    }
    Ok(())
}
