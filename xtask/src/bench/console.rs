//! `cargo xtask bench console`: how long the questions of the Manager's pages take with many jobs in the database.

use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::process::{cargo, command, run as run_visibly};
use crate::workspace;

/// How to measure.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Jobs in the database.
    #[arg(long, default_value_t = 100_000)]
    jobs: usize,
    /// Fills this data folder and keeps it, to start a server on; a folder that has a database already is measured as it is.
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<PathBuf>,
}

/// Measures and prints.
///
/// # Errors
/// Something cannot be built or run.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let root = workspace::root();
    let mut build = cargo(&root);
    build.args([
        "build",
        "--release",
        "--quiet",
        "--package",
        "sfumato-engine",
        "--example",
        "console",
    ]);
    run_visibly(&mut build)?;
    let program = root.join("target/release/examples/console");
    match &options.data_dir {
        Some(folder) => measure(&program, folder, options.jobs),
        None => measure(&program, tempfile::tempdir()?.path(), options.jobs),
    }
}

#[expect(clippy::print_stdout, reason = "the figures are what the task is for")]
fn measure(program: &Path, folder: &Path, jobs: usize) -> anyhow::Result<()> {
    if !folder.join("sfumato.db").exists() {
        let begin = Instant::now();
        run_visibly(command(program).arg("seed").arg(folder).arg(jobs.to_string()))?;
        println!("filled in {:.0} s\n", begin.elapsed().as_secs_f64());
    }
    run_visibly(command(program).arg("ask").arg(folder))
}
