//! What happens, at a glance.

use std::time::Duration;

use reqwest::{Method, StatusCode};
use sfumato_console::ConsoleSettings;
use sfumato_core::endpoint::{EndpointHealth, EndpointState, HoldReason};
use sfumato_core::job::JobOutcome;
use sfumato_core::store::JobLimits;
use sfumato_core::{ClientId, Clock, Endpoint, Job, Role, Store, WorkerId};
use sfumato_engine::system::SystemEntropy;
use sfumato_testkit::{build, lease_of};

use crate::browser::Server;

async fn submit(server: &Server, client: ClientId) -> Job {
    let job = build::job(client, &*server.clock, &SystemEntropy);
    server.store.submit(&job).await.unwrap();
    job
}

/// Begins every job that waits, after two seconds, and ends it well.
async fn work(server: &Server) {
    server.clock.advance(Duration::from_secs(2));
    let worker = WorkerId::new(&*server.clock, &SystemEntropy);
    let limits = JobLimits::both(100);
    let lease = Duration::from_secs(30);
    for job in server.store.claim_jobs(worker, limits, lease).await.unwrap() {
        let result = build::job_result(&*server.clock, &SystemEntropy);
        let outcome = JobOutcome::Succeeded(result);
        server
            .store
            .finish_job(job.id, &lease_of(&job), outcome)
            .await
            .unwrap();
    }
}

/// The number in the tile of this name.
fn tile<'a>(page: &'a str, name: &str) -> &'a str {
    let (_, rest) = page
        .split_once(&format!(r#"class="stat-label">{name}</dt>"#))
        .unwrap();
    let (value, _) = rest.split_once("</dd>").unwrap();
    value.trim_end_matches("</a>").rsplit('>').next().unwrap()
}

#[tokio::test]
async fn an_installation_without_jobs_says_how_to_begin() {
    let server = Server::start().await;
    let mut ada = server.signed_in("ada", Role::Administrator).await;
    let page = ada.get("/manager").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.text.contains("No jobs yet"));
    assert!(page.text.contains(r#"href="/manager/upload""#));
}

#[tokio::test]
async fn members_see_the_numbers_of_their_client_and_administrators_those_of_all() {
    let server = Server::start().await;
    let (own, _) = server.engine.create_client("Acme <b>").await.unwrap();
    let (other, _) = server.engine.create_client("Other").await.unwrap();
    for client in [own.id, other.id, other.id] {
        submit(&server, client).await;
    }
    work(&server).await;
    for client in [own.id, other.id, other.id, other.id] {
        submit(&server, client).await;
    }
    let mut ada = server.signed_in("ada", Role::Administrator).await;
    let mut bob = server.signed_in("bob", Role::Member(own.id)).await;
    let all = ada.get("/manager").await.text;
    assert_eq!(tile(&all, "Waiting"), "4");
    assert!(
        all.contains("All clients") && all.contains("3 succeeded"),
        "{all}"
    );
    assert_eq!(tile(&all, "Mean wait"), "2.0 s");
    let own = bob.get("/manager").await.text;
    assert_eq!(tile(&own, "Waiting"), "1");
    assert!(
        own.contains("Acme &#60;b&#62;") && own.contains("1 succeeded"),
        "{own}"
    );
    assert!(
        !own.contains("no worker in this process"),
        "the server is not a member's"
    );
}

#[tokio::test]
async fn every_range_is_shown_and_what_is_none_is_a_day() {
    let server = Server::start().await;
    let (client, _) = server.engine.create_client("Acme").await.unwrap();
    submit(&server, client.id).await;
    work(&server).await;
    let mut ada = server.signed_in("ada", Role::Administrator).await;
    for (range, columns) in [("24h", 24), ("7d", 28), ("30d", 30), ("<x>", 24)] {
        let page = ada.get(&format!("/manager?range={range}")).await;
        assert_eq!(page.status, StatusCode::OK, "{range}");
        assert_eq!(page.text.matches("plot-hit").count(), 3 * columns, "{range}");
        assert!(!page.text.contains("<x>"));
        assert!(page.text.contains(r#"aria-current="true""#));
    }
}

#[tokio::test]
async fn a_job_shows_without_being_asked_for() {
    let server = Server::start_with(ConsoleSettings {
        live_interval: Duration::from_millis(10),
        ..ConsoleSettings::default()
    })
    .await;
    let (client, _) = server.engine.create_client("Acme").await.unwrap();
    let ada = server.signed_in("ada", Role::Administrator).await;
    let request = ada
        .request(Method::GET, "/manager/live?range=7d")
        .header("Accept", "text/event-stream");
    let mut stream = request.send().await.unwrap();
    let mut text = String::new();
    while !text.contains("No jobs yet") {
        text.push_str(std::str::from_utf8(&stream.chunk().await.unwrap().unwrap()).unwrap());
    }
    submit(&server, client.id).await;
    while !text.contains("Jobs by status") {
        text.push_str(std::str::from_utf8(&stream.chunk().await.unwrap().unwrap()).unwrap());
    }
}

#[tokio::test]
async fn endpoints_that_need_attention_are_told_to_whom_they_belong() {
    let server = Server::start().await;
    let (own, _) = server.engine.create_client("Acme").await.unwrap();
    let (other, _) = server.engine.create_client("Other").await.unwrap();
    submit(&server, own.id).await;
    submit(&server, other.id).await;
    let now = server.clock.now();
    let held = Endpoint {
        state: EndpointState::Held {
            since: now,
            reason: HoldReason::Failing,
            next_probe_at: now,
        },
        health: EndpointHealth {
            consecutive_failures: 7,
            failing_since: Some(now),
            ..EndpointHealth::default()
        },
        ..build::endpoint(other.id, &*server.clock, &SystemEntropy)
    };
    server.store.create_endpoint(&held).await.unwrap();
    let path = format!("/manager/developer/{}/endpoints/{}", other.id, held.id);
    let mut ada = server.signed_in("ada", Role::Administrator).await;
    let all = ada.get("/manager").await.text;
    assert!(
        all.contains(&path) && all.contains("7 attempts in a row"),
        "{all}"
    );
    let mut bob = server.signed_in("bob", Role::Member(own.id)).await;
    let own = bob.get("/manager").await.text;
    assert!(!own.contains(&path) && own.contains("All webhook endpoints are well."));
}
