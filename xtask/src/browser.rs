//! The Manager in a real browser: Playwright drives Debian's Chromium against the built binaries, see `tests/browser`.

use std::path::Path;

use crate::process::{command, run};

/// Where the specs and their harness lie, below the workspace.
const FOLDER: &str = "tests/browser";

/// Runs all specs against the binaries of the debug build.
///
/// # Errors
/// A spec fails; the message is the line that repeats them.
pub(crate) fn test(root: &Path) -> anyhow::Result<()> {
    run(command("npm")
        .args(["--prefix", FOLDER, "test", "--silent"])
        .current_dir(root))
}
