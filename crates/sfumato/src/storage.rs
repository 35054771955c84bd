//! The storage of originals and results, as the settings want it.

use std::sync::Arc;

use anyhow::{Context, bail};
use sfumato_core::{Entropy, InstallationId};
use sfumato_engine::blobs::{Blobs, Encryption, S3Settings, ServerSideEncryption};
use sfumato_engine::key_ring::KeyRing;

use crate::data_dir::{DataDir, make_dir};
use crate::key_files;
use crate::settings::{STORAGE_KEYS_VARIABLE, Settings, StorageLocation, StoreEncryption};

/// Opens the storage; the data folder's own is made where it is missing.
///
/// # Errors
/// The settings do not fit together, a key file is none, or a folder cannot be made.
pub(crate) fn open(settings: &Settings, dir: &DataDir, entropy: &Arc<dyn Entropy>) -> anyhow::Result<Blobs> {
    let place = name(settings, dir);
    if settings.database_url.is_some() && settings.storage == StorageLocation::DataFolder {
        bail!(
            "open the storage: with `database_url`, `storage.location` (--storage) names a bucket or a folder that every process reaches; for one machine any folder does"
        );
    }
    let blobs = match &settings.storage {
        StorageLocation::DataFolder => Blobs::open_folder(&dir.blobs()?),
        StorageLocation::Folder(path) => {
            make_dir(path)?;
            Blobs::open_folder(path)
        }
        StorageLocation::S3(location) => Blobs::open_s3(&S3Settings {
            endpoint: settings
                .storage_endpoint
                .as_ref()
                .map(|endpoint| endpoint.0.clone()),
            region: settings.storage_region.get(),
            path_style: settings.storage_path_style,
            allow_http: settings.storage_allow_http,
            server_side_encryption: server_side(settings),
            part_bytes: settings.storage_part_bytes.0,
            patience: settings.storage_timeout,
            variables: aws_variables(),
            ..S3Settings::new(location.clone())
        }),
    };
    let blobs = blobs.with_context(|| format!("open the storage {place}"))?;
    encrypted(blobs, settings, entropy)
}

/// Opens the storage inside a data folder, with the keys of the settings.
///
/// # Errors
/// As [`open`].
pub(crate) fn open_folder(
    settings: &Settings,
    dir: &DataDir,
    entropy: &Arc<dyn Entropy>,
) -> anyhow::Result<Blobs> {
    let place = dir.blobs()?;
    let blobs =
        Blobs::open_folder(&place).with_context(|| format!("open the storage {}", place.display()))?;
    encrypted(blobs, settings, entropy)
}

fn encrypted(blobs: Blobs, settings: &Settings, entropy: &Arc<dyn Entropy>) -> anyhow::Result<Blobs> {
    Ok(match keys(settings)? {
        Some(keys) => blobs.encrypted(Encryption {
            keys,
            what: settings.storage_encrypt,
            entropy: Arc::clone(entropy),
        }),
        None => blobs,
    })
}

/// Takes the storage for this installation.
///
/// # Errors
/// It is another's, it is encrypted with a key that is not there, or it cannot answer.
pub(crate) async fn claim(
    blobs: &Blobs,
    settings: &Settings,
    dir: &DataDir,
    installation: InstallationId,
) -> anyhow::Result<()> {
    let owner = installation.to_string();
    blobs.claim(&owner).await.with_context(|| {
        format!(
            "use the storage {} (`sfumato doctor` tries it out)",
            name(settings, dir)
        )
    })
}

/// What the storage is called.
pub(crate) fn name(settings: &Settings, dir: &DataDir) -> String {
    match &settings.storage {
        StorageLocation::DataFolder => dir.path().join("blobs").display().to_string(),
        StorageLocation::Folder(path) => path.display().to_string(),
        StorageLocation::S3(location) => location.to_string(),
    }
}

fn server_side(settings: &Settings) -> ServerSideEncryption {
    match settings.storage_server_side_encryption {
        StoreEncryption::None => ServerSideEncryption::Unasked,
        StoreEncryption::Aes256 => ServerSideEncryption::Aes256,
        StoreEncryption::Kms => ServerSideEncryption::Kms(settings.storage_kms_key.get()),
    }
}

/// Credentials and what else AWS's own programs read from the environment.
fn aws_variables() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .filter(|(name, value)| name.starts_with("AWS_") && !value.is_empty())
        .collect()
}

/// The keys, from the file or the variable.
fn keys(settings: &Settings) -> anyhow::Result<Option<KeyRing>> {
    let place = key_files::Place {
        what: "the storage's keys",
        setting: "storage.encryption_key_file",
        variable: STORAGE_KEYS_VARIABLE,
    };
    place.read(settings.storage_key_file.as_ref())
}
