//! Who may do what, for every operation that the description of the API has: a route that comes later is tested without
//! being named here.

use std::time::Duration;

use jsonwebtoken::dangerous::insecure_decode_claims;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::{Method, Response, StatusCode};
use serde_json::{Value, json};
use sfumato_core::{ClientKey, ClientState, Store};

use crate::described::{Objects, Operation, operations};
use crate::server::{Client, Server, failed, jpeg, ok, text};

/// Of the form of every identifier that is a UUID, and nobody's.
const UNKNOWN: &str = "018fe2a4-6a2b-7c4d-8e5f-0a1b2c3d4e5f";
/// `{"alg":"none","typ":"JWT"}`
const UNSIGNED: &str = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";

/// A client with one object of each kind.
async fn owner(server: &Server, name: &str) -> (Client, Objects) {
    let client = server.client(name).await;
    let body = json!({"webhookUrl": "https://example.com/hook"});
    let endpoint = client.post("/webhook-url").json(&body).send().await.unwrap();
    let endpoint = text(&endpoint.json::<Value>().await.unwrap()["uuid"]);
    let job = client.upload(jpeg(name.as_bytes()), &[]).await;
    let result = server.succeed(&job, name.as_bytes(), None).await;
    let path = format!("/webhook-url/{endpoint}/deliveries");
    let page = ok(client.get(&path).send().await.unwrap()).await;
    let body = json!({"since": "2030-01-01T00:00:00Z", "statuses": ["Failed"]});
    let replay = client
        .post(&format!("/webhook-url/{endpoint}/replay"))
        .json(&body);
    let replay = replay.send().await.unwrap().json::<Value>().await.unwrap();
    let objects = Objects::from([
        ("uuid", endpoint.clone()),
        ("uuids[]", endpoint),
        ("anonymization_job_id", job.clone()),
        ("jobId", job),
        ("fileName", format!("{result}.jpg")),
        ("deliveryId", text(&page["deliveries"][0]["id"])),
        ("replayId", text(&replay["id"])),
    ]);
    (client, objects)
}

/// Objects of the same forms that do not exist.
fn unknown() -> Objects {
    let job = format!("{UNKNOWN}-SRV_ANONYMIZATION-02pQxW7kZs4TnVd1RmYb8C");
    Objects::from([
        ("uuid", UNKNOWN.to_owned()),
        ("uuids[]", UNKNOWN.to_owned()),
        ("anonymization_job_id", job.clone()),
        ("jobId", job),
        ("fileName", format!("{UNKNOWN}.jpg")),
        ("deliveryId", UNKNOWN.to_owned()),
        ("replayId", UNKNOWN.to_owned()),
    ])
}

fn guarded() -> Vec<Operation> {
    let guarded: Vec<_> = operations()
        .into_iter()
        .filter(|operation| operation.guarded)
        .collect();
    assert!(guarded.len() >= 25, "{guarded:?}");
    guarded
}

/// Whatever stands in the header `Authorization` of each, nothing opens, and the owner's things are as they were.
async fn nothing_opens(
    server: &Server,
    client: &Client,
    objects: &Objects,
    headers: &[(&str, Option<String>)],
) {
    let before = everything(client).await;
    for operation in guarded() {
        for (what, header) in headers {
            let mut request = operation.request(&client.http, &client.base, objects);
            if let Some(header) = header {
                request = request.header("authorization", header);
            }
            let answer = request.send().await.unwrap();
            let challenge = answer.headers().get("www-authenticate").cloned();
            let challenge = challenge.unwrap_or_else(|| panic!("{operation} with {what}: {answer:?}"));
            assert!(
                challenge.to_str().unwrap().starts_with("Bearer realm="),
                "{operation} with {what}"
            );
            failed(answer, 401).await;
        }
    }
    assert_eq!(everything(client).await, before);
    assert_eq!(server.stored_files().len(), 2, "the original and its result");
}

/// What a client can see of its own.
async fn everything(client: &Client) -> (Value, Value) {
    let endpoints = ok(client.get("/webhook-url/get-many").send().await.unwrap()).await;
    let events = ok(client.get("/events").send().await.unwrap()).await;
    (endpoints, events["events"].clone())
}

fn bearer(token: &str) -> Option<String> {
    Some(format!("Bearer {token}"))
}

#[tokio::test]
async fn no_route_opens_without_a_token_or_with_what_is_none() {
    let server = Server::start().await;
    let (client, objects) = owner(&server, "a").await;
    let token = &client.token;
    let half = &token[..token.len() / 2];
    let cases = [
        ("no token", None),
        ("nothing", Some(String::new())),
        ("a scheme alone", Some("Bearer".into())),
        ("an empty token", Some("Bearer ".into())),
        ("another scheme", Some(format!("Basic {token}"))),
        ("no scheme", Some(token.clone())),
        ("nonsense", bearer("nonsense")),
        ("three empty parts", bearer("..")),
        ("two parts of three", bearer(token.rsplit_once('.').unwrap().0)),
        ("half a token", bearer(half)),
        ("two tokens", bearer(&format!("{token} {token}"))),
        ("a token with a tail", bearer(&format!("{token}.{token}"))),
        ("a refresh token", bearer(&client.refresh_token)),
        ("the client's secret", bearer(&client.secret_id)),
        ("a very long token", bearer(&"a".repeat(8000))),
    ];
    nothing_opens(&server, &client, &objects, &cases).await;
}

#[tokio::test]
async fn no_route_opens_with_a_token_that_somebody_else_has_signed() {
    let server = Server::start().await;
    let (client, objects) = owner(&server, "a").await;
    let other = server.client("b").await;
    let claims: Value = insecure_decode_claims(&client.token).unwrap();
    let signed = |algorithm, key: &[u8]| {
        jsonwebtoken::encode(&Header::new(algorithm), &claims, &EncodingKey::from_secret(key)).unwrap()
    };
    let (signed_part, _) = client.token.rsplit_once('.').unwrap();
    let payload = signed_part.split_once('.').unwrap().1;
    let others_signature = other.token.rsplit_once('.').unwrap().1;
    let cases = [
        ("no signature", bearer(&format!("{signed_part}."))),
        ("the algorithm none", bearer(&format!("{UNSIGNED}.{payload}."))),
        (
            "another token's signature",
            bearer(&format!("{signed_part}.{others_signature}")),
        ),
        ("another key", bearer(&signed(Algorithm::HS256, &[8; 32]))),
        ("an empty key", bearer(&signed(Algorithm::HS256, b""))),
        // What the keys of the test server are derived from.
        (
            "the master key itself",
            bearer(&signed(Algorithm::HS256, &[7; 32])),
        ),
        ("another algorithm", bearer(&signed(Algorithm::HS512, &[8; 64]))),
    ];
    nothing_opens(&server, &client, &objects, &cases).await;
}

#[tokio::test]
async fn no_route_opens_with_a_token_whose_time_or_login_is_over() {
    let server = Server::start().await;
    let (mut client, objects) = owner(&server, "a").await;
    let expired = client.token.clone();
    server.clock.advance(Duration::from_secs(3600));
    client.log_in().await;
    let mut gone = client.clone();
    gone.log_in().await;
    assert_eq!(gone.post("/logout").send().await.unwrap().status(), 204);
    let disabled = server.client("b").await;
    let key = ClientKey::new(&*disabled.client_id);
    server
        .store
        .set_client_state(&key, ClientState::Disabled)
        .await
        .unwrap();
    let cases = [
        ("an expired token", bearer(&expired)),
        ("the token of a login that has ended", bearer(&gone.token)),
        ("the token of a client that is disabled", bearer(&disabled.token)),
    ];
    // An access token may have expired where the next one is asked for; the refresh token beside it is wrong here.
    nothing_opens(&server, &client, &objects, &cases).await;
}

/// What an answer tells, with the identifiers that were asked for taken out of it.
async fn told(answer: Response, objects: &Objects) -> (StatusCode, String) {
    let status = answer.status();
    let mut body = answer.text().await.unwrap();
    for object in objects.values() {
        body = body.replace(object.as_str(), "…");
    }
    (status, body)
}

#[tokio::test]
async fn what_is_another_clients_is_answered_as_what_does_not_exist() {
    let server = Server::start().await;
    let (owner_client, owners) = owner(&server, "a").await;
    let (stranger, own) = owner(&server, "b").await;
    let before = everything(&owner_client).await;
    let mut tried = 0;
    for operation in guarded() {
        let named = operation.named();
        // The login's own end, which would end the test.
        if named.is_empty() || operation.path == "/logout" {
            continue;
        }
        // Each object by itself among the stranger's own, and all together.
        let each = named.iter().map(|name| vec![*name]);
        for foreign in each.chain([named.clone()]) {
            let with = |theirs: &Objects| {
                let mut objects = own.clone();
                for (name, value) in theirs.iter().filter(|(name, _)| foreign.contains(name)) {
                    objects.insert(name, value.clone());
                }
                objects
            };
            let ask = async |objects: &Objects| {
                let request = operation.request(&stranger.http, &stranger.base, objects);
                let answer = request.bearer_auth(&stranger.token).send().await.unwrap();
                told(answer, objects).await
            };
            let (others, nobodys) = (with(&owners), with(&unknown()));
            assert_eq!(
                ask(&others).await,
                ask(&nobodys).await,
                "{operation} about {foreign:?}"
            );
            tried += 1;
        }
    }
    assert!(tried >= 30, "{tried}");
    assert_eq!(everything(&owner_client).await, before);
    // What nobody could name would be answered alike as well.
    for (name, path) in [
        ("fileName", "/innovation-service/result/{fileName}"),
        ("deliveryId", "/webhook-url/{uuid}/deliveries/{deliveryId}"),
        ("replayId", "/webhook-url/{uuid}/replay/{replayId}"),
    ] {
        let operations = operations();
        let mut same = operations
            .iter()
            .filter(|one| one.method == Method::GET && one.path == path);
        let request = same
            .next()
            .unwrap()
            .request(&owner_client.http, &owner_client.base, &owners);
        let answer = request.bearer_auth(&owner_client.token).send().await.unwrap();
        assert_eq!(answer.status(), 200, "{name} is not the owner's");
    }
}

#[tokio::test]
async fn every_route_answers_with_the_headers_of_caution_and_says_nothing_of_the_server() {
    let server = Server::start().await;
    let (client, objects) = owner(&server, "a").await;
    for operation in operations() {
        for token in ["nonsense", client.token.as_str()] {
            let mut own = objects.clone();
            if operation.method != Method::GET {
                own = unknown();
            }
            own.insert("refreshToken", "rt_nonsense".into());
            if operation.path == "/logout" && token != "nonsense" {
                continue;
            }
            let request = operation
                .request(&client.http, &client.base, &own)
                .bearer_auth(token);
            let answer = request.send().await.unwrap();
            let headers = answer.headers();
            let value = |name: &str| headers.get(name).map_or("", |value| value.to_str().unwrap());
            for (name, expected) in [
                ("x-content-type-options", "nosniff"),
                ("x-frame-options", "DENY"),
                ("referrer-policy", "no-referrer"),
            ] {
                assert_eq!(value(name), expected, "{operation}: {name}");
            }
            assert!(
                value("content-security-policy").contains("default-src 'none'"),
                "{operation}"
            );
            assert!(
                ["no-store", "private, no-cache"].contains(&value("cache-control")),
                "{operation}"
            );
            assert!(!value("x-request-id").is_empty(), "{operation}");
            for name in ["server", "x-powered-by", "set-cookie"] {
                assert!(headers.get(name).is_none(), "{operation}: {name}");
            }
        }
    }
}
