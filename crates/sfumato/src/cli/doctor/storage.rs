//! The storage of originals and results, tried out.

use std::sync::Arc;

use sfumato_core::Entropy;
use sfumato_engine::blobs::{BlobError, Blobs, ProbeError, ProbeStep};
use sfumato_engine::system::SystemEntropy;

use super::Check;
use crate::data_dir::DataDir;
use crate::settings::{Settings, StorageLocation};
use crate::storage;

const NAME: &str = "storage";

/// Writes a blob, reads a range of it, deletes it. A folder that the server is still to make is left to it.
pub(super) async fn examine(settings: &Settings) -> Vec<Check> {
    let dir = DataDir::unopened(&settings.data_dir);
    let place = storage::name(settings, &dir);
    let missing = match &settings.storage {
        StorageLocation::DataFolder | StorageLocation::Folder(_) => !std::path::Path::new(&place).is_dir(),
        StorageLocation::S3(_) => false,
    };
    if missing {
        return vec![Check::ok(
            NAME,
            format!("{place} does not exist yet; the server makes it"),
        )];
    }
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let blobs = match storage::open(settings, &dir, &entropy) {
        Ok(blobs) => blobs,
        Err(error) => {
            let mend = "see `storage.location`, `storage.endpoint` and the key files that the settings name";
            return vec![Check::failed(NAME, format!("failed to {error:#}"), mend)];
        }
    };
    match blobs.probe(&*entropy).await {
        Ok(()) => tried(settings, &blobs, place).await,
        Err(error) => {
            let detail = format!("{place}: {error}: {}", why(&error.source));
            vec![Check::failed(NAME, detail, mend(settings, &error))]
        }
    }
}

async fn tried(settings: &Settings, blobs: &Blobs, place: String) -> Vec<Check> {
    let mut checks = vec![Check::ok(
        NAME,
        format!("{place} was written, read in a range, and what was written is deleted"),
    )];
    if let Err(error) = blobs.lists_abandoned().await {
        let detail = format!(
            "{place} does not list uploads in parts that were abandoned ({})",
            sfumato_core::chain(&error)
        );
        let mend = "allow s3:ListBucketMultipartUploads and s3:ListMultipartUploadParts, or give the bucket a lifecycle rule that \
                    aborts them";
        checks.push(Check::warning(NAME, detail, mend));
    }
    let plain = matches!(settings.storage, StorageLocation::S3(_)) && settings.storage_allow_http;
    if plain {
        checks.push(Check::warning(
            NAME,
            "storage.allow_http is on: originals may cross the network in the clear; for development only",
            "reach the store by https, and turn it off",
        ));
    }
    checks
}

/// The cause, once: those of an S3-compatible store repeat their own causes.
fn why(error: &BlobError) -> String {
    match error {
        BlobError::Unavailable { source } => source.to_string(),
        other => sfumato_core::chain(other).to_string(),
    }
}

/// What to do about it.
fn mend(settings: &Settings, error: &ProbeError) -> &'static str {
    if !matches!(settings.storage, StorageLocation::S3(_)) {
        return "give the user of this server the right to write there, and free space";
    }
    match error.step {
        ProbeStep::Write => {
            "check that the bucket exists, storage.endpoint and storage.region, the variables AWS_ACCESS_KEY_ID and \
             AWS_SECRET_ACCESS_KEY (or the machine's role), and the rights s3:PutObject and s3:AbortMultipartUpload"
        }
        ProbeStep::Read => "check the right s3:GetObject",
        ProbeStep::Delete => "check the right s3:DeleteObject",
    }
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;
    use crate::settings::SettingValue;

    #[tokio::test]
    async fn a_folder_is_tried_out_and_left_as_it_was() {
        let root = tempfile::tempdir().unwrap();
        let settings = Settings {
            data_dir: root.path().join("data"),
            ..Settings::default()
        };
        let checks = examine(&settings).await;
        assert_eq!(checks[0].state, State::Ok, "{checks:?}");
        assert!(!settings.data_dir.exists());
        let folder = root.path().join("media");
        std::fs::create_dir(&folder).unwrap();
        let settings = Settings {
            storage: StorageLocation::Folder(folder.clone()),
            ..settings
        };
        let checks = examine(&settings).await;
        assert_eq!((checks[0].state, checks.len()), (State::Ok, 1), "{checks:?}");
        assert!(checks[0].detail.contains("was written"), "{checks:?}");
        assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_store_that_is_not_there_fails_with_what_to_do() {
        let root = tempfile::tempdir().unwrap();
        let closed = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap();
        let settings = Settings {
            data_dir: root.path().to_owned(),
            storage: SettingValue::from_text("s3://bucket/prefix").unwrap(),
            storage_endpoint: SettingValue::from_text(&format!("http://{closed}")).unwrap(),
            storage_allow_http: true,
            storage_timeout: std::time::Duration::from_secs(1),
            ..Settings::default()
        };
        let checks = examine(&settings).await;
        assert_eq!((checks[0].state, checks.len()), (State::Failed, 1), "{checks:?}");
        let mend = checks[0].mend.as_deref().unwrap_or_default();
        assert!(mend.contains("AWS_ACCESS_KEY_ID"), "{checks:?}");
    }
}
