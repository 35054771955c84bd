//! Receives the multipart form of an upload: the file streams to storage chunk by chunk, the options are collected.

use std::collections::BTreeMap;
use std::error::Error;

use axum::body::Body;
use axum::extract::multipart::{Field, Multipart, MultipartError, MultipartRejection};
use axum::extract::{DefaultBodyLimit, FromRequest, Request};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use futures::StreamExt;
use percent_encoding::percent_decode_str;
use sfumato_core::{AnonymizeOptions, Priority, find_cause};
use sfumato_engine::intake::StoredUpload;
use sfumato_engine::least_rate::{LeastRate, TooSlow};
use sfumato_engine::options::{OptionsForm, is_option, is_single};
use sfumato_engine::unparsed::{TooMuchUnparsed, UNPARSED_BYTES_MAX, Unparsed};
use tower_http::timeout::{TimeoutBody, TimeoutError};

use crate::ApiState;
use crate::json::content_length;
use crate::problem::Problem;

/// Parts that a form may have.
const FIELDS_MAX: usize = 64;
/// Size of a part that is not the file, in bytes.
const TEXT_BYTES_MAX: usize = 64 * 1024;
/// What a form may weigh beside the file, in bytes: only for judging `Content-Length`.
const FORM_BYTES_MAX: u64 = (FIELDS_MAX * TEXT_BYTES_MAX) as u64 + UNPARSED_BYTES_MAX;

const FILE: &str = "input_media";

/// Receives a whole form: one file and its options. On any error nothing is left behind.
pub(crate) async fn receive(
    state: &ApiState,
    request: Request,
) -> Result<(StoredUpload, AnonymizeOptions, Priority), Problem> {
    let mut form = Form::open(state, request).await?;
    let mut options = OptionsForm::new();
    let mut upload = None;
    let mut fields = 0;
    let mut said = BTreeMap::new();
    while let Some(field) = form.multipart.next_field().await.map_err(malformed)? {
        fields += 1;
        if fields > FIELDS_MAX {
            return Err(Problem::bad_request(format!(
                "the form has more than {FIELDS_MAX} parts"
            )));
        }
        let Some(name) = field.name().map(str::to_owned) else {
            return Err(Problem::bad_request("a part of the form has no name"));
        };
        if name != FILE {
            let text = read_text(field, &name, &form.unparsed).await?;
            if let Some(text) = text {
                options.push(&name, &text)?;
                check_single(&mut said, name, &text)?;
            }
        } else if upload.is_none() {
            upload = Some(store_file(state, field, &form.unparsed).await?);
        } else {
            return Err(Problem::bad_request(
                "input_media: there is more than one; send one file a job",
            ));
        }
    }
    let upload = upload.ok_or_else(|| Problem::bad_request("input_media: is missing; it is the file"))?;
    let priority = options.priority();
    Ok((upload, options.finish(state.settings.default_profile)?, priority))
}

/// Refuses an option that has another value than before: whichever counted, a client that believes in the other one would be
/// mistaken, and what it wanted hidden could be seen.
fn check_single(said: &mut BTreeMap<String, String>, name: String, text: &str) -> Result<(), Problem> {
    let text = text.trim();
    if !is_single(&name) || text.is_empty() || text == "null" {
        return Ok(());
    }
    if said
        .get(&name)
        .is_some_and(|before| !before.eq_ignore_ascii_case(text))
    {
        return Err(Problem::bad_request(format!(
            "{name}: is given twice, with different values; give it once"
        )));
    }
    said.insert(name, text.to_owned());
    Ok(())
}

struct Form {
    multipart: Multipart,
    unparsed: Unparsed,
}

impl Form {
    async fn open(state: &ApiState, request: Request) -> Result<Self, Problem> {
        require_multipart(request.headers())?;
        let max = state.engine.settings().upload_bytes_max;
        if content_length(request.headers()).is_some_and(|length| length > max.saturating_add(FORM_BYTES_MAX))
        {
            return Err(Problem::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                format!("input_media: the file is larger than {max} bytes, which is the most"),
            ));
        }
        let unparsed = Unparsed::default();
        let meter = unparsed.clone();
        let (parts, body) = request.into_parts();
        let body = Body::new(LeastRate::new(body, state.settings.upload_rate_min));
        let body = Body::new(TimeoutBody::new(state.settings.upload_idle_timeout, body))
            .into_data_stream()
            .map(move |chunk| {
                let chunk = chunk.map_err(|error| Box::new(error) as Box<dyn Error + Send + Sync>)?;
                meter.went_in(chunk.len())?;
                Ok::<_, Box<dyn Error + Send + Sync>>(chunk)
            });
        let mut request = Request::from_parts(parts, Body::from_stream(body));
        // The file is counted by the engine and the rest here; the library's limit is of the whole body, 2 MB.
        DefaultBodyLimit::disable().apply(&mut request);
        let multipart = Multipart::from_request(request, &())
            .await
            .map_err(|_: MultipartRejection| {
                Problem::bad_request("the Content-Type names no boundary of the multipart form")
            })?;
        Ok(Self { multipart, unparsed })
    }
}

fn require_multipart(headers: &HeaderMap) -> Result<(), Problem> {
    let declared = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = declared.and_then(|declared| declared.split(';').next());
    if essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case("multipart/form-data")) {
        Ok(())
    } else {
        Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "the body must be multipart/form-data with the file in input_media",
        ))
    }
}

async fn store_file(
    state: &ApiState,
    mut field: Field<'_>,
    unparsed: &Unparsed,
) -> Result<StoredUpload, Problem> {
    let extended = extended_file_name(field.headers());
    let file_name = extended.as_deref().or(field.file_name());
    let mut writer = state.engine.begin_upload(file_name);
    while let Some(chunk) = field.chunk().await.map_err(malformed)? {
        unparsed.came_out(chunk.len());
        writer.write(chunk).await?;
    }
    Ok(writer.finish().await?)
}

/// Reads a part that is not the file. `None` for a part that is no option.
async fn read_text(mut field: Field<'_>, name: &str, unparsed: &Unparsed) -> Result<Option<String>, Problem> {
    let known = is_option(name);
    let mut text = Vec::new();
    let mut bytes = 0;
    while let Some(chunk) = field.chunk().await.map_err(malformed)? {
        unparsed.came_out(chunk.len());
        bytes += chunk.len();
        if bytes > TEXT_BYTES_MAX {
            return Err(Problem::bad_request(format!(
                "{}: is larger than {TEXT_BYTES_MAX} bytes; the file belongs in input_media",
                shown(name)
            )));
        }
        if known {
            text.extend_from_slice(&chunk);
        }
    }
    if !known {
        return Ok(None);
    }
    String::from_utf8(text)
        .map(Some)
        .map_err(|_| Problem::bad_request(format!("{}: is not UTF-8", shown(name))))
}

/// A name from outside in a message.
fn shown(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(60).collect()
}

/// `filename*` of RFC 5987, which some libraries send for names beyond ASCII and the multipart parser does not know.
fn extended_file_name(headers: &HeaderMap) -> Option<String> {
    let disposition = headers.get(CONTENT_DISPOSITION)?.to_str().ok()?;
    let encoded = disposition.split(';').find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("filename*")
            .then_some(value.trim())
    })?;
    let mut pieces = encoded.splitn(3, '\'');
    let (charset, _language, value) = (pieces.next()?, pieces.next()?, pieces.next()?);
    if !charset.eq_ignore_ascii_case("utf-8") {
        return None;
    }
    percent_decode_str(value).decode_utf8().ok().map(Into::into)
}

fn malformed(error: MultipartError) -> Problem {
    if find_cause::<TimeoutError>(&error).is_some() {
        return Problem::new(StatusCode::REQUEST_TIMEOUT, "the upload stalled for too long");
    }
    if let Some(slow) = find_cause::<TooSlow>(&error) {
        return Problem::new(StatusCode::REQUEST_TIMEOUT, slow.to_string());
    }
    if find_cause::<TooMuchUnparsed>(&error).is_some() {
        return Problem::bad_request(TooMuchUnparsed.to_string());
    }
    Problem::bad_request(format!(
        "the multipart body cannot be read: {}",
        error.body_text()
    ))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn a_file_name_beyond_ascii_is_read_from_its_extended_form() {
        let name = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_DISPOSITION, HeaderValue::from_static(value));
            extended_file_name(&headers)
        };
        assert_eq!(
            name("form-data; name=\"input_media\"; filename*=utf-8''F%C3%BC%C3%9Fe.jpg").as_deref(),
            Some("Füße.jpg")
        );
        assert_eq!(name("form-data; name=\"input_media\"; filename=\"a.jpg\""), None);
        assert_eq!(name("form-data; filename*=latin-1''a"), None);
        assert_eq!(name("form-data; filename*=utf-8''%ff"), None);
    }
}
