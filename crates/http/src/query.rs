//! Query strings as clients really write them.

use std::ops::RangeInclusive;

use sfumato_core::Timestamp;
use url::form_urlencoded;

use crate::problem::Problem;

/// The first value under a name.
pub(crate) fn first(query: Option<&str>, name: &str) -> Option<String> {
    form_urlencoded::parse(query.unwrap_or_default().as_bytes())
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

/// Every value of a list, in each spelling that HTTP libraries have for one: `a=1&a=2`, `a[]=1&a[]=2`, `a[0]=1&a[1]=2`,
/// `a=1,2`. `None` where the list is not given at all.
pub(crate) fn list(query: Option<&str>, name: &str) -> Option<Vec<String>> {
    let mut given = false;
    let mut values = Vec::new();
    for (key, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        if is_item_of(&key, name) {
            given = true;
            values.extend(
                value
                    .split(',')
                    .filter(|item| !item.is_empty())
                    .map(str::to_owned),
            );
        }
    }
    given.then_some(values)
}

/// A whole number within a range, where it is given. An empty text means that it is not.
pub(crate) fn number(
    query: Option<&str>,
    name: &'static str,
    allowed: RangeInclusive<u32>,
) -> Result<Option<u32>, Problem> {
    let Some(text) = first(query, name).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    match text.parse() {
        Ok(number) if allowed.contains(&number) => Ok(Some(number)),
        _ => Err(Problem::bad_request(format!(
            "{name}: must be a whole number from {} to {}",
            allowed.start(),
            allowed.end()
        ))),
    }
}

/// A time, where it is given. An empty text means that it is not.
pub(crate) fn time(query: Option<&str>, name: &'static str) -> Result<Option<Timestamp>, Problem> {
    let text = first(query, name).filter(|text| !text.is_empty());
    text.map(|text| read_time(&text, name)).transpose()
}

/// Reads a time as RFC 3339 writes it.
pub(crate) fn read_time(text: &str, name: &'static str) -> Result<Timestamp, Problem> {
    text.parse().map_err(|_| {
        Problem::bad_request(format!(
            "{name}: must be a time with its zone, such as 2024-06-04T10:29:10.656Z"
        ))
    })
}

fn is_item_of(key: &str, name: &str) -> bool {
    let Some(suffix) = key.strip_prefix(name) else {
        return false;
    };
    let index = suffix.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    suffix.is_empty() || index.is_some_and(|index| index.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_in_every_spelling() {
        for query in [
            "uuids=1&uuids=2",
            "uuids[]=1&active=true&uuids[]=2",
            "uuids%5B%5D=1&uuids%5B%5D=2",
            "uuids[0]=1&uuids[1]=2",
            "uuids=1,2",
        ] {
            assert_eq!(
                list(Some(query), "uuids"),
                Some(vec!["1".into(), "2".into()]),
                "{query}"
            );
        }
        assert_eq!(list(Some("uuid=1&uuids[a]=2&uuids[=3"), "uuids"), None);
        assert_eq!(list(Some("uuids[]="), "uuids"), Some(vec![]));
        assert_eq!(list(None, "uuids"), None);
    }

    #[test]
    fn a_number_is_read_within_its_range() {
        let read =
            |query| number(Some(query), "limit", 1..=10).map_err(|problem| problem.parts().1.to_owned());
        assert_eq!(read("limit=1"), Ok(Some(1)));
        assert_eq!(read("limit=10"), Ok(Some(10)));
        assert_eq!(read("limit="), Ok(None));
        assert_eq!(read("other=3"), Ok(None));
        for wrong in [
            "limit=0",
            "limit=11",
            "limit=-1",
            "limit=a",
            "limit=1.0",
            "limit=99999999999",
        ] {
            let expected = "limit: must be a whole number from 1 to 10".to_owned();
            assert_eq!(read(wrong), Err(expected), "{wrong}");
        }
    }

    #[test]
    fn a_time_needs_its_zone() {
        let read = |query| {
            time(Some(query), "since")
                .ok()
                .flatten()
                .map(Timestamp::as_seconds)
        };
        assert_eq!(read("since=2024-06-04T10:29:10Z"), Some(1_717_496_950));
        assert_eq!(read("since=2024-06-04T12:29:10%2B02:00"), Some(1_717_496_950));
        for wrong in ["since=2024-06-04", "since=2024-06-04T10:29:10", "since=yesterday"] {
            assert!(time(Some(wrong), "since").is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_first_value_counts() {
        assert_eq!(first(Some("a=x%20y&a=z"), "a").as_deref(), Some("x y"));
        assert_eq!(first(Some("b=1"), "a"), None);
    }
}
