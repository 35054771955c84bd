//! Where the workspace is.

use std::path::{Path, PathBuf};

use anyhow::Context;

/// The folder with the workspace's `Cargo.toml`.
pub(crate) fn root() -> PathBuf {
    // Cargo sets the variable for whatever it runs; a checkout that was moved after its build is found by it.
    let own = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    own.parent().map_or(own.clone(), Path::to_path_buf)
}

/// The folder that cargo builds into.
///
/// # Errors
/// This executable is not where cargo puts it.
pub(crate) fn target() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("find the path of this executable")?;
    // Below it lie the profile's folder and the executable; that of the tests is one deeper.
    let profile = own
        .ancestors()
        .find(|folder| folder.join(".fingerprint").is_dir())
        .context("find the build folder above this executable")?;
    Ok(profile.parent().unwrap_or(profile).to_owned())
}
