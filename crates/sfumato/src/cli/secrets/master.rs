//! `sfumato secrets rotate-master`: another master key for an installation whose servers are stopped.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use sfumato_core::time::random;
use sfumato_engine::access::Keys;
use sfumato_engine::vault::{self, Vault};

use super::super::UsageError;
use super::super::opened::{Access, Common};
use crate::data_dir::{self, DataDir, DataDirError, Lock};
use crate::{instance, output, secrets};

/// Where the keys lie.
enum Place<'a> {
    /// In the data folder, which is changed.
    Own,
    /// Where the operator keeps it: the file that the settings name, and the one that takes its place.
    Operators { present: &'a Path, next: &'a Path },
}

pub(super) async fn rotate(common: &Common, new_key_file: Option<&PathBuf>) -> anyhow::Result<ExitCode> {
    let access = Access::open(common, false).await?;
    let settings = &access.settings;
    let dir = DataDir::unopened(&settings.data_dir);
    let place = match (&settings.master_key_file, new_key_file) {
        (None, _) => Place::Own,
        (Some(present), Some(next)) => Place::Operators { present, next },
        (Some(present), None) => {
            return Err(UsageError(format!(
                "make the new key: it lies outside of the data folder, in {}; make a file for the new one \
                 (`head --bytes 32 /dev/urandom`) and name it by --new-key-file",
                present.display()
            ))
            .into());
        }
    };
    // A process on PostgreSQL whose key lies elsewhere need not have a data folder.
    let _lock = match dir.path().is_dir() {
        true => Some(lock(&dir)?),
        false => None,
    };
    let (from, to) = match place {
        Place::Own => own(&access, &dir, new_key_file).await?,
        Place::Operators { present, next } => (
            Keys::derive(&dir.read_master_key(present)?),
            Keys::derive(&dir.read_master_key(next)?),
        ),
    };
    if from.check() == to.check() {
        bail!("change the master key: the new one is the present one");
    }
    let replaced = replace(&access, &dir, &from, &to).await?;
    match place {
        Place::Own => dir.put_next_master_key_in_place()?,
        Place::Operators { present, next } => output::note(format!(
            "put {} in the place of {}, for every process, before one is started",
            next.display(),
            present.display()
        )),
    }
    if settings.database_url.is_some() && matches!(place, Place::Own) {
        output::note(format!(
            "copy {} to every other process with the role `api` or `courier` before it is started",
            dir.master_key_path().display()
        ));
    }
    output::line(match replaced {
        Some(secrets) => format!(
            "the master key is another one now, and {secrets} secrets were sealed again; clients log in anew, and cursors are void"
        ),
        None => "the installation has this master key already".to_owned(),
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Takes the folder, so that no server starts meanwhile.
fn lock(dir: &DataDir) -> anyhow::Result<Lock> {
    match dir.lock() {
        Err(DataDirError::InUse { path, pid }) => bail!(
            "change the master key: a sfumato server{} uses {}; stop that one, give this command, and start it again: what it \
             signs with the old key would be void",
            data_dir::process(&pid),
            path.display()
        ),
        taken => Ok(taken?),
    }
}

/// The present key of the data folder and the next one, which lies beside it before anything else happens.
async fn own(access: &Access, dir: &DataDir, given: Option<&PathBuf>) -> anyhow::Result<(Keys, Keys)> {
    instance::finish_rotation(dir, &*access.store).await?;
    let present = dir.read_master_key(&dir.master_key_path())?;
    let given = given.map(|path| dir.read_master_key(path)).transpose()?;
    let next = match (dir.next_master_key()?, given) {
        // It may be the installation's before long, where the database has not finished the transaction of a command that died.
        (Some(begun), Some(given)) if begun != given => bail!(
            "begin with another key: {} is of a rotation that was interrupted; give the command without --new-key-file to \
             finish that one",
            dir.next_master_key_path().display()
        ),
        (Some(begun), _) => begun,
        (None, given) => {
            let next = given.unwrap_or_else(|| random(&*access.entropy));
            if next != present {
                dir.write_next_master_key(&next)?;
            }
            next
        }
    };
    Ok((Keys::derive(&present), Keys::derive(&next)))
}

/// How many secrets were sealed again; `None` where the installation had the key before.
async fn replace(access: &Access, dir: &DataDir, from: &Keys, to: &Keys) -> anyhow::Result<Option<u64>> {
    let store = &*access.store;
    let asked = "look up which installation the database belongs to";
    let found = store.installation().await.context(asked)?;
    let found = found.context("change the master key: no server has been started on this database yet")?;
    if found.key == to.check() {
        return Ok(None);
    }
    let ahead = secrets::vault(&access.settings, dir, Some(to))?;
    let both = Vault::new(ahead.keys().and(&from.vault().keys()));
    let replaced =
        vault::replace_master_key(store, &*access.clock, &*access.entropy, &both, (from, to)).await;
    Ok(Some(replaced.context("change the master key")?))
}
