//! What a request meets before anybody asks who sends it: how often it may come from its address, and how fast its body must
//! come. Strangers send forms, too, and a form that never ends would hold its connection for ever.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use sfumato_engine::least_rate::LeastRate;
use tower_http::timeout::{DeadlineBody, TimeoutBody};

use crate::Console;
use crate::csrf::has_files;
use crate::session;

/// The layer.
pub(crate) async fn limits(State(console): State<Console>, request: Request, next: Next) -> Response {
    let sender = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let sender = sender.map(|ConnectInfo(sender)| sender.ip());
    if let Err(refused) =
        console
            .engine
            .admit_request(request.method(), request.uri(), request.headers(), sender)
    {
        return session::refused(refused.into(), &request);
    }
    let settings = &console.settings;
    let has_files = has_files(request.headers());
    let request = request.map(|body| {
        if has_files {
            let body = LeastRate::new(body, settings.upload_rate_min);
            Body::new(TimeoutBody::new(settings.upload_idle_timeout, body))
        } else {
            Body::new(DeadlineBody::new(settings.form_timeout, body))
        }
    });
    next.run(request).await
}
