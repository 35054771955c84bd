//! The Manager in a real browser: Playwright drives Debian's Chromium against the built binaries, see `tests/browser`.

use std::path::Path;

use anyhow::{Context, bail};

use crate::process::{command, output, run};
use crate::report::note;

/// Where the specs and their harness lie, below the workspace.
const FOLDER: &str = "tests/browser";
/// What is written beside the installed packages: which lock file they are of.
const INSTALLED: &str = "node_modules/.installed";
/// The oldest Node.js that the packages run on.
const NODE_MAJOR_MIN: u32 = 20;

/// Installs the packages of the specs, exactly as they are locked, unless they are there.
///
/// # Errors
/// Node.js is too old, or the packages cannot be fetched.
pub(crate) fn install_missing(root: &Path) -> anyhow::Result<()> {
    check_node()?;
    let folder = root.join(FOLDER);
    let lock = folder.join("package-lock.json");
    let wanted = std::fs::read(&lock).with_context(|| format!("read {}", lock.display()))?;
    let installed = folder.join(INSTALLED);
    if std::fs::read(&installed).is_ok_and(|there| there == wanted) {
        note("the packages of the browser tests are here");
        return Ok(());
    }
    note("fetching the packages of the browser tests: they drive Chromium and look for barriers");
    // No package may run a program of its own when it is installed; the browser is the distribution's.
    run(command("npm")
        .current_dir(&folder)
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
            "the browser tests need Node.js {NODE_MAJOR_MIN} or later, and this is {version}; install a newer one"
        );
    }
    Ok(())
}

/// Runs all specs against the binaries of the debug build.
///
/// # Errors
/// A spec fails; the message is the line that repeats them.
pub(crate) fn test(root: &Path) -> anyhow::Result<()> {
    run(command("npm")
        .args(["--prefix", FOLDER, "test", "--silent"])
        .current_dir(root))
}
