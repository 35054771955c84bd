//! `cargo xtask test`: everything that has to hold before a change is taken.

use std::path::{Path, PathBuf};

use anyhow::bail;

use crate::process::{self, cargo};
use crate::report::Steps;
use crate::{
    advisories, api_fuzz, browser, clients, cluster, deploy, dist, docs, setup, soak, tidy, workspace,
};

/// How long the simulation of deliveries lives lives that no run has seen before, and how long the product is killed.
const SECONDS: &str = "60";

/// What the checks can do more than usual.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Run these alone.
    only: Option<Part>,
    /// Look for known weaknesses of dependencies too; fetches the advisory database, so it needs a connection.
    #[arg(long)]
    advisories: bool,
    /// Look for them in this clone of the advisory database, which may be 90 days old, and fetch nothing.
    #[arg(long, value_name = "DIR")]
    advisory_db: Option<PathBuf>,
    /// Leave out the trial of the release, for which one has to be root.
    #[arg(long)]
    without_dist: bool,
}

impl Options {
    fn check_advisories(&self, root: &Path) -> anyhow::Result<()> {
        advisories::check(root, self.advisory_db.as_deref())
    }
}

/// What can be run by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// Known weaknesses of dependencies, as with `--advisories`.
    Advisories,
    /// The tests that `cargo nextest run` leaves out.
    Slow,
    /// The tests of the Manager in a real browser.
    Browser,
    /// The book, its links, and what it tells its readers to type and to put into files.
    Docs,
    /// The product as several processes, on PostgreSQL and S3.
    Cluster,
    /// The clients: generated parts, and tests against a server.
    Clients,
    /// The API, by requests that are made of its description.
    ApiFuzz,
    /// What deploys: linters of Dockerfile, Compose, Kubernetes and systemd.
    Deploy,
    /// The release: built, and tried out on a Debian that is made from nothing.
    Dist,
}

/// Sets the machine up and runs all checks, the cheap ones first, or the part that is asked for; the first that fails ends
/// it.
///
/// # Errors
/// A check fails; the message is the line that repeats it.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let mut steps = Steps::default();
    let outcome = match options.only {
        Some(part) => run_part(part, options, &mut steps),
        None => run_steps(options, &mut steps),
    };
    steps.print();
    outcome
}

fn run_steps(options: &Options, steps: &mut Steps) -> anyhow::Result<()> {
    let root = workspace::root();
    let cargo = |arguments: &[&str]| process::run(cargo(&root).args(arguments));
    steps.run("Set-up", || setup::run(setup::For::Tests))?;
    steps.run("Formatting", || cargo(&["fmt", "--all", "--check"]))?;
    steps.run("House rules", tidy::run)?;
    steps.run("Dependencies", || {
        cargo(&["deny", "--locked", "check", "licenses", "bans", "sources"])
    })?;
    if options.advisories || options.advisory_db.is_some() {
        steps.run("Advisories", || options.check_advisories(&root))?;
    }
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
    steps.run("Tests", || cargo(&TESTS))?;
    steps.run("Slow tests", || run_slow(&root))?;
    // After the tests and beside nothing: so many lives are lived as there is time for.
    steps.run("Simulation", || {
        let seconds = ("SFUMATO_SIM_SECONDS", SECONDS.to_owned());
        soak::run_test("sfumato-engine", "every_life_keeps_the_promises", &[seconds])
    })?;
    steps.run("Kills", || {
        let seconds = ("SFUMATO_SOAK_SECONDS", SECONDS.to_owned());
        let test = "the_product_comes_to_rest_whole_whatever_is_killed";
        soak::run_test("sfumato-e2e", test, &[seconds])
    })?;
    // The tests have built the binaries.
    cluster::test(&root, cluster::Options::default(), steps)?;
    steps.run("Browser", || browser::test(&root))?;
    steps.run("Examples of settings", || docs::read_examples(&root))?;
    steps.run("Guide", || docs::run_guide(&root))?;
    steps.run("Clients", || clients::test(&root))?;
    steps.run("API by its description", || api_fuzz::test(&root))?;
    steps.run("Deployment", || deploy::lint(&root))?;
    steps.run("Book", || docs::build_book(&root))?;
    steps.run("Documentation", || {
        process::run(process::cargo(&root).env("RUSTDOCFLAGS", "-D warnings").args([
            "doc",
            "--locked",
            "--workspace",
            "--no-deps",
            "--document-private-items",
        ]))
    })?;
    dist::try_out(options.without_dist, steps)?;
    steps.run("Secrets in logs", || search_logs(&root, options))
}

/// Looks for secrets in the logs of the servers that the suites before have left. Those of the end-to-end tests are searched by
/// the tests themselves.
fn search_logs(root: &Path, options: &Options) -> anyhow::Result<()> {
    const EXAMPLE: &str = "secrets_in_logs";
    let target = workspace::target()?;
    process::run(cargo(root).args([
        "build",
        "--locked",
        "--quiet",
        "--workspace",
        "--example",
        EXAMPLE,
    ]))?;
    let mut logs = vec![browser::LOGS, "api-fuzz.log", "clients.log"];
    if !options.without_dist {
        logs.push("dist-server.log");
    }
    let logs = logs.iter().map(|log| target.join(log));
    process::run(process::command(target.join("debug/examples").join(EXAMPLE)).args(logs))
}

/// The tests that are run by default, see `.config/nextest.toml`, and all others.
const TESTS: [&str; 4] = ["nextest", "run", "--locked", "--workspace"];
const OTHERS: [&str; 3] = ["--ignore-default-filter", "-E", "not default()"];

fn run_slow(root: &Path) -> anyhow::Result<()> {
    process::run(cargo(root).args(TESTS).args(OTHERS))
}

fn run_part(part: Part, options: &Options, steps: &mut Steps) -> anyhow::Result<()> {
    if part != Part::Advisories && (options.advisories || options.advisory_db.is_some()) {
        bail!("advisories are no part of this one; give `cargo xtask test advisories` by itself");
    }
    let root = workspace::root();
    steps.run("Set-up", || setup::run(setup::For::Tests))?;
    // The release is a build of its own, the tests see to theirs, and advisories are about the lock file.
    if ![Part::Advisories, Part::Dist, Part::Slow].contains(&part) {
        steps.run("Build", || {
            process::run(cargo(&root).args(["build", "--locked", "--workspace", "--bins"]))
        })?;
    }
    match part {
        Part::Advisories => steps.run("Advisories", || options.check_advisories(&root)),
        Part::Slow => steps.run("Slow tests", || run_slow(&root)),
        Part::Browser => steps.run("Browser", || browser::test(&root)),
        Part::Docs => {
            steps.run("Book", || docs::build_book(&root))?;
            steps.run("Examples of settings", || docs::read_examples(&root))?;
            steps.run("Guide", || docs::run_guide(&root))
        }
        Part::Cluster => cluster::test(&root, cluster::Options::default(), steps),
        Part::Clients => steps.run("Clients", || clients::test(&root)),
        Part::ApiFuzz => steps.run("API by its description", || api_fuzz::test(&root)),
        Part::Deploy => steps.run("Deployment", || deploy::lint(&root)),
        Part::Dist => dist::try_out(false, steps),
    }
}
