//! The Manager in a real browser: Playwright drives Debian's Chromium against the built binaries, see `tests/browser`.

use std::fs;
use std::path::Path;

use anyhow::Context;

use crate::process::{command, run};
use crate::workspace;

/// Where the specs and their harness lie, below the workspace.
const FOLDER: &str = "tests/browser";

/// Where the logs of its servers go, below the target folder.
pub(crate) const LOGS: &str = "browser-logs";

/// Runs all specs against the binaries of the debug build.
///
/// # Errors
/// A spec fails; the message is the line that repeats them.
pub(crate) fn test(root: &Path) -> anyhow::Result<()> {
    let logs = workspace::target()?.join(LOGS);
    if logs.exists() {
        fs::remove_dir_all(&logs).with_context(|| format!("remove {}", logs.display()))?;
    }
    run(command("npm")
        .args(["--prefix", FOLDER, "test", "--silent"])
        .current_dir(root))
}
