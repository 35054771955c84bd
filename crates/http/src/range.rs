//! Ranges and validators of one representation (RFC 9110, sections 13 and 14), as a pure function.

use std::ops::Range;

use axum::http::header::{IF_NONE_MATCH, IF_RANGE, RANGE};
use axum::http::{HeaderMap, Method};
use http_range_header::{RangeUnsatisfiableError, parse_range_header};

/// What a request wants of a representation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
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
pub(crate) fn wanted(method: &Method, headers: &HeaderMap, etag: &str, bytes: u64) -> Wanted {
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

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};
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
