//! What this server encrypts: nobody who has the files can read or change it, and keys can be changed.

use super::*;

const SECRET: &[u8] = b"the face of a passer-by, in all detail";

fn anywhere(fixture: &Fixture) -> bool {
    fixture.files().iter().any(|file| {
        let bytes = std::fs::read(file).unwrap();
        bytes.windows(SECRET.len()).any(|window| window == SECRET)
    })
}

#[tokio::test]
async fn only_what_is_to_be_encrypted_is() {
    for (what, original, of_result) in [
        (Encrypted::Nothing, true, true),
        (Encrypted::Originals, false, true),
        (Encrypted::Everything, false, false),
    ] {
        let mut fixture = Fixture::folder();
        fixture.blobs = fixture.blobs.encrypted(encryption("01", what));
        let blobs = &fixture.blobs;
        write(blobs, upload(1), SECRET).await.unwrap();
        assert_eq!(anywhere(&fixture), original, "{what:?}");
        blobs.delete_upload(upload(1)).await.unwrap();
        blobs.put_given(upload(1), SECRET.to_vec()).await.unwrap();
        assert_eq!(anywhere(&fixture), original, "{what:?}");
        blobs.delete_upload(upload(1)).await.unwrap();
        blobs
            .put_result(result(1), ResultPart::Media, SECRET)
            .await
            .unwrap();
        assert_eq!(anywhere(&fixture), of_result, "{what:?}");
        let read = blobs
            .read_result(result(1), ResultPart::Media, 4..8)
            .await
            .unwrap();
        assert_eq!(gather(read).await.unwrap(), b"face");
    }
}

#[tokio::test]
async fn blobs_from_before_the_keys_and_under_older_keys_are_read() {
    let fixture = Fixture::folder();
    write(&fixture.blobs, upload(1), SECRET).await.unwrap();
    fixture.blobs.claim("one").await.unwrap();
    let first = fixture
        .blobs
        .clone()
        .encrypted(encryption("01", Encrypted::Originals));
    first.claim("one").await.unwrap();
    write(&first, upload(2), SECRET).await.unwrap();
    let keys = KeyRing::parse(&format!("{}\n{}", "02".repeat(32), "01".repeat(32))).unwrap();
    let rotated = fixture.blobs.clone().encrypted(Encryption {
        keys,
        ..encryption("01", Encrypted::Originals)
    });
    rotated.claim("one").await.unwrap();
    write(&rotated, upload(3), SECRET).await.unwrap();
    for number in 1..=3 {
        let read = rotated.read_upload(upload(number)).await.unwrap();
        assert_eq!(gather(read).await.unwrap(), SECRET);
    }
    // The older key is not enough any more.
    let refused = first.read_upload(upload(3)).await.err().unwrap();
    let told = sfumato_core::chain(&refused).to_string();
    let id = KeyRing::parse(&"02".repeat(32)).unwrap().current_id();
    assert!(
        told.contains(&id.to_string()) && told.contains("encryption_key_file"),
        "{told}"
    );
    let refused = first.claim("one").await;
    assert!(
        matches!(refused, Err(ClaimError::Blobs(BlobError::Sealed(_)))),
        "{refused:?}"
    );
    let without = fixture.blobs.read_upload(upload(2)).await;
    assert!(matches!(without.err(), Some(BlobError::Sealed(_))));
}

#[tokio::test]
async fn a_file_that_is_changed_cut_or_renamed_is_refused_before_its_content_is_used() {
    let fixture = Fixture::folder().encrypted();
    let blobs = &fixture.blobs;
    let original = content(200_000);
    write(blobs, upload(1), &original).await.unwrap();
    write(blobs, upload(2), &original).await.unwrap();
    let [a, b] = [1, 2].map(|number| {
        let name = upload(number).to_string();
        fixture
            .files()
            .into_iter()
            .find(|file| file.ends_with(&name))
            .unwrap()
    });
    let whole = std::fs::read(&a).unwrap();
    let refused = async |what: &str| {
        let read = match blobs.read_upload(upload(1)).await {
            Ok(stream) => gather(stream).await,
            Err(error) => Err(error),
        };
        assert!(matches!(read, Err(BlobError::Sealed(_))), "{what}: {read:?}");
    };
    let mut changed = whole.clone();
    changed[150_000] ^= 1;
    std::fs::write(&a, &changed).unwrap();
    refused("changed").await;
    // What lies before the change is still readable.
    let before = blobs.read_upload_range(upload(1), 0..1000).await.unwrap();
    assert_eq!(gather(before).await.unwrap(), original[..1000]);
    for kept in [10, 90, 100_000, 65_636, whole.len() - 1] {
        std::fs::write(&a, &whole[..kept]).unwrap();
        refused("cut").await;
    }
    std::fs::copy(&b, &a).unwrap();
    refused("renamed").await;
}
