//! The BlurIt-compatible HTTP API.
//!
//! A request passes through here from the outside in: [`serve()`] accepts the connection, `edge` gives the request its
//! identifier, its access-log line and its security headers, `problem` turns every failure into the one JSON shape,
//! `drain` makes sure that a client that is still sending sees the answer, and one operation a file in `v1`, `ops` and
//! `docs` speaks with the [`Engine`].
//!
//! Deliberately absent: SQL, truth in memory (but for counts of requests and failed logins), waiting for work, and TLS,
//! which belongs to the proxy in front.
#![forbid(unsafe_code)]

mod address;
mod auth;
mod base_url;
mod cors;
mod docs;
mod drain;
mod edge;
mod json;
mod limits;
mod once;
mod ops;
mod problem;
mod query;
mod serve;
mod status;
mod upload;
mod v1;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::FromRef;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post};
use sfumato_core::options::Profile;
use sfumato_engine::Engine;
use sfumato_engine::failures::LoginFailures;
use sfumato_engine::metrics::Surface;
use sfumato_engine::requests::Requests;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::once::InFlight;

pub use crate::address::TrustedProxies;
pub use crate::base_url::{InvalidPublicUrl, PublicUrl};
pub use crate::cors::{AllowedOrigins, InvalidOrigin};
pub use crate::serve::{ServeSettings, serve};

/// Settings of the API.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// Base of the `output_media` and `output_json` URLs. Where it is absent, they begin with `http://` and the
    /// request's `Host`.
    pub public_url: Option<PublicUrl>,
    /// Origins of web pages that may call the API from a browser.
    pub allowed_origins: AllowedOrigins,
    /// How hard is looked where a client does not say.
    pub default_profile: Profile,
    /// How long the address works to which a request for a result is redirected, where the storage can hand it out by itself;
    /// `None`: the server hands out every result.
    pub result_redirects: Option<Duration>,
    /// Longest pause between two pieces of an upload.
    pub upload_idle_timeout: Duration,
    /// Bytes a second at which an upload must come in the long run; 0: it may be as slow as it likes.
    pub upload_rate_min: u32,
    /// Longest time for the whole of any other body.
    pub body_timeout: Duration,
    /// Largest JSON body in bytes.
    pub json_bytes_max: usize,
    /// Failed logins of one client identifier from one address, each within [`HttpSettings::login_failures_window`] of the
    /// one before, after which further ones are refused unheard for a while: for that window, and with each further failure
    /// for twice as long.
    pub login_failures_max: u32,
    /// The window of [`HttpSettings::login_failures_max`].
    pub login_failures_window: Duration,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            public_url: None,
            allowed_origins: AllowedOrigins::default(),
            default_profile: Profile::default(),
            result_redirects: None,
            upload_idle_timeout: Duration::from_secs(60),
            upload_rate_min: 1024,
            body_timeout: Duration::from_secs(30),
            json_bytes_max: 64 * 1024,
            login_failures_max: 10,
            login_failures_window: Duration::from_secs(60),
        }
    }
}

/// What every operation works with.
#[derive(Clone, Debug)]
pub(crate) struct ApiState {
    pub(crate) engine: Engine,
    pub(crate) settings: Arc<HttpSettings>,
    pub(crate) login_failures: Arc<LoginFailures>,
    pub(crate) in_flight: InFlight,
}

impl ApiState {
    fn new(engine: Engine, settings: HttpSettings) -> Self {
        Self {
            engine,
            login_failures: Arc::new(LoginFailures::new(
                settings.login_failures_max,
                settings.login_failures_window,
            )),
            in_flight: InFlight::default(),
            settings: Arc::new(settings),
        }
    }
}

impl FromRef<ApiState> for Engine {
    fn from_ref(state: &ApiState) -> Self {
        state.engine.clone()
    }
}

/// Every operation of the API, with its description. `openapi.json`, `/docs` and the server are made of this one list.
fn operations() -> OpenApiRouter<ApiState> {
    OpenApiRouter::with_openapi(docs::preamble())
        .routes(routes!(v1::login::log_in))
        .routes(routes!(v1::token::refresh))
        .routes(routes!(v1::logout::log_out))
        .routes(routes!(v1::anonymization_create::create))
        .routes(routes!(v1::anonymization_status::status))
        .routes(routes!(v1::anonymization_cancel::cancel))
        .routes(routes!(v1::anonymization_render::render))
        .routes(routes!(v1::result::result))
        .routes(routes!(v1::usage::usage))
        .routes(routes!(v1::webhook_list::list))
        .routes(routes!(v1::webhook_create::create))
        .routes(routes!(v1::webhook_get::get))
        .routes(routes!(v1::webhook_update::update))
        .routes(routes!(v1::webhook_delete::delete))
        .routes(routes!(v1::webhook_test::test))
        .routes(routes!(v1::webhook_signing_secret::signing_secret))
        .routes(routes!(v1::webhook_rotate_token::rotate_token))
        .routes(routes!(v1::webhook_rotate_signing_secret::rotate_signing_secret))
        .routes(routes!(v1::webhook_end_overlap::end_overlap))
        .routes(routes!(v1::webhook_deliveries::list))
        .routes(routes!(v1::webhook_delivery::get))
        .routes(routes!(v1::webhook_resend::resend))
        .routes(routes!(v1::webhook_replay_start::start))
        .routes(routes!(v1::webhook_replay_list::list))
        .routes(routes!(v1::webhook_replay_get::get))
        .routes(routes!(v1::webhook_replay_cancel::cancel))
        .routes(routes!(v1::events::list))
        .routes(routes!(ops::health::health))
        .routes(routes!(ops::ready::ready))
}

/// What an operator's machines ask, for an address that clients do not reach: `/metrics`, and that the process lives.
pub fn operations_router(engine: Engine) -> Router {
    Router::new()
        .route("/metrics", get(ops::metrics::metrics))
        .route("/healthz", get(ops::health::health))
        .with_state(engine)
}

/// The OpenAPI 3.1 document of the API.
pub fn openapi() -> utoipa::openapi::OpenApi {
    docs::finish(operations().into_openapi())
}

/// Whether the process lives and works, and nothing else: for a process that does not answer the API.
pub fn probes(engine: Engine) -> Router {
    let state = ApiState::new(engine, HttpSettings::default());
    let probes = OpenApiRouter::new()
        .routes(routes!(ops::health::health))
        .routes(routes!(ops::ready::ready));
    let (probes, _) = probes.split_for_parts();
    let router = probes.fallback(problem::no_such_route);
    edged(router, &state).with_state(state)
}

/// What every answer passes through.
fn edged(router: Router<ApiState>, state: &ApiState) -> Router<ApiState> {
    router
        .layer(CatchPanicLayer::custom(problem::panicked))
        .layer(from_fn(drain::answer_before_the_body_ends))
        .layer(from_fn_with_state(
            Requests::new(state.engine.clone(), Surface::Api),
            edge::edge,
        ))
}

/// The whole API as a service. Whoever serves it adds the peer's address as
/// [`axum::extract::ConnectInfo`]`<SocketAddr>` to each request, as [`serve()`] does.
pub fn router(engine: Engine, settings: HttpSettings) -> Router {
    let cors = cors::layer(&settings.allowed_origins);
    let state = ApiState::new(engine, settings);
    let (operations, openapi) = operations().split_for_parts();
    let router = operations
        .route("/webhook-url/", post(v1::webhook_create::create))
        .merge(docs::router(docs::finish(openapi)))
        .fallback(problem::no_such_route)
        .layer(from_fn_with_state(state.clone(), limits::admit));
    edged(router, &state).layer(cors).with_state(state)
}
