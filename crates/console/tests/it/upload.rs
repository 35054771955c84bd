//! Uploading through the Manager: with a script, which sends one file at a time, and with a plain form.

use reqwest::header::ORIGIN;
use reqwest::multipart::{Form, Part};
use reqwest::{Method, StatusCode};
use sfumato_core::job::{JobState, Priority};
use sfumato_core::options::{MaskStyle, Profile};
use sfumato_core::{JobId, Role};

use crate::browser::{Answer, Browser, Server};
use crate::work::{JPEG, MP4};

fn file(name: &str, content: &'static [u8]) -> Part {
    Part::bytes(content).file_name(name.to_owned())
}

/// Sends a form with files as a browser does whose page has no script: with the token as its first part.
async fn send(browser: &mut Browser, csrf: &str, fill: impl FnOnce(Form) -> Form) -> Answer {
    let form = fill(Form::new().text("csrf", csrf.to_owned()));
    let request = browser.request(Method::POST, "/manager/upload");
    let request = request.header(ORIGIN, &browser.base).multipart(form);
    browser.send(request).await
}

async fn csrf(browser: &mut Browser) -> String {
    browser.get("/manager/account").await.csrf()
}

fn jobs_in(location: &str) -> Vec<JobId> {
    let (_, ids) = location.split_once("jobs=").unwrap();
    ids.split(',').map(|id| id.parse().unwrap()).collect()
}

#[tokio::test]
async fn the_page_has_every_option_and_of_a_member_no_choice_of_clients() {
    let server = Server::start().await;
    let client = server.client("Acme").await;
    let mut member = server.signed_in("mia", Role::Member(client)).await;
    let page = member.get("/manager/upload").await;
    assert_eq!(page.status, StatusCode::OK);
    for name in [
        "activation_faces_blur",
        "activation_plates_blur",
        "blur_type[anonymization_type]",
        "blur_type[hex_color]",
        "blur_type[num_pixels]",
        "blur_type[smooth_padding]",
        "mask_growth",
        "mask_shape",
        "profile",
        "face_threshold",
        "plate_threshold",
        "included_area[left]",
        "excluded_area",
        "metadata",
        "audio",
        "subtitles",
        "codec",
        "quality",
        "other_entries",
        "output_detections_url",
        "priority",
    ] {
        assert!(page.text.contains(&format!("name=\"{name}\"")), "{name}");
    }
    assert!(!page.text.contains("name=\"client\""));
}

#[tokio::test]
async fn a_plain_form_makes_a_job_of_each_file_with_its_options() {
    let server = Server::start().await;
    let client = server.client("Acme").await;
    let mut member = server.signed_in("mia", Role::Member(client)).await;
    let csrf = csrf(&mut member).await;
    let answer = send(&mut member, &csrf, |form| {
        form.part("input_media", file("a.jpg", JPEG))
            .part("input_media", file("b.mp4", MP4))
            .text("activation_faces_blur", "false")
            .text("activation_faces_blur", "true")
            .text("activation_plates_blur", "false")
            .text("blur_type[anonymization_type]", "opaque")
            .text("blur_type[hex_color]", "#112233")
            .text("blur_type[num_pixels]", "10")
            .text("profile", "thorough")
            .text("priority", "high")
            .text("face_threshold", "")
    })
    .await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
    let jobs = jobs_in(answer.location());
    assert_eq!(jobs.len(), 2);
    let job = server
        .engine
        .job_in(sfumato_core::Scope::Client(client), jobs[0])
        .await;
    let job = job.unwrap().unwrap();
    assert_eq!(job.upload.file_name, "a.jpg");
    assert!(matches!(job.state, JobState::Queued { .. }));
    assert!(job.options.faces && !job.options.plates);
    assert!(matches!(job.options.mask.style, MaskStyle::Opaque(color) if color.rgb == [0x11, 0x22, 0x33]));
    assert_eq!(job.options.detection.profile, Profile::Thorough);
    assert_eq!(job.priority, Priority::High);
    let shown = member.get(&format!("/manager/jobs/{}", jobs[0])).await;
    assert!(
        shown.text.contains("<dt>Priority</dt><dd>high</dd>"),
        "{}",
        shown.text
    );
    let page = member.get(answer.location()).await;
    assert!(page.text.contains("a.jpg") && page.text.contains("b.mp4"));
    assert!(page.text.contains("data-live=\"/manager/upload/live?jobs="));
    assert!(
        server
            .audited()
            .await
            .contains(&"mia job.submitted b.mp4".to_owned())
    );
}

#[tokio::test]
async fn a_script_learns_where_the_job_is_and_why_there_is_none() {
    let server = Server::start().await;
    let client = server.client("Acme").await;
    let mut member = server.signed_in("mia", Role::Member(client)).await;
    let csrf = csrf(&mut member).await;
    let send = |browser: &Browser, form: Form| {
        let request = browser.request(Method::POST, "/manager/upload");
        let request = request
            .header(ORIGIN, &browser.base)
            .header("X-CSRF-Token", &csrf);
        request.header("HX-Request", "true").multipart(form)
    };
    let good = send(&member, Form::new().part("input_media", file("a.jpg", JPEG)));
    let good = member.send(good).await;
    assert_eq!(good.status, StatusCode::CREATED);
    assert_eq!(member.get(good.location()).await.status, StatusCode::OK);
    let bad = send(
        &member,
        Form::new().part("input_media", file("a.txt", b"just some words, and more of them")),
    );
    let bad = member.send(bad).await;
    assert_eq!(bad.status, StatusCode::BAD_REQUEST);
    assert!(bad.header("hx-trigger").contains("none of the supported formats"));
    let bad = send(
        &member,
        Form::new()
            .text("mask_growth", "7")
            .part("input_media", file("a.jpg", JPEG)),
    );
    let bad = member.send(bad).await;
    assert!(
        bad.header("hx-trigger").contains("must be a number from 0 to 1"),
        "{:?}",
        bad.headers
    );
}

#[tokio::test]
async fn one_refused_file_does_not_keep_the_others_from_being_taken() {
    let server = Server::start().await;
    let client = server.client("Acme").await;
    let mut member = server.signed_in("mia", Role::Member(client)).await;
    let csrf = csrf(&mut member).await;
    let answer = send(&mut member, &csrf, |form| {
        form.part(
            "input_media",
            file("notes.txt", b"just some words, and more of them"),
        )
        .part("input_media", file("a.jpg", JPEG))
    })
    .await;
    assert_eq!(jobs_in(answer.location()).len(), 1);
    let page = member.get(answer.location()).await;
    assert!(
        page.text.contains("1 of the files could not be taken. notes.txt"),
        "{}",
        page.text
    );
    let nothing = send(&mut member, &csrf, |form| form.part("input_media", file("", b""))).await;
    assert_eq!(nothing.status, StatusCode::BAD_REQUEST);
    assert!(nothing.text.contains("Choose at least one file."));
}

#[tokio::test]
async fn a_form_with_files_whose_first_part_is_not_the_token_is_refused() {
    let server = Server::start().await;
    let client = server.client("Acme").await;
    let mut member = server.signed_in("mia", Role::Member(client)).await;
    let forged = send(&mut member, "0000", |form| {
        form.part("input_media", file("a.jpg", JPEG))
    })
    .await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
    let late = Form::new()
        .part("input_media", file("a.jpg", JPEG))
        .text("csrf", csrf(&mut member).await);
    let request = member.request(Method::POST, "/manager/upload");
    let request = request.header(ORIGIN, &member.base).multipart(late);
    assert_eq!(member.send(request).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn administrators_upload_for_a_client_that_they_choose() {
    let server = Server::start().await;
    let mut admin = server.signed_in("ada", Role::Administrator).await;
    let empty = admin.get("/manager/upload").await;
    assert!(empty.text.contains("Nobody to upload for"));
    let client = server.client("Acme").await;
    let csrf = csrf(&mut admin).await;
    assert!(admin.get("/manager/upload").await.text.contains("Acme"));
    let unsaid = send(&mut admin, &csrf, |form| {
        form.part("input_media", file("a.jpg", JPEG))
    })
    .await;
    assert_eq!(unsaid.status, StatusCode::BAD_REQUEST);
    let answer = send(&mut admin, &csrf, |form| {
        form.text("client", client.to_string())
            .part("input_media", file("a.jpg", JPEG))
    })
    .await;
    let jobs = jobs_in(answer.location());
    let job = server
        .engine
        .job_in(sfumato_core::Scope::Client(client), jobs[0])
        .await;
    assert!(job.unwrap().is_some());
}

#[tokio::test]
async fn members_do_not_see_the_uploads_of_others_and_cannot_upload_for_them() {
    let server = Server::start().await;
    let (one, two) = (server.client("One").await, server.client("Two").await);
    let theirs = server.upload(two, "secret.jpg", JPEG).await;
    let mut member = server.signed_in("mia", Role::Member(one)).await;
    let page = member.get(&format!("/manager/upload?jobs={}", theirs.job)).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(!page.text.contains("secret.jpg"));
    let live = member
        .get(&format!("/manager/upload/live?jobs={}", theirs.job))
        .await;
    assert!(!live.text.contains("secret.jpg"));
    let csrf = csrf(&mut member).await;
    let answer = send(&mut member, &csrf, |form| {
        form.text("client", two.to_string())
            .part("input_media", file("a.jpg", JPEG))
    })
    .await;
    let jobs = jobs_in(answer.location());
    let own = server
        .engine
        .job_in(sfumato_core::Scope::Client(one), jobs[0])
        .await;
    assert!(own.unwrap().is_some(), "it became the member's own");
}

#[tokio::test]
async fn the_live_part_shows_how_the_jobs_get_on() {
    let server = Server::start().await;
    let client = server.client("Acme").await;
    let mut member = server.signed_in("mia", Role::Member(client)).await;
    let job = server.upload(client, "a.jpg", JPEG).await;
    let path = format!("/manager/upload/live?jobs={}", job.job);
    assert!(member.get(&path).await.text.contains("Waits for its turn."));
    let begun = server.begin().await;
    server.succeed(begun).await;
    let done = member.get(&path).await.text;
    assert!(done.contains("2 faces and 1 licence plate are hidden."), "{done}");
    assert!(done.contains("/result\" download"));
}
