//! Who this process is in an installation: what it was before it was started again, and whether its keys are the right ones.

use std::path::PathBuf;

use anyhow::{Context, bail};
use sfumato_core::store::Installation;
use sfumato_core::time::random;
use sfumato_core::{Clock, Entropy, InstallationId, Store};
use sfumato_engine::access::Keys;
use thiserror::Error;

use crate::data_dir::DataDir;
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
    /// Its keys. Without the role `api` it signs nothing, and has keys that nobody knows.
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
    if !settings.roles.include(Role::Api) && settings.database_url.is_some() {
        let found = store.installation().await.context(asked)?;
        let found = found.context(
            "join the installation: there is none in this database yet; start a process with the role `api` first",
        )?;
        return Ok(Instance {
            keys: Keys::derive(&random(entropy)),
            installation: found.id,
        });
    }
    let (path, master) = match &settings.master_key_file {
        Some(path) => (path.clone(), dir.read_master_key(path)?),
        None => (dir.master_key_path(), dir.master_key(entropy)?),
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
    Ok(Instance {
        keys,
        installation: found.id,
    })
}
