//! Who this process is in an installation: what it was before it was started again, and whether its keys are the right ones.

use std::path::PathBuf;

use anyhow::{Context, bail};
use sfumato_core::store::Installation;
use sfumato_core::time::random;
use sfumato_core::{Clock, Entropy, InstallationId, Store};
use sfumato_engine::access::Keys;
use sfumato_engine::vault;
use thiserror::Error;

use crate::data_dir::DataDir;
use crate::secrets;
use crate::settings::{Role, Settings};

/// The master key is not that of the installation.
#[derive(Debug, Error)]
#[error(
    "start with the master key {}: the database belongs to an installation with another one, and tokens of the other \
     processes would not be valid here; copy `master.key` from the data folder of a process that works, or name it by \
     `master_key_file`",
    path.display()
)]
pub(crate) struct ForeignKey {
    path: PathBuf,
}

/// What this process needs to know of its installation.
pub(crate) struct Instance {
    /// Its keys. Without the roles `api` and `courier` it signs nothing, and has keys that nobody knows.
    pub(crate) keys: Keys,
    /// Which installation it works for.
    pub(crate) installation: InstallationId,
}

/// Finds out which installation the database belongs to, or makes one.
///
/// # Errors
/// The key cannot be read or made, or is not that of the installation, or there is no installation yet and this process
/// cannot make one.
pub(crate) async fn join(
    settings: &Settings,
    dir: &DataDir,
    store: &dyn Store,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> anyhow::Result<Instance> {
    let asked = "look up which installation the database belongs to";
    if settings.database_url.is_some() && !settings.roles.include(Role::Api) {
        let found = store.installation().await.context(asked)?;
        let found = found.context(
            "join the installation: there is none in this database yet; start a process with the role `api` first",
        )?;
        if !settings.roles.include(Role::Courier) {
            return Ok(Instance {
                keys: Keys::derive(&random(entropy)),
                installation: found.id,
            });
        }
    }
    let (path, master) = match &settings.master_key_file {
        Some(path) => (path.clone(), dir.read_master_key(path)?),
        None => {
            if finish_rotation(dir, store).await? {
                tracing::warn!("finished a rotation of the master key that was interrupted");
            }
            (dir.master_key_path(), dir.master_key(entropy)?)
        }
    };
    let keys = Keys::derive(&master);
    let proposed = Installation {
        id: InstallationId::new(clock, entropy),
        key: keys.check(),
    };
    let found = store.claim_for(proposed).await.context(asked)?;
    if found.key != keys.check() {
        bail!(ForeignKey { path });
    }
    let vault = secrets::vault(settings, dir, Some(&keys))?;
    vault::check(store, &vault)
        .await
        .context("open the secrets in the database")?;
    Ok(Instance {
        keys: keys.with_vault(vault),
        installation: found.id,
    })
}

/// Finishes a rotation of the master key that was interrupted when the database knew the new key already, and says whether
/// there was one. For whoever has locked the data folder.
///
/// A next key that the database does not know stays where it is: on a server of databases the transaction that brings it may
/// still be under way.
///
/// # Errors
/// The database cannot answer, or the key cannot be read or put in its place.
pub(crate) async fn finish_rotation(dir: &DataDir, store: &dyn Store) -> anyhow::Result<bool> {
    let Some(next) = dir.next_master_key()? else {
        return Ok(false);
    };
    let found = store
        .installation()
        .await
        .context("look up which master key the installation has")?;
    let is_known = found.is_some_and(|found| found.key == Keys::derive(&next).check());
    if is_known {
        dir.put_next_master_key_in_place()?;
    }
    Ok(is_known)
}

/// The keys of the installation, where its master key is at hand: for commands, which make none.
///
/// # Errors
/// It cannot be read.
pub(crate) fn keys_if_any(settings: &Settings, dir: &DataDir) -> anyhow::Result<Option<Keys>> {
    let key = match &settings.master_key_file {
        Some(path) => Some(dir.read_master_key(path)?),
        None => dir.own_master_key()?,
    };
    Ok(key.map(|key| Keys::derive(&key)))
}
