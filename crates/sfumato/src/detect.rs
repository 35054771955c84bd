//! `sfumato detect`: what is in pictures, without a server. Outcomes come in the order of the inputs, each as soon as all
//! before it are there.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use serde::Serialize;
use sfumato_core::AnonymizeOptions;
use sfumato_core::detection::{Class, DocumentedDetection};
use sfumato_media_client::limits::MediaLimits;
use sfumato_media_client::protocol::{Hidden, Timings};
use sfumato_media_client::{MediaPool, MediaPoolConfig};
use tokio::task::JoinSet;

use crate::blur::bar::Bar;
use crate::blur::plan::{Plan, Planned};
use crate::blur::report::counted;
use crate::blur::skipped::Skipped;
use crate::blur::work::{Done, Found, Job};
use crate::printed::{lossy, printed};

/// Everything that is the same for all files.
pub(crate) struct Run {
    /// What is looked for; how it would be hidden means nothing.
    pub(crate) options: AnonymizeOptions,
    /// Limits that are checked before decoding.
    pub(crate) limits: MediaLimits,
    /// The pool's settings; as many processes as files are looked at at a time.
    pub(crate) pool: MediaPoolConfig,
    /// Whether existing documents are replaced.
    pub(crate) overwrite: bool,
}

/// What came of one input: a line of the output.
#[derive(Debug, Serialize)]
struct Outcome {
    #[serde(serialize_with = "lossy")]
    file: PathBuf,
    #[serde(skip)]
    hidden: Hidden,
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<Found>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timings: Option<Timings>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Outcome {
    fn found(file: &Planned, done: Done) -> Self {
        Self {
            file: file.input.clone(),
            hidden: done.hidden,
            document: Some(done.document),
            timings: Some(done.timings),
            warnings: done.warnings,
            error: None,
        }
    }

    fn failed(file: PathBuf, error: String) -> Self {
        Self {
            file,
            hidden: Hidden::default(),
            document: None,
            timings: None,
            warnings: vec![],
            error: Some(error),
        }
    }

    fn count(&self, class: Class) -> usize {
        if let Some(Found::Written(_)) = &self.document {
            let count = match class {
                Class::Face => self.hidden.faces,
                Class::Plate => self.hidden.plates,
            };
            return count as usize;
        }
        self.detections()
            .iter()
            .filter(|found| found.class == class)
            .count()
    }

    /// The detections of a picture.
    fn detections(&self) -> &[DocumentedDetection] {
        match &self.document {
            Some(Found::Picture(document)) => &document.detections,
            Some(Found::Written(_)) | None => &[],
        }
    }

    /// For people: what was found, and one line for each of it.
    fn text(&self) -> String {
        let mut text = format!(
            "{}: {}",
            printed(&self.file),
            counts([Class::Face, Class::Plate].map(|class| self.count(class)))
        );
        for found in self.detections() {
            let class = match found.class {
                Class::Face => "face",
                Class::Plate => "plate",
            };
            let frame = found
                .frame
                .map(|frame| format!(", frame {frame}"))
                .unwrap_or_default();
            let at = &found.bbox;
            text.push_str(&format!(
                "\n  {class} {:.2} at {:.0},{:.0}, {:.0} x {:.0}{frame} ({})",
                found.confidence, at.x, at.y, at.width, at.height, found.model
            ));
        }
        text
    }
}

fn counts([faces, plates]: [usize; 2]) -> String {
    format!("{}, {}", counted(faces, "face"), counted(plates, "plate"))
}

/// Tells each outcome when its turn has come.
pub(crate) struct Reporter {
    bar: Bar,
    json: bool,
    early: BTreeMap<usize, Outcome>,
    told: usize,
    failed: usize,
    found: [usize; 2],
}

impl Reporter {
    /// `json`: one JSON object a line; otherwise text for people.
    pub(crate) fn new(files: usize, json: bool) -> Self {
        Self {
            bar: Bar::new(files),
            json,
            early: BTreeMap::new(),
            told: 0,
            failed: 0,
            found: [0; 2],
        }
    }

    fn take(&mut self, place: usize, outcome: Outcome) -> anyhow::Result<()> {
        self.early.insert(place, outcome);
        while let Some(outcome) = self.early.remove(&self.told) {
            self.told += 1;
            self.tell(&outcome)?;
        }
        Ok(())
    }

    fn tell(&mut self, outcome: &Outcome) -> anyhow::Result<()> {
        let file = printed(&outcome.file);
        self.bar.show(&outcome.file);
        for warning in &outcome.warnings {
            self.bar.note(&format!("warning: {file}: {warning}"));
        }
        if let Some(error) = &outcome.error {
            self.failed += 1;
            self.bar.note(&format!("error: {file}: {error}"));
        }
        self.found[0] += outcome.count(Class::Face);
        self.found[1] += outcome.count(Class::Plate);
        if self.json {
            self.bar.line(&serde_json::to_string(outcome)?)?;
        } else if outcome.error.is_none() {
            self.bar.line(&outcome.text())?;
        }
        Ok(())
    }

    /// The end; whether any input failed.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub(crate) fn finish(self, skipped: &Skipped, took: Duration) -> anyhow::Result<bool> {
        let summary = self.summary(skipped, took);
        let Self {
            bar, json, failed, ..
        } = self;
        bar.finish();
        skipped.notes().iter().for_each(crate::output::note);
        if !json {
            crate::output::line(summary)?;
        }
        Ok(failed > 0)
    }

    fn summary(&self, skipped: &Skipped, took: Duration) -> String {
        let mut line = format!(
            "{} looked at in {:.1} s: {}",
            counted(self.told - self.failed, "file"),
            took.as_secs_f64(),
            counts(self.found)
        );
        if self.failed > 0 {
            line.push_str(&format!("; {} failed", self.failed));
        }
        line + &skipped.summary()
    }
}

/// Looks at all files of the plan.
///
/// # Errors
/// Nothing could be done at all: the media executable does not start, or standard output cannot be written. A file that fails
/// is no error but counted.
pub(crate) async fn run(run: Run, plan: Plan, reporter: &mut Reporter) -> anyhow::Result<()> {
    for refused in plan.failures {
        reporter.take(refused.place, Outcome::failed(refused.input, refused.reason))?;
    }
    if plan.files.is_empty() {
        return Ok(());
    }
    let children = run.pool.children_max;
    let pool = MediaPool::new(run.pool)?;
    // Whatever is wrong with the executable or the models is said once, not once a file.
    pool.warm_up().await?;
    let job = Arc::new(Job {
        pool,
        options: run.options,
        given: None,
        limits: run.limits,
        overwrite: run.overwrite,
    });
    let mut running = JoinSet::new();
    let mut waiting = plan.files.into_iter();
    loop {
        while running.len() < children
            && let Some(file) = waiting.next()
        {
            let (job, progress) = (Arc::clone(&job), reporter.bar.progress());
            running.spawn(async move {
                let done = job.detect(&file, progress).await;
                (file, done)
            });
        }
        let Some(joined) = running.join_next().await else {
            break;
        };
        let (file, done) = joined.context("finish a file: its task panicked")?;
        let outcome = match done {
            Ok(done) => Outcome::found(&file, done),
            Err(error) => Outcome::failed(
                file.input.clone(),
                format!("failed to {:#}", anyhow::Error::new(error)),
            ),
        };
        reporter.take(file.place, outcome)?;
    }
    job.pool.shutdown().await;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn outcomes_wait_for_those_before_them() {
        let mut reporter = Reporter::new(3, false);
        let mut skipped = Skipped::default();
        skipped.file(Path::new("notes.txt"));
        let failed = |name: &str| Outcome::failed(name.into(), "gone".into());
        reporter.take(2, failed("c")).unwrap();
        reporter.take(1, failed("b")).unwrap();
        assert_eq!((reporter.told, reporter.early.len()), (0, 2));
        reporter.take(0, failed("a")).unwrap();
        assert_eq!((reporter.told, reporter.early.len()), (3, 0));
        assert_eq!(
            reporter.summary(&skipped, Duration::from_millis(1_250)),
            "0 files looked at in 1.2 s: 0 faces, 0 plates; 3 failed; 1 file skipped: no media"
        );
        assert!(reporter.finish(&skipped, Duration::ZERO).unwrap());
    }
}
