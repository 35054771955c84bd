//! Files of jobs on their way to a browser: in ranges, under their own media type, and so that nothing in them runs.
//!
//! What was uploaded is a stranger's, and a result is made of it. Whatever a browser takes such a file for, it is a download
//! and no page (`Content-Disposition: attachment`, which pictures and players do not mind), its type is not guessed
//! (`nosniff`, which every answer carries), and if it became a page all the same, that page could do nothing (a policy of
//! `sandbox`).

use std::fmt::Write;
use std::ops::Range;

use axum::body::Body;
use axum::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, IF_RANGE, RANGE,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use futures::TryStreamExt;
use http_range_header::{RangeUnsatisfiableError, parse_range_header};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sfumato_core::chain;
use sfumato_engine::originals::{OriginalError, StoredOriginal};
use sfumato_engine::results::{ResultError, StoredResult};

use crate::error::{ConsoleError, sentence};

/// What may stand unencoded in an extended parameter (`attr-char` of RFC 8187, section 3.2.1).
const EXTENDED_VALUE: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

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

/// What a request wants of a file.
#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    Whole,
    Part(Range<u64>),
    NotModified,
    Unsatisfiable,
}

/// Several ranges, and what cannot be read as a range, are answered with the whole (RFC 9110, 14.2).
fn wanted(headers: &HeaderMap, etag: &str, bytes: u64) -> Wanted {
    let text = |name| {
        headers
            .get(name)
            .and_then(|value: &HeaderValue| value.to_str().ok())
    };
    if text(IF_NONE_MATCH).is_some_and(|tags| tags.split(',').any(|tag| tag.trim() == etag)) {
        return Wanted::NotModified;
    }
    if headers.contains_key(IF_RANGE) && text(IF_RANGE) != Some(etag) {
        return Wanted::Whole;
    }
    let Some(Ok(ranges)) = text(RANGE).map(parse_range_header) else {
        return Wanted::Whole;
    };
    if ranges.len() > 1 {
        return Wanted::Whole;
    }
    match ranges.validate(bytes).as_deref() {
        Ok([range]) => Wanted::Part(*range.start()..range.end().saturating_add(1)),
        Err(RangeUnsatisfiableError::Unsatisfiable) => Wanted::Unsatisfiable,
        _ => Wanted::Whole,
    }
}

/// Answers with a file, or the part of it that is asked for.
///
/// # Errors
/// [`ConsoleError::Conflict`] where it was deleted meanwhile; [`ConsoleError::Internal`] when the storage cannot answer.
pub(crate) async fn download(headers: &HeaderMap, file: &File) -> Result<Response, ConsoleError> {
    let etag = etag(file.sha256());
    let bytes = file.bytes();
    Ok(match wanted(headers, &etag, bytes) {
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

fn etag(sha256: &[u8; 32]) -> String {
    let mut etag = String::with_capacity(66);
    etag.push('"');
    for byte in sha256 {
        // Writing to a string cannot fail.
        let _ = write!(etag, "{byte:02x}");
    }
    etag.push('"');
    etag
}

fn header(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("the text is made of digits, letters and marks of ASCII")
}

/// `attachment` with the name in plain ASCII for every browser and, where it differs, in full for those that know
/// RFC 6266.
fn content_disposition(file_name: &str) -> String {
    let plain: String = file_name
        .chars()
        .map(|letter| match letter {
            '"' | '\\' | '%' => '_',
            ' '..='~' => letter,
            _ => '_',
        })
        .collect();
    let mut disposition = format!("attachment; filename=\"{plain}\"");
    if plain != file_name {
        let encoded = utf8_percent_encode(file_name, EXTENDED_VALUE);
        // Writing to a string cannot fail.
        let _ = write!(disposition, "; filename*=UTF-8''{encoded}");
    }
    disposition
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderName;

    use super::*;

    fn ask(headers: &[(HeaderName, &'static str)]) -> Wanted {
        let headers = headers.iter().cloned();
        let headers = headers.map(|(name, value)| (name, HeaderValue::from_static(value)));
        wanted(&headers.collect(), "\"abc\"", 10)
    }

    #[test]
    fn a_player_gets_the_range_that_it_asks_for() {
        for (range, expected) in [
            ("bytes=0-0", Wanted::Part(0..1)),
            ("bytes=2-", Wanted::Part(2..10)),
            ("bytes=-3", Wanted::Part(7..10)),
            ("bytes=10-", Wanted::Unsatisfiable),
            ("bytes=0-1,3-4", Wanted::Whole),
            ("nonsense", Wanted::Whole),
        ] {
            assert_eq!(ask(&[(RANGE, range)]), expected, "{range}");
        }
        let other = [(RANGE, "bytes=0-1"), (IF_RANGE, "\"other\"")];
        assert_eq!(ask(&other), Wanted::Whole, "the part of another version");
        assert_eq!(ask(&[(IF_NONE_MATCH, "\"x\", \"abc\"")]), Wanted::NotModified);
    }

    #[test]
    fn whatever_a_file_is_called_its_name_stays_within_the_header() {
        assert_eq!(content_disposition("a b.jpg"), "attachment; filename=\"a b.jpg\"");
        assert_eq!(
            content_disposition("Füße \"1\".png"),
            "attachment; filename=\"F__e _1_.png\"; filename*=UTF-8''F%C3%BC%C3%9Fe%20%221%22.png"
        );
        header(&content_disposition("写真\r\nx: y.jpg"));
    }
}
