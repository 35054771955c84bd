//! The tasks of this workspace, as `cargo xtask …`: from a bare machine to a running demo or a full check.
#![forbid(unsafe_code)]
#![expect(
    clippy::print_stdout,
    reason = "a command-line tool speaks on standard output"
)]

mod api;
mod api_fuzz;
mod apt;
mod assets;
mod bench;
mod boxes;
mod browser;
mod check;
mod clients;
mod cluster;
mod demo;
mod deploy;
mod dist;
mod docs;
mod eval;
mod fuzz;
mod manifest;
mod node;
mod process;
mod program;
mod python;
mod raster;
mod reference;
mod report;
mod sbom;
mod serve;
mod setup;
mod soak;
mod svg;
mod tidy;
mod tools;
mod workspace;

use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};

/// Tasks of the Sfumato workspace.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Install what is missing: system packages, and models and inference engine into `assets/`.
    Setup {
        /// Install the tools of `cargo xtask test` too.
        #[arg(long)]
        tests: bool,
    },
    /// Set up, build, and hide a face in a real picture through the API; then go on serving until Ctrl-C.
    Demo(demo::Options),
    /// Set up, then run every check and test, or a part of them.
    Test(check::Options),
    /// Build what is handed out: an archive and a package for Debian, with licences and hashes, in `target/dist`.
    Dist,
    /// Make what is handed out twice, of what is committed and in two folders, and compare it bit for bit: two release builds.
    Reproducible,
    /// Set up, then run the product as several processes on PostgreSQL and S3: end to end, and while processes die.
    TestCluster(cluster::Options),
    /// Measure on annotated pictures how much of what is in them is found and hidden.
    Eval(Box<eval::Options>),
    /// Measure what the product costs, beside a tool that does the same.
    Bench {
        #[command(subcommand)]
        benchmark: bench::Benchmark,
    },
    /// Keep the product under strain for long, and say what came of it.
    Soak {
        #[command(subcommand)]
        what: soak::Soak,
    },
    /// Run the fuzz targets, some minutes each, and say what came of it.
    Fuzz(fuzz::Options),
    /// Write down what the executables are made of, as CycloneDX documents in `target/sbom/`.
    Sbom,
    /// Check the house rules that neither the compiler nor clippy knows.
    Tidy,
}

/// Why `cargo xtask` with these words behind it would be refused: the first line of what it says. Words that are `part` of a
/// command lack nothing.
pub(crate) fn refusal<'a>(words: impl IntoIterator<Item = &'a str>, part: bool) -> Option<String> {
    let refused = Cli::try_parse_from(["cargo xtask"].into_iter().chain(words)).err()?;
    let lacks = matches!(
        refused.kind(),
        ErrorKind::MissingRequiredArgument
            | ErrorKind::MissingSubcommand
            | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    );
    (refused.use_stderr() && !(part && lacks)).then(|| {
        let text = refused.to_string();
        text.lines().next().unwrap_or_default().to_owned()
    })
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().task {
        Task::Setup { tests: false } => setup::run(setup::For::Building),
        Task::Setup { tests: true } => setup::run(setup::For::Tests),
        Task::Demo(options) => demo::run(&options),
        Task::Test(options) => check::run(options),
        Task::Dist => dist::run(),
        Task::Reproducible => dist::twice(),
        Task::TestCluster(options) => cluster::run_alone(options),
        Task::Eval(options) => eval::run(&options),
        Task::Bench { benchmark } => bench::run(&benchmark),
        Task::Soak { what } => soak::run(what),
        Task::Fuzz(options) => fuzz::fuzz(&options),
        Task::Sbom => sbom::run(),
        Task::Tidy => tidy::run(),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            report::failure(&error);
            ExitCode::FAILURE
        }
    }
}
