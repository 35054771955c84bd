//! `cargo xtask test`: everything that has to hold before a change is taken.

use crate::process::{cargo, run};
use crate::report::Steps;
use crate::{setup, tidy, workspace};

/// How long the simulation of deliveries lives lives that no run has seen before.
const SIMULATION_SECONDS: &str = "60";

/// What the checks can do more than usual.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Options {
    /// Look for known weaknesses of dependencies too; fetches the advisory database, so it needs a connection.
    #[arg(long)]
    advisories: bool,
}

/// Sets the machine up and runs all checks, the cheap ones first; the first that fails ends it.
///
/// # Errors
/// A check fails; the message is the line that repeats it.
pub(crate) fn run_all(options: Options) -> anyhow::Result<()> {
    let mut steps = Steps::default();
    let outcome = run_steps(options, &mut steps);
    steps.print();
    outcome
}

fn run_steps(options: Options, steps: &mut Steps) -> anyhow::Result<()> {
    let root = workspace::root();
    let cargo = |arguments: &[&str]| run(cargo(&root).args(arguments));
    steps.run("Set-up", || setup::run(setup::For::Tests))?;
    steps.run("Formatting", || cargo(&["fmt", "--all", "--check"]))?;
    steps.run("House rules", tidy::run)?;
    steps.run("Dependencies", || {
        let mut checks = vec!["deny", "--locked", "check", "licenses", "bans", "sources"];
        if options.advisories {
            checks.push("advisories");
        }
        cargo(&checks)
    })?;
    steps.run("Clippy", || {
        cargo(&[
            "clippy",
            "--locked",
            "--workspace",
            "--all-targets",
            "--",
            "-D",
            "warnings",
        ])
    })?;
    steps.run("Tests", || cargo(&["nextest", "run", "--locked", "--workspace"]))?;
    // After the tests and beside nothing: so many lives are lived as there is time for.
    steps.run("Simulation", || {
        let only = "package(sfumato-engine) and test(every_life_keeps_the_promises)";
        run(crate::process::cargo(&root)
            .env("SFUMATO_SIM_SECONDS", SIMULATION_SECONDS)
            .args(["nextest", "run", "--locked", "--workspace", "-E", only]))
    })?;
    steps.run("Documentation", || {
        run(crate::process::cargo(&root)
            .env("RUSTDOCFLAGS", "-D warnings")
            .args([
                "doc",
                "--locked",
                "--workspace",
                "--no-deps",
                "--document-private-items",
            ]))
    })
}
