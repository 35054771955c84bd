//! What one server answers with: the API and the Manager beside each other.

use axum::Router;
use axum::extract::{Request, State};
use axum::http::Method;
use axum::http::header::ACCEPT;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::any;
use tower::ServiceExt;

/// Both under one root.
pub(crate) fn join(api: Router, manager: Router) -> Router {
    let front = Router::new().route("/", any(front)).with_state(api.clone());
    api.merge(manager).merge(front)
}

/// The API has nothing at `/`: a browser that comes there wants the Manager, and a program is told so as ever.
async fn front(State(api): State<Router>, request: Request) -> Response {
    let accepted = request
        .headers()
        .get(ACCEPT)
        .and_then(|accept| accept.to_str().ok());
    let browser = accepted.is_some_and(|accept| accept.contains("text/html"));
    if browser && request.method() == Method::GET {
        return Redirect::to("/manager").into_response();
    }
    match api.oneshot(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::http::StatusCode;

    use super::*;

    async fn get(path: &str, accept: &str) -> StatusCode {
        let api = Router::new().fallback(|| async { StatusCode::NOT_FOUND });
        let manager = Router::new().route("/manager", any(|| async { "pages" }));
        let request = Request::get(path).header(ACCEPT, accept);
        let request = request.body(Body::empty()).unwrap();
        join(api, manager).oneshot(request).await.unwrap().status()
    }

    #[tokio::test]
    async fn a_browser_at_the_root_is_led_to_the_manager_and_a_program_is_not() {
        let html = "text/html,application/xhtml+xml,*/*;q=0.8";
        assert_eq!(get("/", html).await, StatusCode::SEE_OTHER);
        assert_eq!(get("/", "*/*").await, StatusCode::NOT_FOUND);
        assert_eq!(get("/nothing", html).await, StatusCode::NOT_FOUND);
        assert_eq!(get("/manager", "*/*").await, StatusCode::OK);
    }
}
