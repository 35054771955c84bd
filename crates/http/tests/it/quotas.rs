//! What a client may have, where the operator has set a limit.

use reqwest::multipart::{Form, Part};
use sfumato_core::policy::{ClientPolicy, Quotas};
use sfumato_core::store::ClientPolicies;

use crate::server::{Client, Server, eventually, failed, jpeg};

async fn agree(server: &Server, client: &Client, quotas: Quotas) {
    let policy = ClientPolicy {
        quotas,
        ..ClientPolicy::default()
    };
    let key = sfumato_core::ClientKey::new(client.client_id.as_str());
    server.store.set_client_policy(&key, policy).await.unwrap();
}

async fn refused(client: &Client, content: Vec<u8>) -> reqwest::Response {
    let form = Form::new().part("input_media", Part::bytes(content).file_name("a.jpg"));
    client.post_form(form).send().await.unwrap()
}

#[tokio::test]
async fn a_quota_that_is_used_up_is_named_and_another_client_is_not_touched() {
    let server = Server::start().await;
    let [client, other] = [server.client("a").await, server.client("b").await];
    let quotas = Quotas {
        jobs_per_day_max: Some(1),
        ..Quotas::default()
    };
    agree(&server, &client, quotas).await;
    client.upload(jpeg(b""), &[]).await;
    let message = failed(refused(&client, jpeg(b"")).await, 402).await;
    assert_eq!(message, "the quota of 1 jobs a day is used up (jobs_per_day_max)");
    eventually("only the accepted file is stored", || {
        server.stored_files().len() == 1
    })
    .await;
    other.upload(jpeg(b""), &[]).await;
}

#[tokio::test]
async fn a_queue_that_is_full_says_when_to_come_again() {
    let server = Server::start().await;
    let client = server.client("a").await;
    let quotas = Quotas {
        jobs_waiting_max: Some(1),
        ..Quotas::default()
    };
    agree(&server, &client, quotas).await;
    let job = client.upload(jpeg(b""), &[]).await;
    let answer = refused(&client, jpeg(b"")).await;
    assert_eq!(answer.headers()["retry-after"], "5");
    let message = failed(answer, 429).await;
    assert!(message.contains("jobs_waiting_max"), "{message}");
    server.claim(&job).await;
    client.upload(jpeg(b""), &[]).await;
}

#[tokio::test]
async fn a_large_upload_is_refused_before_it_is_received() {
    let server = Server::start().await;
    let client = server.client("a").await;
    let quotas = Quotas {
        bytes_stored_max: Some(0),
        ..Quotas::default()
    };
    agree(&server, &client, quotas).await;
    let large = jpeg(&vec![0; 2 * 1024 * 1024]);
    let message = failed(refused(&client, large).await, 402).await;
    assert!(message.contains("bytes_stored_max"), "{message}");
    server.nothing_is_stored().await;
}
