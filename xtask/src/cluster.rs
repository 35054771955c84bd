//! `cargo xtask test-cluster`: the product as several processes, on real servers.

use std::path::Path;

use crate::process::{cargo, run};
use crate::report::Steps;
use crate::{setup, soak, workspace};

/// How long processes are killed, frozen and restarted.
const CHAOS_SECONDS: u64 = 90;

/// The test that does so.
const CHAOS: &str = "a_cluster_keeps_its_promises_whatever_dies";

/// Tests of the product from outside that are about what one process on SQLite does with its files, or start a cluster or a
/// storage of their own.
const OF_ONE_PROCESS: &str = "test(/^(chaos|clock|disk|failpoints|kills|moving|s3|soak)::/)";

/// Which history to repeat.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Options {
    /// Repeat the choices of an earlier run, which has printed this number.
    #[arg(long)]
    seed: Option<u64>,
    /// Seconds during which processes are killed, frozen and restarted.
    #[arg(long, default_value_t = CHAOS_SECONDS)]
    seconds: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: None,
            seconds: CHAOS_SECONDS,
        }
    }
}

/// Sets the machine up and runs both parts.
///
/// # Errors
/// A test fails; the message is the line that repeats it.
pub(crate) fn run_alone(options: Options) -> anyhow::Result<()> {
    let mut steps = Steps::default();
    let outcome = steps
        .run("Set-up", || setup::run(setup::For::Tests))
        .and_then(|()| test(&workspace::root(), options, &mut steps));
    steps.print();
    outcome
}

/// The end-to-end suite against an installation of several processes, then a history of kills.
///
/// # Errors
/// As [`run_alone`].
pub(crate) fn test(root: &Path, options: Options, steps: &mut Steps) -> anyhow::Result<()> {
    steps.run("Cluster: end to end", || {
        let suite = format!("package(sfumato-e2e) and not {OF_ONE_PROCESS}");
        run(cargo(root).env("SFUMATO_TEST_INSTALLATION", "cluster").args([
            "nextest",
            "run",
            "--locked",
            "--workspace",
            "--ignore-default-filter",
            "-E",
            &suite,
        ]))
    })?;
    steps.run("Cluster: kills", || {
        let mut variables = vec![("SFUMATO_CHAOS_SECONDS", options.seconds.to_string())];
        variables.extend(options.seed.map(|seed| ("SFUMATO_CHAOS_SEED", seed.to_string())));
        soak::run_test("sfumato-e2e", CHAOS, &variables)
    })
}
