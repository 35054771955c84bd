//! Whether commands that no test runs would be understood: those of `sfumato` by its reference, those of `cargo xtask` by the
//! program that this is.

use super::Page;
use super::markdown::{self, Block, Mark};
use crate::reference::Commands;

/// Languages of blocks that only a reader can run, so that each needs a reason.
const NEVER_RUN: [&str; 2] = ["console", "nginx"];

/// Finds blocks that are not run and say no reason, and commands that are not understood.
pub(super) fn check(page: &Page, commands: &Commands) -> Vec<String> {
    let mut findings = Vec::new();
    let mut find = |line: usize, what: String| {
        findings.push(format!("{}:{line}: {what}", page.path.display()));
    };
    for block in markdown::blocks(&page.text) {
        if NEVER_RUN.contains(&block.language.as_str()) && !matches!(block.mark, Mark::NotRun(_)) {
            let language = &block.language;
            find(
                block.line,
                format!(
                    "a block of `{language}` is never run: say why by `<!-- not run: reason -->`, or make it one of `sh`"
                ),
            );
        }
        for words in typed(&block).iter().flat_map(|text| segments(text)) {
            if let Some(unknown) = unknown(&words, false, commands) {
                find(block.line, unknown);
            }
        }
    }
    for (line, span) in markdown::code_spans(&page.text) {
        let is_command = ["sfumato ", "cargo xtask "]
            .iter()
            .any(|begin| span.starts_with(begin));
        if is_command && !span.contains('…') {
            for words in segments(&span) {
                if let Some(unknown) = unknown(&words, true, commands) {
                    find(line, unknown);
                }
            }
        }
    }
    findings
}

/// What of a block somebody types.
fn typed(block: &Block) -> Option<String> {
    let body = block.body.replace("\\\n", " ");
    match block.language.as_str() {
        "sh" => Some(body),
        "console" => {
            let lines = body.lines().filter_map(|line| line.strip_prefix("$ "));
            Some(lines.flat_map(|line| [line, "\n"]).collect())
        }
        _ => None,
    }
}

/// The words of each command, as far as a shell's quotes and operators matter.
fn segments(text: &str) -> Vec<Vec<String>> {
    let mut segments = vec![Vec::new()];
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut is_comment = false;
    for character in text.chars().chain(['\n']) {
        if is_comment && character != '\n' {
            continue;
        }
        is_comment = false;
        match (quote, character) {
            (Some(open), _) if open == character => quote = None,
            (None, '\'' | '"') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (None, '#') if word.is_none() => is_comment = true,
            (None, ' ' | '\n' | '|' | '&' | ';' | '(' | ')' | '<' | '>') => {
                if let (Some(word), Some(segment)) = (word.take(), segments.last_mut()) {
                    segment.push(word);
                }
                if character != ' ' {
                    segments.push(Vec::new());
                }
            }
            _ => word.get_or_insert_default().push(character),
        }
    }
    segments.retain(|segment| !segment.is_empty());
    segments
}

/// What in a command, or in a `part` of one that a text names, is not understood.
fn unknown(words: &[String], part: bool, commands: &Commands) -> Option<String> {
    let assignments = words.iter().take_while(|word| is_assignment(word)).count();
    let words = &words[assignments..];
    let is_sfumato = |word: &String| word == "sfumato" || word.ends_with("/sfumato");
    match words {
        [cargo, xtask, rest @ ..] if cargo == "cargo" && xtask == "xtask" => {
            // What stands for a number.
            let rest = rest.iter().map(|word| if word == "N" { "1" } else { word });
            crate::refusal(rest, part).map(|refusal| format!("`cargo xtask` says: {refusal}"))
        }
        [program, rest @ ..] if is_sfumato(program) => said(commands.unknown(rest)),
        // Behind `docker exec`, `runuser` and their like.
        _ => words
            .windows(2)
            .position(|pair| is_sfumato(&pair[0]) && commands.is_command(&pair[1]))
            .and_then(|at| said(commands.unknown(&words[at + 1..]))),
    }
}

fn said(unknown: Option<String>) -> Option<String> {
    unknown.map(|what| format!("sfumato does not know {what}"))
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty()
            && name
                .chars()
                .all(|character| character.is_ascii_alphanumeric() || character == '_')
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFERENCE: &str = "## `sfumato`\n## `sfumato serve`\n      --listen <ADDR>\n";

    fn findings(text: &str) -> Vec<String> {
        let page = Page {
            path: "a.md".into(),
            text: text.to_owned(),
        };
        check(&page, &Commands::parse(REFERENCE))
    }

    #[test]
    fn what_is_never_run_says_why() {
        assert_eq!(findings("```console\n$ ls\n```\n").len(), 1);
        assert_eq!(
            findings("<!-- not run: it is long -->\n```console\n$ ls\n```\n"),
            Vec::<String>::new()
        );
    }

    #[test]
    fn commands_of_every_kind_of_block_are_compared_with_the_references() {
        for right in [
            "```sh\nA=1 sfumato serve \\\n  --listen x > log 2>&1 &\n```\n",
            "```sh\ndocker exec sfumato sfumato serve --listen 'a --b'\njournalctl --unit sfumato --follow\n```\n",
            "<!-- not run: why -->\n```console\n$ cargo xtask test deploy   # --what\nsfumato says --this\n```\n",
            "`sfumato serve --listen ADDR`, `sfumato-media --x`, `cargo xtask fuzz --minutes N`, `cargo xtask eval --profile fast`\n",
        ] {
            assert_eq!(findings(right), Vec::<String>::new(), "{right}");
        }
        for wrong in [
            "```sh\nx=$(sfumato serve --port 1)\n```\n",
            "```sh\n/opt/sfumato/sfumato server\n```\n",
            "```sh\nrunuser --user sfumato -- sfumato serve --port 1\n```\n",
            "<!-- not run: why -->\n```console\n$ cargo xtask tests\n```\n",
            "`sfumato serve --port`\n",
            "`cargo xtask test --what`\n",
            "<!-- not run: why -->\n```console\n$ cargo xtask eval --profile fast\n```\n",
        ] {
            assert_eq!(findings(wrong).len(), 1, "{wrong}");
        }
    }
}
