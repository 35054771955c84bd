//! Rendering again from edited detections.

use bytes::Bytes;
use reqwest::Response;
use serde_json::{Value, json};
use sfumato_core::detection::given::{GIVEN_BYTES_MAX, MANUAL};
use sfumato_core::job::JobOutcome;
use sfumato_core::options::{Mask, MaskGrowth, MaskStyle, MetadataPolicy, PixelCount};
use sfumato_core::{FailureClass, PublicJobId, Store, Timestamp};

use crate::server::{Client, Server, failed, jpeg, ok, png, text};

const PATH: &str = "/innovation-service/anonymization/render";

fn document() -> Value {
    json!({
        "schema": "sfumato.detections/1",
        "picture": { "width": 20, "height": 10 },
        "detections": [{ "class": "face", "box": { "x": 1, "y": 2, "width": 3, "height": 4 } }],
    })
}

fn body(job: &str) -> Value {
    json!({ "anonymization_job_id": job, "detections": document() })
}

async fn render(client: &Client, body: &Value) -> Response {
    client.post(PATH).json(body).send().await.unwrap()
}

/// A job that has succeeded, with some options.
async fn done(server: &Server, client: &Client, fields: &[(&str, &str)]) -> String {
    let job = client.upload(png(b""), fields).await;
    server.succeed(&job, b"a result", Some(b"{}")).await;
    job
}

#[tokio::test]
async fn a_revision_is_a_job_of_its_own_and_leaves_the_first_one_as_it_was() {
    let server = Server::start().await;
    let client = server.client("a").await;
    let job = done(&server, &client, &[("output_detections_url", "true")]).await;
    let before = client.status(&job).await;
    let revision = text(&ok(render(&client, &body(&job)).await).await["anonymization_job_id"]);
    assert_ne!(revision, job);
    assert_eq!(client.status(&revision).await, json!({"status": "Sent"}));
    assert_eq!(client.status(&job).await, before);

    let stored = server.job(&revision).await;
    let first = server.job(&job).await;
    assert_eq!(
        stored.revises.map(|revision| (revision.root, revision.number)),
        Some((first.id, 1))
    );
    assert_eq!(stored.upload, first.upload);
    let given = stored.source.given().unwrap();
    let content = server.blobs.read_given(stored.upload.id, given).await.unwrap();
    let content: Value = serde_json::from_slice(&content).unwrap();
    assert_eq!(content["picture"]["detections"][0]["detection"]["model"], MANUAL);

    let result = server.succeed(&revision, b"another", Some(b"{}")).await;
    let status = client.status(&revision).await;
    assert!(
        text(&status["output_media"]).ends_with(&format!("{result}.png")),
        "{status}"
    );
    let second = text(&ok(render(&client, &body(&revision)).await).await["anonymization_job_id"]);
    let second = server.job(&second).await;
    assert_eq!(
        second.revises.map(|revision| (revision.root, revision.number)),
        Some((first.id, 2))
    );
}

#[tokio::test]
async fn a_revision_has_the_options_of_its_job_but_for_those_that_are_given() {
    let server = Server::start().await;
    let client = server.client("a").await;
    let fields = [
        (
            "blur_type",
            r#"{"anonymization_type":"pixelate","num_pixels":7,"smooth_padding":0.25}"#,
        ),
        ("mask_growth", "0.5"),
        ("metadata", "keep"),
    ];
    let job = done(&server, &client, &fields).await;
    let first = server.job(&job).await.options;
    let same = text(&ok(render(&client, &body(&job)).await).await["anonymization_job_id"]);
    assert_eq!(server.job(&same).await.options, first);

    let mut other = body(&job);
    other["blur_type"] = json!({ "num_pixels": 9 });
    other["mask_growth"] = json!(0.1);
    other["metadata"] = json!("strip");
    other["output_detections_url"] = json!(true);
    let other = text(&ok(render(&client, &other).await).await["anonymization_job_id"]);
    let options = server.job(&other).await.options;
    assert_eq!(
        options.mask,
        Mask {
            style: MaskStyle::Pixelate(PixelCount::new(9).unwrap()),
            growth: MaskGrowth::new(0.1).unwrap(),
            ..first.mask
        }
    );
    assert_eq!(options.metadata, MetadataPolicy::Strip);
    assert!(options.detections_document);

    let mut plain = body(&job);
    plain["blur_type"] = json!({ "anonymization_type": "blur" });
    let plain = text(&ok(render(&client, &plain).await).await["anonymization_job_id"]);
    let mask = server.job(&plain).await.options.mask;
    assert_eq!(
        (mask.style, mask.smooth_padding),
        (MaskStyle::Blur, first.mask.smooth_padding)
    );
}

#[tokio::test]
async fn only_a_finished_job_of_this_client_with_its_original_is_rendered_again() {
    let server = Server::start().await;
    let client = server.client("a").await;
    let waiting = client.upload(jpeg(b""), &[]).await;
    let message = failed(render(&client, &body(&waiting)).await, 409).await;
    assert_eq!(message, "the job has not finished yet");
    let outcome = JobOutcome::Failed {
        class: FailureClass::Input,
        message: "the picture is truncated".into(),
    };
    server.finish(&waiting, outcome).await;
    ok(render(&client, &body(&waiting)).await).await;

    let job = done_beside(&server, &client).await;
    let stranger = server.client("b").await;
    let message = failed(render(&stranger, &body(&job)).await, 404).await;
    for unknown in ["nonsense", &waiting.replace("-SRV_", "-XYZ_")] {
        assert_eq!(failed(render(&client, &body(unknown)).await, 404).await, message);
    }

    let id: PublicJobId = job.parse().unwrap();
    let future = Timestamp::from_micros(i64::MAX);
    let retired = server.store.retire_uploads(future, 10).await.unwrap();
    assert!(retired.iter().any(|(retired, _)| *retired == id.job));
    let message = failed(render(&client, &body(&job)).await, 410).await;
    assert!(message.contains("retention.originals"), "{message}");
}

/// As [`done`], where a revision waits already.
async fn done_beside(server: &Server, client: &Client) -> String {
    let waiting = sfumato_core::store::JobLimits::both(10);
    let worker = sfumato_core::WorkerId::from_uuid(uuid::Uuid::from_u128(9));
    let lease = std::time::Duration::from_secs(3600);
    server.store.claim_jobs(worker, waiting, lease).await.unwrap();
    done(server, client, &[]).await
}

#[tokio::test]
async fn what_cannot_be_used_is_400_and_names_its_place() {
    let server = Server::start().await;
    let client = server.client("a").await;
    let job = done(&server, &client, &[]).await;
    let with = |change: &dyn Fn(&mut Value)| {
        let mut body = body(&job);
        change(&mut body);
        body
    };
    let detection = "detections.detections[0]";
    let cases: [(Value, String); 9] = [
        (
            with(&|body| body["detections"]["detections"][0]["box"]["width"] = json!("3")),
            format!("{detection}.box.width: has the wrong type"),
        ),
        (
            with(&|body| body["detections"]["detections"][0]["box"]["width"] = json!(-3)),
            format!("{detection}.box: must be a box of finite numbers"),
        ),
        (
            with(&|body| body["detections"]["detections"][0]["class"] = json!("cat")),
            format!("{detection}.class: must be `face` or `plate`"),
        ),
        (
            with(&|body| body["detections"]["detections"][0]["hiden"] = json!(true)),
            format!("{detection}: has no member `hiden`; its members are `frame`, `class`"),
        ),
        (
            with(&|body| body["detections"]["schema"] = json!("other/1")),
            "detections.schema: must be sfumato.detections/1".to_owned(),
        ),
        (
            with(&|body| {
                body["detections"] = json!({
                    "schema": "sfumato.detections/1",
                    "video": { "width": 20, "height": 10, "frames": 5 },
                    "tracks": [],
                });
            }),
            "detections: the detections are of a video, and the job is of a picture".to_owned(),
        ),
        (
            with(&|body| body["mask_growth"] = json!(7)),
            "mask_growth: must be".to_owned(),
        ),
        (
            with(&|body| body["profile"] = json!("fast")),
            "the body has no member `profile`".to_owned(),
        ),
        (
            json!({ "anonymization_job_id": job }),
            "detections: is missing".to_owned(),
        ),
    ];
    for (body, expected) in cases {
        let message = failed(render(&client, &body).await, 400).await;
        assert!(message.starts_with(&expected), "{message} instead of {expected}");
    }
    assert_eq!(
        server
            .store
            .revisions(server.job(&job).await.client, server.job(&job).await.id)
            .await
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn an_archive_is_not_rendered_again_and_a_document_has_a_limit() {
    let server = Server::start().await;
    let client = server.client("a").await;
    let job = client
        .upload(b"PK\x03\x04 and so on, for a while".to_vec(), &[])
        .await;
    server.succeed(&job, b"x", Some(b"{}")).await;
    let message = failed(render(&client, &body(&job)).await, 400).await;
    assert!(message.contains("archive"), "{message}");

    let large = Bytes::from(vec![b' '; GIVEN_BYTES_MAX + 1]);
    let answer = client.post(PATH).body(large).send().await.unwrap();
    let message = failed(answer, 413).await;
    assert!(message.contains("33554432"), "{message}");
}

#[tokio::test]
async fn a_box_that_would_hide_nothing_is_refused_before_there_is_a_job() {
    let server = Server::start().await;
    let client = server.client("a").await;
    let job = done(&server, &client, &[]).await;
    for (bbox, said) in [
        (
            json!({ "x": 9000, "y": 9000, "width": 10, "height": 10 }),
            "lies outside of the picture of 20 x 10 pixels",
        ),
        (
            json!({ "x": 0.35, "y": 0.12, "width": 0.2, "height": 0.2 }),
            "as if they were fractions",
        ),
    ] {
        let mut body = body(&job);
        body["detections"]["detections"][0] = json!({ "class": "face", "model": "centerface", "box": bbox });
        let refused = failed(render(&client, &body).await, 400).await;
        assert!(
            refused.starts_with("detections.detections[0].box: ") && refused.contains(said),
            "{refused}"
        );
        assert!(
            refused.contains("in pixels of the picture as displayed"),
            "{refused}"
        );
    }
}
