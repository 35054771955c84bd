//! The Manager: a web console at `/manager`, rendered on the server. It calls the `Engine`, never the JSON API.
//!
//! A request passes through here from the outside in: `edge` writes its access-log line and its security headers,
//! `session` finds out who sends it and turns failures into pages, `csrf` judges whatever changes something, and one page a
//! file in `pages` speaks with the engine and fills in a template of the same name.
//!
//! # How to build a page
//!
//! 1. `src/pages/NAME.rs` has the handlers and `pub(super) fn router() -> Router<Console>`, which `pages/mod.rs` merges;
//!    `templates/NAME.html` is what lies inside `<main>`. Its first element is `<header class="page-head"><h1>…`.
//! 2. A handler takes `Visitor` as an argument and thereby needs somebody who is signed in.
//!    `visitor.scope()` says whose things may be seen, `visitor.caller_for(client)` gives the caller to act for a client
//!    (`None`, answered by `ConsoleError::NotFound`, where the client is not the visitor's), `visitor.administrator()?` is
//!    for pages of administrators alone. What a visitor may not see behaves exactly as what does not exist.
//! 3. It answers with `page::page(&visitor, Nav::…, "Title", &template)?`, or
//!    with `page::redirect(path, Toast::success("…"))` after a plain form. Failures are
//!    `ConsoleError`s: a page, or for htmx a toast that swaps nothing.
//!    A secret that the next page shows once goes there by `once::redirect`.
//!    What was done is written down: `console.audit(visitor.deed(Action::…).to(Subject::…)).await`.
//! 4. Every form that changes something is `method="post"` and has
//!    `<input type="hidden" name="csrf" value="{{ visitor.csrf() }}">`. In a form with files it comes first.
//!    Requests of htmx and of `app.js` bring the token as a header by themselves; an upload by `fetch` or `XMLHttpRequest` must set `X-CSRF-Token` from
//!    `<meta name="csrf-token">`.
//! 5. What changes by itself stands in `<div data-live="/manager/…/live">…</div>` and is served by `live::live`, with
//!    the same fragment that the page holds at first.
//! 6. No inline script, no `style` attribute, no `hx-on`, no `js:` values: the policy forbids them. Behaviour goes into
//!    `assets/app.js` by `data-` attributes, sizes of bars into `<progress>` or SVG attributes (`charts`).
//! 7. Words for templates (icons, times, sizes, badges) are in `ui`; the classes of the design stand at the top of
//!    `assets/app.css`.
//!
//! Deliberately absent: SQL, JSON for programs, truth in memory (but for the count of failed sign-ins), and TLS.
#![forbid(unsafe_code)]

mod assets;
mod charts;
mod cookies;
mod csrf;
mod download;
mod edge;
mod error;
mod limits;
mod live;
mod look;
mod once;
mod origin;
mod page;
mod pages;
mod plot;
mod readings;
mod receive;
mod refusals;
mod session;
mod ui;
mod visitor;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::any;
use sfumato_core::chain;
use sfumato_core::options::Profile;
use sfumato_engine::Engine;
use sfumato_engine::audit::Deed;
use sfumato_engine::failures::{Counted, LoginFailures, Try};
use sfumato_engine::metrics::Surface;
use sfumato_engine::requests::Requests;
use tower_http::catch_panic::CatchPanicLayer;
use url::Url;

use crate::error::ConsoleError;
use crate::live::Streams;
use crate::readings::Readings;
use crate::refusals::Refusals;

/// Settings of the Manager.
#[derive(Clone, Debug)]
pub struct ConsoleSettings {
    /// The address under which browsers reach this server. Where it is absent, the one that each request names.
    pub public_url: Option<Url>,
    /// Failed sign-ins under one name from one address within [`ConsoleSettings::sign_in_failures_window`], after which
    /// further ones are refused unheard.
    pub sign_in_failures_max: u32,
    /// The window of [`ConsoleSettings::sign_in_failures_max`].
    pub sign_in_failures_window: Duration,
    /// Longest time for the whole of a form without files.
    pub form_timeout: Duration,
    /// Largest form in bytes.
    pub form_bytes_max: usize,
    /// Longest pause between two pieces of an upload.
    pub upload_idle_timeout: Duration,
    /// Bytes a second at which an upload must come in the long run; 0: it may be as slow as it likes.
    pub upload_rate_min: u32,
    /// The profile that the upload form begins with.
    pub default_profile: Profile,
    /// How often a page that shows something live looks whether it has changed.
    pub live_interval: Duration,
    /// Pages that show something live at the same time, of all people together.
    pub live_pages_max: usize,
    /// The settings that the server runs with, for administrators to look at.
    pub server: Vec<ServerSetting>,
}

/// One setting of the server, in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerSetting {
    /// Its name with the section: `webhooks.deadline`.
    pub key: String,
    /// What it is; empty: nothing.
    pub value: String,
    /// Where that was said: a file with its line, a variable or a flag. `None`: nowhere, it is the default.
    pub origin: Option<String>,
    /// What it means, in sentences.
    pub meaning: String,
}

impl Default for ConsoleSettings {
    fn default() -> Self {
        Self {
            public_url: None,
            sign_in_failures_max: 10,
            sign_in_failures_window: Duration::from_secs(60),
            form_timeout: Duration::from_secs(30),
            form_bytes_max: 256 * 1024,
            upload_idle_timeout: Duration::from_secs(60),
            upload_rate_min: 1024,
            default_profile: Profile::default(),
            live_interval: Duration::from_secs(1),
            live_pages_max: 512,
            server: Vec::new(),
        }
    }
}

/// What every page works with.
#[derive(Clone, Debug)]
pub(crate) struct Console {
    pub(crate) engine: Engine,
    pub(crate) settings: Arc<ConsoleSettings>,
    pub(crate) failures: Arc<LoginFailures>,
    pub(crate) refusals: Arc<Refusals>,
    pub(crate) streams: Streams,
    pub(crate) readings: Arc<Readings>,
}

impl Console {
    /// Begins a try to sign in, or to do what else needs a password.
    pub(crate) async fn begin_try(&self, login: Counted) -> Result<Try<'_>, ConsoleError> {
        let begun = self.failures.begin(login, self.engine.clock()).await;
        begun.map_err(|wait| ConsoleError::TooMany { wait })
    }

    /// Writes down in the audit log that somebody was not signed in, where there were not too many of them lately.
    pub(crate) async fn audit_refusal(&self, refusal: Deed) {
        if let Some(entry) = self.refusals.entry(refusal, self.engine.now()) {
            self.audit(entry).await;
        }
    }

    /// Writes down in the audit log what was done. Where that fails the deed stands all the same, and the server's log has
    /// it instead.
    pub(crate) async fn audit(&self, deed: Deed) {
        if let Err(error) = self.engine.audit(deed.clone()).await {
            let error = chain(&error);
            tracing::error!(?deed, error, "what was done is not in the audit log");
        }
    }
}

/// The Manager as a service for `/manager` and all that lies under it. Whoever serves it adds the peer's address as
/// [`axum::extract::ConnectInfo`]`<SocketAddr>` to each request.
pub fn router(engine: Engine, settings: ConsoleSettings) -> Router {
    let failures = LoginFailures::new(settings.sign_in_failures_max, settings.sign_in_failures_window);
    let console = Console {
        engine,
        failures: Arc::new(failures),
        refusals: Arc::default(),
        streams: Streams::new(settings.live_pages_max),
        readings: Arc::default(),
        settings: Arc::new(settings),
    };
    let requests = Requests::new(console.engine.clone(), Surface::Manager);
    pages::router()
        .route("/manager/{*nothing}", any(async || ConsoleError::NotFound))
        .layer(DefaultBodyLimit::max(console.settings.form_bytes_max))
        .layer(from_fn_with_state(console.clone(), csrf::csrf))
        .layer(CatchPanicLayer::custom(error::panicked))
        .layer(from_fn_with_state(console.clone(), session::session))
        .merge(assets::router())
        .layer(from_fn_with_state(console.clone(), limits::limits))
        .layer(from_fn_with_state(requests, edge::edge))
        .with_state(console)
}
