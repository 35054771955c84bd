//! Results that the storage hands out by itself.

use std::sync::Arc;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{Method, Response};
use sfumato_engine::blobs::{Blobs, Encrypted, Encryption, S3Settings};
use sfumato_engine::key_ring::KeyRing;
use sfumato_engine::system::SystemEntropy;
use sfumato_testkit::s3::{BUCKET, S3Server};

use crate::server::{Client, Server, png};

struct Stored {
    server: Server,
    _s3: S3Server,
    client: Client,
    path: String,
}

/// A server with a result of ten bytes in an S3-compatible store.
async fn ten_bytes(encrypted: bool) -> Stored {
    let s3 = S3Server::start().await;
    let mut blobs = Blobs::open_s3(&S3Settings {
        endpoint: Some(s3.endpoint.clone()),
        allow_http: true,
        variables: S3Server::variables(),
        ..S3Settings::new(format!("s3://{BUCKET}").parse().unwrap())
    })
    .unwrap();
    if encrypted {
        blobs = blobs.encrypted(Encryption {
            keys: KeyRing::parse(&"01".repeat(32)).unwrap(),
            what: Encrypted::Everything,
            entropy: Arc::new(SystemEntropy),
        });
    }
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start_on(folder, blobs, |_, http| {
        http.result_redirects = Some(Duration::from_secs(60));
    })
    .await;
    let client = server.client("a").await;
    let job = client.upload(png(b""), &[]).await;
    let id = server.succeed(&job, b"0123456789", None).await;
    Stored {
        server,
        _s3: s3,
        client,
        path: format!("/innovation-service/result/{id}.png"),
    }
}

/// Asks without following a redirection.
async fn ask(stored: &Stored, method: Method, headers: &[(&str, &str)]) -> Response {
    let http = reqwest::Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .build()
        .unwrap();
    let mut request = http
        .request(method, stored.server.url(&stored.path))
        .bearer_auth(&stored.client.token);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.send().await.unwrap()
}

#[tokio::test]
async fn a_client_is_sent_to_the_storage_and_gets_the_same_there() {
    let stored = ten_bytes(false).await;
    let answer = ask(&stored, Method::GET, &[]).await;
    assert_eq!(answer.status(), 307);
    assert_eq!(answer.headers()["cache-control"], "no-store");
    assert_eq!(answer.bytes().await.unwrap(), "");
    let followed = stored
        .client
        .request(Method::GET, &stored.path)
        .send()
        .await
        .unwrap();
    assert_eq!(followed.status(), 200);
    assert_eq!(followed.headers()["content-type"], "image/png");
    assert_eq!(
        followed.headers()["content-disposition"],
        "attachment; filename=\"picture.jpg\""
    );
    assert_eq!(followed.bytes().await.unwrap(), "0123456789");
    let part = stored
        .client
        .request(Method::GET, &stored.path)
        .header("range", "bytes=2-4")
        .send()
        .await
        .unwrap();
    assert_eq!(part.status(), 206);
    assert_eq!(part.bytes().await.unwrap(), "234");
}

#[tokio::test]
async fn what_needs_no_content_is_answered_here() {
    let stored = ten_bytes(false).await;
    let head = ask(&stored, Method::HEAD, &[]).await;
    assert_eq!(
        (
            head.status().as_u16(),
            head.headers()["content-length"].to_str().unwrap()
        ),
        (200, "10")
    );
    let etag = head.headers()["etag"].to_str().unwrap().to_owned();
    assert_eq!(
        ask(&stored, Method::GET, &[("if-none-match", &etag)])
            .await
            .status(),
        304
    );
    assert_eq!(
        ask(&stored, Method::GET, &[("range", "bytes=10-")])
            .await
            .status(),
        416
    );
    stored
        .server
        .blobs
        .delete_result(id_of(&stored.path))
        .await
        .unwrap();
    assert_eq!(ask(&stored, Method::GET, &[]).await.status(), 410);
}

fn id_of(path: &str) -> sfumato_core::ResultId {
    let name = path.rsplit('/').next().unwrap();
    name.strip_suffix(".png").unwrap().parse().unwrap()
}

#[tokio::test]
async fn an_encrypted_result_is_handed_out_by_the_server() {
    let stored = ten_bytes(true).await;
    let answer = ask(&stored, Method::GET, &[("range", "bytes=2-4")]).await;
    assert_eq!(answer.status(), 206);
    assert_eq!(answer.bytes().await.unwrap(), "234");
}
