//! `sfumato restore`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::ValueHint;

use super::UsageError;
use super::flags::{ConfigFlag, Overrides, StorageFlag, given, load};
use crate::settings::FlagValue;
use crate::{backup, telemetry};

/// Make a data folder, or a database on PostgreSQL with its storage, of a backup
///
/// Every file is compared with the backup's manifest before anything is written. Start a server on it afterwards: jobs that waited
/// or ran go on, and webhooks that were sent after the backup was made are sent again, under the same `webhook-id`. Never let a
/// server run on the old installation beside it. Backups of data folders and of PostgreSQL are the same, and either becomes the
/// other.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sfumato restore --from /backups/monday --data-dir restored
  sfumato restore --from /backups/monday --storage s3://media/restored \\
                  --database-url postgres://sfumato@db.example.com/restored
  sfumato restore --from /backups/monday --config cluster.toml
                               where the settings name PostgreSQL")]
pub(crate) struct Args {
    /// The folder of the backup
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    from: PathBuf,
    /// The data folder to make; must be empty or not exist
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, conflicts_with_all = ["database_url", "storage", "config"])]
    data_dir: Option<PathBuf>,
    /// The PostgreSQL database to restore to; must be empty [default: what the settings name]
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    database_url: Option<String>,
    #[command(flatten)]
    storage: StorageFlag,
    #[command(flatten)]
    config: ConfigFlag,
}

struct DatabaseFlag<'a>(&'a Args);

impl Overrides for DatabaseFlag<'_> {
    fn overrides(&self) -> Vec<FlagValue> {
        given("--database-url", "database_url", self.0.database_url.as_ref())
            .into_iter()
            .collect()
    }
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    if let Some(data_dir) = &args.data_dir {
        backup::restore(&args.from, data_dir)?;
        return Ok(ExitCode::SUCCESS);
    }
    let loaded = load(
        &args.config,
        &[&DatabaseFlag(args) as &dyn Overrides, &args.storage],
    )?;
    telemetry::start_quiet(&loaded);
    if loaded.settings.database_url.is_none() {
        let refusal = "restore the backup: name a data folder by --data-dir, or a database on PostgreSQL by --database-url";
        return Err(UsageError(refusal.into()).into());
    }
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    runtime.block_on(backup::restore_to_postgres(&args.from, &loaded.settings))?;
    Ok(ExitCode::SUCCESS)
}
