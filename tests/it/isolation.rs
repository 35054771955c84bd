//! What is one client's is nobody else's, and what a token once opened it opens no longer.

use anyhow::Result;
use reqwest::Method;
use serde_json::{Value, json};
use sfumato_e2e::client::{Client, http};
use sfumato_e2e::eventually;
use sfumato_e2e::picture::astronaut_png;
use sfumato_e2e::receiver::Receiver;
use sfumato_e2e::server::{Launch, Server};
use sfumato_testkit::secrets;

#[tokio::test]
async fn two_clients_cannot_see_each_others_anything() -> Result<()> {
    let server = Server::start().await?;
    let (alice, bob) = (server.client("alice").await?, server.client("bob").await?);
    let endpoint = alice.add_endpoint("https://example.com/hook").await?;
    let job = alice
        .submit("a.png", astronaut_png(), &[("output_detections_url", "true")])
        .await?;
    let status = alice.finished(&job).await;
    assert_eq!(status["status"], "Succeeded", "{status}");

    assert_eq!(bob.status(&job).await?, json!({"status": "Unknown job"}));
    let cancel = format!("/innovation-service/anonymization?anonymization_job_id={job}");
    assert_eq!(bob.request(Method::DELETE, &cancel).send().await?.status(), 404);
    for member in ["output_media", "output_json"] {
        let path = &status[member].as_str().expect("a URL")[server.url.len()..];
        assert_eq!(bob.request(Method::GET, path).send().await?.status(), 404);
        assert_eq!(alice.request(Method::GET, path).send().await?.status(), 200);
    }
    let none: Value = bob
        .request(Method::GET, "/webhook-url/get-many")
        .send()
        .await?
        .json()
        .await?;
    assert_eq!(none, json!([]));
    let id = endpoint["uuid"].as_str().expect("a uuid");
    let path = format!("/webhook-url/{id}");
    let change = json!({"webhookUrl": "https://example.org/"});
    assert_eq!(
        bob.request(Method::PUT, &path)
            .json(&change)
            .send()
            .await?
            .status(),
        404
    );
    assert_eq!(bob.request(Method::DELETE, &path).send().await?.status(), 404);
    assert_eq!(
        bob.request(Method::POST, &format!("/webhook-url/test/{id}"))
            .send()
            .await?
            .status(),
        404
    );
    let still: Value = alice
        .request(Method::GET, "/webhook-url/get-many")
        .send()
        .await?
        .json()
        .await?;
    assert_eq!(still, json!([endpoint]));
    Ok(())
}

#[tokio::test]
async fn a_token_ends_with_its_login_and_a_reused_refresh_token_ends_the_login() -> Result<()> {
    let server = Server::start().await?;
    let first = server.client("tokens").await?;
    let list = |client: Client| async move {
        client
            .request(Method::GET, "/webhook-url/get-many")
            .send()
            .await
            .map(|a| a.status().as_u16())
    };
    let refresh = |client: Client| async move {
        let body = json!({"refreshToken": client.refresh_token});
        client.request(Method::POST, "/token").json(&body).send().await
    };
    assert_eq!(list(first.clone()).await?, 200);
    let answer = refresh(first.clone()).await?;
    assert_eq!(answer.status(), 200);
    let grant: Value = answer.json().await?;
    let text = |member: &str| grant[member].as_str().expect("a token").to_owned();
    let second = first.with_tokens(&text("token"), &text("refreshToken"));
    assert_eq!(list(second.clone()).await?, 200);
    assert_eq!(
        refresh(first.clone()).await?.status(),
        401,
        "the refresh token was used before"
    );
    assert_eq!(list(second.clone()).await?, 401, "its reuse has ended the login");

    let third = Client::log_in(&server.url, &first.client_id, &first.secret_id).await?;
    assert_eq!(third.request(Method::POST, "/logout").send().await?.status(), 204);
    assert_eq!(list(third.clone()).await?, 401);
    assert_eq!(refresh(third).await?.status(), 401);

    let forged = first.with_tokens("e30.e30.e30", "");
    assert_eq!(list(forged).await?, 401);
    let wrong = json!({"clientId": first.client_id, "secretId": "secret_wrong"});
    let answer = http()
        .post(format!("{}/login", server.url))
        .json(&wrong)
        .send()
        .await?;
    assert_eq!(answer.status(), 401);
    let error: Value = answer.json().await?;
    assert_eq!(
        (&error["statusCode"], &error["error"]),
        (&json!(401), &json!("Unauthorized"))
    );
    Ok(())
}

#[tokio::test]
async fn no_secret_shows_in_the_log_however_much_is_logged() -> Result<()> {
    let launch = Launch::ordinary().env("SFUMATO_LOG__LEVEL", "trace");
    let server = launch.start().await?;
    let client = server.client("quiet").await?;
    let receiver = Receiver::start().await?;
    let endpoint = client.add_endpoint(&receiver.url).await?;
    let id = endpoint["uuid"].as_str().expect("a uuid");
    for path in [
        format!("/webhook-url/test/{id}"),
        format!("/webhook-url/{id}/rotate-token"),
        format!("/webhook-url/{id}/rotate-signing-secret"),
    ] {
        let answer: Value = client.request(Method::POST, &path).send().await?.json().await?;
        for made in ["webhookToken", "signingSecret"] {
            secrets::remember(made, answer[made].as_str().unwrap_or_default());
        }
    }
    let job = client.submit("a.png", astronaut_png(), &[]).await?;
    client.finished(&job).await;
    eventually("the last webhook", async || {
        receiver
            .statuses(&job)
            .contains(&"Succeeded".to_owned())
            .then_some(())
    })
    .await;
    let body = json!({"refreshToken": client.refresh_token});
    let grant: Value = client
        .request(Method::POST, "/token")
        .json(&body)
        .send()
        .await?
        .json()
        .await?;
    let text = |member: &str| grant[member].as_str().expect("a token").to_owned();
    secrets::remember("the next access token", &text("token"));
    secrets::remember("the next refresh token", &text("refreshToken"));
    let (status, _, log) = server.terminate().await?;
    assert!(status.success());
    assert!(
        log.iter().any(|line| line.contains("DEBUG")),
        "it logs everything"
    );
    // The log was searched when the server was gone: for these too.
    for secret in [&client.secret_id, &client.token, &client.refresh_token] {
        assert!(secrets::found_in(&format!("token={secret}")).is_some());
    }
    assert!(secrets::found_in(&log.join("\n")).is_none());
    Ok(())
}
