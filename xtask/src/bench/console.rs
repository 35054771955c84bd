//! `cargo xtask bench console`: how long the Manager's pages, and the questions that they ask of the database, take with many
//! jobs in it.

use std::path::{Path, PathBuf};
use std::time::Instant;

use super::pages;
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
    /// Fails when a page takes longer than 50 ms in more than 5 of 100 cases.
    #[arg(long)]
    check: bool,
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
        "--workspace",
        "--example",
        "console",
    ]);
    run_visibly(&mut build)?;
    let mut build = cargo(&root);
    build.args([
        "build",
        "--release",
        "--quiet",
        "--workspace",
        "--bin",
        "sfumato",
        "--bin",
        "sfumato-media",
    ]);
    run_visibly(&mut build)?;
    let program = root.join("target/release/examples/console");
    let server = root.join("target/release/sfumato");
    let all = |folder: &Path| {
        measure(&program, folder, options.jobs)?;
        pages::measure(&server, folder, options.check)
    };
    match &options.data_dir {
        Some(folder) => all(folder),
        None => all(tempfile::tempdir()?.path()),
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
