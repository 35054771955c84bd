//! As much of Markdown as the checks need: fenced blocks, headings, links.

/// A fenced block, or a comment that holds commands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// First word behind the fence.
    pub(super) language: String,
    /// The line of the fence, from 1.
    pub(super) line: usize,
    pub(super) body: String,
    pub(super) mark: Mark,
}

/// What stands above a block about the way it is run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    /// Nothing: it is run as it stands.
    Plain,
    /// `<!-- not run: WHY -->`
    NotRun(String),
    /// `<!-- background: NAME -->`: it goes on while the rest of the page is run, and writes to `NAME.log`.
    Background(String),
}

const FENCE: &str = "```";
const HIDDEN: &str = "<!-- hidden ";

/// The blocks of a page in their order; a comment `<!-- hidden LANGUAGE` up to a line `-->` is one, too.
pub(super) fn blocks(text: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut mark = Mark::Plain;
    let mut lines = text.lines().enumerate();
    while let Some((index, line)) = lines.next() {
        let (language, end) = if let Some(info) = line.trim_start().strip_prefix(FENCE) {
            (info, FENCE)
        } else if let Some(info) = line.strip_prefix(HIDDEN) {
            (info, "-->")
        } else {
            // Only blank lines may stand between a mark and its block.
            if let Some(found) = mark_of(line) {
                mark = found;
            } else if !line.trim().is_empty() {
                mark = Mark::Plain;
            }
            continue;
        };
        let body = lines
            .by_ref()
            .map(|(_, line)| line)
            .take_while(|line| line.trim() != end)
            .flat_map(|line| [line, "\n"])
            .collect();
        blocks.push(Block {
            language: language.split_whitespace().next().unwrap_or_default().to_owned(),
            line: index + 1,
            body,
            mark: std::mem::replace(&mut mark, Mark::Plain),
        });
    }
    blocks
}

fn mark_of(line: &str) -> Option<Mark> {
    let comment = line.trim().strip_prefix("<!--")?.strip_suffix("-->")?.trim();
    let (kind, value) = comment.split_once(": ")?;
    match kind {
        "not run" => Some(Mark::NotRun(value.to_owned())),
        "background" => Some(Mark::Background(value.to_owned())),
        _ => None,
    }
}

/// The lines of a page that are neither in blocks nor in comments, with their numbers from 1.
fn prose(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut inside = None;
    text.lines().enumerate().filter_map(move |(index, line)| {
        let trimmed = line.trim();
        match inside {
            Some(end) => {
                if trimmed.ends_with(end) {
                    inside = None;
                }
                None
            }
            None if trimmed.starts_with(FENCE) => {
                inside = Some(FENCE);
                None
            }
            None if trimmed.starts_with("<!--") => {
                inside = (!trimmed.ends_with("-->")).then_some("-->");
                None
            }
            None => Some((index + 1, line)),
        }
    })
}

/// Where the links and pictures of a page lead to, with their lines from 1.
pub(super) fn links(text: &str) -> Vec<(usize, String)> {
    let mut links = Vec::new();
    for (number, line) in prose(text) {
        let line = without_code(line);
        let mut rest = line.as_str();
        while let Some((_, behind)) = rest.split_once("](") {
            let Some((target, behind)) = behind.split_once(')') else {
                break;
            };
            let target = target.split_whitespace().next().unwrap_or_default();
            links.push((number, target.to_owned()));
            rest = behind;
        }
    }
    links
}

/// What stands between backticks in the text of a page, with its lines from 1.
pub(super) fn code_spans(text: &str) -> Vec<(usize, String)> {
    let spans = prose(text).flat_map(|(number, line)| {
        let spans = line.split('`').skip(1).step_by(2);
        spans.map(move |span| (number, span.to_owned()))
    });
    spans.collect()
}

/// A line without what stands between backticks, where brackets are no links.
fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect()
}

/// The anchors of a page, as mdBook and forges derive them from headings.
pub(super) fn anchors(text: &str) -> Vec<String> {
    let mut anchors: Vec<String> = Vec::new();
    for (_, line) in prose(text) {
        let Some(heading) = line.strip_prefix('#') else {
            continue;
        };
        let Some(heading) = heading.trim_start_matches('#').strip_prefix(' ') else {
            continue;
        };
        let base = anchor(&without_targets(heading));
        let taken = |anchor: &String| anchors.contains(anchor);
        let mut candidates = std::iter::once(base.clone()).chain((1..).map(|n| format!("{base}-{n}")));
        let free = candidates.find(|candidate| !taken(candidate));
        anchors.extend(free);
    }
    anchors
}

fn anchor(heading: &str) -> String {
    let kept = |character: char| match character {
        '-' | '_' => Some(character),
        _ if character.is_whitespace() => Some('-'),
        _ => character.is_alphanumeric().then_some(character),
    };
    heading.trim().to_lowercase().chars().filter_map(kept).collect()
}

/// A heading with its links replaced by their texts.
fn without_targets(heading: &str) -> String {
    let mut parts = heading.split("](");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text.push_str(part.split_once(')').map_or(part, |(_, behind)| behind));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "\
# One `word`

See [here](a.md#b) and `[not](c.md)` and ![a picture](d.jpg \"title\").

<!-- not run: it needs a cluster -->
```sh
kubectl [no](link)
```

```python
# not a heading
```
<!-- background: server -->

```sh
serve
```
<!-- hidden sh
wait
-->
<!-- background: nothing -->
Something else.
```sh
last
```
## [One](e.md) word
";

    #[test]
    fn blocks_have_their_marks_and_hidden_ones_are_among_them() {
        let blocks = blocks(PAGE);
        let seen: Vec<_> = blocks
            .iter()
            .map(|block| {
                (
                    block.language.as_str(),
                    block.line,
                    block.body.as_str(),
                    &block.mark,
                )
            })
            .collect();
        let (not_run, background) = (
            Mark::NotRun("it needs a cluster".into()),
            Mark::Background("server".into()),
        );
        assert_eq!(
            seen,
            [
                ("sh", 6, "kubectl [no](link)\n", &not_run),
                ("python", 10, "# not a heading\n", &Mark::Plain),
                ("sh", 15, "serve\n", &background),
                ("sh", 18, "wait\n", &Mark::Plain),
                ("sh", 23, "last\n", &Mark::Plain),
            ]
        );
    }

    #[test]
    fn links_in_code_are_none() {
        let targets: Vec<_> = links(PAGE).into_iter().collect();
        assert_eq!(
            targets,
            [
                (3, "a.md#b".to_owned()),
                (3, "d.jpg".to_owned()),
                (26, "e.md".to_owned())
            ]
        );
    }

    #[test]
    fn headings_of_the_same_words_get_different_anchors() {
        assert_eq!(anchors(PAGE), ["one-word", "one-word-1"]);
        assert_eq!(anchors("### A receiver, in C#!\n#no\n"), ["a-receiver-in-c"]);
    }
}
