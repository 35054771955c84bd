//! `GET /innovation-service/result/{fileName}`

use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG,
    LOCATION,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use futures::TryStreamExt;
use sfumato_core::ResultId;
use sfumato_engine::representation::{Wanted, content_disposition, etag, wanted};
use sfumato_engine::results::StoredResult;
use utoipa::ToSchema;

use crate::ApiState;
use crate::auth::Authenticated;
use crate::problem::{ErrorBody, Problem};

/// Bytes of a file.
#[derive(ToSchema)]
#[schema(value_type = String, format = Binary)]
#[expect(dead_code, reason = "only describes the content of an answer")]
pub(crate) struct FileContent(Vec<u8>);

/// Fetch a result.
///
/// Streams the anonymized file, or its detections document where the name ends in `.json`. One range of bytes can be asked
/// for; several are answered with the whole. `HEAD` gives the same headers without the content. Where the operator has set
/// it up, the answer is a redirection to the storage, which hands out the same.
#[utoipa::path(
    get,
    path = "/innovation-service/result/{fileName}",
    operation_id = "getResult",
    tag = "Anonymization",
    security(("bearer" = [])),
    params(
        ("fileName" = String, Path, description = "The last part of `output_media` or `output_json`.",
            example = "018fe2a4-6a2b-7c4d-8e5f-0a1b2c3d4e5f.jpg"),
        ("Range" = Option<String>, Header, description = "One range of bytes.", example = "bytes=0-1023"),
        ("If-Range" = Option<String>, Header, description = "The `ETag` that the range belongs to."),
        ("If-None-Match" = Option<String>, Header, description = "The `ETag` of what the client has."),
    ),
    responses(
        (status = 200, description = "The content.",
            content(
                (FileContent = "image/jpeg"),
                (FileContent = "image/png"),
                (FileContent = "image/webp"),
                (FileContent = "image/bmp"),
                (FileContent = "image/tiff"),
                (serde_json::Value = "application/json"),
            ),
            headers(
                ("ETag" = String, description = "Strong: the SHA-256 of the content."),
                ("Accept-Ranges" = String, description = "`bytes`"),
                ("Content-Disposition" = String, description = "The name of the uploaded file."),
            )),
        (status = 206, description = "The range of bytes.", headers(("Content-Range" = String, description = "Which bytes of how many."))),
        (status = 304, description = "The client has it."),
        (status = 307, description = "The storage hands it out, to whoever has the address and for a few minutes. Only where the setting `storage.redirect_results` of the service says so.",
            headers(("Location" = String, description = "An address that needs no access token."))),
        (status = 401, description = "No valid access token.", body = ErrorBody),
        (status = 404, description = "No such result of this client.", body = ErrorBody),
        (status = 410, description = "The result has been deleted, by request or because its retention time has passed.", body = ErrorBody),
        (status = 416, description = "The range lies outside the content.", body = ErrorBody),
    ),
)]
pub(crate) async fn result(
    State(state): State<ApiState>,
    Authenticated(caller): Authenticated,
    file_name: Result<Path<String>, PathRejection>,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let (id, extension) = file_name
        .as_ref()
        .ok()
        .and_then(|Path(name)| split(name))
        .ok_or_else(|| Problem::not_found("result"))?;
    let stored = state.engine.result(&caller, id, extension).await?;
    let etag = etag(&stored.sha256);
    let wanted = wanted(&method, &headers, &etag, stored.bytes);
    if method == Method::GET
        && matches!(wanted, Wanted::Whole | Wanted::Part(_))
        && let Some(elsewhere) = redirection(&state, &stored).await?
    {
        return Ok(elsewhere);
    }
    match wanted {
        Wanted::NotModified => {
            let headers = [(ETAG, header(&etag)), (CACHE_CONTROL, PRIVATE)];
            Ok((StatusCode::NOT_MODIFIED, headers).into_response())
        }
        Wanted::Unsatisfiable => Err(Problem::new(
            StatusCode::RANGE_NOT_SATISFIABLE,
            format!("the range lies outside the {} bytes of the content", stored.bytes),
        )
        .with(CONTENT_RANGE, header(&format!("bytes */{}", stored.bytes)))),
        Wanted::Whole => {
            let body = if method == Method::HEAD {
                Body::empty()
            } else {
                read(&stored, 0..stored.bytes).await?
            };
            Ok((StatusCode::OK, describe(&stored, &etag, stored.bytes), body).into_response())
        }
        Wanted::Part(part) => {
            let range = format!(
                "bytes {}-{}/{}",
                part.start,
                part.end.saturating_sub(1),
                stored.bytes
            );
            let mut headers = describe(&stored, &etag, part.end - part.start);
            headers.insert(CONTENT_RANGE, header(&range));
            let body = read(&stored, part).await?;
            Ok((StatusCode::PARTIAL_CONTENT, headers, body).into_response())
        }
    }
}

/// The answer that sends the client to the storage, where that is wanted and possible. The storage reads the range itself.
async fn redirection(state: &ApiState, stored: &StoredResult) -> Result<Option<Response>, Problem> {
    let Some(lifetime) = state.settings.result_redirects else {
        return Ok(None);
    };
    let disposition = content_disposition(&stored.file_name);
    let Some(url) = stored.sign(&disposition, lifetime).await? else {
        return Ok(None);
    };
    let mut location = header(url.expose());
    // Whoever reads the address in a log could fetch the result.
    location.set_sensitive(true);
    let headers = [
        (LOCATION, location),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
    ];
    Ok(Some((StatusCode::TEMPORARY_REDIRECT, headers).into_response()))
}

const PRIVATE: HeaderValue = HeaderValue::from_static("private, no-cache");

/// `{uuid}.{extension}`, in the one spelling that a status answer has.
fn split(name: &str) -> Option<(ResultId, &str)> {
    let (id, extension) = name.split_once('.')?;
    let parsed: ResultId = id.parse().ok()?;
    (parsed.to_string() == id).then_some((parsed, extension))
}

fn header(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("the text is made of digits, letters and marks of ASCII")
}

fn describe(stored: &StoredResult, etag: &str, bytes: u64) -> HeaderMap {
    HeaderMap::from_iter([
        (CONTENT_TYPE, HeaderValue::from_static(stored.content_type)),
        (CONTENT_LENGTH, bytes.into()),
        (ETAG, header(etag)),
        (ACCEPT_RANGES, HeaderValue::from_static("bytes")),
        (
            CONTENT_DISPOSITION,
            header(&content_disposition(&stored.file_name)),
        ),
        (CACHE_CONTROL, PRIVATE),
    ])
}

async fn read(stored: &StoredResult, range: std::ops::Range<u64>) -> Result<Body, Problem> {
    if range.is_empty() {
        return Ok(Body::empty());
    }
    let stream = stored.read(range).await?;
    Ok(Body::from_stream(stream.inspect_err(|error| {
        // The head of the answer is out; all that is left is to break the connection, and to say so here.
        tracing::error!(
            error = sfumato_core::chain(error),
            "a result could not be read to its end"
        );
    })))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_has_one_name() {
        let id = "018fe2a4-6a2b-7c4d-8e5f-0a1b2c3d4e5f";
        assert!(split(&format!("{id}.jpg")).is_some_and(|(_, extension)| extension == "jpg"));
        for name in [
            id.to_owned(),
            format!("{}.jpg", id.to_uppercase()),
            format!("{{{id}}}.jpg"),
            format!("{}.jpg", id.replace('-', "")),
            "..".to_owned(),
            String::new(),
        ] {
            assert!(split(&name).is_none(), "{name}");
        }
    }
}
