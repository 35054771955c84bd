//! `cargo xtask test-cluster`: the product as several processes, on real servers.

use std::path::Path;

use crate::process::{cargo, run};
use crate::report::Steps;
use crate::{setup, workspace};

/// How long processes are killed, frozen and restarted.
const CHAOS_SECONDS: &str = "90";

/// The test that does so.
const CHAOS: &str = "package(sfumato-e2e) and test(a_cluster_keeps_its_promises_whatever_dies)";

/// Which history to repeat.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Repeat the choices of an earlier run, which has printed this number.
    #[arg(long)]
    seed: Option<u64>,
    /// Seconds during which processes are killed, frozen and restarted.
    #[arg(long, default_value = CHAOS_SECONDS)]
    seconds: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: None,
            seconds: CHAOS_SECONDS.to_owned(),
        }
    }
}

/// Sets the machine up and runs both parts.
///
/// # Errors
/// A test fails; the message is the line that repeats it.
pub(crate) fn run_alone(options: &Options) -> anyhow::Result<()> {
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
pub(crate) fn test(root: &Path, options: &Options, steps: &mut Steps) -> anyhow::Result<()> {
    let nextest = ["nextest", "run", "--locked", "--workspace"];
    steps.run("Cluster: end to end", || {
        let suite = format!("package(sfumato-e2e) and not ({CHAOS})");
        run(cargo(root)
            .env("SFUMATO_TEST_INSTALLATION", "cluster")
            .args(nextest)
            .args(["-E", &suite]))
    })?;
    steps.run("Cluster: kills", || {
        let mut chaos = cargo(root);
        if let Some(seed) = options.seed {
            chaos.env("SFUMATO_CHAOS_SEED", seed.to_string());
        }
        run(chaos
            .env("SFUMATO_CHAOS_SECONDS", &options.seconds)
            .args(nextest)
            .args(["--success-output", "immediate", "-E", CHAOS]))
    })
}
