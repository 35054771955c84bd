//! `sfumato migrate`.

use std::process::ExitCode;

use anyhow::Context;

use super::flags::{ConfigFlag, DataFlag, Overrides, load};
use crate::{database, output, telemetry};

/// Bring the schema of the database up to date
///
/// SQLite is brought up to date at each start by itself. PostgreSQL is not, because other processes may be working with it:
/// stop them, or read in the change log that the new version works beside the old one, and then run this once. Processes that
/// run it at the same time take turns, and what fails changes nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sfumato migrate --database-url postgres://sfumato@db.example.com/sfumato
  sfumato migrate --check                exit code 1 where something is missing
  SFUMATO_DATABASE_URL=postgres://… sfumato migrate")]
pub(crate) struct Args {
    /// Change nothing, and say what would be applied
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    config: ConfigFlag,
    #[command(flatten)]
    data: DataFlag,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let loaded = load(&args.config, &[&args.data as &dyn Overrides])?;
    telemetry::start_quiet(&loaded);
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    runtime.block_on(migrate(&loaded.settings, args.check))
}

async fn migrate(settings: &crate::settings::Settings, check: bool) -> anyhow::Result<ExitCode> {
    let database = database::name(settings);
    if check {
        let pending = database::pending(settings).await?;
        if pending.is_empty() {
            output::line(format!("{database} is up to date"))?;
            return Ok(ExitCode::SUCCESS);
        }
        output::line(format!("{database} lacks {}", listed(&pending)))?;
        return Ok(ExitCode::FAILURE);
    }
    let applied = database::migrate(settings).await?;
    if applied.is_empty() {
        output::line(format!("{database} was up to date"))?;
    } else {
        output::line(format!("{database} is up to date: applied {}", listed(&applied)))?;
    }
    Ok(ExitCode::SUCCESS)
}

fn listed(numbers: &[i64]) -> String {
    let word = if numbers.len() == 1 {
        "migration"
    } else {
        "migrations"
    };
    let numbers: Vec<_> = numbers.iter().map(ToString::to_string).collect();
    format!("{word} {}", numbers.join(", "))
}
