//! The command line of `sfumato` as its reference tells it: which commands there are, and which flags each of them takes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, ensure};

/// The reference, below the workspace.
pub(crate) const FILE: &str = "docs/cli.md";

/// All commands.
#[derive(Debug)]
pub(crate) struct Commands {
    /// Flags by the words of a command; those of `sfumato` itself have none.
    flags: BTreeMap<String, BTreeSet<String>>,
}

impl Commands {
    /// Reads the reference.
    ///
    /// # Errors
    /// It cannot be read, or tells of no command.
    pub(crate) fn read(root: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(root.join(FILE)).with_context(|| format!("read {FILE}"))?;
        let commands = Self::parse(&text);
        ensure!(!commands.flags.is_empty(), "{FILE} tells of no command");
        Ok(commands)
    }

    /// Takes commands from headings, and flags from the lines that begin with one.
    pub(crate) fn parse(text: &str) -> Self {
        let mut flags: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut command = None;
        for line in text.lines() {
            let heading = line.strip_prefix("## `sfumato");
            if let Some(words) = heading.and_then(|words| words.strip_suffix('`')) {
                flags.entry(words.trim().to_owned()).or_default();
                command = Some(words.trim().to_owned());
            } else if let Some(command) = &command
                && let line = line.trim_start()
                && line.starts_with('-')
            {
                // What it is for stands behind two spaces, and may name other flags.
                let names = line.split("  ").next().unwrap_or_default();
                let names = names.split([',', ' ']).filter(|word| word.starts_with('-'));
                flags
                    .entry(command.clone())
                    .or_default()
                    .extend(names.map(str::to_owned));
            }
        }
        Self { flags }
    }

    /// Whether any command takes a flag.
    pub(crate) fn any_takes(&self, flag: &str) -> bool {
        self.flags.values().any(|flags| flags.contains(flag))
    }

    /// Whether `sfumato` has a command of one word.
    pub(crate) fn is_command(&self, word: &str) -> bool {
        !word.is_empty() && self.flags.contains_key(word)
    }

    /// What in the words behind `sfumato` it does not understand.
    pub(crate) fn unknown(&self, words: &[String]) -> Option<String> {
        let mut command = String::new();
        let mut rest = words;
        while let [word, behind @ ..] = rest {
            let longer = format!("{command} {word}").trim().to_owned();
            if !self.flags.contains_key(&longer) {
                break;
            }
            (command, rest) = (longer, behind);
        }
        let begin = if command.is_empty() {
            String::new()
        } else {
            format!("{command} ")
        };
        let has_commands = self
            .flags
            .keys()
            .any(|other| other.len() > begin.len() && other.starts_with(&begin));
        if let Some(word) = rest.first()
            && has_commands
            && !word.starts_with('-')
        {
            return Some(format!("the command `{begin}{word}`"));
        }
        let known = self.flags.get(&command)?;
        rest.iter()
            .take_while(|word| *word != "--")
            .map(|word| word.split('=').next().unwrap_or_default())
            .find(|word| word.len() > 1 && word.starts_with('-') && !known.contains(*word))
            .map(|flag| format!("`{flag}` of `sfumato {command}`"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REFERENCE: &str = "## `sfumato`\n  -h, --help  Print help\n## `sfumato client`\n\
        ## `sfumato client set`\n      --name <NAME>  Not --this\n  -q\n## `sfumato serve`\n      --listen <ADDR>\n";

    fn unknown(line: &str) -> Option<String> {
        let words: Vec<_> = line.split(' ').map(str::to_owned).collect();
        Commands::parse(REFERENCE).unknown(&words)
    }

    #[test]
    fn what_a_command_understands_is_known() {
        for line in [
            "serve --listen a",
            "client set x --name=y -q",
            "--help",
            "serve -- --what",
        ] {
            assert_eq!(unknown(line), None, "{line}");
        }
    }

    #[test]
    fn commands_and_flags_that_do_not_exist_are_named() {
        assert_eq!(unknown("serv"), Some("the command `serv`".into()));
        assert_eq!(unknown("client sit x"), Some("the command `client sit`".into()));
        assert_eq!(
            unknown("client set --this"),
            Some("`--this` of `sfumato client set`".into())
        );
        assert_eq!(
            unknown("serve --name x"),
            Some("`--name` of `sfumato serve`".into())
        );
    }
}
