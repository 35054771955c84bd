//! A store that fails, is slow, or ends in the middle: nothing is lost without a word, nothing half is taken for whole.

use super::proxy::Fault;
use super::*;

fn proxy(fixture: &Fixture) -> &Proxy {
    fixture.proxy.as_ref().unwrap()
}

#[tokio::test]
async fn a_store_that_is_overloaded_for_a_moment_is_asked_again() {
    let fixture = Fixture::s3().await;
    let mut refusals = 3;
    proxy(&fixture).breaks(move |_| {
        refusals -= 1;
        if refusals >= 0 {
            Fault::Status(503)
        } else {
            Fault::None
        }
    });
    let content = content(6_000_000);
    write(&fixture.blobs, upload(1), &content).await.unwrap();
    let read = fixture.blobs.read_upload(upload(1)).await.unwrap();
    assert!(gather(read).await.unwrap() == content);
}

#[tokio::test]
async fn a_store_that_fails_fails_the_upload_and_keeps_no_part_of_it() {
    let fixture = Fixture::s3().await;
    proxy(&fixture).breaks(|call| {
        if call.is_part() {
            Fault::Status(500)
        } else {
            Fault::None
        }
    });
    let failed = write(&fixture.blobs, upload(1), &content(12_000_000)).await;
    assert!(matches!(failed, Err(BlobError::Unavailable { .. })), "{failed:?}");
    until("the upload to be aborted", || async {
        (proxy(&fixture).unfinished() == 0).then_some(())
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

#[tokio::test]
async fn a_store_that_says_nothing_is_given_up() {
    let fixture = Fixture::s3().await;
    write(&fixture.blobs, upload(1), b"an original").await.unwrap();
    proxy(&fixture).breaks(|_| Fault::Silence);
    let read = fixture.blobs.read_upload(upload(1)).await.err();
    assert!(matches!(read, Some(BlobError::Unavailable { .. })), "{read:?}");
    let written = write(&fixture.blobs, upload(2), b"another").await;
    assert!(
        matches!(written, Err(BlobError::Unavailable { .. })),
        "{written:?}"
    );
}

#[tokio::test]
async fn an_upload_whose_last_answer_is_lost_is_found_to_be_there() {
    let fixture = Fixture::s3().await;
    let mut lost = false;
    proxy(&fixture).breaks(move |call| {
        if call.is_completion() && !lost {
            lost = true;
            Fault::AnswerLost
        } else {
            Fault::None
        }
    });
    let content = content(6_000_000);
    write(&fixture.blobs, upload(1), &content).await.unwrap();
    let read = fixture.blobs.read_upload(upload(1)).await.unwrap();
    assert!(gather(read).await.unwrap() == content);
    let completions = proxy(&fixture)
        .calls()
        .into_iter()
        .filter(proxy::Call::is_completion);
    assert_eq!(completions.count(), 2);
}

#[tokio::test]
async fn a_download_that_breaks_off_is_taken_up_or_fails_but_never_ends_early() {
    for encrypted in [false, true] {
        let mut fixture = Fixture::s3().await;
        if encrypted {
            fixture = fixture.encrypted();
        }
        let content = content(3_000_000);
        write(&fixture.blobs, upload(1), &content).await.unwrap();
        let mut cuts = 1;
        proxy(&fixture).breaks(move |_| {
            cuts -= 1;
            if cuts >= 0 {
                Fault::Cut(1_000_000)
            } else {
                Fault::None
            }
        });
        let read = fixture.blobs.read_upload(upload(1)).await.unwrap();
        assert!(gather(read).await.unwrap() == content);
        proxy(&fixture).breaks(|_| Fault::Cut(1000));
        let read = match fixture.blobs.read_upload(upload(1)).await {
            Ok(stream) => gather(stream).await,
            Err(error) => Err(error),
        };
        assert!(
            matches!(read, Err(BlobError::Unavailable { .. })),
            "{:?}",
            read.map(|read| read.len())
        );
    }
}

#[tokio::test]
async fn a_store_that_dies_fails_what_is_under_way() {
    let mut fixture = Fixture::s3().await;
    write(&fixture.blobs, upload(1), b"an original").await.unwrap();
    let mut writer = fixture.blobs.write_upload(upload(2));
    writer.write(Bytes::from(content(6_000_000))).await.unwrap();
    fixture.server.as_mut().unwrap().kill().await;
    let mut outcome = writer.write(Bytes::from(content(12_000_000))).await;
    if outcome.is_ok() {
        outcome = writer.finish().await.map(drop);
    }
    assert!(
        matches!(outcome, Err(BlobError::Unavailable { .. })),
        "{outcome:?}"
    );
    let read = fixture.blobs.read_upload(upload(1)).await.err();
    assert!(matches!(read, Some(BlobError::Unavailable { .. })), "{read:?}");
    assert!(fixture.blobs.ping().await.is_err());
}

#[tokio::test]
async fn a_store_that_does_not_list_unfinished_uploads_says_so() {
    let fixture = Fixture::s3().await;
    proxy(&fixture).breaks(|call| {
        if call.query.contains("uploads=") {
            Fault::Status(501)
        } else {
            Fault::None
        }
    });
    let told = sfumato_core::chain(&fixture.blobs.lists_abandoned().await.unwrap_err()).to_string();
    assert!(told.contains("501"), "{told}");
    assert!(!told.contains("Signature"), "{told}");
}
