//! `sfumato backup`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::ValueHint;

use super::flags::{ConfigFlag, DataFlag, Overrides, StorageFlag, load};
use crate::backup::{self, Wanted};
use crate::telemetry;

/// Copy an installation to a folder from which it can be restored, while its server runs
///
/// The database is copied as it stands at one commit; then every original and result that it refers to, each compared with the
/// hash that was recorded when it was written. What has had its retention meanwhile is left out. A manifest with the hash of
/// every file is written last. Of an installation on PostgreSQL every row is copied as it stands at one commit, into a database of
/// SQLite that lies in the backup.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sfumato backup --to /backups/monday --data-dir data
  sfumato backup --to /backups/monday --data-dir data --without-files
                               where the bucket has a backup of its own
  sfumato backup --to /vault/monday --data-dir data --with-keys
                               whoever reads it can sign tokens
  sfumato backup --to /backups/monday --config cluster.toml
                               where the settings name PostgreSQL")]
pub(crate) struct Args {
    /// The folder to write to; must be empty or not exist
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    to: PathBuf,
    /// Put the installation's keys into it, too
    #[arg(long)]
    with_keys: bool,
    /// Leave originals and results out
    #[arg(long)]
    without_files: bool,
    #[command(flatten)]
    config: ConfigFlag,
    #[command(flatten)]
    data: DataFlag,
    #[command(flatten)]
    storage: StorageFlag,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let loaded = load(&args.config, &[&args.data as &dyn Overrides, &args.storage])?;
    telemetry::start_quiet(&loaded);
    let wanted = Wanted {
        keys: args.with_keys,
        files: !args.without_files,
    };
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    runtime.block_on(backup::back_up(&loaded.settings, &args.to, wanted))?;
    Ok(ExitCode::SUCCESS)
}
