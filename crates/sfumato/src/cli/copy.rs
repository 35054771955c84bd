//! `sfumato copy`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::ValueHint;

use super::UsageError;
use super::flags::{ConfigFlag, DataFlag, Overrides, StorageFlag, load};
use crate::{copy, telemetry};

/// Copy an installation from a data folder to PostgreSQL and another storage
///
/// Stop the server of the data folder first, and bring the database up to date by `sfumato migrate`. Every row is copied, read
/// back and compared; every file is compared with the hash that was recorded when it was written. The data folder stays as it
/// is. A copy that was interrupted goes on where it was when the command is given again. What was done of long videos that are
/// not finished is done again.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sfumato copy --from sfumato-data --storage s3://media/sfumato \\
               --database-url postgres://sfumato@db.example.com/sfumato
  sfumato copy --from sfumato-data --config cluster.toml --dry-run
                               reads everything and writes nothing")]
pub(crate) struct Args {
    /// The data folder to copy
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    from: PathBuf,
    /// Write nothing; say how much there is, and whether every file is there
    #[arg(long)]
    dry_run: bool,
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
    if loaded.settings.database_url.is_none() {
        let refusal = "copy an installation: --database-url names the PostgreSQL database to copy it to";
        return Err(UsageError(refusal.into()).into());
    }
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    runtime.block_on(copy::run(&loaded.settings, &args.from, args.dry_run))?;
    Ok(ExitCode::SUCCESS)
}
