//! Editing what is hidden, and rendering it again.

use reqwest::StatusCode;
use sfumato_core::job::{DetectionSource, JobOutcome, JobResult, JobState};
use sfumato_core::options::MaskStyle;
use sfumato_core::{Job, JobId, MediaFormat, ResultId, Role, Scope, Store};
use sfumato_engine::blobs::ResultPart;
use sfumato_engine::system::SystemEntropy;

use crate::browser::Server;
use crate::work::{JPEG, MP4, RESULT};

const PICTURE: &[u8] = br#"{"schema":"sfumato.detections/1",
    "picture":{"width":640,"height":480,"format":"jpeg","orientation":1},
    "detections":[
        {"class":"face","confidence":0.93,"model":"yunet","box":{"x":10.5,"y":20,"width":40,"height":50},
         "fractions":{"left":0.1,"right":0.2,"top":0.1,"bottom":0.2},"hidden":true},
        {"class":"plate","confidence":0.81,"model":"plates","box":{"x":300,"y":200,"width":80,"height":20},
         "fractions":{"left":0.4,"right":0.5,"top":0.4,"bottom":0.5},"hidden":true}]}"#;

const VIDEO: &[u8] = br#"{"schema":"sfumato.detections/1",
    "video":{"width":640,"height":480,"format":"mp4","orientation":1,"frames":100,"duration_s":4.0,"frame_rate":25.0},
    "tracks":[{"id":0,"class":"face","model":"yunet","confidence":0.9,"hidden":true,"first_frame":0,"last_frame":0,
        "boxes":[{"frame":0,"time_s":0.0,"box":{"x":1,"y":1,"width":9,"height":9},"origin":"detected"}]}],
    "warnings":[]}"#;

/// Ends the oldest job that waits, with a detections document of one's own.
async fn finish(server: &Server, format: MediaFormat, document: &'static [u8]) -> Job {
    let (job, lease) = server.begin().await;
    let id = ResultId::new(&*server.clock, &SystemEntropy);
    let media = server
        .blobs
        .put_result(id, ResultPart::Media, RESULT)
        .await
        .unwrap();
    let document = server
        .blobs
        .put_result(id, ResultPart::Document, document)
        .await
        .unwrap();
    let outcome = JobOutcome::Succeeded(JobResult {
        id,
        format,
        bytes: media.bytes,
        sha256: media.sha256,
        document: Some((document.bytes, document.sha256)),
        faces: 1,
        plates: 1,
        warnings: vec![],
    });
    server.store.finish_job(job, &lease, outcome).await.unwrap()
}

async fn revision(server: &Server, location: &str) -> Job {
    let id: JobId = location.strip_prefix("/manager/jobs/").unwrap().parse().unwrap();
    server.engine.job_in(Scope::All, id).await.unwrap().unwrap()
}

#[tokio::test]
async fn the_page_lists_the_boxes_of_a_picture_as_fields() {
    let server = Server::start().await;
    let client = server.client("Acme").await;
    let mut member = server.signed_in("mia", Role::Member(client)).await;
    server.upload(client, "a.jpg", JPEG).await;
    let job = finish(&server, MediaFormat::Jpeg, PICTURE).await;
    let page = member.get(&format!("/manager/jobs/{}/review", job.id)).await;
    assert_eq!(page.status, StatusCode::OK);
    for part in [
        "Face 1",
        "93 %",
        "Licence plate 2",
        "name=\"x.0\" type=\"number\" step=\"any\" inputmode=\"decimal\" value=\"10.5\"",
        "value=\"300\"",
        "data-width=\"640\"",
    ] {
        assert!(page.text.contains(part), "{part}");
    }
    assert!(!page.text.contains(" style="), "the policy forbids it");
}

#[tokio::test]
async fn what_was_edited_is_rendered_as_a_new_job() {
    let server = Server::start().await;
    let client = server.client("Acme").await;
    let mut member = server.signed_in("mia", Role::Member(client)).await;
    server.upload(client, "a.jpg", JPEG).await;
    let job = finish(&server, MediaFormat::Jpeg, PICTURE).await;
    let fields = [
        ("do.0", "remove"),
        ("class.1", "plate"),
        ("class.new1", "face"),
        ("x.new1", "100"),
        ("y.new1", "100"),
        ("width.new1", "30"),
        ("height.new1", "30"),
        ("blur_type[anonymization_type]", "pixelate"),
        ("mask_shape", ""),
    ];
    let answer = member
        .post(&format!("/manager/jobs/{}/review", job.id), &fields)
        .await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
    let revision = revision(&server, answer.location()).await;
    assert_ne!(revision.id, job.id);
    assert_eq!(revision.root(), job.id);
    assert!(matches!(revision.source, DetectionSource::Given(_)));
    assert!(matches!(revision.options.mask.style, MaskStyle::Pixelate(_)));
    assert!(matches!(revision.state, JobState::Queued { .. }));
    assert!(
        server
            .audited()
            .await
            .contains(&"mia job.rendered a.jpg".to_owned())
    );
    assert_eq!(member.get(answer.location()).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_track_is_removed_and_a_box_over_a_time_added() {
    let server = Server::start().await;
    let client = server.client("Acme").await;
    let mut member = server.signed_in("mia", Role::Member(client)).await;
    server.upload(client, "a.mp4", MP4).await;
    let job = finish(&server, MediaFormat::Mp4, VIDEO).await;
    let path = format!("/manager/jobs/{}/review", job.id);
    let page = member.get(&path).await;
    assert!(page.text.contains("Edit tracks") && page.text.contains("<video"));
    assert!(page.text.contains("0.00 s to 0.04 s"));
    let fields = [
        ("do.0", "remove"),
        ("x.new1", "1"),
        ("y.new1", "1"),
        ("width.new1", "5"),
        ("height.new1", "5"),
        ("from.new1", "1"),
        ("to.new1", "2"),
    ];
    let answer = member.post(&path, &fields).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
    assert!(matches!(
        revision(&server, answer.location()).await.source,
        DetectionSource::Given(_)
    ));
}

#[tokio::test]
async fn what_cannot_be_rendered_says_why() {
    let server = Server::start().await;
    let client = server.client("Acme").await;
    let mut member = server.signed_in("mia", Role::Member(client)).await;
    let waiting = server.upload(client, "a.jpg", JPEG).await;
    let path = format!("/manager/jobs/{}/review", waiting.job);
    let page = member.get(&path).await;
    assert_eq!(page.status, StatusCode::CONFLICT);
    assert!(page.text.contains("has not finished yet"));
    finish(&server, MediaFormat::Jpeg, PICTURE).await;
    let wrong = member.post(&path, &[("x.new1", "a"), ("width.new1", "1")]).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    assert!(wrong.text.contains("must be a number"));
    server.upload(client, "b.jpg", JPEG).await;
    let begun = server.begin().await;
    let failed = server.fail(begun, "it is broken").await;
    let page = member.get(&format!("/manager/jobs/{}/review", failed.id)).await;
    assert_eq!(page.status, StatusCode::CONFLICT);
}

#[tokio::test]
async fn jobs_of_others_are_not_reviewed() {
    let server = Server::start().await;
    let (one, two) = (server.client("One").await, server.client("Two").await);
    server.upload(two, "secret.jpg", JPEG).await;
    let job = finish(&server, MediaFormat::Jpeg, PICTURE).await;
    let mut member = server.signed_in("mia", Role::Member(one)).await;
    let path = format!("/manager/jobs/{}/review", job.id);
    let page = member.get(&path).await;
    assert_eq!(page.status, StatusCode::NOT_FOUND);
    assert_eq!(
        member.post(&path, &[("do.0", "remove")]).await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(
        server
            .engine
            .revisions(&crate::work::caller(two), &job.public_id())
            .await
            .unwrap()
            .len(),
        1
    );
}
