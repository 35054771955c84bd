//! Signing in and out.

use std::time::Duration;

use futures::future::join_all;
use reqwest::StatusCode;
use reqwest::header::{ORIGIN, SET_COOKIE};
use sfumato_console::ConsoleSettings;
use sfumato_core::Role;

use crate::browser::{PASSWORD, Server};

#[tokio::test]
async fn whoever_is_not_signed_in_is_led_to_the_sign_in_page_and_back() {
    let server = Server::start().await;
    server.user("ada", Role::Administrator).await;
    let mut browser = server.browser();
    let answer = browser.get("/manager/users?x=1").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    let door = answer.location().to_owned();
    assert_eq!(door, "/manager/sign-in?next=%2Fmanager%2Fusers%3Fx%3D1");
    let page = browser.get(&door).await;
    assert!(
        page.text.contains(r#"value="/manager/users?x=1""#),
        "{}",
        page.text
    );
    let form = [
        ("name", "Ada"),
        ("password", PASSWORD),
        ("next", "/manager/users?x=1"),
    ];
    let request = browser.form("/manager/sign-in", &form);
    assert_eq!(browser.send(request).await.location(), "/manager/users?x=1");
    assert_eq!(browser.get("/manager/users").await.status, StatusCode::OK);
}

#[tokio::test]
async fn signing_in_leads_to_no_other_site() {
    let server = Server::start().await;
    server.user("ada", Role::Administrator).await;
    for next in [
        "//evil.example/",
        "https://evil.example/",
        "/manager\\@evil.example",
    ] {
        let mut browser = server.browser();
        let form = [("name", "ada"), ("password", PASSWORD), ("next", next)];
        let request = browser.form("/manager/sign-in", &form);
        assert_eq!(browser.send(request).await.location(), "/manager", "{next}");
    }
}

#[tokio::test]
async fn an_unknown_name_and_a_wrong_password_are_answered_alike() {
    let server = Server::start().await;
    server.user("ada", Role::Administrator).await;
    let mut browser = server.browser();
    let wrong = browser.sign_in("ada", "wrong horse battery staple").await;
    let unknown = browser.sign_in("bob", PASSWORD).await;
    for answer in [&wrong, &unknown] {
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
        assert!(answer.text.contains("The name or the password is wrong."));
        assert!(!answer.headers.contains_key(SET_COOKIE));
    }
    assert_eq!(wrong.text.replace("ada", "bob"), unknown.text);
}

#[tokio::test]
async fn a_name_that_fails_too_often_waits_and_others_do_not() {
    let server = Server::start_with(ConsoleSettings {
        sign_in_failures_max: 2,
        ..ConsoleSettings::default()
    })
    .await;
    server.user("ada", Role::Administrator).await;
    server.user("bob", Role::Administrator).await;
    let mut browser = server.browser();
    for _ in 0..2 {
        let refused = browser.sign_in("ada", "wrong horse battery staple").await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    server.clock.advance(Duration::from_secs(20));
    let waits = browser.sign_in("ADA ", PASSWORD).await;
    assert_eq!(waits.status, StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(waits.header("retry-after"), "40");
    assert!(waits.text.contains("Try again in 40 seconds"));
    assert_eq!(
        browser.sign_in("bob", PASSWORD).await.status,
        StatusCode::SEE_OTHER
    );
    server.clock.advance(Duration::from_secs(40));
    assert_eq!(
        server.browser().sign_in("ada", PASSWORD).await.status,
        StatusCode::SEE_OTHER
    );
}

#[tokio::test]
async fn passwords_that_are_guessed_at_the_same_time_are_counted_before_they_are_heard() {
    let server = Server::start_with(ConsoleSettings {
        sign_in_failures_max: 2,
        ..ConsoleSettings::default()
    })
    .await;
    server.user("ada", Role::Administrator).await;
    let browser = server.browser();
    let guesses = (0..12).map(|n| {
        let mut browser = browser.clone();
        async move { browser.sign_in("ada", &format!("wrong horse {n}")).await.status }
    });
    let statuses = join_all(guesses).await;
    let of = |status| statuses.iter().filter(|got| **got == status).count();
    let counts = [StatusCode::UNPROCESSABLE_ENTITY, StatusCode::TOO_MANY_REQUESTS].map(of);
    assert_eq!(counts, [2, 10], "{statuses:?}");
}

#[tokio::test]
async fn the_sessions_cookie_is_kept_from_scripts_and_bound_to_the_host_behind_tls() {
    let server = Server::start().await;
    server.user("ada", Role::Administrator).await;
    let mut browser = server.browser();
    let plain = browser.sign_in("ada", PASSWORD).await;
    let cookie = plain.header("set-cookie");
    assert!(cookie.starts_with("sfumato-session=session_"), "{cookie}");
    assert!(cookie.ends_with("; Path=/manager; Max-Age=604800; HttpOnly; SameSite=Lax"));

    let https = Server::start_with(ConsoleSettings {
        public_url: Some("https://blur.example.com".parse().unwrap()),
        ..ConsoleSettings::default()
    })
    .await;
    https.user("ada", Role::Administrator).await;
    let mut browser = https.browser();
    let form = [("name", "ada"), ("password", PASSWORD)];
    let request = browser.form("/manager/sign-in", &form);
    let mut request = request.build().unwrap();
    request
        .headers_mut()
        .insert(ORIGIN, "https://blur.example.com".parse().unwrap());
    let request = reqwest::RequestBuilder::from_parts(browser.http.clone(), request);
    let secure = browser.send(request).await;
    let cookie = secure.header("set-cookie");
    assert!(cookie.starts_with("__Host-sfumato-session=session_"), "{cookie}");
    assert!(cookie.ends_with("; Path=/; Max-Age=604800; HttpOnly; SameSite=Lax; Secure"));
    assert_eq!(browser.get("/manager").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_session_ends_when_it_is_not_used_and_at_the_end_of_its_time() {
    let server = Server::start().await;
    let mut browser = server.signed_in("ada", Role::Administrator).await;
    for _ in 0..14 {
        server.clock.advance(Duration::from_secs(11 * 3600));
        assert_eq!(browser.get("/manager").await.status, StatusCode::OK);
    }
    let mut idle = browser.clone();
    server.clock.advance(Duration::from_secs(13 * 3600));
    assert_eq!(idle.get("/manager").await.status, StatusCode::SEE_OTHER);
    let _ = browser.sign_in("ada", PASSWORD).await;
    for _ in 0..15 {
        server.clock.advance(Duration::from_secs(11 * 3600));
        assert_eq!(browser.get("/manager").await.status, StatusCode::OK);
    }
    server.clock.advance(Duration::from_secs(11 * 3600));
    assert_eq!(browser.get("/manager").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn signing_out_ends_the_session_and_not_only_the_cookie() {
    let server = Server::start().await;
    let mut browser = server.signed_in("ada", Role::Administrator).await;
    let mut copy = browser.clone();
    let left = browser.post("/manager/sign-out", &[]).await;
    assert_eq!(left.location(), "/manager/sign-in");
    assert!(!browser.cookies.contains_key("sfumato-session"));
    assert!(
        browser
            .get("/manager/sign-in")
            .await
            .text
            .contains("You have signed out.")
    );
    assert!(
        !browser
            .get("/manager/sign-in")
            .await
            .text
            .contains("You have signed out."),
        "a message is shown once"
    );
    assert_eq!(copy.get("/manager").await.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn signing_out_everywhere_ends_every_session_of_the_person_and_of_nobody_else() {
    let server = Server::start().await;
    let mut first = server.signed_in("ada", Role::Administrator).await;
    let mut second = server.browser();
    let _ = second.sign_in("ada", PASSWORD).await;
    let mut other = server.signed_in("bob", Role::Administrator).await;
    let left = first.post("/manager/sign-out-everywhere", &[]).await;
    assert_eq!(left.location(), "/manager/sign-in");
    assert_eq!(second.get("/manager").await.status, StatusCode::SEE_OTHER);
    assert_eq!(other.get("/manager").await.status, StatusCode::OK);
}

#[tokio::test]
async fn htmx_is_led_to_the_sign_in_page_by_a_header() {
    let server = Server::start().await;
    let mut browser = server.browser();
    let request = browser
        .request(reqwest::Method::GET, "/manager/users")
        .header("HX-Request", "true")
        .header("HX-Current-URL", format!("{}/manager/users", browser.base));
    let answer = browser.send(request).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(
        answer.header("hx-redirect"),
        "/manager/sign-in?next=%2Fmanager%2Fusers"
    );
}
