//! Files and variables that hold keys of the operator's, one a line in 64 hexadecimal digits.

use std::path::PathBuf;

use anyhow::{Context, bail};
use sfumato_engine::key_ring::KeyRing;

/// Where keys may come from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    /// What they are for, in messages: `the storage's keys`.
    pub(crate) what: &'static str,
    /// The setting that names a file.
    pub(crate) setting: &'static str,
    /// The variable that holds them itself.
    pub(crate) variable: &'static str,
}

impl Place {
    /// Reads them from the file or the variable of this process; `None` where neither is given.
    ///
    /// # Errors
    /// Both are given, or what is given holds no keys. No message shows a digit.
    pub(crate) fn read(&self, file: Option<&PathBuf>) -> anyhow::Result<Option<KeyRing>> {
        let variable = std::env::var(self.variable).ok().filter(|text| !text.is_empty());
        self.choose(file, variable)
    }

    fn choose(&self, file: Option<&PathBuf>, variable: Option<String>) -> anyhow::Result<Option<KeyRing>> {
        let Self {
            what,
            setting,
            variable: name,
        } = self;
        let keys = match (file, variable) {
            (None, None) => return Ok(None),
            (Some(_), Some(_)) => bail!(
                "choose {what}: both `{setting}` and the variable {name} name some; put all of them into one"
            ),
            (None, Some(text)) => KeyRing::parse(&text.replace(',', "\n"))
                .with_context(|| format!("read {what} in the variable {name}"))?,
            (Some(path), None) => {
                let reading = || format!("read {what} in {}", path.display());
                let text = std::fs::read_to_string(path).with_context(reading)?;
                KeyRing::parse(&text).with_context(reading)?
            }
        };
        Ok(Some(keys))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place = Place {
        what: "the storage's keys",
        setting: "storage.encryption_key_file",
        variable: "SFUMATO_STORAGE_KEYS",
    };

    #[test]
    fn keys_come_from_a_file_or_a_variable_and_no_message_shows_them() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("storage.key");
        let (a, b) = ("0a".repeat(32), "0b".repeat(32));
        std::fs::write(&path, format!("# 2026\n{a}\n{b}\n")).unwrap();
        let of_file = PLACE.choose(Some(&path), None).unwrap().unwrap();
        let of_variable = PLACE.choose(None, Some(format!("{a},{b}"))).unwrap().unwrap();
        assert_eq!(of_file.current_id(), of_variable.current_id());
        assert!(PLACE.choose(None, None).unwrap().is_none());
        assert!(PLACE.choose(Some(&path), Some(a.clone())).is_err());
        std::fs::write(&path, &a[..60]).unwrap();
        let refused = format!("{:#}", PLACE.choose(Some(&path), None).unwrap_err());
        assert!(
            refused.contains("line 1") && !refused.contains("0a0a"),
            "{refused}"
        );
    }
}
