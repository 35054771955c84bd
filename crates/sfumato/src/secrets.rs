//! The keys of the vault: what the secrets in the database are sealed with, as the settings and the data folder have it.

use anyhow::Context;
use sfumato_core::time::random;
use sfumato_core::{Entropy, KeyId};
use sfumato_engine::access::Keys;
use sfumato_engine::key_ring::KeyRing;
use sfumato_engine::vault::Vault;

use crate::data_dir::DataDir;
use crate::key_files;
use crate::settings::{SECRETS_KEYS_VARIABLE, Settings};

const PLACE: key_files::Place = key_files::Place {
    what: "the keys of secrets",
    setting: "secrets.key_file",
    variable: SECRETS_KEYS_VARIABLE,
};

/// The vault of this process. The key that is derived from the master key is the last one, so that what was sealed before there
/// were keys of their own still opens.
///
/// # Errors
/// A key file cannot be read or holds no keys, or there is no key at all.
pub(crate) fn vault(settings: &Settings, dir: &DataDir, keys: Option<&Keys>) -> anyhow::Result<Vault> {
    let derived = keys.map(|keys| keys.vault().keys());
    let (file, dir) = (settings.secrets_key_file.clone(), dir.clone());
    let read = move || -> anyhow::Result<Option<KeyRing>> {
        let given = match PLACE.read(file.as_ref())? {
            Some(given) => Some(given),
            None => own_keys(&dir)?,
        };
        Ok(match (given, &derived) {
            (Some(given), Some(derived)) => Some(given.and(derived)),
            (Some(given), None) => Some(given),
            (None, derived) => derived.clone(),
        })
    };
    let ring = read()?.context(
        "find a key for the secrets in the database: name a file by `secrets.key_file`, or the installation's `master_key_file`",
    )?;
    Ok(Vault::reading(ring, move || {
        read().unwrap_or_else(|error| {
            tracing::warn!("failed to {error:#}; the keys that were read before are used");
            None
        })
    }))
}

/// Whether the keys lie in the data folder, where [`add_key`] and [`remove_keys`] change them.
pub(crate) fn are_own(settings: &Settings) -> bool {
    let variable = std::env::var(SECRETS_KEYS_VARIABLE).is_ok_and(|text| !text.is_empty());
    settings.secrets_key_file.is_none() && settings.database_url.is_none() && !variable
}

/// Puts a fresh key before those of the data folder.
///
/// # Errors
/// The file cannot be read or written.
pub(crate) fn add_key(dir: &DataDir, entropy: &dyn Entropy) -> anyhow::Result<KeyId> {
    let key: [u8; 32] = random(entropy);
    let digits: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
    let present = dir.secrets_keys()?.unwrap_or_default();
    dir.write_secrets_keys(&format!("{digits}\n{present}"))?;
    Ok(KeyRing::of(&key).current_id())
}

/// Takes keys out of the data folder's file, and returns how many there were.
///
/// # Errors
/// The file cannot be read or written.
pub(crate) fn remove_keys(dir: &DataDir, unwanted: &[KeyId]) -> anyhow::Result<usize> {
    let Some(text) = dir.secrets_keys()? else {
        return Ok(0);
    };
    let is_unwanted =
        |line: &&str| KeyRing::parse(line).is_ok_and(|ring| unwanted.contains(&ring.current_id()));
    let removed = text.lines().filter(is_unwanted).count();
    if removed > 0 {
        let kept = text.lines().filter(|line| !is_unwanted(line));
        dir.write_secrets_keys(&kept.map(|line| format!("{line}\n")).collect::<String>())?;
    }
    Ok(removed)
}

fn own_keys(dir: &DataDir) -> anyhow::Result<Option<KeyRing>> {
    let parse = |text: String| {
        KeyRing::parse(&text)
            .with_context(|| format!("read the keys of secrets in {}", dir.secrets_key_path().display()))
    };
    dir.secrets_keys()?.map(parse).transpose()
}

#[cfg(test)]
mod tests {
    use sfumato_engine::system::SystemEntropy;

    use super::*;

    #[test]
    fn a_key_is_added_before_the_others_and_the_derived_one_comes_last() {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::open_or_create(folder.path()).unwrap();
        let keys = Keys::derive(&[5; 32]);
        let derived = keys.vault().keys().current_id();
        let vault = vault(&Settings::default(), &dir, Some(&keys)).unwrap();
        assert_eq!(vault.keys().ids().collect::<Vec<_>>(), [derived]);
        let first = add_key(&dir, &SystemEntropy).unwrap();
        let second = add_key(&dir, &SystemEntropy).unwrap();
        assert_eq!(vault.keys().current_id(), derived, "it was read before");
        vault.refresh();
        assert_eq!(vault.keys().ids().collect::<Vec<_>>(), [second, first, derived]);
        assert_eq!(remove_keys(&dir, &[first, derived]).unwrap(), 1);
        vault.refresh();
        assert_eq!(vault.keys().ids().collect::<Vec<_>>(), [second, derived]);
    }

    #[test]
    fn a_damaged_file_is_told_at_the_start_and_later_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::open_or_create(folder.path()).unwrap();
        let keys = Keys::derive(&[5; 32]);
        let before = vault(&Settings::default(), &dir, Some(&keys)).unwrap();
        std::fs::write(dir.secrets_key_path(), "nonsense\n").unwrap();
        before.refresh();
        assert_eq!(before.keys().ids().count(), 1);
        let refused = vault(&Settings::default(), &dir, Some(&keys)).unwrap_err();
        assert!(format!("{refused:#}").contains("line 1"), "{refused:#}");
    }

    #[test]
    fn without_any_key_it_is_said_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let dir = DataDir::open_or_create(folder.path()).unwrap();
        let refused = vault(&Settings::default(), &dir, None).unwrap_err();
        assert!(refused.to_string().contains("secrets.key_file"), "{refused}");
    }
}
