//! `config print`: the settings as TOML or JSON, each with its origin, and the commented example file.

use std::fmt::Write;

use super::errors::Origin;
use super::options::{OPTIONS, OptionInfo};
use super::sources::Loaded;

const EXAMPLE_HEAD: &str = "\
# Settings of Sfumato.
#
# Every line that begins with `#` and a name shows a default; remove the `#` to change the value.
# Use the file by `sfumato serve --config FILE` or by the variable SFUMATO_CONFIG. An environment variable overrides the
# file and a flag overrides both: `webhooks.deadline` is the variable SFUMATO_WEBHOOKS__DEADLINE.
# `sfumato config print` shows every value and where it came from.
#
# Durations are a whole number with ms, s, m, h or d; sizes a whole number with B, kB, MB, GB, TB (powers of 1000) or
# KiB, MiB, GiB, TiB (powers of 1024). Relative paths begin at the folder in which the command is started.
";

/// The example file: every setting with its meaning, commented out at its default.
pub(crate) fn example() -> String {
    let defaults = Loaded::defaults();
    let mut out = String::from(EXAMPLE_HEAD);
    for (section, options) in sections() {
        if !section.is_empty() {
            let _ = write!(out, "\n[{section}]\n");
        }
        for option in options {
            let value = (option.show)(&defaults.settings);
            let (_, name) = option.section_and_name();
            let _ = writeln!(out);
            for line in option.doc {
                let _ = writeln!(out, "#{line}");
            }
            let _ = writeln!(out, "#{name} = {value}");
        }
    }
    out
}

/// The settings as TOML, with the origin of each as a comment.
pub(crate) fn text(loaded: &Loaded) -> String {
    let mut out = String::new();
    for (section, options) in sections() {
        if !section.is_empty() {
            let _ = write!(out, "\n[{section}]\n");
        }
        let lines: Vec<_> = options
            .iter()
            .map(|option| {
                let (_, name) = option.section_and_name();
                let line = format!("{name} = {}", (option.show)(&loaded.settings));
                (line, loaded.origin(option.key))
            })
            .collect();
        let width = lines.iter().map(|(line, _)| line.len()).max().unwrap_or(0);
        for (line, origin) in lines {
            let _ = writeln!(out, "{line:width$}  # {origin}");
        }
    }
    out
}

/// The settings as JSON: for each key its value and its origin.
pub(crate) fn json(loaded: &Loaded) -> serde_json::Value {
    let entries = OPTIONS.iter().map(|option| {
        let value = serde_json::to_value((option.show)(&loaded.settings)).unwrap_or_default();
        let entry = match loaded.origin(option.key) {
            Origin::Default => serde_json::json!({ "value": value, "origin": "default" }),
            Origin::File { path, line } => {
                serde_json::json!({ "value": value, "origin": "file", "file": path, "line": line })
            }
            Origin::Variable(name) => {
                serde_json::json!({ "value": value, "origin": "variable", "variable": name })
            }
            Origin::Flag(name) => serde_json::json!({ "value": value, "origin": "flag", "flag": name }),
        };
        (option.key.to_owned(), entry)
    });
    entries.collect::<serde_json::Map<_, _>>().into()
}

/// One setting in words.
pub(crate) struct Line {
    /// Its name with the section.
    pub(crate) key: &'static str,
    /// Its value, without the quotes that a file needs.
    pub(crate) value: String,
    /// Where that came from.
    pub(crate) origin: Origin,
    /// What it means, without the marks of code.
    pub(crate) meaning: String,
}

/// Every setting, in the order of the file.
pub(crate) fn lines(loaded: &Loaded) -> Vec<Line> {
    let line = |option: &OptionInfo| Line {
        key: option.key,
        value: match (option.show)(&loaded.settings) {
            toml::Value::String(text) => text,
            other => other.to_string(),
        },
        origin: loaded.origin(option.key),
        meaning: option.doc.concat().trim().replace('`', ""),
    };
    OPTIONS.iter().map(line).collect()
}

fn sections() -> Vec<(&'static str, Vec<&'static OptionInfo>)> {
    let mut sections: Vec<(&str, Vec<&OptionInfo>)> = vec![];
    for option in OPTIONS {
        let (section, _) = option.section_and_name();
        match sections.last_mut() {
            Some((last, options)) if *last == section => options.push(option),
            _ => sections.push((section, vec![option])),
        }
    }
    sections
}

#[cfg(test)]
mod tests {
    use super::super::Sources;
    use super::*;

    fn load(file: &str) -> Loaded {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sfumato.toml");
        std::fs::write(&path, file).unwrap();
        let sources = Sources {
            config: Some(path),
            ..Sources::default()
        };
        sources.load().unwrap()
    }

    #[test]
    fn the_example_with_every_line_switched_on_is_the_default() {
        let switched_on: String = example()
            .lines()
            .map(|line| match line.strip_prefix('#') {
                Some(rest) if !rest.starts_with(' ') => format!("{rest}\n"),
                _ => format!("{line}\n"),
            })
            .collect();
        let loaded = load(&switched_on);
        assert_eq!(loaded.settings, Loaded::defaults().settings);
        for option in OPTIONS {
            assert_ne!(loaded.origin(option.key), Origin::Default, "{}", option.key);
        }
    }

    #[test]
    fn a_line_has_the_value_as_people_read_it_and_says_who_gave_it() {
        let loaded = load("[retention]\nresults = '3d'\n");
        let all = lines(&loaded);
        assert_eq!(all.len(), OPTIONS.len());
        let results = all.iter().find(|line| line.key == "retention.results").unwrap();
        assert_eq!(results.value, "3d");
        assert!(matches!(results.origin, Origin::File { line: 2, .. }));
        assert_eq!(results.meaning, "How long a result can be downloaded.");
    }

    #[test]
    fn what_is_printed_can_be_used_as_a_file() {
        let loaded = load("listen = '127.0.0.1:9'\n[worker]\njobs_at_once = 3\n");
        let printed = text(&loaded);
        assert!(printed.contains("jobs_at_once = 3"), "{printed}");
        assert_eq!(load(&printed).settings, loaded.settings);
    }
}
