//! The report: what has become of each entry, as JSON, written as it happens.

use std::fs::File;
use std::io::{self, BufWriter, Read, Write};

use serde::Serialize;
use sfumato_core::{MediaFormat, MediaKind};
use sfumato_media_client::protocol::{Document, Hidden, Timings};

use super::entry::{End, Outcome};
use super::files::At;

/// The name of version 1 of the report.
const SCHEMA: &str = "sfumato.archive/1";

/// Reasons that a failure of the whole archive gives.
const REASONS_MAX: usize = 3;

/// What is said of one entry.
#[derive(Serialize)]
struct Line<'a> {
    name: &'a str,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<MediaKind>,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<MediaFormat>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_in: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_out: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    faces: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    plates: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    warnings: &'a [String],
}

/// What is said of all entries together.
#[derive(Clone, Debug, Default, Serialize)]
pub(super) struct Totals {
    /// Entries that are no folders.
    pub(super) entries: u32,
    pub(super) succeeded: u32,
    pub(super) failed: u32,
    pub(super) omitted: u32,
    pub(super) folders: u32,
    pub(super) faces: u32,
    pub(super) plates: u32,
    bytes_in: u64,
    bytes_out: u64,
    #[serde(skip)]
    pub(super) timings: Timings,
    /// Entries that failed and may have been pictures or videos.
    #[serde(skip)]
    pub(super) failed_media: u32,
    /// Names and reasons of the first of those.
    #[serde(skip)]
    pub(super) reasons: Vec<String>,
    /// Entries that succeeded with a warning.
    #[serde(skip)]
    pub(super) warned: u32,
}

/// Writes the report.
pub(super) struct ReportWriter<'a> {
    output: BufWriter<At<'a>>,
    /// Where the document of a video is.
    video_document: &'a File,
    has_detections: bool,
    totals: Totals,
}

impl<'a> ReportWriter<'a> {
    /// Begins a report at position 0 of `file`. `has_detections` says whether the detections documents of the entries
    /// are in it; that of a video is read from `video_document`.
    ///
    /// # Errors
    /// Those of writing.
    pub(super) fn new(file: &'a File, video_document: &'a File, has_detections: bool) -> io::Result<Self> {
        let mut output = BufWriter::with_capacity(1 << 16, At::new(file));
        write!(output, "{{\"schema\":\"{SCHEMA}\",\"entries\":[")?;
        Ok(Self {
            output,
            video_document,
            has_detections,
            totals: Totals::default(),
        })
    }

    /// Writes what has become of an entry.
    ///
    /// # Errors
    /// Those of writing, and of reading the document of a video.
    pub(super) fn entry(&mut self, outcome: &Outcome) -> io::Result<()> {
        let separator = if self.totals.entries == 0 { "\n" } else { ",\n" };
        self.output.write_all(separator.as_bytes())?;
        self.count(outcome);
        let mut line = Line {
            name: &outcome.name,
            status: "omitted",
            kind: outcome.format.map(MediaFormat::kind),
            format: outcome.format,
            bytes_in: Some(outcome.bytes_in).filter(|_| outcome.format.is_some()),
            bytes_out: None,
            faces: None,
            plates: None,
            error: None,
            warnings: &[],
        };
        let mut document = None;
        match &outcome.end {
            End::Omitted => (),
            End::Failed(error) => {
                line.status = "failed";
                line.error = Some(error.to_string());
            }
            End::Succeeded(done) => {
                line.status = "succeeded";
                line.bytes_out = done.bytes_out();
                line.faces = Some(done.report.hidden.faces);
                line.plates = Some(done.report.hidden.plates);
                line.warnings = &done.report.warnings;
                document = Some(&done.report.document).filter(|_| self.has_detections);
            }
        }
        let text = serde_json::to_string(&line)?;
        let Some(document) = document else {
            return self.output.write_all(text.as_bytes());
        };
        // The document is one more member of the object, whose last byte is the brace that closes it.
        let members = text.strip_suffix('}').unwrap_or(&text);
        self.output.write_all(members.as_bytes())?;
        self.output.write_all(b",\"detections\":")?;
        match document {
            Document::Picture(document) => serde_json::to_writer(&mut self.output, document)?,
            Document::Written { bytes } => {
                let written = At::new(self.video_document).take(*bytes);
                let mut written = io::BufReader::with_capacity(1 << 16, written);
                io::copy(&mut written, &mut self.output)?;
            }
        }
        self.output.write_all(b"}")
    }

    fn count(&mut self, outcome: &Outcome) {
        let totals = &mut self.totals;
        totals.entries += 1;
        totals.bytes_in += outcome.bytes_in;
        match &outcome.end {
            End::Omitted => totals.omitted += 1,
            End::Failed(error) => {
                totals.failed += 1;
                if outcome.end.may_be_media() {
                    totals.failed_media += 1;
                    if totals.reasons.len() < REASONS_MAX {
                        totals.reasons.push(format!("`{}`: {error}", outcome.name));
                    }
                }
            }
            End::Succeeded(done) => {
                let Hidden { faces, plates } = done.report.hidden;
                totals.succeeded += 1;
                totals.bytes_out += done.bytes_out().unwrap_or(0);
                totals.faces = totals.faces.saturating_add(faces);
                totals.plates = totals.plates.saturating_add(plates);
                totals.warned += u32::from(!done.report.warnings.is_empty());
                add(&mut totals.timings, done.report.timings);
            }
        }
    }

    /// Writes the totals. Returns them and the size of the report.
    ///
    /// # Errors
    /// Those of writing.
    pub(super) fn finish(mut self, folders: u32) -> io::Result<(Totals, u64)> {
        self.totals.folders = folders;
        self.output.write_all(b"\n],\"totals\":")?;
        serde_json::to_writer(&mut self.output, &self.totals)?;
        self.output.write_all(b"}\n")?;
        self.output.flush()?;
        Ok((self.totals, self.output.get_ref().position()))
    }
}

fn add(sum: &mut Timings, more: Timings) {
    sum.decode_ms += more.decode_ms;
    sum.resize_ms += more.resize_ms;
    sum.inference_ms += more.inference_ms;
    sum.mask_ms += more.mask_ms;
    sum.encode_ms += more.encode_ms;
}
