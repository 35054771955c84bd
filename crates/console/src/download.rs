//! Files of jobs on their way to a browser: in ranges, under their own media type, and so that nothing in them runs.
//!
//! What was uploaded is a stranger's, and a result is made of it. Whatever a browser takes such a file for, it is a download
//! and no page (`Content-Disposition: attachment`, which pictures and players do not mind), its type is not guessed
//! (`nosniff`, which every answer carries), and if it became a page all the same, that page could do nothing (a policy of
//! `sandbox`).

use std::ops::Range;

use axum::body::Body;
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use futures::TryStreamExt;
use sfumato_core::chain;
use sfumato_engine::originals::{OriginalError, StoredOriginal};
use sfumato_engine::representation::{Wanted, content_disposition, etag, wanted};
use sfumato_engine::results::{ResultError, StoredResult};

use crate::error::{ConsoleError, sentence};

/// A file that exists.
pub(crate) enum File {
    /// What was uploaded. Nothing but this page may keep it.
    Original(StoredOriginal),
    /// What came of it, or its detections document.
    Result(StoredResult),
}

impl File {
    fn bytes(&self) -> u64 {
        match self {
            Self::Original(original) => original.upload().bytes,
            Self::Result(result) => result.bytes,
        }
    }

    fn sha256(&self) -> &[u8; 32] {
        match self {
            Self::Original(original) => &original.upload().sha256,
            Self::Result(result) => &result.sha256,
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Original(original) => &original.upload().file_name,
            Self::Result(result) => &result.file_name,
        }
    }

    const fn content_type(&self) -> &'static str {
        match self {
            Self::Original(original) => original.content_type(),
            Self::Result(result) => result.content_type,
        }
    }

    /// Originals leave no copy behind in a browser's cache, which outlives their retention.
    const fn cache_control(&self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Original(_) => "no-store",
            Self::Result(_) => "private, no-cache",
        })
    }

    async fn read(&self, range: Range<u64>) -> Result<Body, ConsoleError> {
        if range.is_empty() {
            return Ok(Body::empty());
        }
        let stream = match self {
            Self::Original(original) => original.read(range).await?,
            Self::Result(result) => result.read(range).await?,
        };
        Ok(Body::from_stream(stream.inspect_err(|error| {
            // The head of the answer is out; all that is left is to break the connection, and to say so here.
            tracing::error!(error = chain(error), "a file could not be read to its end");
        })))
    }

    fn describe(&self, etag: &str, bytes: u64) -> HeaderMap {
        HeaderMap::from_iter([
            (CONTENT_TYPE, HeaderValue::from_static(self.content_type())),
            (CONTENT_LENGTH, bytes.into()),
            (ETAG, header(etag)),
            (ACCEPT_RANGES, HeaderValue::from_static("bytes")),
            (CONTENT_DISPOSITION, header(&content_disposition(self.name()))),
            (CACHE_CONTROL, self.cache_control()),
            (
                CONTENT_SECURITY_POLICY,
                HeaderValue::from_static("default-src 'none'; sandbox"),
            ),
        ])
    }
}

impl From<OriginalError> for ConsoleError {
    fn from(error: OriginalError) -> Self {
        match error {
            OriginalError::Unknown => Self::NotFound,
            OriginalError::Gone => Self::Conflict(sentence(&error.to_string()).into()),
            OriginalError::Store(source) => source.into(),
            OriginalError::Blobs(source) => Self::internal(source),
        }
    }
}

impl From<ResultError> for ConsoleError {
    fn from(error: ResultError) -> Self {
        match error {
            ResultError::Unknown => Self::NotFound,
            ResultError::Gone => Self::Conflict(sentence(&error.to_string()).into()),
            ResultError::Store(source) => source.into(),
            ResultError::Blobs(source) => Self::internal(source),
        }
    }
}

/// Answers with a file, or the part of it that is asked for.
///
/// # Errors
/// [`ConsoleError::Conflict`] where it was deleted meanwhile; [`ConsoleError::Internal`] when the storage cannot answer.
pub(crate) async fn download(headers: &HeaderMap, file: &File) -> Result<Response, ConsoleError> {
    let etag = etag(file.sha256());
    let bytes = file.bytes();
    // The body of an answer to HEAD is left out further outside.
    Ok(match wanted(&Method::GET, headers, &etag, bytes) {
        Wanted::NotModified => {
            let headers = [(ETAG, header(&etag)), (CACHE_CONTROL, file.cache_control())];
            (StatusCode::NOT_MODIFIED, headers).into_response()
        }
        Wanted::Unsatisfiable => {
            let range = [(CONTENT_RANGE, header(&format!("bytes */{bytes}")))];
            (StatusCode::RANGE_NOT_SATISFIABLE, range).into_response()
        }
        Wanted::Whole => {
            let body = file.read(0..bytes).await?;
            (file.describe(&etag, bytes), body).into_response()
        }
        Wanted::Part(part) => {
            let mut headers = file.describe(&etag, part.end - part.start);
            let range = format!("bytes {}-{}/{bytes}", part.start, part.end.saturating_sub(1));
            headers.insert(CONTENT_RANGE, header(&range));
            let body = file.read(part).await?;
            (StatusCode::PARTIAL_CONTENT, headers, body).into_response()
        }
    })
}

fn header(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("the text is made of digits, letters and marks of ASCII")
}
