//! Flags, commands and variables that what deploys gives to `sfumato`, compared with its references.

use std::path::Path;

use anyhow::{Context, bail};

use super::{COMPOSE, DOCKERFILE, INSTALLATIONS, UNIT};
use crate::reference::{self, Commands};
use crate::report::note;

const SETTINGS: &str = "docs/settings.md";

/// Compares all files.
///
/// # Errors
/// A file gives a word that `sfumato` does not understand; all are printed.
pub(super) fn check(root: &Path) -> anyhow::Result<()> {
    let read = |path: &str| std::fs::read_to_string(root.join(path)).with_context(|| format!("read {path}"));
    let (commands, settings) = (Commands::read(root)?, read(SETTINGS)?);
    let manifests = INSTALLATIONS.concat();
    let files = [DOCKERFILE, UNIT].into_iter().chain(COMPOSE).chain(manifests);
    let mut unknown = 0;
    for path in files {
        for word in unknown_words(&read(path)?, &commands, &settings) {
            note(&format!("{path}: sfumato does not know {word}"));
            unknown += 1;
        }
    }
    if unknown > 0 {
        bail!("{unknown} words are not in {} and {SETTINGS}", reference::FILE);
    }
    Ok(())
}

fn unknown_words(text: &str, commands: &Commands, settings: &str) -> Vec<String> {
    let is_name = |character: char| character.is_ascii_alphanumeric() || "-_".contains(character);
    let mut unknown = Vec::new();
    for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
        for word in line.split(|character| !is_name(character)) {
            let is_known = if word.starts_with("SFUMATO_") {
                settings.contains(&format!("`{word}`"))
            } else if word.starts_with("--") && is_given(line) {
                commands.any_takes(word)
            } else {
                true
            };
            if !is_known {
                unknown.push(word.to_owned());
            }
        }
    }
    unknown
}

/// Whether the line is of a command line of `sfumato`.
fn is_given(line: &str) -> bool {
    let line = line.trim_start();
    ["args: [", "- --", "ExecStart=", "CMD [", "ENTRYPOINT ["]
        .iter()
        .any(|begin| line.starts_with(begin))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_and_variables_that_do_not_exist_are_found() {
        let commands =
            Commands::parse("## `sfumato serve`\n      --listen <ADDR:PORT>\n      --data-dir <DIR>\n");
        let settings = "| `listen` | `x` | `SFUMATO_LISTEN` | |\n";
        let text = "# --not-this SFUMATO_NOR_THIS\n  args: [serve, --listen, a, --dat]\n  - --data-dir\n\
                    test: [pg_isready, --username]\nENV SFUMATO_LISTEN=1 SFUMATO_LISTE=2\n";
        assert_eq!(
            unknown_words(text, &commands, settings),
            ["--dat", "SFUMATO_LISTE"]
        );
    }
}
