//! Receives the multipart form of an upload: files stream to storage chunk by chunk, what else it says is collected.

use std::error::Error;

use axum::body::Body;
use axum::extract::multipart::{Field, Multipart, MultipartError};
use axum::extract::{DefaultBodyLimit, FromRequest, Request};
use futures::StreamExt;
use sfumato_engine::Engine;
use sfumato_engine::intake::{IntakeError, StoredUpload};
use sfumato_engine::options::{InvalidField, OptionsForm};
use sfumato_engine::unparsed::Unparsed;

use crate::error::{ConsoleError, is_too_slow, sentence};

/// Files that one form may bring.
pub(crate) const FILES_MAX: usize = 100;

/// Parts that are no file.
const FIELDS_MAX: usize = 64;

/// Size of a part that is no file, in bytes.
const TEXT_BYTES_MAX: usize = 64 * 1024;

/// What is still read of a refused file, in bytes, so that the browser gets to see the answer.
const DRAINED_BYTES_MAX: usize = 64 * 1024 * 1024;

/// The name of files in the form, as on the API.
const FILE: &str = "input_media";

/// A file of the form, and why it is not taken, where it is not.
pub(crate) struct ReceivedFile {
    /// What the browser calls it.
    pub(crate) name: String,
    pub(crate) upload: Result<StoredUpload, IntakeError>,
}

/// A whole form. Files of which no job is made are deleted with it.
pub(crate) struct Received {
    pub(crate) files: Vec<ReceivedFile>,
    pub(crate) options: OptionsForm,
    /// Whose jobs they become, where the visitor may choose.
    pub(crate) client: String,
}

/// Receives a form.
///
/// # Errors
/// [`ConsoleError::Refused`] for a form that is none, is cut off or has an option that is not allowed;
/// [`ConsoleError::TooLarge`]; [`ConsoleError::TooSlow`]. Then nothing is left behind.
pub(crate) async fn receive(engine: &Engine, request: Request) -> Result<Received, ConsoleError> {
    let unparsed = Unparsed::default();
    let mut multipart = open(request, unparsed.clone()).await?;
    let mut received = Received {
        files: Vec::new(),
        options: OptionsForm::new(),
        client: String::new(),
    };
    let mut fields = 0;
    while let Some(field) = multipart.next_field().await.map_err(cut_off)? {
        let name = field.name().unwrap_or_default().to_owned();
        if name == FILE {
            if received.files.len() == FILES_MAX {
                return Err(ConsoleError::refused(format!(
                    "A form may bring {FILES_MAX} files; send the rest in another one."
                )));
            }
            received.files.extend(file(engine, field, &unparsed).await?);
            continue;
        }
        fields += 1;
        if fields > FIELDS_MAX {
            return Err(ConsoleError::TooLarge);
        }
        let text = text(field, &unparsed).await?;
        if name == "client" {
            received.client = text;
        } else {
            received.options.push(&name, &text)?;
        }
    }
    Ok(received)
}

async fn open(request: Request, unparsed: Unparsed) -> Result<Multipart, ConsoleError> {
    let (parts, body) = request.into_parts();
    let body = body.into_data_stream().map(move |chunk| {
        let chunk = chunk.map_err(|error| Box::new(error) as Box<dyn Error + Send + Sync>)?;
        unparsed.went_in(chunk.len())?;
        Ok::<_, Box<dyn Error + Send + Sync>>(chunk)
    });
    let mut request = Request::from_parts(parts, Body::from_stream(body));
    // Files are counted by the engine and the rest here; the layer's limit is of the whole body.
    DefaultBodyLimit::disable().apply(&mut request);
    Multipart::from_request(request, &())
        .await
        .map_err(|_| ConsoleError::refused("The form brings no files."))
}

/// Takes one file. `None` where a form brings an empty one, as browsers do when none was chosen.
async fn file(
    engine: &Engine,
    mut field: Field<'_>,
    unparsed: &Unparsed,
) -> Result<Option<ReceivedFile>, ConsoleError> {
    let name = field.file_name().unwrap_or_default().to_owned();
    let mut writer = engine.begin_upload(Some(&name));
    while let Some(chunk) = field.chunk().await.map_err(cut_off)? {
        unparsed.came_out(chunk.len());
        if let Err(error) = writer.write(chunk).await {
            drop(writer);
            drain(field, unparsed).await?;
            let upload = Err(error);
            return Ok(Some(ReceivedFile { name, upload }));
        }
    }
    let upload = writer.finish().await;
    if name.is_empty() && matches!(upload, Err(IntakeError::Empty)) {
        return Ok(None);
    }
    Ok(Some(ReceivedFile { name, upload }))
}

/// Reads the rest of a file that is refused.
async fn drain(mut field: Field<'_>, unparsed: &Unparsed) -> Result<(), ConsoleError> {
    let mut drained = 0;
    while let Some(chunk) = field.chunk().await.map_err(cut_off)? {
        unparsed.came_out(chunk.len());
        drained += chunk.len();
        if drained > DRAINED_BYTES_MAX {
            return Err(ConsoleError::TooLarge);
        }
    }
    Ok(())
}

async fn text(mut field: Field<'_>, unparsed: &Unparsed) -> Result<String, ConsoleError> {
    let mut text = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(cut_off)? {
        unparsed.came_out(chunk.len());
        if text.len() + chunk.len() > TEXT_BYTES_MAX {
            return Err(ConsoleError::TooLarge);
        }
        text.extend_from_slice(&chunk);
    }
    String::from_utf8(text).map_err(|_| ConsoleError::refused("The form has text that is not UTF-8."))
}

/// The form did not come whole; the visitor has gone, or sees this and tries again.
fn cut_off(error: MultipartError) -> ConsoleError {
    let slow = is_too_slow(&error);
    let error = sfumato_core::chain(&error);
    tracing::debug!(error, "an upload did not come whole");
    if slow {
        return ConsoleError::TooSlow;
    }
    ConsoleError::refused("The upload was cut off. Try it again.")
}

impl From<InvalidField> for ConsoleError {
    fn from(error: InvalidField) -> Self {
        Self::refused(sentence(&error.to_string()))
    }
}

impl From<IntakeError> for ConsoleError {
    fn from(error: IntakeError) -> Self {
        match error {
            IntakeError::TooLarge { .. } | IntakeError::UnsupportedMedia | IntakeError::Empty => {
                Self::refused(sentence(&error.to_string()))
            }
            IntakeError::QueueFull { .. } => Self::Conflict(sentence(&error.to_string()).into()),
            IntakeError::StorageFull => Self::Conflict("The storage is full. Tell the operator.".into()),
            IntakeError::Blobs(source) => Self::internal(source),
            IntakeError::Store(source) => source.into(),
        }
    }
}
