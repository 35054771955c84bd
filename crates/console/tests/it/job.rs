//! The page of a job, and what is done there.

use std::time::Duration;

use reqwest::StatusCode;
use sfumato_core::{Role, Store};

use crate::browser::Server;
use crate::work::{JPEG, caller};

#[tokio::test]
async fn the_page_tells_the_life_of_a_job_from_upload_to_result() {
    let server = Server::start().await;
    let acme = server.client("Acme").await;
    let job = server.upload(acme, "street.jpg", JPEG).await;
    let mut bob = server.signed_in("bob", Role::Member(acme)).await;
    let path = format!("/manager/jobs/{}", job.job);
    let waiting = bob.get(&path).await;
    assert_eq!(waiting.status, StatusCode::OK);
    assert!(waiting.text.contains("Waits for its turn."));
    assert!(waiting.text.contains(&job.to_string()));
    assert!(!waiting.text.contains("<media-compare") && !waiting.text.contains("/review"));
    assert!(waiting.text.contains("faces and licence plates"));

    let begun = server.begin().await;
    assert!(bob.get(&path).await.text.contains("Is worked on."));
    server.clock.advance(Duration::from_secs(3));
    server.succeed(begun).await;
    let done = bob.get(&path).await.text;
    for said in [
        "2 faces and 1 licence plate are hidden.",
        "the picture is very small",
        "3.0 s",
        "Accepted",
        "Started",
        "Succeeded",
        "<media-compare data-kind=\"picture\"",
        &format!("{path}/original"),
        &format!("{path}/result"),
        &format!("{path}/detections.json"),
        &format!("{path}/review"),
    ] {
        assert!(done.contains(said), "{said}\n{done}");
    }
}

#[tokio::test]
async fn a_job_that_failed_says_why_in_the_customers_words() {
    let server = Server::start().await;
    let acme = server.client("Acme").await;
    let job = server.upload(acme, "street.jpg", JPEG).await;
    let begun = server.begin().await;
    server.fail(begun, "the picture is damaged").await;
    let mut bob = server.signed_in("bob", Role::Member(acme)).await;
    let page = bob.get(&format!("/manager/jobs/{}", job.job)).await.text;
    assert!(page.contains("The picture is damaged."));
    assert!(page.contains("/retry"));
    assert!(!page.contains("/result"));
}

#[tokio::test]
async fn the_deliveries_of_a_job_stand_with_the_step_that_they_tell() {
    let server = Server::start().await;
    let acme = server.client("Acme").await;
    let endpoint =
        sfumato_testkit::build::endpoint(acme, &*server.clock, &sfumato_engine::system::SystemEntropy);
    server.store.create_endpoint(&endpoint).await.unwrap();
    let job = server.upload(acme, "street.jpg", JPEG).await;
    let mut bob = server.signed_in("bob", Role::Member(acme)).await;
    let path = format!("/manager/jobs/{}", job.job);
    let page = bob.get(&path).await.text;
    assert!(page.contains("https://receiver.example/hook"));
    assert!(page.contains(&format!("/manager/developer/{acme}/endpoints/{}", endpoint.id)));
    assert_eq!(page.matches("<details class=\"delivery\"").count(), 1);
    let _ = server.begin().await;
    let page = bob.get(&path).await.text;
    assert_eq!(page.matches("<details class=\"delivery\"").count(), 2);
    server.store.delete_endpoint(acme, endpoint.id).await.unwrap();
    let page = bob.get(&path).await.text;
    assert!(page.contains("a deleted endpoint") && !page.contains(&endpoint.id.to_string()));
}

#[tokio::test]
async fn a_job_is_cancelled_and_done_again_as_a_new_one() {
    let server = Server::start().await;
    let acme = server.client("Acme").await;
    let job = server.upload(acme, "street.jpg", JPEG).await;
    let mut bob = server.signed_in("bob", Role::Member(acme)).await;
    let path = format!("/manager/jobs/{}", job.job);
    let next = [("next", path.as_str())];
    let cancelled = bob.post(&format!("{path}/cancel"), &next).await;
    assert_eq!(
        (cancelled.status, cancelled.location()),
        (StatusCode::SEE_OTHER, path.as_str())
    );
    assert!(bob.get(&path).await.text.contains("Was cancelled"));
    let late = bob.post(&format!("{path}/cancel"), &next).await;
    assert_eq!(late.location(), path);
    assert!(bob.get(&path).await.text.contains("had finished before"));

    server.clock.advance(Duration::from_secs(1));
    let again = bob.post(&format!("{path}/retry"), &next).await;
    let new = again.location().to_owned();
    assert!(new.starts_with("/manager/jobs/") && new != path, "{new}");
    let page = bob.get(&new).await.text;
    assert!(page.contains("Waits for its turn.") && page.contains("Jobs on this original"));
    assert!(page.contains("First result") && page.contains("Revision 1"));
    let expected = ["bob job.retried street.jpg", "bob job.cancelled street.jpg"];
    assert_eq!(server.audited().await, expected);
}

#[tokio::test]
async fn a_button_leads_back_to_a_page_of_ours_and_nowhere_else() {
    let server = Server::start().await;
    let acme = server.client("Acme").await;
    let job = server.upload(acme, "street.jpg", JPEG).await;
    let mut bob = server.signed_in("bob", Role::Member(acme)).await;
    let path = format!("/manager/jobs/{}/cancel", job.job);
    for (next, target) in [
        ("/manager/jobs?status=queued", "/manager/jobs?status=queued"),
        ("https://evil.example/", "/manager/jobs"),
        ("//evil.example", "/manager/jobs"),
        ("", "/manager/jobs"),
    ] {
        assert_eq!(bob.post(&path, &[("next", next)]).await.location(), target);
    }
}

#[tokio::test]
async fn deleting_takes_the_files_and_leaves_the_record() {
    let server = Server::start().await;
    let acme = server.client("Acme").await;
    let job = server.upload(acme, "street.jpg", JPEG).await;
    let mut bob = server.signed_in("bob", Role::Member(acme)).await;
    let path = format!("/manager/jobs/{}", job.job);
    let early = bob.post(&format!("{path}/delete"), &[]).await;
    assert_eq!(early.status, StatusCode::CONFLICT);
    let begun = server.begin().await;
    server.succeed(begun).await;
    let deleted = bob.post(&format!("{path}/delete"), &[]).await;
    assert_eq!(deleted.location(), "/manager/jobs");
    let page = bob.get(&path).await.text;
    assert!(page.contains("Result deleted") && page.contains("2 faces and 1 licence plate were hidden."));
    assert!(!page.contains("<media-compare"));
    for file in ["original", "result", "detections.json"] {
        let gone = bob.get(&format!("{path}/{file}")).await;
        assert_eq!(gone.status, StatusCode::CONFLICT, "{file}");
    }
    assert_eq!(server.audited().await, ["bob job.media_deleted street.jpg"]);
}

#[tokio::test]
async fn retrying_what_has_succeeded_or_is_not_kept_is_refused_in_words() {
    let server = Server::start().await;
    let acme = server.client("Acme").await;
    let job = server.upload(acme, "street.jpg", JPEG).await;
    let begun = server.begin().await;
    server.succeed(begun).await;
    let mut bob = server.signed_in("bob", Role::Member(acme)).await;
    let path = format!("/manager/jobs/{}/retry", job.job);
    let refused = bob.post(&path, &[]).await;
    assert_eq!(refused.status, StatusCode::CONFLICT);
    assert!(refused.text.contains("there is nothing to try again"));

    let job = server.upload(acme, "broken.jpg", JPEG).await;
    let begun = server.begin().await;
    server.fail(begun, "the picture is damaged").await;
    server.engine.discard(&caller(acme), &job).await.unwrap();
    let page = bob.get(&format!("/manager/jobs/{}", job.job)).await.text;
    assert!(page.contains("upload it again") && !page.contains("/retry"));
    let refused = bob.post(&format!("/manager/jobs/{}/retry", job.job), &[]).await;
    assert!(refused.text.contains("not kept any more"));
}

#[tokio::test]
async fn the_jobs_of_others_do_not_exist() {
    let server = Server::start().await;
    let (acme, globex) = (server.client("Acme").await, server.client("Globex").await);
    let job = server.upload(acme, "street.jpg", JPEG).await;
    let begun = server.begin().await;
    server.succeed(begun).await;
    let mut eve = server.signed_in("eve", Role::Member(globex)).await;
    let unknown = "018fe2a4-6a2b-7c4d-8e5f-0a1b2c3d4e5f".to_owned();
    for page in ["", "/live", "/original", "/result", "/detections.json"] {
        let nothing = eve.get(&format!("/manager/jobs/{unknown}{page}")).await;
        let foreign = eve.get(&format!("/manager/jobs/{}{page}", job.job)).await;
        assert_eq!(foreign.status, StatusCode::NOT_FOUND, "{page}");
        assert_eq!(foreign.text, nothing.text, "{page}");
    }
    for action in ["cancel", "retry", "delete"] {
        let path = format!("/manager/jobs/{}/{action}", job.job);
        assert_eq!(
            eve.post(&path, &[]).await.status,
            StatusCode::NOT_FOUND,
            "{action}"
        );
    }
    assert!(server.audited().await.is_empty());
    let kept = server.engine.job(&caller(acme), &job).await.unwrap().unwrap();
    assert!(kept.original_kept);
}

#[tokio::test]
async fn the_jobs_on_one_original_lead_to_each_other() {
    let server = Server::start().await;
    let acme = server.client("Acme").await;
    let job = server.upload(acme, "street.jpg", JPEG).await;
    let begun = server.begin().await;
    server.succeed(begun).await;
    let revised = server.revise(&job).await;
    let mut bob = server.signed_in("bob", Role::Member(acme)).await;
    let first = bob.get(&format!("/manager/jobs/{}", job.job)).await.text;
    assert!(first.contains(&format!("href=\"/manager/jobs/{}\"", revised.id)));
    let second = bob.get(&format!("/manager/jobs/{}", revised.id)).await.text;
    assert!(second.contains(&format!("href=\"/manager/jobs/{}\"", job.job)));
}
