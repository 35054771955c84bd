//! Originals and results in a folder and in an S3-compatible store, encrypted and not: one suite for all four.

mod broken;
mod proxy;
mod sealed;
mod signed;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::TryStreamExt;
use sfumato_core::{ResultId, Timestamp, UploadId};
use sfumato_engine::blobs::{
    BlobError, BlobStream, Blobs, ClaimError, Encrypted, Encryption, ResultPart, S3Settings,
};
use sfumato_engine::key_ring::KeyRing;
use sfumato_engine::system::SystemEntropy;
use sfumato_testkit::s3::{BUCKET, S3Server};
use tempfile::TempDir;
use uuid::Uuid;

use self::proxy::Proxy;
use crate::receiver::until;

const FUTURE: Timestamp = Timestamp::from_seconds(32_503_680_000);
/// After the day on which the proxy says that every upload in parts was begun, and before any part came.
const PAST: Timestamp = Timestamp::from_seconds(1_600_000_000);

/// A storage, and what it stands on.
pub(crate) struct Fixture {
    pub(crate) blobs: Blobs,
    pub(crate) proxy: Option<Proxy>,
    pub(crate) server: Option<S3Server>,
    folder: Option<TempDir>,
}

impl Fixture {
    fn folder() -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self {
            blobs: Blobs::open_folder(folder.path()).unwrap(),
            proxy: None,
            server: None,
            folder: Some(folder),
        }
    }

    pub(crate) async fn s3() -> Self {
        let server = S3Server::start().await;
        let proxy = Proxy::start(&server.endpoint).await;
        let location = format!("s3://{BUCKET}/media/a=1").parse().unwrap();
        let blobs = Blobs::open_s3(&S3Settings {
            endpoint: Some(proxy.endpoint.clone()),
            allow_http: true,
            part_bytes: 5 * 1024 * 1024,
            patience: Duration::from_secs(2),
            variables: S3Server::variables(),
            ..S3Settings::new(location)
        });
        Self {
            blobs: blobs.unwrap(),
            proxy: Some(proxy),
            server: Some(server),
            folder: None,
        }
    }

    fn encrypted(mut self) -> Self {
        self.blobs = self.blobs.encrypted(encryption("01", Encrypted::Everything));
        self
    }

    /// Everything that is stored in a folder, half-written or not.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let folder = self.folder.as_ref();
        folder.map_or_else(Vec::new, |folder| files(folder.path()))
    }

    /// Whether nothing is stored, half-written or not.
    async fn is_empty(&self) -> bool {
        let objects = match &self.server {
            Some(server) => server.objects("").await.len(),
            None => 0,
        };
        objects == 0 && self.unfinished() == 0
    }

    /// Uploads that have not ended.
    fn unfinished(&self) -> usize {
        match &self.proxy {
            Some(proxy) => proxy.unfinished(),
            None => self.files().len(),
        }
    }

    fn check(&self) {
        if let Some(proxy) = &self.proxy {
            proxy::assert_plain(&proxy.calls());
        }
    }
}

pub(crate) fn encryption(digits: &str, what: Encrypted) -> Encryption {
    Encryption {
        keys: KeyRing::parse(&digits.repeat(32)).unwrap(),
        what,
        entropy: Arc::new(SystemEntropy),
    }
}

fn files(root: &Path) -> Vec<PathBuf> {
    let mut found = vec![];
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else {
                found.push(entry.path());
            }
        }
    }
    found
}

pub(crate) fn upload(n: u128) -> UploadId {
    UploadId::from_uuid(Uuid::from_u128(n))
}

pub(crate) fn result(n: u128) -> ResultId {
    ResultId::from_uuid(Uuid::from_u128(n))
}

pub(crate) fn content(bytes: usize) -> Vec<u8> {
    (0..bytes).map(|i| (i % 251) as u8).collect()
}

pub(crate) async fn gather(stream: BlobStream) -> Result<Vec<u8>, BlobError> {
    stream
        .try_fold(Vec::new(), |mut all, chunk| async move {
            all.extend_from_slice(&chunk);
            Ok(all)
        })
        .await
}

pub(crate) async fn write(blobs: &Blobs, id: UploadId, content: &[u8]) -> Result<(), BlobError> {
    let mut writer = blobs.write_upload(id);
    for chunk in content.chunks(100_003) {
        writer.write(Bytes::copy_from_slice(chunk)).await?;
    }
    let written = writer.finish().await?;
    assert_eq!(written.bytes, content.len() as u64);
    Ok(())
}

/// Every case on every storage.
macro_rules! on_every_storage {
    ($($case:ident,)+) => {
        on_every_storage!(@one folder, Fixture::folder(), $($case,)+);
        on_every_storage!(@one folder_encrypted, Fixture::folder().encrypted(), $($case,)+);
        on_every_storage!(@one s3, Fixture::s3().await, $($case,)+);
        on_every_storage!(@one s3_encrypted, Fixture::s3().await.encrypted(), $($case,)+);
    };
    (@one $storage:ident, $fixture:expr, $($case:ident,)+) => {
        mod $storage {
            use super::Fixture;
            $(
                #[tokio::test]
                async fn $case() {
                    let fixture = $fixture;
                    super::$case(&fixture).await;
                    fixture.check();
                }
            )+
        }
    };
}

on_every_storage! {
    what_is_written_is_read_back_in_any_range,
    a_result_has_two_parts_that_go_together,
    what_is_not_there_is_not_found_and_can_be_deleted,
    old_blobs_are_listed_and_young_ones_are_not,
    what_was_given_goes_with_its_original,
    an_upload_that_is_cut_off_leaves_nothing,
    an_upload_that_is_forgotten_is_collected_when_it_is_old,
    a_storage_belongs_to_one_installation,
    a_trial_leaves_nothing,
}

async fn what_is_written_is_read_back_in_any_range(fixture: &Fixture) {
    const CHUNK: usize = 64 * 1024;
    let blobs = &fixture.blobs;
    for (number, bytes) in [1, 100, CHUNK - 1, CHUNK, CHUNK + 1, 5 * 1024 * 1024, 11_000_000]
        .into_iter()
        .enumerate()
    {
        let (id, content) = (upload(number as u128), content(bytes));
        write(blobs, id, &content).await.unwrap();
        assert_eq!(
            gather(blobs.read_upload(id).await.unwrap()).await.unwrap(),
            content
        );
        let mut edges = vec![
            0,
            1,
            50,
            CHUNK - 1,
            CHUNK,
            CHUNK + 1,
            3 * CHUNK,
            bytes / 2,
            bytes - 1,
            bytes,
        ];
        edges.retain(|edge| *edge <= bytes);
        edges.sort_unstable();
        edges.dedup();
        // Of what is large the ranges between neighbours are enough: they begin and end wherever others do.
        let far = if bytes > 2 * CHUNK { 2 } else { edges.len() };
        for (i, &start) in edges.iter().enumerate() {
            for &end in edges.iter().skip(i + 1).take(far) {
                let range = start as u64..end as u64;
                let read = blobs.read_upload_range(id, range).await.unwrap();
                assert!(
                    gather(read).await.unwrap() == content[start..end],
                    "{bytes}: {start}..{end}"
                );
            }
        }
    }
}

async fn a_result_has_two_parts_that_go_together(fixture: &Fixture) {
    let blobs = &fixture.blobs;
    let id = result(2);
    for (part, content) in [
        (ResultPart::Media, &b"0123456789"[..]),
        (ResultPart::Document, b"{}"),
    ] {
        let written = blobs.put_result(id, part, content).await.unwrap();
        assert_eq!(written.bytes, content.len() as u64);
    }
    let read = blobs.read_result(id, ResultPart::Media, 3..7).await.unwrap();
    assert_eq!(gather(read).await.unwrap(), b"3456");
    let read = blobs.read_result(id, ResultPart::Document, 0..2).await.unwrap();
    assert_eq!(gather(read).await.unwrap(), b"{}");
    assert_eq!(blobs.results_written_before(FUTURE).await.unwrap(), [id]);
    blobs.delete_result(id).await.unwrap();
    assert!(blobs.results_written_before(FUTURE).await.unwrap().is_empty());
}

async fn what_is_not_there_is_not_found_and_can_be_deleted(fixture: &Fixture) {
    let blobs = &fixture.blobs;
    blobs.ping().await.unwrap();
    let whole = blobs.read_upload(upload(1)).await.err();
    assert!(matches!(whole, Some(BlobError::NotFound)), "{whole:?}");
    for range in [0..1, 1_000_000..1_000_001] {
        let part = blobs.read_result(result(1), ResultPart::Media, range).await.err();
        assert!(matches!(part, Some(BlobError::NotFound)), "{part:?}");
    }
    blobs.delete_upload(upload(1)).await.unwrap();
    blobs.delete_result(result(1)).await.unwrap();
}

async fn old_blobs_are_listed_and_young_ones_are_not(fixture: &Fixture) {
    let blobs = &fixture.blobs;
    for number in [5, 6] {
        write(blobs, upload(number), b"an original").await.unwrap();
    }
    assert_eq!(
        blobs.uploads_written_before(FUTURE).await.unwrap(),
        [upload(5), upload(6)]
    );
    assert!(blobs.uploads_written_before(PAST).await.unwrap().is_empty());
    blobs.delete_upload(upload(5)).await.unwrap();
    assert_eq!(blobs.uploads_written_before(FUTURE).await.unwrap(), [upload(6)]);
}

async fn what_was_given_goes_with_its_original(fixture: &Fixture) {
    let blobs = &fixture.blobs;
    write(blobs, upload(1), b"an original").await.unwrap();
    let given = blobs.put_given(upload(1), b"[]".to_vec()).await.unwrap();
    let again = blobs.put_given(upload(1), b"[]".to_vec()).await.unwrap();
    assert_eq!((given.bytes, &given), (2, &again));
    assert_eq!(blobs.read_given(upload(1), &given).await.unwrap(), b"[]");
    blobs.delete_upload(upload(1)).await.unwrap();
    let gone = blobs.read_given(upload(1), &given).await;
    assert!(matches!(gone, Err(BlobError::NotFound)), "{gone:?}");
}

async fn an_upload_that_is_cut_off_leaves_nothing(fixture: &Fixture) {
    let mut writer = fixture.blobs.write_upload(upload(3));
    writer.write(Bytes::from(content(12_000_000))).await.unwrap();
    assert_eq!(fixture.unfinished(), 1);
    drop(writer);
    until("the upload to be removed", || async {
        (fixture.unfinished() == 0).then_some(())
    })
    .await;
    assert!(
        fixture
            .blobs
            .uploads_written_before(FUTURE)
            .await
            .unwrap()
            .is_empty()
    );
}

async fn an_upload_that_is_forgotten_is_collected_when_it_is_old(fixture: &Fixture) {
    let blobs = &fixture.blobs;
    let mut writer = blobs.write_upload(upload(4));
    writer.write(Bytes::from(content(18_000_000))).await.unwrap();
    // A process that is killed drops nothing.
    std::mem::forget(writer);
    assert_eq!(blobs.remove_half_written(PAST).await.unwrap(), 0);
    assert_eq!(fixture.unfinished(), 1);
    assert_eq!(blobs.remove_half_written(FUTURE).await.unwrap(), 1);
    assert_eq!(fixture.unfinished(), 0);
    assert_eq!(blobs.remove_half_written(FUTURE).await.unwrap(), 0);
}

async fn a_storage_belongs_to_one_installation(fixture: &Fixture) {
    let blobs = &fixture.blobs;
    blobs.claim("one").await.unwrap();
    blobs.claim("one").await.unwrap();
    let refused = blobs.claim("another").await;
    assert!(matches!(refused, Err(ClaimError::Another)), "{refused:?}");
    blobs.claim("one").await.unwrap();
}

async fn a_trial_leaves_nothing(fixture: &Fixture) {
    fixture.blobs.probe(&SystemEntropy).await.unwrap();
    fixture.blobs.lists_abandoned().await.unwrap();
    assert!(fixture.is_empty().await);
}
