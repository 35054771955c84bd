//! What the two ways to a file, the API and the Manager, say of it alike: its validator, its name, and which part of it a
//! request wants (RFC 9110, sections 13 and 14). Pure functions; status codes are theirs.

use std::fmt::Write as _;
use std::ops::Range;

use http_range_header::{RangeUnsatisfiableError, parse_range_header};
use hyper::header::{IF_NONE_MATCH, IF_RANGE, RANGE};
use hyper::{HeaderMap, Method};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

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

/// What a request wants of a representation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// 200: all of it.
    Whole,
    /// 206: these bytes.
    Part(Range<u64>),
    /// 304: the client has it.
    NotModified,
    /// 416: bytes that do not exist.
    Unsatisfiable,
}

/// Decides. `etag` is strong and in quotes. Several ranges are answered with the whole, which RFC 9110, 14.2 allows and
/// every client understands; a range that cannot be read is no range.
pub fn wanted(method: &Method, headers: &HeaderMap, etag: &str, bytes: u64) -> Wanted {
    if headers.contains_key(IF_NONE_MATCH) && is_known(headers, etag) {
        return Wanted::NotModified;
    }
    if method != Method::GET || !range_still_applies(headers, etag) {
        return Wanted::Whole;
    }
    let Some(Ok(range)) = headers.get(RANGE).map(|range| range.to_str()) else {
        return Wanted::Whole;
    };
    let Ok(ranges) = parse_range_header(range) else {
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

/// `If-None-Match` compares weakly.
fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    headers
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

/// `If-Range` compares strongly. Dates never match, since none is sent.
fn range_still_applies(headers: &HeaderMap, etag: &str) -> bool {
    headers
        .get(IF_RANGE)
        .is_none_or(|tag| tag.as_bytes() == etag.as_bytes())
}

/// The validator of a content: strong, its SHA-256 in quotes.
pub fn etag(sha256: &[u8; 32]) -> String {
    let mut etag = String::with_capacity(66);
    etag.push('"');
    for byte in sha256 {
        // Writing to a string cannot fail.
        let _ = write!(etag, "{byte:02x}");
    }
    etag.push('"');
    etag
}

/// `attachment` with the name in plain ASCII for every client and, where it differs, in full for those that know
/// RFC 6266.
pub fn content_disposition(file_name: &str) -> String {
    let plain: String = file_name
        .chars()
        .map(|c| match c {
            '"' | '\\' | '%' => '_',
            ' '..='~' => c,
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
    use hyper::header::{HeaderName, HeaderValue};
    use proptest::prelude::*;

    use super::*;

    const ETAG: &str = "\"abc\"";

    fn ask(method: &Method, headers: &[(HeaderName, &str)]) -> Wanted {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, HeaderValue::from_str(value).unwrap());
        }
        wanted(method, &map, ETAG, 10)
    }

    #[test]
    fn ranges_by_the_table() {
        for (range, expected) in [
            ("bytes=0-0", Wanted::Part(0..1)),
            ("bytes=2-5", Wanted::Part(2..6)),
            ("BYTES=2-5", Wanted::Part(2..6)),
            ("bytes=2-", Wanted::Part(2..10)),
            ("bytes=-3", Wanted::Part(7..10)),
            ("bytes=-30", Wanted::Part(0..10)),
            ("bytes=0-99999999999999999999", Wanted::Part(0..10)),
            ("bytes=9-9", Wanted::Part(9..10)),
            ("bytes=10-", Wanted::Unsatisfiable),
            ("bytes=10-20", Wanted::Unsatisfiable),
            ("bytes=-0", Wanted::Unsatisfiable),
            ("bytes=0-1,3-4", Wanted::Whole),
            ("bytes=5-2", Wanted::Whole),
            ("bytes=a-b", Wanted::Whole),
            ("bytes=", Wanted::Whole),
            ("items=0-1", Wanted::Whole),
            ("", Wanted::Whole),
        ] {
            assert_eq!(ask(&Method::GET, &[(RANGE, range)]), expected, "{range}");
        }
        assert_eq!(ask(&Method::HEAD, &[(RANGE, "bytes=2-5")]), Wanted::Whole);
    }

    #[test]
    fn a_range_of_another_version_is_the_whole() {
        for (tag, expected) in [
            (ETAG, Wanted::Part(0..2)),
            ("\"other\"", Wanted::Whole),
            ("W/\"abc\"", Wanted::Whole),
            ("Wed, 21 Oct 2015 07:28:00 GMT", Wanted::Whole),
        ] {
            assert_eq!(
                ask(&Method::GET, &[(RANGE, "bytes=0-1"), (IF_RANGE, tag)]),
                expected,
                "{tag}"
            );
        }
    }

    #[test]
    fn what_the_client_has_is_not_sent_again() {
        for tags in [ETAG, "W/\"abc\"", "\"x\", \"abc\"", "*"] {
            assert_eq!(
                ask(&Method::GET, &[(IF_NONE_MATCH, tags), (RANGE, "bytes=0-1")]),
                Wanted::NotModified,
                "{tags}"
            );
            assert_eq!(
                ask(&Method::HEAD, &[(IF_NONE_MATCH, tags)]),
                Wanted::NotModified,
                "{tags}"
            );
        }
        assert_eq!(ask(&Method::GET, &[(IF_NONE_MATCH, "\"x\"")]), Wanted::Whole);
    }

    #[test]
    fn a_download_is_named_for_every_client() {
        for (name, expected) in [
            ("a b.jpg", "attachment; filename=\"a b.jpg\""),
            (
                "Füße \"1\".png",
                "attachment; filename=\"F__e _1_.png\"; filename*=UTF-8''F%C3%BC%C3%9Fe%20%221%22.png",
            ),
            (
                "a\\b%.jpg",
                "attachment; filename=\"a_b_.jpg\"; filename*=UTF-8''a%5Cb%25.jpg",
            ),
            (
                "写真.jpg",
                "attachment; filename=\"__.jpg\"; filename*=UTF-8''%E5%86%99%E7%9C%9F.jpg",
            ),
        ] {
            assert_eq!(content_disposition(name), expected);
            assert!(HeaderValue::from_str(&content_disposition(name)).is_ok());
        }
    }

    proptest! {
        #[test]
        fn a_part_lies_inside_whatever_is_asked(range in "(bytes=)?[-0-9, a]{0,24}", bytes in 0u64..50) {
            let mut headers = HeaderMap::new();
            headers.insert(RANGE, HeaderValue::from_str(&range).unwrap());
            if let Wanted::Part(part) = wanted(&Method::GET, &headers, ETAG, bytes) {
                prop_assert!(part.start < part.end && part.end <= bytes);
            }
        }
    }
}
