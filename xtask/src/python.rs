//! Packages of Python, with their versions pinned, in an environment of their own below the folder of builds.

use std::path::{Path, PathBuf};

use anyhow::Context;

use crate::process::{command, run};
use crate::report::note;

/// What is installed.
const PINNED: &str = "xtask/python.txt";
const FOLDER: &str = "target/python";
/// What is written beside the packages: which list they are of.
const INSTALLED: &str = ".installed";

/// The environment; its programs are in `bin`.
pub(crate) fn folder(root: &Path) -> PathBuf {
    root.join(FOLDER)
}

/// A program of the environment.
pub(crate) fn program(root: &Path, name: &str) -> PathBuf {
    folder(root).join("bin").join(name)
}

/// Makes the environment and installs the packages, unless they are there.
///
/// # Errors
/// Python has no `venv`, or the packages cannot be fetched.
pub(crate) fn install_missing(root: &Path) -> anyhow::Result<()> {
    let list = root.join(PINNED);
    let wanted = std::fs::read(&list).with_context(|| format!("read {}", list.display()))?;
    let folder = folder(root);
    let installed = folder.join(INSTALLED);
    if std::fs::read(&installed).is_ok_and(|there| there == wanted) {
        note("the packages of Python are here");
        return Ok(());
    }
    note("fetching packages of Python: they make and try the clients, and lint what deploys");
    run(command("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    // Wheels only: no package may run a program of its own when it is installed.
    run(command(program(root, "pip"))
        .args([
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--only-binary",
            ":all:",
            "--requirement",
        ])
        .arg(&list))?;
    std::fs::write(&installed, wanted).with_context(|| format!("write {}", installed.display()))
}
