//! `sfumato serve`.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;

use super::flags::{Overrides, ServeFlags, load};
use crate::{server, telemetry};

/// What is still running when everything was told to stop may take so long to notice.
const RUNTIME_DEADLINE: Duration = Duration::from_secs(1);

/// Start the server: API, workers, webhook deliveries and janitor, all in this process or those that `--roles` names
///
/// SIGTERM and SIGINT stop it in order: running jobs are handed back and taken up at the next start. A second signal
/// ends it at once.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sfumato serve --data-dir data
  sfumato serve --listen 0.0.0.0:8080 --public-url https://blur.example.com
  sfumato serve --config sfumato.toml --log-format json
  sfumato serve --allow-private-webhooks    to try it with `sfumato listen`

Every setting, also those that have no flag: `sfumato config print --defaults`.")]
pub(crate) struct Args {
    #[command(flatten)]
    flags: ServeFlags,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let loaded = load(&args.flags.config, &[&args.flags as &dyn Overrides])?;
    telemetry::start(&loaded);
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    let outcome = runtime.block_on(server::serve(&loaded));
    runtime.shutdown_timeout(RUNTIME_DEADLINE);
    outcome
}
