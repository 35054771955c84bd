//! What comes by HTTP, through the whole API with a real engine and a real database: a form, a token, a range.

use std::net::SocketAddr;
use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderValue, Method, Request, StatusCode};
use sfumato_engine::access::Keys;
use sfumato_engine::blobs::Blobs;
use sfumato_engine::representation::{Wanted, wanted};
use sfumato_engine::system::{SystemClock, SystemEntropy};
use sfumato_engine::{Engine, EngineSettings, Parts};
use sfumato_http::{HttpSettings, router};
use sfumato_store_sqlite::{SqliteOptions, SqliteStore};
use tower::ServiceExt;

/// One server for all inputs. It is never dropped, so that its folder is left to the system's temporary files.
struct Api {
    runtime: tokio::runtime::Runtime,
    router: Router,
    token: String,
}

static API: LazyLock<Api> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("threads can be started");
    let (router, token) = runtime.block_on(async {
        let folder = tempfile::tempdir().expect("there is a temporary folder").keep();
        let (clock, entropy) = (Arc::new(SystemClock), Arc::new(SystemEntropy));
        let database = folder.join("sfumato.db");
        let store = SqliteStore::open(&database, clock.clone(), entropy.clone(), SqliteOptions::default());
        let engine = Engine::new(Parts {
            store: Arc::new(store.expect("the database is made")),
            blobs: Blobs::open_folder(&folder.join("blobs")).expect("the storage is made"),
            media: None,
            clock,
            entropy,
            keys: Keys::derive(&[7; 32]),
            settings: EngineSettings::default(),
        });
        let (client, secret) = engine.create_client("fuzzer").await.expect("a client is made");
        let grant = engine.log_in(client.key.as_str(), secret.expose()).await;
        let token = grant.expect("its secret is right").access.expose().to_owned();
        (router(engine, HttpSettings::default()), token)
    });
    Api { runtime, router, token }
});

fn status(mut request: Request<Body>) -> StatusCode {
    let peer = SocketAddr::from(([127, 0, 0, 1], 1));
    request.extensions_mut().insert(ConnectInfo(peer));
    let answer = API.router.clone().oneshot(request);
    API.runtime.block_on(answer).expect("the API never fails").status()
}

/// An upload with the boundary `b`.
pub fn form(bytes: &[u8]) {
    let request = Request::builder()
        .method(Method::POST)
        .uri("/innovation-service/anonymization")
        .header(AUTHORIZATION, format!("Bearer {}", API.token))
        .header(CONTENT_TYPE, "multipart/form-data; boundary=b")
        .body(Body::from(bytes.to_vec()))
        .expect("all parts are valid");
    let status = status(request);
    assert!(status == StatusCode::OK || status.is_client_error(), "{status}");
}

/// A header that is no token of the server.
pub fn token(bytes: &[u8]) {
    let Ok(header) = HeaderValue::from_bytes(bytes) else {
        return;
    };
    let request = Request::builder()
        .uri("/webhook-url/get-many")
        .header(AUTHORIZATION, header)
        .body(Body::empty())
        .expect("all parts are valid");
    assert_eq!(status(request), StatusCode::UNAUTHORIZED);
}

/// The header `Range` for a file of ten bytes.
pub fn range(bytes: &[u8]) {
    let Ok(header) = HeaderValue::from_bytes(bytes) else {
        return;
    };
    let headers = [(axum::http::header::RANGE, header)].into_iter().collect();
    if let Wanted::Part(part) = wanted(&Method::GET, &headers, "\"a\"", 10) {
        assert!(part.start < part.end && part.end <= 10, "{part:?}");
    }
}
