//! Status and cancellation of jobs.

use reqwest::Method;
use serde_json::json;
use sfumato_core::job::{FailureClass, JobOutcome, JobState, Progress};
use sfumato_core::{Clock, PublicJobId, Store, Timestamp};
use std::time::Duration;

use crate::server::{Client, Server, failed, jpeg, ok};

const PATH: &str = "/innovation-service/anonymization";

async fn cancel(client: &Client, job: &str) -> reqwest::Response {
    let request = client.request(Method::DELETE, PATH);
    request
        .query(&[("anonymization_job_id", job)])
        .send()
        .await
        .unwrap()
}

#[tokio::test]
async fn a_job_tells_its_status_from_sent_to_succeeded() {
    let server = Server::start().await;
    let client = server.client("a").await;
    let job = client
        .upload(jpeg(b""), &[("output_detections_url", "true")])
        .await;
    assert_eq!(client.status(&job).await, json!({"status": "Sent"}));

    let claimed = server.claim(&job).await;
    let JobState::Running { lease, .. } = claimed.state else {
        panic!()
    };
    let lease_for = Duration::from_secs(30);
    let progress = Progress::of(0.3);
    server
        .store
        .heartbeat(claimed.id, &lease, lease_for, progress)
        .await
        .unwrap();
    assert_eq!(
        client.status(&job).await,
        json!({"status": "Started", "progress": 0.3})
    );
    let progress = Progress {
        done: 0.5,
        expected_end: Some(server.clock.now().after(Duration::from_millis(90_500))),
        ..Progress::default()
    };
    server
        .store
        .heartbeat(claimed.id, &lease, lease_for, progress)
        .await
        .unwrap();
    let status = client.status(&job).await;
    assert_eq!(status["progress"], 0.5);
    assert_eq!(status["eta_seconds"], 90, "{status}");

    server.store.hand_back_job(claimed.id, &lease).await.unwrap();
    assert_eq!(client.status(&job).await, json!({"status": "Retried"}));

    let result = server.succeed(&job, &jpeg(b"done"), Some(b"{}")).await;
    let base = server.url("/innovation-service/result");
    let expected = json!({
        "status": "Succeeded",
        "output_media": format!("{base}/{result}.jpg"),
        "output_json": format!("{base}/{result}.json"),
    });
    assert_eq!(client.status(&job).await, expected);

    let expired = server
        .store
        .expire_results(Timestamp::from_micros(i64::MAX), 10)
        .await
        .unwrap();
    assert_eq!(expired, [(claimed.id, result)]);
    assert_eq!(client.status(&job).await, expected, "it did succeed");
}

#[tokio::test]
async fn a_failed_job_says_why_and_a_result_has_warnings_only_where_there_are_some() {
    let server = Server::start().await;
    let client = server.client("a").await;
    let job = client.upload(jpeg(b""), &[]).await;
    let outcome = JobOutcome::Failed {
        class: FailureClass::Input,
        message: "the picture is truncated; send it again".into(),
    };
    server.finish(&job, outcome).await;
    assert_eq!(
        client.status(&job).await,
        json!({"status": "Failed", "error": "the picture is truncated; send it again"})
    );

    let job = client.upload(jpeg(b""), &[]).await;
    let id = server.succeed(&job, b"x", None).await;
    let status = client.status(&job).await;
    assert_eq!(status["output_json"], json!(null));
    assert_eq!(status["warnings"], json!(null));
    assert!(
        status["output_media"]
            .as_str()
            .unwrap()
            .ends_with(&format!("{id}.jpg"))
    );
}

#[tokio::test]
async fn what_is_no_job_of_this_client_is_an_unknown_job_with_200() {
    let server = Server::start().await;
    let (client, other) = (server.client("a").await, server.client("b").await);
    let foreign = other.upload(jpeg(b""), &[]).await;
    let own = client.upload(jpeg(b""), &[]).await;
    let mut lowered = own.clone();
    lowered.make_ascii_lowercase();
    for id in [
        "",
        "x",
        &foreign,
        &format!("{own}x"),
        &lowered,
        "ä/%00\"",
        &own[..50],
    ] {
        assert_eq!(client.status(id).await, json!({"status": "Unknown job"}), "{id}");
    }
    assert_eq!(client.status(&own).await["status"], "Sent");
    let message = failed(client.get(PATH).send().await.unwrap(), 400).await;
    assert!(message.contains("anonymization_job_id"), "{message}");
}

#[tokio::test]
async fn result_urls_begin_with_the_public_url_where_there_is_one() {
    let server = Server::start_with(|_, http| {
        http.public_url = Some("https://blur.example.com/api/".parse().unwrap());
    })
    .await;
    let client = server.client("a").await;
    let job = client.upload(jpeg(b""), &[]).await;
    let id = server.succeed(&job, b"x", None).await;
    let expected = format!("https://blur.example.com/api/innovation-service/result/{id}.jpg");
    assert_eq!(client.status(&job).await["output_media"], expected);
}

#[tokio::test]
async fn result_urls_begin_with_the_host_of_the_request_otherwise() {
    let server = Server::start().await;
    let client = server.client("a").await;
    let job = client.upload(jpeg(b""), &[]).await;
    let id = server.succeed(&job, b"x", None).await;
    for (host, base) in [
        ("blur.local:8080", "http://blur.local:8080"),
        ("u:p@evil.example", ""),
        ("a b", ""),
    ] {
        let request = client
            .get(PATH)
            .query(&[("anonymization_job_id", &job)])
            .header("host", host);
        let status = ok(request.send().await.unwrap()).await;
        assert_eq!(
            status["output_media"],
            format!("{base}/innovation-service/result/{id}.jpg"),
            "{host}"
        );
    }
}

#[tokio::test]
async fn a_waiting_or_running_job_can_be_cancelled_and_cancelled_again() {
    let server = Server::start().await;
    let client = server.client("a").await;
    for running in [false, true] {
        let job = client.upload(jpeg(b""), &[]).await;
        if running {
            server.claim(&job).await;
        }
        for _ in 0..2 {
            assert_eq!(
                ok(cancel(&client, &job).await).await,
                json!({"status": "Revoked"})
            );
            assert_eq!(client.status(&job).await, json!({"status": "Revoked"}));
        }
    }
}

#[tokio::test]
async fn a_finished_job_cannot_be_cancelled_and_an_unknown_one_is_not_found() {
    let server = Server::start().await;
    let (client, other) = (server.client("a").await, server.client("b").await);
    let job = client.upload(jpeg(b""), &[]).await;
    failed(cancel(&other, &job).await, 404).await;
    server.succeed(&job, b"x", None).await;
    failed(cancel(&client, &job).await, 409).await;
    failed(cancel(&client, "nonsense").await, 404).await;
    failed(client.request(Method::DELETE, PATH).send().await.unwrap(), 400).await;
    assert_eq!(client.status(&job).await["status"], "Succeeded");
}

#[tokio::test]
async fn a_job_is_named_after_its_client() {
    let server = Server::start().await;
    let client = server.client("a").await;
    let job = client.upload(jpeg(b""), &[]).await;
    let id: PublicJobId = job.parse().unwrap();
    let (owner, random) = job.split_once("-SRV_ANONYMIZATION-").unwrap();
    assert_eq!(owner, id.client.to_string());
    assert!(random.len() >= 12 && random.bytes().all(|b| b.is_ascii_alphanumeric()));
}

async fn erase(client: &Client, job: &str) -> reqwest::Response {
    let request = client.request(Method::DELETE, PATH);
    request
        .query(&[("anonymization_job_id", job), ("delete_files", "true")])
        .send()
        .await
        .unwrap()
}

#[tokio::test]
async fn a_job_that_has_ended_loses_every_file_at_once_and_says_so() {
    let server = Server::start().await;
    let (client, other) = (server.client("a").await, server.client("b").await);
    let job = client
        .upload(jpeg(b""), &[("output_detections_url", "true")])
        .await;
    let result = server.succeed(&job, b"x", Some(b"{}")).await;
    assert!(!server.stored_files().is_empty());
    failed(erase(&other, &job).await, 404).await;
    assert!(
        !server.stored_files().is_empty(),
        "another client deletes nothing"
    );
    for _ in 0..2 {
        assert_eq!(
            ok(erase(&client, &job).await).await,
            json!({"status": "Succeeded", "original_deleted": true, "result_deleted": true})
        );
        assert!(server.stored_files().is_empty());
    }
    let id: PublicJobId = job.parse().unwrap();
    let kept = server.store.job(id.client, id.job).await.unwrap().unwrap();
    assert!(matches!(kept.state, JobState::Expired { .. }) && !kept.original_kept);
    assert_eq!(client.status(&job).await["status"], "Succeeded");
    let path = format!("/innovation-service/result/{result}.jpg");
    let gone = client.request(Method::GET, &path).send().await.unwrap();
    let message = failed(gone, 410).await;
    assert!(message.contains("deleted, by request or because"), "{message}");
}

#[tokio::test]
async fn the_time_of_a_result_passes_by_the_clock_and_not_when_the_janitor_comes() {
    let kept = Duration::from_secs(60);
    let server = Server::start_with(|settings, _| settings.results_kept = kept).await;
    let client = server.client("a").await;
    let job = client.upload(jpeg(b""), &[]).await;
    let path = format!(
        "/innovation-service/result/{}.jpg",
        server.succeed(&job, b"x", None).await
    );
    server.clock.advance(kept);
    let fetch = || client.request(Method::GET, &path).send();
    assert_eq!(fetch().await.unwrap().status(), 200);
    server.clock.advance(Duration::from_millis(1));
    failed(fetch().await.unwrap(), 410).await;
}

#[tokio::test]
async fn a_job_that_waits_is_cancelled_and_loses_its_original_at_once() {
    let server = Server::start().await;
    let client = server.client("a").await;
    for running in [false, true] {
        let job = client.upload(jpeg(b""), &[]).await;
        if running {
            server.claim(&job).await;
        }
        assert_eq!(
            ok(erase(&client, &job).await).await,
            json!({"status": "Revoked", "original_deleted": true, "result_deleted": true})
        );
        assert!(server.stored_files().is_empty());
    }
    let job = client.upload(jpeg(b""), &[]).await;
    let unclear = client.request(Method::DELETE, PATH).query(&[
        ("anonymization_job_id", job.as_str()),
        ("delete_files", "perhaps"),
    ]);
    failed(unclear.send().await.unwrap(), 400).await;
    assert_eq!(client.status(&job).await["status"], "Sent");
}
