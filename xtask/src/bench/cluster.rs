//! `cargo xtask bench cluster`: what several processes on PostgreSQL do a second, and what looking for work costs.

use crate::process::{cargo, command, run as run_visibly};
use crate::{setup, workspace};

/// How to measure.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Pictures that are worked on with each number of workers.
    #[arg(long, default_value_t = 60)]
    pictures: usize,
    /// Seconds of the video that one worker and two workers do.
    #[arg(long, default_value_t = 120)]
    video_seconds: u32,
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
    let examples = ["cluster", "throughput", "long_video"];
    let parts = examples.iter().flat_map(|example| ["--example", example]);
    run_visibly(cargo(&root).args(release).arg("--bins").args(parts))?;
    let [database, pictures, video] = examples.map(|name| root.join("target/release/examples").join(name));
    run_visibly(&mut command(database))?;
    for (program, size) in [
        (pictures, options.pictures.to_string()),
        (video, options.video_seconds.to_string()),
    ] {
        run_visibly(
            command(program)
                .arg(size)
                .env("SFUMATO_BIN", root.join("target/release/sfumato")),
        )?;
    }
    Ok(())
}
