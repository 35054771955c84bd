//! From a machine with Rust, git and python3 to one that can build, run and check the product.

use std::time::Instant;

use crate::report::{duration, heading, note};
use crate::{apt, assets, node, python, tools, workspace};

/// What the machine is set up for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum For {
    /// Building and running.
    Building,
    /// The checks as well.
    Tests,
}

/// Installs what is missing. What is there already stays as it is, so this can be repeated at any time.
///
/// # Errors
/// Something cannot be installed; the message says what to do about it.
pub(crate) fn run(purpose: For) -> anyhow::Result<()> {
    let started = Instant::now();
    let root = workspace::root();
    heading("System packages");
    apt::install_missing(purpose)?;
    // The small downloads stand before the long builds of tools, so that what cannot work fails early.
    heading("Models, inference engine and a picture");
    assets::fetch_missing(&root)?;
    if purpose == For::Tests {
        heading("Tools of the checks");
        tools::install_missing(&root)?;
        node::install_missing(&root)?;
        python::install_missing(&root)?;
    }
    note(&format!("set up in {}", duration(started.elapsed())));
    Ok(())
}
