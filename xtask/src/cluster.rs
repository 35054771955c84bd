//! `cargo xtask test-cluster`: the product as several processes, on real servers.

use std::path::Path;

use crate::process::{cargo, run};
use crate::report::Steps;
use crate::{setup, soak, tools, workspace};

/// How long processes are killed, frozen and restarted.
const CHAOS_SECONDS: u64 = 90;

/// The test that does so.
const CHAOS: &str = "a_cluster_keeps_its_promises_whatever_dies";

/// Tests of the product from outside that are about what one process on SQLite does with its files, or start a cluster or a
/// storage of their own.
const OF_ONE_PROCESS: &str = "test(/^(backup|chaos|clock|disk|failpoints|kills|moving|s3|soak)::/)";

/// Tests of what goes to the storage and comes from there.
const OF_THE_STORAGE: &str = "(package(sfumato-engine) and test(/^blobs::/)) or (package(sfumato-http) and test(/^redirects::/)) \
     or (package(sfumato-e2e) and test(/^(backup|s3|moving|failpoints::(on_postgres_and_a_bucket|takeover))::/))";

/// The server that stands for S3.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Storage {
    /// A quick one that keeps objects as files.
    #[default]
    S3sFs,
    /// One that people run in production. It is built the first time, from some 500 packages, and takes minutes.
    Garage,
}

impl Storage {
    /// The name of its program, which the tests know it by.
    const fn name(self) -> &'static str {
        match self {
            Self::S3sFs => "s3s-fs",
            Self::Garage => "garage",
        }
    }
}

/// Which history to repeat.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Options {
    /// What the processes keep originals and results in.
    #[arg(long, value_enum, default_value_t)]
    s3: Storage,
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
            s3: Storage::default(),
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

/// The end-to-end suite against an installation of several processes, then a history of kills. Where the storage is not the one
/// that the ordinary tests speak to, their part that is about the storage as well.
///
/// # Errors
/// As [`run_alone`].
pub(crate) fn test(root: &Path, options: Options, steps: &mut Steps) -> anyhow::Result<()> {
    let storage = ("SFUMATO_TEST_S3", options.s3.name().to_owned());
    let nextest = |suite: &str, installation: &str| {
        let tests = ["nextest", "run", "--locked", "--workspace"];
        let chosen = ["--ignore-default-filter", "-E", suite];
        run(cargo(root)
            .env("SFUMATO_TEST_INSTALLATION", installation)
            .env(storage.0, &storage.1)
            .args(tests)
            .args(chosen))
    };
    if options.s3 == Storage::Garage {
        steps.run("Garage", || tools::install_garage(root))?;
        steps.run("Storage", || nextest(OF_THE_STORAGE, "single"))?;
    }
    steps.run("Cluster: end to end", || {
        let suite = format!("package(sfumato-e2e) and not {OF_ONE_PROCESS}");
        nextest(&suite, "cluster")
    })?;
    steps.run("Cluster: kills", || {
        let mut variables = vec![
            ("SFUMATO_CHAOS_SECONDS", options.seconds.to_string()),
            storage.clone(),
        ];
        variables.extend(options.seed.map(|seed| ("SFUMATO_CHAOS_SEED", seed.to_string())));
        soak::run_test("sfumato-e2e", CHAOS, &variables)
    })
}
