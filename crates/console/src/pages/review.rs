//! `/manager/jobs/{job}/review`: what is hidden in an original, edited and rendered again.

use askama::Template;
use axum::Router;
use axum::extract::rejection::{FormRejection, PathRejection};
use axum::extract::{Form, Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use futures::TryStreamExt;
use sfumato_core::audit::{Action, Subject};
use sfumato_core::detection::given::GIVEN_BYTES_MAX;
use sfumato_core::detection::{Class, DetectionsDocument, DocumentedTrack, VideoDetectionsDocument};
use sfumato_core::{Job, MediaKind};
use sfumato_engine::access::Caller;
use sfumato_engine::blobs::BlobError;
use sfumato_engine::intake::Terms;
use sfumato_engine::options::{OptionsForm, is_option};
use sfumato_engine::render::RenderError;

use super::job::{JobPath, find};
use super::job_view::is_shown;
use super::review_edits::Document;
use super::review_rows::shown;
use super::review_video::frame_rate;
use crate::Console;
use crate::error::{ConsoleError, sentence};
use crate::look::Toast;
use crate::page::{self, Nav};
use crate::visitor::Visitor;

/// Rows that the page has at most. The document may have more; those stay as they are.
const ROWS_MAX: usize = 300;

/// One detection or track of the document.
struct Row {
    /// Its number in the document.
    number: usize,
    class: Class,
    /// Who found it, and how sure.
    by: String,
    hidden: bool,
    place: Place,
}

/// Where it is.
enum Place {
    /// In a picture: left, top, width and height in pixels, and the frame where there are several.
    Still([String; 4], Option<u32>),
    /// In a video: from when to when, in seconds.
    Moving(f64, f64),
}

impl Row {
    fn word(&self) -> &'static str {
        class_word(self.class)
    }

    /// The numbers of its box: the member, what it is called, the value.
    fn numbers(&self) -> Vec<(&'static str, &'static str, &str)> {
        let Place::Still(values, _) = &self.place else {
            return Vec::new();
        };
        let names = [
            ("x", "Left"),
            ("y", "Top"),
            ("width", "Width"),
            ("height", "Height"),
        ];
        let named = names.into_iter().zip(values);
        named
            .map(|((member, word), value)| (member, word, value.as_str()))
            .collect()
    }

    /// Whether it is in a frame that the page does not show.
    const fn is_elsewhere(&self) -> bool {
        matches!(self.place, Place::Still(_, Some(1..)))
    }

    fn seconds(&self) -> Option<(String, String)> {
        match self.place {
            Place::Still(..) => None,
            Place::Moving(from, to) => Some((format!("{from:.2}"), format!("{to:.2}"))),
        }
    }
}

const fn class_word(class: Class) -> &'static str {
    match class {
        Class::Face => "Face",
        Class::Plate => "Licence plate",
    }
}

fn by(confidence: f32, manual: bool) -> String {
    if manual {
        "by hand".to_owned()
    } else {
        format!("{:.0} %", confidence * 100.0)
    }
}

#[derive(Template)]
#[template(path = "review.html")]
struct Review<'a> {
    visitor: &'a Visitor,
    job: &'a Job,
    is_video: bool,
    /// Whether a browser shows the original.
    is_shown: bool,
    /// As displayed, in pixels.
    size: (u32, u32),
    /// More than one: an animation or pages.
    frames: u32,
    /// Of a video, in seconds and frames a second.
    duration_s: f64,
    rate: f64,
    rows: Vec<Row>,
    /// Of all detections or tracks.
    count: usize,
}

impl Review<'_> {
    /// What the rows are called.
    fn things(&self) -> &'static str {
        if self.is_video { "tracks" } else { "boxes" }
    }

    /// New rows for browsers without scripts.
    fn blank_rows(&self) -> [&'static str; 3] {
        ["new-a", "new-b", "new-c"]
    }
}

pub(super) fn router() -> Router<Console> {
    Router::new().route("/manager/jobs/{job}/review", get(show).post(render))
}

/// The detections document of a job that can be rendered again.
async fn document(console: &Console, job: &Job, caller: &Caller) -> Result<Document, ConsoleError> {
    let kind = job.upload.format.kind();
    let cannot = |text: &'static str| Err(ConsoleError::Conflict(text.into()));
    if kind == MediaKind::Archive {
        return cannot("What is in an archive cannot be edited here. Upload the file in question by itself.");
    }
    if !job.is_finished() {
        return cannot("The job has not finished yet. Come back when it has.");
    }
    if !job.original_kept {
        return cannot(
            "The original is not kept any more, so that nothing can be rendered again. Upload it anew.",
        );
    }
    let Ok(stored) = console.engine.detections(caller, &job.public_id()).await else {
        return cannot("The job has no result any more, and its detections went with it. Retry it first.");
    };
    if stored.bytes > GIVEN_BYTES_MAX as u64 {
        return cannot(
            "There are too many detections to be edited here. Download them, and render by the API.",
        );
    }
    let mut content = Vec::new();
    let mut stream = stored.read(0..stored.bytes).await?;
    while let Some(chunk) = stream.try_next().await.map_err(ConsoleError::internal)? {
        content.extend_from_slice(&chunk);
    }
    // Up to 32 MiB of JSON would hold up whatever else this thread does.
    let read = tokio::task::spawn_blocking(move || match kind {
        MediaKind::Video => serde_json::from_slice(&content).map(Document::Video),
        _ => serde_json::from_slice(&content).map(Document::Picture),
    });
    read.await
        .map_err(ConsoleError::internal)?
        .map_err(ConsoleError::internal)
}

impl<'a> Review<'a> {
    fn of_picture(visitor: &'a Visitor, job: &'a Job, document: &DetectionsDocument) -> Self {
        let row = |(number, found): (usize, &sfumato_core::detection::DocumentedDetection)| Row {
            number,
            class: found.class,
            by: by(found.confidence, found.manual),
            hidden: found.hidden,
            place: Place::Still(
                [found.bbox.x, found.bbox.y, found.bbox.width, found.bbox.height].map(shown),
                found.frame,
            ),
        };
        let found = document.detections.iter().enumerate();
        Self {
            visitor,
            job,
            is_video: false,
            is_shown: is_shown(job.upload.format),
            size: (document.picture.width, document.picture.height),
            frames: document.picture.frames.unwrap_or(1),
            duration_s: 0.0,
            rate: 0.0,
            rows: found.take(ROWS_MAX).map(row).collect(),
            count: document.detections.len(),
        }
    }

    fn of_video(visitor: &'a Visitor, job: &'a Job, document: &VideoDetectionsDocument) -> Self {
        let rate = frame_rate(&document.video);
        let row = |(number, track): (usize, &DocumentedTrack)| Row {
            number,
            class: track.class,
            by: by(track.confidence, track.manual),
            hidden: track.hidden,
            place: Place::Moving(
                f64::from(track.first_frame) / rate,
                (f64::from(track.last_frame) + 1.0) / rate,
            ),
        };
        let tracks = document.tracks.iter().enumerate();
        Self {
            visitor,
            job,
            is_video: true,
            is_shown: is_shown(job.upload.format),
            size: (document.video.width, document.video.height),
            frames: document.video.frames,
            duration_s: document.video.duration_s,
            rate,
            rows: tracks.take(ROWS_MAX).map(row).collect(),
            count: document.tracks.len(),
        }
    }
}

async fn show(
    State(console): State<Console>,
    visitor: Visitor,
    path: Result<Path<JobPath>, PathRejection>,
) -> Result<Response, ConsoleError> {
    let (job, caller) = find(&console, &visitor, path).await?;
    let body = match document(&console, &job, &caller).await? {
        Document::Picture(document) => Review::of_picture(&visitor, &job, &document),
        Document::Video(document) => Review::of_video(&visitor, &job, &document),
    };
    let title = format!("Edit {}: {}", body.things(), job.upload.file_name);
    Ok(page::page(&visitor, Nav::Jobs, &title, &body)?.into_response())
}

async fn render(
    State(console): State<Console>,
    visitor: Visitor,
    path: Result<Path<JobPath>, PathRejection>,
    fields: Result<Form<Vec<(String, String)>>, FormRejection>,
) -> Result<Response, ConsoleError> {
    let (job, caller) = find(&console, &visitor, path).await?;
    let Form(fields) = fields?;
    let mut options = OptionsForm::new();
    for (name, text) in fields.iter().filter(|(name, _)| is_option(name)) {
        options.push(name, text)?;
    }
    let options = options.over(job.options.clone());
    let document = document(&console, &job, &caller).await?;
    let given = tokio::task::spawn_blocking(move || document.edited(&fields));
    let given = given.await.map_err(ConsoleError::internal)??;
    let id = job.public_id();
    let terms = Terms::default();
    let revision = console
        .engine
        .render(&caller, &id, &given, options, terms)
        .await?
        .job;
    let name = &job.upload.file_name;
    let deed = visitor.deed(Action::JobRendered).to(Subject::Job(job.id));
    let deed = deed.of(job.client).with("file", name.as_str());
    console.audit(deed.with("new_job", revision.to_string())).await;
    let toast = Toast::success(format!("{name} is rendered again, as a new job."));
    Ok(page::redirect(&format!("/manager/jobs/{revision}"), Some(toast)))
}

impl From<RenderError> for ConsoleError {
    fn from(error: RenderError) -> Self {
        match error {
            RenderError::Unknown => Self::NotFound,
            RenderError::NotFinished | RenderError::NotRetained => {
                Self::Conflict(sentence(&error.to_string()).into())
            }
            RenderError::Archive | RenderError::OtherKind { .. } => {
                Self::refused(sentence(&error.to_string()))
            }
            RenderError::Store(source) => source.into(),
            RenderError::Blobs(BlobError::Full) => {
                Self::Conflict("The storage is full. Tell the operator.".into())
            }
            RenderError::Blobs(source) => Self::internal(source),
        }
    }
}
