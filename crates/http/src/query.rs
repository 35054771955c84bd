//! Query strings as clients really write them.

use url::form_urlencoded;

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
    fn the_first_value_counts() {
        assert_eq!(first(Some("a=x%20y&a=z"), "a").as_deref(), Some("x y"));
        assert_eq!(first(Some("b=1"), "a"), None);
    }
}
