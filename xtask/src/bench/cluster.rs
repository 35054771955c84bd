//! `cargo xtask bench cluster`: what several processes on PostgreSQL do a second, and what looking for work costs.

use crate::process::{cargo, command, run as run_visibly};
use crate::{setup, workspace};

/// How to measure.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Pictures that are worked on with each number of workers.
    #[arg(long, default_value_t = 60)]
    pictures: usize,
}

/// Measures and prints rows of a table.
///
/// # Errors
/// Something cannot be built or run.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    setup::run(setup::For::Tests)?;
    let root = workspace::root();
    let release = ["build", "--release", "--quiet", "--workspace"];
    // Of the whole workspace: another selection of crates would unify other features and build the dependencies once more.
    let parts = ["--bins", "--example", "cluster", "--example", "throughput"];
    run_visibly(cargo(&root).args(release).args(parts))?;
    let examples = root.join("target/release/examples");
    run_visibly(&mut command(examples.join("cluster")))?;
    run_visibly(
        command(examples.join("throughput"))
            .arg(options.pictures.to_string())
            .env("SFUMATO_BIN", root.join("target/release/sfumato")),
    )
}
