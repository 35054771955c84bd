//! `sfumato verify`.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use sfumato_core::{Clock, Entropy};
use sfumato_engine::system::{SystemClock, SystemEntropy};

use super::flags::{ConfigFlag, DataFlag, Overrides, StorageFlag, load};
use crate::data_dir::DataDir;
use crate::settings::Settings;
use crate::{blob_walk, database, output, storage, telemetry};

/// Read every file that the database refers to, and compare it with what was recorded
///
/// Says also how many files in the storage no job refers to: what is being uploaded or written now, and what the janitor will
/// delete. Works beside a running server, which may delete a file between the look at its job and the look at the file.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sfumato verify --data-dir data         1 where a file is missing or damaged
  sfumato verify --config cluster.toml --json")]
pub(crate) struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
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
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    runtime.block_on(verify(&loaded.settings, args.json))?;
    Ok(ExitCode::SUCCESS)
}

async fn verify(settings: &Settings, json: bool) -> anyhow::Result<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let store = database::open_existing(settings, false, &clock, &entropy).await?;
    let blobs = storage::open(settings, &DataDir::unopened(&settings.data_dir), &entropy)?;
    let now = clock.now();
    let walk = blob_walk::walk(&*store, async |recorded| {
        Ok((blobs.examine(recorded).await?, recorded.written.bytes))
    });
    let tally = walk.await?;
    let uploads = blobs
        .uploads_written_before(now)
        .await
        .context("list the originals")?;
    let results = blobs
        .results_written_before(now)
        .await
        .context("list the results")?;
    let unknown = store.orphan_uploads(&uploads).await?.len() + store.orphan_results(&results).await?.len();
    if json {
        output::json(&serde_json::json!({
            "jobs": tally.jobs,
            "files": tally.right,
            "bytes": tally.bytes,
            "missing": tally.missing,
            "damaged": tally.wrong,
            "withoutJob": unknown,
        }))?;
    } else {
        output::line(format!(
            "{} jobs; {} files with {} bytes are as they were recorded; {unknown} uploads and results have no job",
            tally.jobs, tally.right, tally.bytes
        ))?;
    }
    tally.judge()
}
