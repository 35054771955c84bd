//! The list of jobs.

use futures::StreamExt;
use reqwest::{Method, StatusCode};
use sfumato_core::Role;

use crate::browser::{Answer, Server};
use crate::work::{JPEG, MP4};

/// The names of the jobs on a page, in their order.
fn names(page: &Answer) -> Vec<String> {
    assert_eq!(page.status, StatusCode::OK, "{}", page.text);
    let links = page.text.split(r#"<a class="clip job-name""#).skip(1);
    links
        .map(|rest| {
            let (_, rest) = rest.split_once('>').unwrap();
            rest.split('<').next().unwrap().to_owned()
        })
        .collect()
}

/// Where a link of the pagination leads.
fn link(page: &Answer, rel: &str) -> Option<String> {
    let (_, rest) = page.text.split_once(&format!(r#"rel="{rel}" href=""#))?;
    Some(
        rest.split('"')
            .next()
            .unwrap()
            .replace("&#38;", "&")
            .replace("&amp;", "&"),
    )
}

#[tokio::test]
async fn administrators_see_the_jobs_of_all_clients_newest_first_and_members_their_own() {
    let server = Server::start().await;
    let (acme, globex) = (server.client("Acme").await, server.client("Globex").await);
    server.upload(acme, "first.jpg", JPEG).await;
    server.upload(globex, "second.jpg", JPEG).await;
    server.upload(acme, "third.jpg", JPEG).await;
    let mut ada = server.signed_in("ada", Role::Administrator).await;
    let mut bob = server.signed_in("bob", Role::Member(globex)).await;
    let all = ada.get("/manager/jobs").await;
    assert_eq!(names(&all), ["third.jpg", "second.jpg", "first.jpg"]);
    assert!(all.text.contains("Globex"));
    let own = bob.get("/manager/jobs").await;
    assert_eq!(names(&own), ["second.jpg"]);
    assert!(!own.text.contains("Acme") && !own.text.contains("name=\"client\""));
    let foreign = bob.get(&format!("/manager/jobs?client={acme}")).await;
    let nothing = bob.get("/manager/nothing").await;
    assert_eq!(
        (foreign.status, foreign.text),
        (StatusCode::NOT_FOUND, nothing.text)
    );
}

#[tokio::test]
async fn a_list_without_jobs_says_how_to_get_some() {
    let server = Server::start().await;
    let mut ada = server.signed_in("ada", Role::Administrator).await;
    let empty = ada.get("/manager/jobs").await;
    assert!(empty.text.contains("No jobs yet"));
    let filtered = ada.get("/manager/jobs?status=failed").await;
    assert!(filtered.text.contains("No job fits"));
}

#[tokio::test]
async fn jobs_are_filtered_by_status_kind_client_and_day() {
    let server = Server::start().await;
    let (acme, globex) = (server.client("Acme").await, server.client("Globex").await);
    server.upload(acme, "failed.jpg", JPEG).await;
    let begun = server.begin().await;
    server.fail(begun, "the picture is damaged").await;
    server.upload(acme, "film.mp4", MP4).await;
    server.upload(globex, "street.jpg", JPEG).await;
    let mut ada = server.signed_in("ada", Role::Administrator).await;
    for (query, expected) in [
        ("status=failed", vec!["failed.jpg"]),
        ("status=queued", vec!["street.jpg", "film.mp4"]),
        ("kind=video", vec!["film.mp4"]),
        ("kind=archive", vec![]),
        ("q=FILM", vec!["film.mp4"]),
        // The clock of these tests stands in March 2030.
        (
            "from=2030-03-17&to=2030-03-17",
            vec!["street.jpg", "film.mp4", "failed.jpg"],
        ),
        ("to=2030-03-16", vec![]),
        ("from=2030-03-18", vec![]),
    ] {
        let page = ada.get(&format!("/manager/jobs?{query}")).await;
        assert_eq!(names(&page), expected, "{query}");
    }
    let page = ada.get(&format!("/manager/jobs?client={globex}&kind=")).await;
    assert_eq!(names(&page), ["street.jpg"]);
    for unreadable in [
        "status=no",
        "kind=no",
        "client=no",
        "from=no",
        "before=no",
        "trail=no",
    ] {
        let page = ada.get(&format!("/manager/jobs?{unreadable}")).await;
        assert_eq!(page.status, StatusCode::BAD_REQUEST, "{unreadable}");
    }
}

#[tokio::test]
async fn a_job_is_found_by_either_of_its_identifiers_and_nobody_elses() {
    let server = Server::start().await;
    let (acme, globex) = (server.client("Acme").await, server.client("Globex").await);
    let job = server.upload(acme, "mine.jpg", JPEG).await;
    server.upload(acme, "other.jpg", JPEG).await;
    let mut bob = server.signed_in("bob", Role::Member(acme)).await;
    let mut eve = server.signed_in("eve", Role::Member(globex)).await;
    for identifier in [job.to_string(), job.job.to_string()] {
        let path = format!("/manager/jobs?q={identifier}");
        assert_eq!(names(&bob.get(&path).await), ["mine.jpg"]);
        assert!(names(&eve.get(&path).await).is_empty());
    }
}

#[tokio::test]
async fn turning_pages_meets_every_job_once_and_leads_back() {
    let server = Server::start().await;
    let acme = server.client("Acme").await;
    for number in 0..120 {
        server.upload(acme, &format!("{number}.jpg"), JPEG).await;
    }
    let mut bob = server.signed_in("bob", Role::Member(acme)).await;
    let first = bob.get("/manager/jobs?kind=picture").await;
    let mut met = names(&first);
    assert_eq!(link(&first, "prev"), None);
    let second = bob.get(&link(&first, "next").unwrap()).await;
    met.extend(names(&second));
    let third = bob.get(&link(&second, "next").unwrap()).await;
    met.extend(names(&third));
    let expected: Vec<String> = (0..120).rev().map(|number| format!("{number}.jpg")).collect();
    assert_eq!(met, expected);
    assert_eq!(link(&third, "next"), None);
    let back = bob.get(&link(&third, "prev").unwrap()).await;
    assert_eq!(names(&back), names(&second));
    let back = bob.get(&link(&back, "prev").unwrap()).await;
    assert_eq!(names(&back), names(&first));
}

#[tokio::test]
async fn a_list_that_is_looked_at_tells_of_changes() {
    let server = Server::start_with(sfumato_console::ConsoleSettings {
        live_interval: std::time::Duration::from_millis(5),
        ..Default::default()
    })
    .await;
    let acme = server.client("Acme").await;
    server.upload(acme, "street.jpg", JPEG).await;
    let bob = server.signed_in("bob", Role::Member(acme)).await;
    let request = bob.request(Method::GET, "/manager/jobs/live?status=");
    let answer = request
        .header("accept", "text/event-stream")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.headers()["content-type"], "text/event-stream");
    let mut events = answer.bytes_stream();
    let mut heard = String::new();
    let mut until = async |expected: &str| {
        while !heard.contains(expected) {
            let part = events.next().await.unwrap().unwrap();
            heard.push_str(&String::from_utf8_lossy(&part));
        }
    };
    until("1 queued").await;
    let begun = server.begin().await;
    until("1 running").await;
    server.succeed(begun).await;
    until("1 succeeded").await;
}

#[tokio::test]
async fn a_name_is_shown_as_it_is_and_never_as_markup() {
    let server = Server::start().await;
    let acme = server.client("Acme").await;
    let job = server.upload(acme, "<script>alert(1)<\\u>.jpg", JPEG).await;
    let hostile = server
        .upload(acme, "\"><img src=x onerror=alert(1)>.jpg", JPEG)
        .await;
    let mut bob = server.signed_in("bob", Role::Member(acme)).await;
    for path in [
        "/manager/jobs".to_owned(),
        format!("/manager/jobs/{}", job.job),
        format!("/manager/jobs/{}", hostile.job),
        "/manager/jobs?q=%22%3E%3Cimg".to_owned(),
    ] {
        let page = bob.get(&path).await;
        assert_eq!(page.status, StatusCode::OK);
        assert!(
            !page.text.contains("<img src=x") && !page.text.contains("<script>alert"),
            "{path}"
        );
    }
}
