//! `sfumato copy`.

use std::process::ExitCode;

use anyhow::Context;

use super::UsageError;
use super::flags::{ConfigFlag, Overrides, StorageFlag, given, load};
use crate::copy::{self, Way};
use crate::settings::FlagValue;
use crate::telemetry;

/// Copy an installation to another database and another storage
///
/// From a data folder to PostgreSQL and back, and from one PostgreSQL to another. Stop every server first, and bring the schema
/// of a database up to date by `sfumato migrate`. Every row is copied, read back and compared; every file is compared with the
/// hash that was recorded when it was written. What is copied stays as it is. A copy that was interrupted goes on where it was
/// when the command is given again. What was done of long videos that are not finished is done again.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sfumato copy --from sfumato-data --storage s3://media/sfumato \\
               --to postgres://sfumato@db.example.com/sfumato
  sfumato copy --from postgres://sfumato@db.example.com/sfumato \\
               --from-storage s3://media/sfumato --to sfumato-data
  sfumato copy --from sfumato-data --config cluster.toml --dry-run
                               reads everything and writes nothing")]
pub(crate) struct Args {
    /// What to copy: a data folder, or a PostgreSQL database such as postgres://host/name
    #[arg(long, value_name = "PLACE")]
    from: String,
    /// Its originals and results [default: in the data folder of --from, or, of a database, where they are copied to]
    #[arg(long, value_name = "PLACE")]
    from_storage: Option<String>,
    /// Where to: a PostgreSQL database, or a data folder [default: what the settings name]
    #[arg(long, value_name = "PLACE")]
    to: Option<String>,
    /// Write nothing; say how much there is, and whether every file is there
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    config: ConfigFlag,
    #[command(flatten)]
    storage: StorageFlag,
}

/// A database that a flag names: by the address of a server, or by the data folder that it lies in.
struct Database<'a> {
    flag: &'static str,
    place: &'a str,
}

impl Overrides for Database<'_> {
    fn overrides(&self) -> Vec<FlagValue> {
        let set = |key, value: &str| FlagValue {
            flag: self.flag,
            key,
            value: value.to_owned(),
        };
        if self.place.contains("://") {
            vec![set("database_url", self.place)]
        } else {
            vec![set("data_dir", self.place), set("database_url", "")]
        }
    }
}

/// Where the files of what is copied lie.
struct FromStorage<'a>(&'a Args);

impl Overrides for FromStorage<'_> {
    fn overrides(&self) -> Vec<FlagValue> {
        let Args {
            from,
            from_storage,
            storage,
            ..
        } = self.0;
        let place = match from_storage {
            None if from.contains("://") => storage.storage.clone(),
            None => Some(String::new()),
            given => given.clone(),
        };
        given("--from-storage", "storage.location", place.as_ref())
            .into_iter()
            .collect()
    }
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let from = Database {
        flag: "--from",
        place: &args.from,
    };
    let to = args.to.as_deref().map(|place| Database { flag: "--to", place });
    let to = to.iter().map(|to| to as &dyn Overrides);
    let target: Vec<_> = to.chain([&args.storage as &dyn Overrides]).collect();
    let target = load(&args.config, &target)?;
    let source = load(&args.config, &[&from as &dyn Overrides, &FromStorage(args)])?;
    telemetry::start_quiet(&target);
    let way = Way {
        from: source.settings,
        to: target.settings,
    };
    if way.from.database_url.is_none() && way.to.database_url.is_none() {
        let refusal = "copy an installation: --to names a PostgreSQL database where --from is a data folder; a data folder is \
                       copied as it is while its server is stopped";
        return Err(UsageError(refusal.into()).into());
    }
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    runtime.block_on(async {
        if args.dry_run {
            copy::rehearse(&way).await
        } else {
            copy::run(&way).await
        }
    })?;
    Ok(ExitCode::SUCCESS)
}
