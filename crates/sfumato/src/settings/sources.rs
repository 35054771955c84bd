//! The places where settings are written, read one over the other.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::errors::{Origin, SettingsError, suggestion};
use super::file::{File, nearest};
use super::options::{OPTIONS, OptionInfo, Settings};
use super::rules;
use super::values::{Raw, WrongValue};

/// Names the settings file where no flag does.
const CONFIG_VARIABLE: &str = "SFUMATO_CONFIG";

/// Holds keys, which are no setting: settings are printed and shown.
pub(crate) const STORAGE_KEYS_VARIABLE: &str = "SFUMATO_STORAGE_KEYS";

/// The same for the secrets in the database.
pub(crate) const SECRETS_KEYS_VARIABLE: &str = "SFUMATO_SECRETS_KEYS";

/// A value that a flag gives to a setting.
#[derive(Clone, Debug)]
pub(crate) struct FlagValue {
    /// The flag as it is written, such as `--data-dir`.
    pub(crate) flag: &'static str,
    /// The setting.
    pub(crate) key: &'static str,
    /// The text.
    pub(crate) value: String,
}

/// Everything beside the built-in defaults.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources {
    /// The file that a flag names; `SFUMATO_CONFIG` names it otherwise.
    pub(crate) config: Option<PathBuf>,
    /// Environment variables whose names begin with `SFUMATO_`.
    pub(crate) variables: Vec<(String, String)>,
    /// Flags that were given.
    pub(crate) flags: Vec<FlagValue>,
}

/// The variables of this process that are meant for it.
pub(crate) fn variables_of_process() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| {
            let name = name
                .into_string()
                .ok()
                .filter(|name| name.starts_with("SFUMATO_"))?;
            Some((name, value.to_string_lossy().into_owned()))
        })
        .collect()
}

/// Settings with the origin of each.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    /// The values.
    pub(crate) settings: Settings,
    origins: BTreeMap<&'static str, Origin>,
    /// What the operator should hear of once there is a log.
    pub(crate) warnings: Vec<String>,
}

impl Loaded {
    /// Nothing but defaults.
    pub(crate) fn defaults() -> Self {
        Self {
            settings: Settings::default(),
            origins: BTreeMap::new(),
            warnings: vec![],
        }
    }

    /// Where a setting came from.
    pub(crate) fn origin(&self, key: &str) -> Origin {
        self.origins.get(key).cloned().unwrap_or(Origin::Default)
    }

    fn set(&mut self, option: &OptionInfo, raw: Raw<'_>, origin: Origin) -> Result<(), (WrongValue, Origin)> {
        match (option.read)(&mut self.settings, raw) {
            Ok(()) => {
                self.origins.insert(option.key, origin);
                Ok(())
            }
            Err(wrong) => Err((wrong, origin)),
        }
    }

    /// Reads what can be read of a file; entries that are wrong are added to `wrong`, line by line.
    fn read_file(&mut self, path: &Path, wrong: &mut Vec<SettingsError>) -> Result<(), SettingsError> {
        let text = std::fs::read_to_string(path).map_err(|source| SettingsError::File {
            path: path.to_owned(),
            source,
        })?;
        let file = File { path, text: &text };
        let document = DeTable::parse(&text).map_err(|error| {
            let span = error.span().unwrap_or_default();
            SettingsError::Syntax {
                origin: file.origin(&span),
                message: error.message().to_owned(),
                excerpt: file.excerpt(&span),
            }
        })?;
        for (name, value) in document.get_ref() {
            let section = OPTIONS
                .iter()
                .any(|option| option.section_and_name().0 == name.get_ref().as_ref());
            match value.get_ref() {
                DeValue::Table(table) if section => {
                    let entries = table.iter();
                    let read =
                        entries.map(|(inner, value)| self.read_entry(&file, name.get_ref(), inner, value));
                    wrong.extend(read.filter_map(Result::err));
                }
                DeValue::Table(_) => wrong.push(file.unknown("section", "", name)),
                _ => wrong.extend(self.read_entry(&file, "", name, value).err()),
            }
        }
        wrong.sort_by_key(SettingsError::line);
        Ok(())
    }

    fn read_entry(
        &mut self,
        file: &File<'_>,
        section: &str,
        name: &Spanned<Cow<'_, str>>,
        value: &Spanned<DeValue<'_>>,
    ) -> Result<(), SettingsError> {
        let option = OPTIONS
            .iter()
            .find(|option| option.section_and_name() == (section, name.get_ref()))
            .ok_or_else(|| file.unknown("setting", section, name))?;
        self.set(option, Raw::Toml(value.get_ref()), file.origin(&name.span()))
            .map_err(|(wrong, origin)| SettingsError::Value {
                origin,
                key: option.key,
                wrong,
                excerpt: format!("\n{}", file.excerpt(&value.span())),
            })
    }

    fn read_variables(&mut self, variables: &[(String, String)], wrong: &mut Vec<SettingsError>) {
        let others = [CONFIG_VARIABLE, STORAGE_KEYS_VARIABLE, SECRETS_KEYS_VARIABLE];
        for (name, value) in variables
            .iter()
            .filter(|(name, _)| !others.contains(&name.as_str()))
        {
            let Some(option) = OPTIONS.iter().find(|option| option.variable() == *name) else {
                let near = nearest(name, OPTIONS.iter().map(OptionInfo::variable));
                self.warnings.push(format!(
                    "the environment variable {name} is no setting and has no effect{}",
                    suggestion(&near)
                ));
                continue;
            };
            let set = self.set(option, Raw::Text(value), Origin::Variable(name.clone()));
            wrong.extend(
                set.map_err(|(wrong, origin)| value_error(option, wrong, origin))
                    .err(),
            );
        }
    }

    fn read_flags(&mut self, flags: &[FlagValue], wrong: &mut Vec<SettingsError>) {
        for flag in flags {
            let option = OPTIONS
                .iter()
                .find(|option| option.key == flag.key)
                .expect("a test gives every flag");
            let set = self.set(option, Raw::Text(&flag.value), Origin::Flag(flag.flag));
            wrong.extend(
                set.map_err(|(wrong, origin)| value_error(option, wrong, origin))
                    .err(),
            );
        }
    }

    /// Every rule that the values break together.
    fn broken_rules(&self) -> impl Iterator<Item = SettingsError> {
        rules::broken(&self.settings).map(|(key, rule)| SettingsError::Rule {
            key,
            origin: self.origin(key),
            rule,
        })
    }
}

fn value_error(option: &OptionInfo, wrong: WrongValue, origin: Origin) -> SettingsError {
    SettingsError::Value {
        origin,
        key: option.key,
        wrong,
        excerpt: String::new(),
    }
}

impl Sources {
    /// Reads every place.
    ///
    /// # Errors
    /// [`SettingsError`] for everything that is wrong.
    pub(crate) fn load(&self) -> Result<Loaded, SettingsError> {
        let (mut loaded, mut wrong) = (Loaded::defaults(), Vec::new());
        let by_variable = self
            .variables
            .iter()
            .find(|(name, value)| name == CONFIG_VARIABLE && !value.is_empty())
            .map(|(_, value)| PathBuf::from(value));
        if let Some(path) = self.config.clone().or(by_variable) {
            loaded.read_file(&path, &mut wrong)?;
        }
        loaded.read_variables(&self.variables, &mut wrong);
        loaded.read_flags(&self.flags, &mut wrong);
        // Rules judge values that were all read.
        if wrong.is_empty() {
            wrong = loaded.broken_rules().collect();
        }
        match SettingsError::of(wrong) {
            None => Ok(loaded),
            Some(wrong) => Err(wrong),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    struct Given {
        _dir: tempfile::TempDir,
        sources: Sources,
    }

    fn given(file: &str, variables: &[(&str, &str)], flags: &[(&'static str, &'static str, &str)]) -> Given {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("sfumato.toml");
        std::fs::write(&path, file).unwrap();
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let sources = Sources {
            config: Some(path),
            variables: variables.iter().map(owned).collect(),
            flags: flags
                .iter()
                .map(|(flag, key, value)| FlagValue {
                    flag,
                    key,
                    value: (*value).to_owned(),
                })
                .collect(),
        };
        Given { _dir: dir, sources }
    }

    fn refusal(file: &str) -> String {
        given(file, &[], &[]).sources.load().unwrap_err().to_string()
    }

    #[test]
    fn each_layer_overrides_the_one_below_and_is_remembered() {
        let file = "listen = '127.0.0.1:1'\n[webhooks]\ndeadline = '1s'\n";
        let variable = [("SFUMATO_WEBHOOKS__DEADLINE", "2s")];
        let flag = [("--webhook-deadline", "webhooks.deadline", "3s")];
        let path = given(file, &[], &[]).sources.config.unwrap();
        let cases = [
            (given("", &[], &[]), 15, "default".to_owned()),
            (given(file, &[], &[]), 1, ":3".to_owned()),
            (
                given(file, &variable, &[]),
                2,
                "SFUMATO_WEBHOOKS__DEADLINE".into(),
            ),
            (given(file, &variable, &flag), 3, "--webhook-deadline".into()),
        ];
        for (given, seconds, origin) in cases {
            let loaded = given.sources.load().unwrap();
            assert_eq!(loaded.settings.webhook_deadline, Duration::from_secs(seconds));
            let shown = loaded.origin("webhooks.deadline").to_string();
            assert!(shown.ends_with(&origin), "{shown} {}", path.display());
        }
    }

    #[test]
    fn the_file_is_named_by_a_variable_where_no_flag_names_it() {
        let with_file = given("listen = '127.0.0.1:7'", &[], &[]);
        let path = with_file.sources.config.clone().unwrap();
        let sources = Sources {
            variables: vec![("SFUMATO_CONFIG".into(), path.display().to_string())],
            ..Sources::default()
        };
        assert_eq!(sources.load().unwrap().settings.listen.port(), 7);
        let missing = Sources {
            config: Some(path.with_file_name("absent.toml")),
            ..sources
        };
        assert!(matches!(missing.load(), Err(SettingsError::File { .. })));
    }

    #[test]
    fn an_unknown_key_is_named_with_its_line_and_the_nearest_key() {
        let text = refusal("listen = '127.0.0.1:1'\n\n[webhooks]\ndedline = '1s'\n");
        assert!(text.contains("sfumato.toml:4"), "{text}");
        assert!(
            text.contains("`webhooks.dedline`; did you mean `webhooks.deadline`?"),
            "{text}"
        );
        assert!(text.contains("4 | dedline = '1s'"), "{text}");
        let text = refusal("[webhook]\ndeadline = '1s'\n");
        assert!(
            text.contains(":1: there is no section `webhook`; did you mean `webhooks`?"),
            "{text}"
        );
        let text = refusal("deadline = '1s'\n");
        assert!(
            text.contains("there is no setting `deadline`; did you mean `webhooks.deadline`?"),
            "{text}"
        );
        let text = refusal("zzz = 1\n");
        assert!(text.contains("there is no setting `zzz`\n"), "{text}");
    }

    #[test]
    fn a_wrong_value_is_named_with_its_line_and_what_is_allowed() {
        for (file, parts) in [
            (
                "[webhooks]\ndeadline = 15\n",
                [":2", "such as \"15s\"", "the integer that stands there"],
            ),
            (
                "\nlisten = 'localhost'\n",
                [":2", "`listen` must be an IP address and a port", "`localhost`"],
            ),
            (
                "[worker]\njobs_at_once = 0\n",
                [":2", "worker.jobs_at_once", "\"auto\" or a whole number"],
            ),
            (
                "[uploads]\nbytes_max = '8 GB'\n",
                [":2", "uploads.bytes_max", "`8 GB`"],
            ),
            (
                "[webhooks]\nallow_private = 'yes'\n",
                [":2", "true or false", "`yes`"],
            ),
            (
                "[worker]\nlease = '1s'\n",
                ["sfumato.toml:2", "`worker.lease`", "at least 5s"],
            ),
            ("listen = \n", [":1", "listen", "read the settings"]),
            (
                "listen = '127.0.0.1:1'\nlisten = '127.0.0.1:2'\n",
                [":2", "duplicate", "listen"],
            ),
        ] {
            let text = refusal(file);
            for part in parts {
                assert!(text.contains(part), "{file}: {text}");
            }
        }
    }

    #[test]
    fn a_wrong_value_of_a_variable_or_a_flag_is_named_by_it() {
        let variable = given("", &[("SFUMATO_LISTEN", "8080")], &[]);
        let text = variable.sources.load().unwrap_err().to_string();
        assert!(text.contains("SFUMATO_LISTEN: `listen` must be"), "{text}");
        let flag = given("", &[], &[("--listen", "listen", "8080")]);
        let text = flag.sources.load().unwrap_err().to_string();
        assert!(text.contains("--listen: `listen` must be"), "{text}");
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once_in_the_order_of_the_lines() {
        let file = "listen = 'here'\n[webhooks]\nzeal = 1\ndeadline = 7\n[nothing]\na = 1\n";
        let several = given(
            file,
            &[("SFUMATO_DATABASE_URL", "here")],
            &[("--listen", "listen", "there")],
        );
        let text = several.sources.load().unwrap_err().to_string();
        let places = [
            "toml:1: ",
            "toml:3: ",
            "toml:4: ",
            "toml:5: ",
            "SFUMATO_DATABASE_URL: ",
            "--listen: ",
        ];
        let found: Vec<_> = places.iter().map(|place| text.find(place)).collect();
        assert!(found.iter().all(Option::is_some) && found.is_sorted(), "{text}");
        assert_eq!(
            text.matches("\nand to read the settings at ").count(),
            places.len() - 1,
            "{text}"
        );
        let text = refusal("[worker]\nlease = '1s'\ntask_deadline = '1ms'\n");
        assert!(
            text.contains("`worker.lease`") && text.contains("`worker.task_deadline`"),
            "{text}"
        );
    }

    #[test]
    fn a_variable_that_is_no_setting_is_a_warning() {
        let loaded = given("", &[("SFUMATO_LISTENN", "127.0.0.1:1")], &[])
            .sources
            .load()
            .unwrap();
        assert_eq!(loaded.warnings.len(), 1);
        assert!(
            loaded.warnings[0].contains("did you mean `SFUMATO_LISTEN`?"),
            "{:?}",
            loaded.warnings
        );
        assert_eq!(loaded.settings, Settings::default());
    }

    #[test]
    fn whole_numbers_are_read_in_every_spelling_of_toml() {
        let loaded = given("[webhooks]\ndeliveries_at_once = 0x1_0\n", &[], &[])
            .sources
            .load();
        // TOML allows underscores between digits; the reader sees them as they are written or not at all.
        assert_eq!(loaded.unwrap().settings.deliveries_at_once.0, 16);
    }

    /// A line of a file of settings: names that are known and others, values of every kind, and nonsense.
    fn any_line() -> impl Strategy<Value = String> {
        let known = |part: fn((&'static str, &'static str)) -> &'static str| {
            let names: Vec<_> = OPTIONS
                .iter()
                .map(|option| part(option.section_and_name()))
                .collect();
            proptest::sample::select(names).prop_map(str::to_owned)
        };
        let name = prop_oneof![4 => known(|(_, name)| name), 1 => "[a-z_.\"]{1,12}"];
        let value = prop_oneof![
            "-?[0-9]{1,25}",
            "true|false|nan|1979-05-27",
            "'[0-9]{1,25}(ms|s|m|h|d|B|kB|MiB|TB)?'",
            "\"\\PC{0,20}\"",
            "\\[\\PC{0,10}\\]",
        ];
        prop_oneof![
            4 => (name, value).prop_map(|(name, value)| format!("{name} = {value}")),
            2 => known(|(section, _)| section).prop_map(|section| format!("[{section}]")),
            1 => "\\PC{0,40}",
        ]
    }

    proptest! {
        #[test]
        fn any_file_is_read_or_refused_with_a_reason(lines in proptest::collection::vec(any_line(), 0..6)) {
            if let Err(error) = given(&lines.join("\n"), &[], &[]).sources.load() {
                prop_assert!(error.to_string().len() > 10, "{}", error);
            }
        }
    }
}
