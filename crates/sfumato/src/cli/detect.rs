//! `sfumato detect`.

use std::io::{self, IsTerminal};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context;
use clap::ValueHint;
use sfumato_core::AnonymizeOptions;

use super::UsageError;
use super::look::{RunFlags, WantedFlags};
use crate::blur::plan::Plan;
use crate::detect::{self, Reporter, Run};
use crate::{lifecycle, server, telemetry};

/// Find faces and licence plates in pictures and change nothing
///
/// Takes what `sfumato blur` takes. Prints what was found for people on a terminal, and otherwise a JSON object a line, in
/// the order of the inputs and as soon as it is known: file, document (as docs/detections.md describes it), timings (CPU
/// milliseconds by stage: decode_ms, resize_ms, inference_ms, mask_ms, encode_ms) and warnings, or file and error.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sfumato detect photo.jpg
  sfumato detect photos/ --profile fast > found.jsonl
  sfumato detect 'photos/**/*.jpg' --output found/   also found/photo.jpg.json
  sfumato detect crowd.png --no-plates --face-threshold 0.2 --json
  sfumato detect set/ --jobs 1 --threads 1           for measuring

Exit codes: 0 every input was done, 1 an input failed, 2 the command is wrong.")]
pub(crate) struct Args {
    /// Files, folders, or patterns that the shell did not expand
    #[arg(required = true, value_name = "INPUT", value_hint = ValueHint::AnyPath)]
    inputs: Vec<PathBuf>,
    /// Folder for the documents, each with the name of its picture and .json behind it
    #[arg(short, long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    output: Option<PathBuf>,
    #[command(flatten)]
    wanted: WantedFlags,
    /// Replace documents that exist
    #[arg(long)]
    overwrite: bool,
    /// Print JSON lines on a terminal, too
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    run: RunFlags,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let begun = Instant::now();
    let loaded = args.run.load(&args.wanted)?;
    telemetry::start_quiet(&loaded);
    let plan = Plan::to_look_at(&args.inputs, args.output.as_deref())
        .map_err(|error| UsageError(error.to_string()))?;
    let scratch = tempfile::tempdir().context("make a folder for scratch files")?;
    let work = Run {
        options: AnonymizeOptions {
            faces: !args.wanted.no_faces,
            plates: !args.wanted.no_plates,
            detections_document: true,
            detection: args.wanted.detection(&loaded.settings),
            ..AnonymizeOptions::default()
        },
        limits: server::media_limits(&loaded.settings),
        pool: args
            .run
            .pool(&loaded, plan.files.len(), scratch.path().to_owned())?,
        overwrite: args.overwrite,
    };
    let skipped = plan.skipped.clone();
    let json = args.json || !io::stdout().is_terminal();
    let mut reporter = Reporter::new(plan.files.len(), json);
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    let whole = runtime.block_on(async {
        let interrupted = lifecycle::watch_signals().context("watch for signals")?;
        tokio::select! {
            outcome = detect::run(work, plan, &mut reporter) => outcome.map(|()| true),
            // What is being written is a temporary file, which goes with its task.
            () = interrupted.cancelled() => Ok(false),
        }
    })?;
    if !whole {
        return Ok(ExitCode::from(lifecycle::INTERRUPTED));
    }
    let failed = reporter.finish(&skipped, begun.elapsed())?;
    Ok(ExitCode::from(u8::from(failed)))
}
