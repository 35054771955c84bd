//! What is stored is stored whole, and what is not leaves nothing.

use super::*;

fn id(n: u128) -> uuid::Uuid {
    uuid::Uuid::from_u128(n)
}

async fn read_all(stream: BoxStream<'static, Result<Bytes, BlobError>>) -> Vec<u8> {
    stream
        .try_fold(Vec::new(), |mut all, chunk| async move {
            all.extend_from_slice(&chunk);
            Ok(all)
        })
        .await
        .unwrap()
}

#[tokio::test]
async fn what_is_written_in_chunks_is_read_back_whole_with_its_hash() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = Blobs::open_folder(folder.path()).unwrap();
    let content: Vec<u8> = (0..12_000_000u32).map(|i| (i % 251) as u8).collect();
    let upload = UploadId::from_uuid(id(1));
    let mut writer = blobs.write_upload(upload).await.unwrap();
    for chunk in content.chunks(100_003) {
        writer.write(Bytes::copy_from_slice(chunk)).await.unwrap();
    }
    let written = writer.finish().await.unwrap();
    assert_eq!(written.bytes, content.len() as u64);
    assert_eq!(written.sha256, <[u8; 32]>::from(Sha256::digest(&content)));
    assert_eq!(read_all(blobs.read_upload(upload).await.unwrap()).await, content);
}

#[tokio::test]
async fn a_range_of_a_result_is_exactly_that_range() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = Blobs::open_folder(folder.path()).unwrap();
    let result = ResultId::from_uuid(id(2));
    blobs
        .put_result(result, ResultPart::Media, &b"0123456789"[..])
        .await
        .unwrap();
    assert_eq!(
        read_all(blobs.read_result(result, ResultPart::Media, 3..7).await.unwrap()).await,
        b"3456"
    );
    blobs.delete_result(result).await.unwrap();
    blobs.delete_result(result).await.unwrap();
    let gone = blobs.read_result(result, ResultPart::Media, 0..1).await;
    assert!(matches!(gone.err(), Some(BlobError::NotFound)));
}

#[tokio::test]
async fn an_upload_that_is_cut_off_or_killed_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = Blobs::open_folder(folder.path()).unwrap();
    let files = |path: &FsPath| {
        let mut found = vec![];
        let mut folders = vec![path.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let entry = entry.unwrap();
                if entry.file_type().unwrap().is_dir() {
                    folders.push(entry.path())
                } else {
                    found.push(entry.path())
                }
            }
        }
        found
    };
    let mut writer = blobs.write_upload(UploadId::from_uuid(id(3))).await.unwrap();
    writer.write(Bytes::from(vec![1; 6_000_000])).await.unwrap();
    assert_eq!(files(folder.path()).len(), 1);
    drop(writer);
    while !files(folder.path()).is_empty() {
        tokio::task::yield_now().await;
    }
    let mut writer = blobs.write_upload(UploadId::from_uuid(id(4))).await.unwrap();
    writer.write(Bytes::from(vec![1; 6_000_000])).await.unwrap();
    std::mem::forget(writer);
    Blobs::open_folder(folder.path()).unwrap();
    assert!(files(folder.path()).is_empty());
}

#[tokio::test]
async fn old_blobs_are_listed_and_young_ones_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = Blobs::open_folder(folder.path()).unwrap();
    let upload = UploadId::from_uuid(id(5));
    blobs.write_upload(upload).await.unwrap().finish().await.unwrap();
    let future = Timestamp::from_seconds(32_503_680_000);
    assert_eq!(blobs.uploads_written_before(future).await.unwrap(), [upload]);
    assert!(
        blobs
            .uploads_written_before(Timestamp::from_seconds(0))
            .await
            .unwrap()
            .is_empty()
    );
}
