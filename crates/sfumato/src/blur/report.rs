//! What `sfumato blur` tells: a bar on a terminal, lines otherwise, JSON on request, and a summary at the end.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Serialize, Serializer};
use sfumato_media_client::protocol::Timings;

use super::bar::Bar;
use super::plan::Planned;
use super::skipped::Skipped;
use super::work::Done;
use crate::output;
use crate::printed::{lossy, lossy_option, printed};

/// What came of one input.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Outcome {
    #[serde(serialize_with = "lossy")]
    input: PathBuf,
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "lossy_option")]
    output: Option<PathBuf>,
    #[serde(skip_serializing_if = "Option::is_none")]
    faces: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    plates: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    duration_ms: Option<u64>,
    /// CPU time by stage, with the names of the protocol.
    #[serde(skip_serializing_if = "Option::is_none")]
    timings: Option<Timings>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl Outcome {
    /// It was done.
    pub(crate) fn succeeded(file: &Planned, done: &Done, took: Duration) -> Self {
        Self {
            input: file.input.clone(),
            output: Some(file.output.clone()),
            faces: Some(done.hidden.faces),
            plates: Some(done.hidden.plates),
            duration_ms: Some(u64::try_from(took.as_millis()).unwrap_or(u64::MAX)),
            timings: Some(done.timings),
            warnings: file
                .misnamed()
                .into_iter()
                .chain(done.warnings.iter().cloned())
                .collect(),
            error: None,
        }
    }

    /// It was not.
    pub(crate) fn failed(input: PathBuf, error: String) -> Self {
        Self {
            input,
            output: None,
            faces: None,
            plates: None,
            duration_ms: None,
            timings: None,
            warnings: vec![],
            error: Some(error),
        }
    }

    fn line(&self) -> String {
        match (&self.error, &self.output) {
            (Some(error), _) => format!("error: {}: {error}", printed(&self.input)),
            (None, output) => format!(
                "{} -> {}: {}, {} hidden ({} ms)",
                printed(&self.input),
                printed(output.as_deref().unwrap_or(Path::new(""))),
                counted(self.faces.unwrap_or(0) as usize, "face"),
                counted(self.plates.unwrap_or(0) as usize, "plate"),
                self.duration_ms.unwrap_or(0),
            ),
        }
    }
}

/// All outcomes.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Summary {
    files: Vec<Outcome>,
    succeeded: usize,
    failed: usize,
    #[serde(serialize_with = "count")]
    skipped: Skipped,
}

/// How many files.
fn count<S: Serializer>(skipped: &Skipped, serializer: S) -> Result<S::Ok, S::Error> {
    skipped.files.serialize(serializer)
}

impl Summary {
    /// Nothing yet, but for what was skipped.
    pub(crate) fn new(skipped: Skipped) -> Self {
        Self {
            skipped,
            ..Self::default()
        }
    }

    pub(crate) fn add(&mut self, outcome: Outcome) {
        if outcome.error.is_some() {
            self.failed += 1;
        } else {
            self.succeeded += 1;
        }
        self.files.push(outcome);
    }

    /// Whether any input failed.
    pub(crate) fn any_failed(&self) -> bool {
        self.failed > 0
    }

    fn line(&self, took: Duration) -> String {
        let sum = |count: fn(&Outcome) -> Option<u32>| {
            self.files
                .iter()
                .filter_map(count)
                .map(|count| count as usize)
                .sum()
        };
        let mut line = format!(
            "{} done in {:.1} s: {} and {} hidden",
            counted(self.succeeded, "file"),
            took.as_secs_f64(),
            counted(sum(|outcome| outcome.faces), "face"),
            counted(sum(|outcome| outcome.plates), "plate"),
        );
        if self.failed > 0 {
            line.push_str(&format!("; {} failed", self.failed));
        }
        line + &self.skipped.summary()
    }
}

pub(crate) fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

/// Tells how it goes. Failures and warnings go to standard error, whatever else is printed.
pub(crate) struct Reporter {
    bar: Bar,
    json: bool,
}

impl Reporter {
    /// A bar on a terminal; hidden where standard error is none.
    pub(crate) fn new(files: usize, json: bool) -> Self {
        Self {
            bar: Bar::new(files),
            json,
        }
    }

    /// Somebody who hears the fractions of one file, and by whose end the file is done.
    pub(crate) fn progress(&self) -> impl FnMut(f32) + Send + use<> {
        self.bar.progress()
    }

    /// One input has come to its end.
    pub(crate) fn tell(&mut self, outcome: &Outcome) {
        let line = outcome.line();
        if outcome.error.is_some() {
            self.bar.note(&line);
        } else if self.bar.is_hidden() && !self.json {
            if let Err(error) = output::line(&line) {
                output::note(format!("error: failed to print a line: {error}"));
            }
        } else {
            self.bar.show(&outcome.input);
        }
        for warning in &outcome.warnings {
            self.bar
                .note(&format!("warning: {}: {warning}", printed(&outcome.input)));
        }
    }

    /// The end.
    ///
    /// # Errors
    /// Standard output cannot be written.
    pub(crate) fn finish(self, summary: &Summary, took: Duration) -> anyhow::Result<()> {
        self.bar.finish();
        summary.skipped.notes().iter().for_each(output::note);
        if self.json {
            output::json(&serde_json::to_value(summary)?)?;
        } else {
            output::line(summary.line(took))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_summary_counts_every_input_once() {
        let mut skipped = Skipped::default();
        for name in ["a.txt", "b.txt", "c.txt"] {
            skipped.file(Path::new(name));
        }
        let mut summary = Summary::new(skipped);
        summary.add(Outcome::failed("a.jpg".into(), "failed to read it".into()));
        let mut done = Outcome::failed("b.jpg".into(), String::new());
        (done.error, done.faces, done.plates) = (None, Some(2), Some(1));
        summary.add(done);
        assert!(summary.any_failed());
        assert_eq!(
            summary.line(Duration::from_millis(1_240)),
            "1 file done in 1.2 s: 2 faces and 1 plate hidden; 1 failed; 3 files skipped: no media"
        );
    }
}
