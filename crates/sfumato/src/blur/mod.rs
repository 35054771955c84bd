//! `sfumato blur`: the pipeline of the server on files, without a server.
//!
//! [`plan`] says which file becomes which, and refuses what would destroy an input; [`work`] does one file; [`run`] does
//! all of them, several at a time, and tells a [`report::Reporter`].

pub(crate) mod bar;
pub(crate) mod plan;
pub(crate) mod report;
pub(crate) mod skipped;
pub(crate) mod work;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use serde::Serialize;
use sfumato_core::AnonymizeOptions;
use sfumato_core::detection::given::GivenDetections;
use sfumato_media_client::limits::MediaLimits;
use sfumato_media_client::{MediaPool, MediaPoolConfig};
use tokio::task::JoinSet;

use self::plan::Plan;
use self::report::{Outcome, Reporter, Summary};
use self::work::{Found, Job};
use crate::printed::{lossy, printed};
use crate::sandbox;
use crate::settings::LogFormat;

/// Everything that is the same for all files.
pub(crate) struct Run {
    /// What is done to each picture.
    pub(crate) options: AnonymizeOptions,
    /// What is hidden in the one file, instead of what is found.
    pub(crate) given: Option<GivenDetections>,
    /// Limits that are checked before decoding.
    pub(crate) limits: MediaLimits,
    /// The pool's settings; as many processes as files are done at a time.
    pub(crate) pool: MediaPoolConfig,
    /// Where the detections go.
    pub(crate) detections: Option<PathBuf>,
    /// Whether existing outputs are replaced.
    pub(crate) overwrite: bool,
    /// Form of what is said about the sandbox.
    pub(crate) log_format: LogFormat,
}

/// Does all files of the plan.
///
/// # Errors
/// Nothing could be done at all: the media executable does not start, or the detections cannot be written. A file that
/// fails is no error but counted in the summary.
pub(crate) async fn run(run: Run, plan: Plan, reporter: &mut Reporter) -> anyhow::Result<Summary> {
    let mut summary = Summary::new(plan.skipped);
    for refused in plan.failures {
        let outcome = Outcome::failed(refused.input, refused.reason);
        reporter.tell(&outcome);
        summary.add(outcome);
    }
    let single = plan.single_file;
    let mut documents: Vec<Option<Entry>> = vec![];
    if !plan.files.is_empty() {
        let (children, mode) = (run.pool.children_max, run.pool.sandbox);
        let pool = MediaPool::new(run.pool)?;
        // Whatever is wrong with the executable or the models is said once, not once a file.
        let warm = pool.warm_up().await?;
        sandbox::tell(&warm.layers, mode, run.log_format);
        let job = Arc::new(Job {
            pool,
            options: run.options,
            given: run.given,
            limits: run.limits,
            overwrite: run.overwrite,
        });
        documents.resize_with(plan.files.len(), || None);
        let mut running = JoinSet::new();
        let mut waiting = plan.files.into_iter().enumerate();
        loop {
            while running.len() < children
                && let Some((index, file)) = waiting.next()
            {
                let (job, progress) = (Arc::clone(&job), reporter.progress());
                running.spawn(async move {
                    let begun = Instant::now();
                    let done = job.anonymize(&file, progress).await;
                    (index, file, done, begun.elapsed())
                });
            }
            let Some(joined) = running.join_next().await else {
                break;
            };
            let (index, file, done, took) = joined.context("finish a file: its task panicked")?;
            let outcome = match done {
                Ok(done) => {
                    let outcome = Outcome::succeeded(&file, &done, took);
                    if run.detections.is_some() {
                        documents[index] = Some(Entry {
                            input: file.input.clone(),
                            detections: done.document,
                        });
                    }
                    outcome
                }
                Err(error) => {
                    Outcome::failed(file.input, format!("failed to {:#}", anyhow::Error::new(error)))
                }
            };
            reporter.tell(&outcome);
            summary.add(outcome);
        }
        job.pool.shutdown().await;
    }
    if let Some(path) = &run.detections {
        write_detections(path, documents, single, run.overwrite)
            .with_context(|| format!("write the detections {}", printed(path)))?;
    }
    Ok(summary)
}

/// What was found in one of several files.
#[derive(Serialize)]
struct Entry {
    #[serde(serialize_with = "lossy")]
    input: PathBuf,
    detections: Found,
}

/// One document for one file; for several an array that says which is which, in the order of the inputs.
fn write_detections(
    path: &Path,
    documents: Vec<Option<Entry>>,
    single: bool,
    overwrite: bool,
) -> anyhow::Result<()> {
    let mut documents = documents.into_iter().flatten();
    let mut text = if single {
        let Some(entry) = documents.next() else {
            // The one file has failed: there is nothing to write, and an empty file would look like a result.
            return Ok(());
        };
        serde_json::to_vec_pretty(&entry.detections)?
    } else {
        serde_json::to_vec_pretty(&documents.collect::<Vec<_>>())?
    };
    text.push(b'\n');
    work::publish(path, &mut &text[..], overwrite)?;
    Ok(())
}
