//! A webhook receiver for development: answers by the contract and tells what it saw.
//!
//! It is also the shortest complete example of what a receiver has to check, in the order in which it has to: the proofs
//! first, then the body.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use sfumato_core::client::SecretHash;
use sfumato_core::endpoint::SigningSecret;
use sfumato_core::{Clock, DeliveryId, Timestamp};

/// A signature is refused when its time differs more than this from ours (Standard Webhooks 1.0).
const TOLERANCE: Duration = Duration::from_secs(5 * 60);

/// An event is some hundred bytes.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// What the receiver checks and how it answers.
pub(crate) struct Expectations {
    /// The `X-Auth-Token` that must come; `None` takes any.
    pub(crate) token: Option<String>,
    /// The key of the signatures; `None` checks none.
    pub(crate) secret: Option<SigningSecret>,
    /// So many deliveries are answered with 500 first.
    pub(crate) fail_first: u64,
}

/// What a check came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Proof {
    /// There is nothing to compare with.
    Unchecked,
    /// It is right.
    Right,
    /// It is wrong.
    Wrong,
    /// It is not there.
    Missing,
    /// It is right and older, or newer, than five minutes.
    Stale,
}

impl Proof {
    fn refuses(self) -> bool {
        matches!(self, Self::Wrong | Self::Missing | Self::Stale)
    }

    /// The word for a person.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Unchecked => "not checked",
            Self::Right => "right",
            Self::Wrong => "WRONG",
            Self::Missing => "MISSING",
            Self::Stale => "TOO OLD OR TOO NEW",
        }
    }
}

/// One delivery as it arrived, and how it was answered.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Received {
    /// When it arrived.
    pub(crate) at: Timestamp,
    /// The job's status, where the body was an event.
    pub(crate) status: Option<String>,
    /// The job's identifier, where the body was an event.
    pub(crate) task_id: Option<String>,
    /// `webhook-id`: the same for every attempt of one delivery.
    pub(crate) webhook_id: Option<String>,
    /// `webhook-attempt`.
    pub(crate) attempt: Option<String>,
    /// `webhook-sequence`: the event's number within its job.
    pub(crate) sequence: Option<String>,
    /// The token.
    pub(crate) token: Proof,
    /// The signature.
    pub(crate) signature: Proof,
    /// The HTTP status of the answer.
    pub(crate) answer: u16,
    /// Why it was not acknowledged.
    pub(crate) problem: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    task_id: String,
    status: String,
}

type Report = Box<dyn FnMut(&Received) + Send>;

struct Receiver {
    expectations: Expectations,
    clock: Box<dyn Clock>,
    failed: AtomicU64,
    report: Mutex<Report>,
}

/// Routes that take a delivery at every path. `report` hears of each one, after it was judged and before it is answered.
pub(crate) fn router(
    expectations: Expectations,
    clock: impl Clock,
    report: impl FnMut(&Received) + Send + 'static,
) -> Router {
    let receiver = Receiver {
        expectations,
        clock: Box::new(clock),
        failed: AtomicU64::new(0),
        report: Mutex::new(Box::new(report)),
    };
    Router::new()
        .fallback(receive)
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(Arc::new(receiver))
}

async fn receive(
    State(receiver): State<Arc<Receiver>>,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    if method != Method::POST {
        let text = "This is a receiver of webhooks: it takes POST.\n";
        return (StatusCode::METHOD_NOT_ALLOWED, text).into_response();
    }
    let received = receiver.judge(&headers, &body);
    let mut report = receiver.report.lock().unwrap_or_else(PoisonError::into_inner);
    report(&received);
    let status = StatusCode::from_u16(received.answer).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let answer = match (&received.problem, &received.task_id) {
        (None, Some(task_id)) => serde_json::json!({ "taskId": task_id }),
        (problem, _) => serde_json::json!({ "message": problem }),
    };
    (status, axum::Json(answer)).into_response()
}

impl Receiver {
    fn judge(&self, headers: &HeaderMap, body: &[u8]) -> Received {
        let text = |name: &str| Some(headers.get(name)?.to_str().ok()?.to_owned());
        let event = serde_json::from_slice::<Event>(body);
        let now = self.clock.now();
        let mut received = Received {
            at: now,
            status: event.as_ref().ok().map(|event| event.status.clone()),
            task_id: event.as_ref().ok().map(|event| event.task_id.clone()),
            webhook_id: text("webhook-id"),
            attempt: text("webhook-attempt"),
            sequence: text("webhook-sequence"),
            token: self.token(text("x-auth-token").as_deref()),
            signature: self.signature(headers, body, now),
            answer: 200,
            problem: None,
        };
        let refusal = if received.token.refuses() {
            Some((401, format!("X-Auth-Token is {}", received.token.word())))
        } else if received.signature.refuses() {
            Some((401, format!("webhook-signature is {}", received.signature.word())))
        } else if let Err(error) = &event {
            Some((400, format!("the body is not an event: {error}")))
        } else if self.failed.fetch_add(1, Ordering::Relaxed) < self.expectations.fail_first {
            Some((500, "answered with an error on purpose".into()))
        } else {
            None
        };
        if let Some((answer, problem)) = refusal {
            received.answer = answer;
            received.problem = Some(problem);
        }
        received
    }

    fn token(&self, sent: Option<&str>) -> Proof {
        match (&self.expectations.token, sent) {
            (None, _) => Proof::Unchecked,
            (Some(_), None) => Proof::Missing,
            (Some(expected), Some(sent)) if is_same_secret(expected, sent) => Proof::Right,
            (Some(_), Some(_)) => Proof::Wrong,
        }
    }

    fn signature(&self, headers: &HeaderMap, body: &[u8], now: Timestamp) -> Proof {
        let Some(secret) = &self.expectations.secret else {
            return Proof::Unchecked;
        };
        let text = |name: &str| headers.get(name)?.to_str().ok();
        let (Some(id), Some(at), Some(signatures)) = (
            text("webhook-id"),
            text("webhook-timestamp"),
            text("webhook-signature"),
        ) else {
            return Proof::Missing;
        };
        let (Ok(id), Ok(seconds)) = (id.parse::<DeliveryId>(), at.parse::<i64>()) else {
            return Proof::Wrong;
        };
        let at = Timestamp::from_seconds(seconds);
        let expected = secret.sign(id, at, body);
        // There are several while a secret is being rotated.
        if !signatures
            .split(' ')
            .any(|signature| is_same_secret(signature, &expected))
        {
            Proof::Wrong
        } else if now.since(at).max(at.since(now)) > TOLERANCE {
            Proof::Stale
        } else {
            Proof::Right
        }
    }
}

/// By hashes, in constant time.
fn is_same_secret(one: &str, other: &str) -> bool {
    SecretHash::of(one) == SecretHash::of(other)
}

/// Reads a signing secret in the form `whsec_` and base64 of 32 bytes.
pub(crate) fn read_secret(text: &str) -> Result<SigningSecret, String> {
    text.strip_prefix("whsec_")
        .and_then(|encoded| STANDARD.decode(encoded).ok())
        .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok())
        .map(SigningSecret::from_bytes)
        .ok_or_else(|| "must be `whsec_` and the base64 of 32 bytes".into())
}

/// The address to give to `POST /webhook-url`.
pub(crate) fn url_of(address: SocketAddr) -> String {
    format!("http://{address}/")
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[derive(Clone, Copy)]
    struct Fixed(i64);

    impl Clock for Fixed {
        fn now(&self) -> Timestamp {
            Timestamp::from_seconds(self.0)
        }
    }

    const BODY: &[u8] = br#"{"taskId":"job-1","status":"Sent"}"#;
    const ID: &str = "00000000-0000-0000-0000-000000000007";

    fn receiver(expectations: Expectations) -> Receiver {
        Receiver {
            expectations,
            clock: Box::new(Fixed(1_000)),
            failed: AtomicU64::new(0),
            report: Mutex::new(Box::new(|_| {})),
        }
    }

    fn signed(secret: &SigningSecret, at: i64) -> HeaderMap {
        let signature = secret.sign(ID.parse().unwrap(), Timestamp::from_seconds(at), BODY);
        let mut headers = HeaderMap::new();
        headers.insert("webhook-id", HeaderValue::from_static(ID));
        headers.insert("webhook-timestamp", at.to_string().parse().unwrap());
        headers.insert(
            "webhook-signature",
            format!("v1,other {signature}").parse().unwrap(),
        );
        headers.insert("x-auth-token", HeaderValue::from_static("right"));
        headers
    }

    fn expecting(token: Option<&str>, secret: Option<SigningSecret>, fail_first: u64) -> Expectations {
        Expectations {
            token: token.map(Into::into),
            secret,
            fail_first,
        }
    }

    #[test]
    fn an_event_with_the_right_proofs_is_acknowledged() {
        let secret = SigningSecret::from_bytes([9; 32]);
        let receiver = receiver(expecting(Some("right"), Some(secret.clone()), 0));
        let received = receiver.judge(&signed(&secret, 900), BODY);
        assert_eq!((received.token, received.signature), (Proof::Right, Proof::Right));
        assert_eq!((received.answer, received.problem), (200, None));
        assert_eq!(received.task_id.as_deref(), Some("job-1"));
        assert_eq!(received.status.as_deref(), Some("Sent"));
    }

    #[test]
    fn wrong_missing_and_stale_proofs_are_refused_and_named() {
        let secret = SigningSecret::from_bytes([9; 32]);
        let other = SigningSecret::from_bytes([8; 32]);
        let with_token = |token: &'static str| {
            let mut headers = signed(&secret, 1_000);
            headers.insert("x-auth-token", HeaderValue::from_static(token));
            headers
        };
        for (headers, token, signature) in [
            (with_token("wrong"), Proof::Wrong, Proof::Right),
            (HeaderMap::new(), Proof::Missing, Proof::Missing),
            (signed(&other, 1_000), Proof::Right, Proof::Wrong),
            (signed(&secret, 699), Proof::Right, Proof::Stale),
            (signed(&secret, 1_301), Proof::Right, Proof::Stale),
        ] {
            let receiver = receiver(expecting(Some("right"), Some(secret.clone()), 0));
            let received = receiver.judge(&headers, BODY);
            assert_eq!((received.token, received.signature), (token, signature));
            assert_eq!(received.answer, 401);
            assert!(received.problem.is_some());
        }
    }

    #[test]
    fn the_first_deliveries_are_failed_on_purpose() {
        let receiver = receiver(expecting(None, None, 2));
        let answers: Vec<_> = (0..4)
            .map(|_| receiver.judge(&HeaderMap::new(), BODY).answer)
            .collect();
        assert_eq!(answers, [500, 500, 200, 200]);
    }

    #[test]
    fn a_body_that_is_no_event_is_refused() {
        let receiver = receiver(expecting(None, None, 0));
        for body in [&b""[..], b"{}", b"[]", br#"{"taskId":7,"status":"Sent"}"#] {
            assert_eq!(receiver.judge(&HeaderMap::new(), body).answer, 400);
        }
    }

    #[test]
    fn a_secret_is_read_as_it_is_shown() {
        let secret = SigningSecret::from_bytes([3; 32]);
        assert_eq!(read_secret(&secret.expose()), Ok(secret));
        for wrong in ["", "whsec_", "whsec_AAAA", "AAAA"] {
            assert!(read_secret(wrong).is_err(), "{wrong}");
        }
    }
}
