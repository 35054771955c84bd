//! The keys: that they are those of the installation, and that nobody else reads them.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use sfumato_core::Store;
use sfumato_core::store::KeyCheck;
use sfumato_engine::access::Keys;
use sfumato_engine::vault;

use super::Check;
use crate::data_dir::{DataDir, DataDirError};
use crate::instance;
use crate::secrets;
use crate::settings::{Role, Settings};

const MASTER: &str = "master key";
const SECRETS: &str = "secrets' keys";

pub(super) async fn examine(settings: &Settings, store: Option<&dyn Store>) -> Vec<Check> {
    let dir = DataDir::unopened(&settings.data_dir);
    let mut checks = readable(settings, &dir);
    checks.extend(foreign(&dir));
    let signs = settings.roles.include(Role::Api) || settings.roles.include(Role::Courier);
    if settings.database_url.is_some() && !signs {
        checks.push(Check::ok(
            MASTER,
            "not needed without the roles `api` and `courier`",
        ));
        return checks;
    }
    let keys = match instance::keys_if_any(settings, &dir) {
        Ok(keys) => keys,
        Err(error) => {
            checks.push(unreadable(MASTER, &error).unwrap_or_else(|| {
                let mend = "restore it from where you keep it: no server starts on this database without it";
                Check::failed(MASTER, format!("failed to {error:#}"), mend)
            }));
            return checks;
        }
    };
    checks.push(master(settings, keys.as_ref(), store).await);
    if let (Some(keys), Some(store)) = (&keys, store) {
        checks.push(sealed(settings, &dir, keys, store).await);
    }
    checks
}

/// Whether the master key is that of the installation.
async fn master(settings: &Settings, keys: Option<&Keys>, store: Option<&dyn Store>) -> Check {
    let installation = match store {
        Some(store) => match store.installation().await {
            Ok(installation) => installation,
            Err(error) => {
                let detail = format!("failed to ask the database for it: {error}");
                return Check::failed(MASTER, detail, "see what is said of the database");
            }
        },
        None => None,
    };
    let mend = "copy `master.key` from the data folder of a process that works, or from where you keep it, or name it by \
                `master_key_file`";
    match (keys, installation) {
        (_, Some(installation)) if is_next(settings, installation.key) => Check::warning(
            MASTER,
            "a rotation was interrupted when the database knew the new key already",
            "start the server, or give `sfumato secrets rotate-master` again: either puts `master.key.next` in its place",
        ),
        (Some(keys), Some(installation)) if keys.check() == installation.key => {
            Check::ok(MASTER, "that of the installation")
        }
        (Some(_), Some(_)) => Check::failed(
            MASTER,
            "not that of the installation in the database: a server does not start with it",
            mend,
        ),
        (None, Some(_)) => Check::failed(
            MASTER,
            format!(
                "there is none in {}, and the database belongs to an installation that has one",
                settings.data_dir.display()
            ),
            mend,
        ),
        (Some(_), None) => Check::ok(MASTER, "can be read"),
        (None, None) => Check::ok(
            MASTER,
            "there is none yet; the server makes it at its first start",
        ),
    }
}

/// Whether the installation has the key that was to take the place of the one in the data folder.
fn is_next(settings: &Settings, key: KeyCheck) -> bool {
    let next = DataDir::unopened(&settings.data_dir).next_master_key();
    let is_own = settings.master_key_file.is_none();
    is_own && matches!(next, Ok(Some(next)) if Keys::derive(&next).check() == key)
}

/// Whether what is sealed in the database can be opened.
async fn sealed(settings: &Settings, dir: &DataDir, keys: &Keys, store: &dyn Store) -> Check {
    let opened = match secrets::vault(settings, dir, Some(keys)) {
        Ok(vault) => vault::check(store, &vault).await.map_err(anyhow::Error::new),
        Err(error) => Err(error),
    };
    match opened {
        Ok(()) => Check::ok(SECRETS, "every secret in the database can be opened"),
        Err(error) => unreadable(SECRETS, &error).unwrap_or_else(|| {
            Check::failed(
                SECRETS,
                format!("failed to {error:#}"),
                "put the key back into the file of `secrets.key_file`, or `secrets.key` of the data folder; `sfumato secrets \
                 status` lists which are used",
            )
        }),
    }
}

/// That a file is there, and not for the user who looks at it: nothing is lost then.
fn unreadable(name: &'static str, error: &anyhow::Error) -> Option<Check> {
    let error = error.downcast_ref::<DataDirError>()?;
    let detail = format!("cannot be read by this user: failed to {error}");
    Some(Check::failed(name, detail, error.cure()?))
}

/// A key of the data folder that root has made or put there, and that the owner of the folder cannot read.
fn foreign(dir: &DataDir) -> Vec<Check> {
    let Ok(folder) = std::fs::metadata(dir.path()) else {
        return vec![];
    };
    let is_foreign = |path: &PathBuf| {
        let found = std::fs::metadata(path);
        found.is_ok_and(|file| file.uid() != folder.uid() && file.permissions().mode() & 0o077 == 0)
    };
    let keys = [
        dir.master_key_path(),
        dir.secrets_key_path(),
        dir.next_master_key_path(),
    ];
    let foreign = keys.into_iter().filter(is_foreign);
    foreign
        .map(|path| {
            let (key, dir) = (path.display(), dir.path().display());
            let user = folder.uid();
            Check::failed(
                "key file",
                format!("{key} cannot be read by the user {user}, to whom the data folder belongs"),
                format!("`chown --reference {dir} {key}` as root gives it to that user"),
            )
        })
        .collect()
}

/// Files with keys and secrets that every user of the machine can read.
fn readable(settings: &Settings, dir: &DataDir) -> Vec<Check> {
    let (master, own) = (dir.master_key_path(), dir.secrets_key_path());
    let files = [
        Some(settings.master_key_file.as_ref().unwrap_or(&master)),
        Some(settings.secrets_key_file.as_ref().unwrap_or(&own)),
        settings.storage_key_file.as_ref(),
        settings.openid_client_secret_file.as_ref(),
        settings.traces_headers_file.as_ref(),
    ];
    let open = files.into_iter().flatten().filter(|path| others_read(path));
    open.map(|path| {
        Check::warning(
            "key file",
            format!("every user of this machine can read {}", path.display()),
            "`chmod 600` closes it, or 640 where its group is the server's; make new keys where somebody may have read it",
        )
    })
    .collect()
}

/// Whether users that are neither owner nor in the group read a file. What cannot be looked at is told where it is used.
pub(super) fn others_read(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o007 != 0)
}
