//! What holds for every route.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};
use sfumato_engine::access::Keys;
use sfumato_engine::system::SystemEntropy;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::server::{Server, failed, http, ok, text};

#[tokio::test]
async fn health_and_readiness_need_no_token() {
    let server = Server::start().await;
    let health = ok(http().get(server.url("/healthz")).send().await.unwrap()).await;
    assert_eq!(health, json!({"status": "ok"}));
    let ready = ok(http().get(server.url("/readyz")).send().await.unwrap()).await;
    assert_eq!(ready, json!({"status": "ready"}));
}

#[tokio::test]
async fn health_proves_the_installation_to_who_has_its_key_and_tells_strangers_nothing() {
    let server = Server::start().await;
    let ask = async |challenge: &str| {
        let request = http()
            .get(server.url("/healthz"))
            .query(&[("challenge", challenge)]);
        ok(request.send().await.unwrap()).await
    };
    let challenge = Keys::derive(&[7; 32]).challenge(&SystemEntropy);
    let answer = ask(challenge.question()).await;
    assert!(challenge.is_met_by(answer["proof"].as_str().unwrap()), "{answer}");
    let foreign = Keys::derive(&[8; 32]).challenge(&SystemEntropy);
    let altered = challenge
        .question()
        .replace(|letter: char| letter.is_ascii_digit(), "A");
    // What the same key has sealed for something else is no question.
    let sealed = server.engine.seal("notice", "text");
    let long = "A".repeat(4096);
    for stranger in [foreign.question(), &altered, &sealed, "", "%00", "ä", &long] {
        let answer = ask(stranger).await;
        assert_eq!(answer, json!({"status": "ok", "proof": null}), "{stranger}");
    }
}

#[tokio::test]
async fn an_unknown_route_is_404_and_a_wrong_method_405_with_the_allowed_ones() {
    let server = Server::start().await;
    for path in [
        "/",
        "/nothing",
        "/login/",
        "/innovation-service",
        "/webhook-url/a/b",
        "/docs/nothing.js",
        "/%2e%2e/etc",
    ] {
        failed(http().get(server.url(path)).send().await.unwrap(), 404).await;
    }
    for (method, path, allowed) in [
        (Method::GET, "/login", "POST"),
        (
            Method::PUT,
            "/innovation-service/anonymization",
            "POST,GET,HEAD,DELETE",
        ),
        (Method::POST, "/innovation-service/result/a.jpg", "GET,HEAD"),
        (Method::GET, "/webhook-url", "POST"),
        (Method::PATCH, "/webhook-url/a", "GET,HEAD,PUT,DELETE"),
    ] {
        let answer = http().request(method, server.url(path)).send().await.unwrap();
        let methods =
            |text: &str| -> BTreeSet<String> { text.split(',').map(|m| m.trim().to_owned()).collect() };
        let allow = answer.headers()["allow"].to_str().unwrap().to_owned();
        assert_eq!(methods(&allow), methods(allowed), "{path}");
        let message = failed(answer, 405).await;
        assert!(message.contains("Allow"), "{message}");
    }
    let head = http().head(server.url("/nothing")).send().await.unwrap();
    assert_eq!(head.status(), 404);
}

#[tokio::test]
async fn every_answer_has_a_request_id_and_the_headers_of_caution() {
    let server = Server::start().await;
    let mut ids = BTreeSet::new();
    for path in [
        "/healthz",
        "/nothing",
        "/docs/",
        "/openapi.json",
        "/webhook-url/get-many",
    ] {
        let answer = http().get(server.url(path)).send().await.unwrap();
        let headers = answer.headers();
        assert!(
            ids.insert(headers["x-request-id"].to_str().unwrap().to_owned()),
            "{path}"
        );
        assert_eq!(headers["x-content-type-options"], "nosniff", "{path}");
        assert_eq!(headers["x-frame-options"], "DENY", "{path}");
        assert_eq!(headers["referrer-policy"], "no-referrer", "{path}");
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("default-src 'none'"), "{path}");
    }
    let request = http().get(server.url("/healthz"));
    let answer = request
        .header("x-request-id", "from-proxy.1")
        .send()
        .await
        .unwrap();
    assert_eq!(answer.headers()["x-request-id"], "from-proxy.1");
}

#[tokio::test]
async fn the_reference_page_needs_no_other_server() {
    let server = Server::start().await;
    let page = http().get(server.url("/docs")).send().await.unwrap();
    assert_eq!(page.url().path(), "/docs/", "redirected");
    let policy = page.headers()["content-security-policy"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(
        policy.contains("script-src 'self';") && !policy.contains("http"),
        "{policy}"
    );
    let html = page.text().await.unwrap();
    let mut checked = 0;
    for address in html
        .split(['"'])
        .filter(|piece| piece.ends_with(".js") || piece.ends_with(".css"))
    {
        assert!(!address.contains("//"), "{address} is on another server");
        let asset = http().get(server.url(&format!("/docs/{}", address.trim_start_matches("./"))));
        let asset = asset.send().await.unwrap();
        assert_eq!(asset.status(), 200, "{address}");
        checked += 1;
    }
    assert!(checked >= 4, "{html}");
    let initializer = http().get(server.url("/docs/swagger-initializer.js"));
    let initializer = initializer.send().await.unwrap().text().await.unwrap();
    assert!(initializer.contains("/openapi.json"), "{initializer}");
    assert!(
        initializer.contains("\"validatorUrl\": \"none\""),
        "{initializer}"
    );
}

#[tokio::test]
async fn every_described_operation_exists() {
    let server = Server::start().await;
    let client = server.client("a").await;
    let served = ok(http().get(server.url("/openapi.json")).send().await.unwrap()).await;
    assert_eq!(served, serde_json::to_value(sfumato_http::openapi()).unwrap());
    let mut operations = 0;
    for (path, item) in served["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            let method: Method = method.to_uppercase().parse().unwrap();
            let path = ["{uuid}", "{fileName}", "{deliveryId}", "{replayId}"]
                .iter()
                .fold(path.clone(), |path, name| path.replace(name, "x"));
            if path == "/logout" {
                continue;
            }
            let answer = client.request(method.clone(), &path).send().await.unwrap();
            assert_ne!(answer.status(), 405, "{method} {path}");
            let body = answer.text().await.unwrap();
            assert!(!body.contains("nothing at this address"), "{method} {path}");
            operations += 1;
        }
    }
    assert_eq!(operations, 28);
}

#[tokio::test]
async fn odd_requests_get_an_answer_of_the_one_shape() {
    let server = Server::start().await;
    for (line, status) in [
        ("GET /innovation-service/result/%zz HTTP/1.1", "401"),
        ("GET //innovation-service/result/a HTTP/1.1", "404"),
        ("GET /innovation-service/../healthz HTTP/1.1", "404"),
        ("GET http://other.example/nothing HTTP/1.1", "404"),
        ("BREW /login HTTP/1.1", "405"),
    ] {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let request = format!("{line}\r\nHost: a\r\nConnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{line}: {answer}"
        );
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["statusCode"].to_string(), status);
        assert!(!text(&body["message"]).is_empty());
    }
}

#[tokio::test]
async fn a_web_page_may_call_the_api_where_the_operator_lists_no_origins() {
    let preflight = |server: &Server| {
        http()
            .request(Method::OPTIONS, server.url("/innovation-service/anonymization"))
            .header("Origin", "https://app.example.com")
            .header("Access-Control-Request-Method", "POST")
            .header("Access-Control-Request-Headers", "authorization")
            .send()
    };
    let open = Server::start().await;
    let answer = preflight(&open).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["access-control-allow-origin"], "*");
    assert!(
        answer.headers()["access-control-allow-headers"]
            .to_str()
            .unwrap()
            .contains("authorization")
    );
    let refused = http()
        .get(open.url("/webhook-url/get-many"))
        .header("Origin", "https://a.example");
    let refused = refused.send().await.unwrap();
    assert_eq!(refused.status(), 401);
    assert_eq!(
        refused.headers()["access-control-allow-origin"],
        "*",
        "a page may read why it was refused"
    );
}

#[tokio::test]
async fn of_origins_that_are_listed_each_is_allowed_and_no_other_is() {
    let listed = "https://app.example.com,http://localhost:3000";
    let server = Server::start_with(|_, http| http.allowed_origins = listed.parse().unwrap()).await;
    let allowed = async |method: Method, origin: &str| {
        let request = http()
            .request(method, server.url("/usage"))
            .header("Origin", origin)
            .header("Access-Control-Request-Method", "GET");
        let answer = request.send().await.unwrap();
        let vary = answer.headers().get_all("vary").iter();
        assert!(
            vary.filter_map(|vary| vary.to_str().ok())
                .any(|vary| vary.contains("origin")),
            "a cache must not give the answer to another origin"
        );
        let allowed = answer.headers().get("access-control-allow-origin");
        allowed.map(|origin| origin.to_str().unwrap().to_owned())
    };
    for method in [Method::OPTIONS, Method::GET] {
        for origin in listed.split(',') {
            assert_eq!(
                allowed(method.clone(), origin).await.as_deref(),
                Some(origin),
                "{method}"
            );
        }
        for origin in [
            "https://other.example",
            "http://app.example.com",
            "https://app.example.com:8443",
            "https://app.example.com.evil.example",
            "null",
        ] {
            assert_eq!(allowed(method.clone(), origin).await, None, "{method} {origin}");
        }
    }
}
