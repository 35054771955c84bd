//! Why an exchange failed: its outcome, the words for the customer and the words for the operator.

use std::error::Error;
use std::fmt::Write as _;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use sfumato_core::Outcome;
use sfumato_core::endpoint::AckPolicy;
use thiserror::Error;
use tokio_rustls::rustls;
use tokio_rustls::rustls::CertificateError;

use super::Phase;
use crate::guard::{BlockedAddress, RefusedUrl};

/// What a customer reads of an exchange that kept the contract.
const KEPT: &str = "the endpoint kept the contract: 200 and a JSON object with the same taskId";

/// The same of an endpoint that is asked for a status alone.
const KEPT_BY_STATUS: &str = "the endpoint kept the contract: a status of 2xx is all that it is asked for";

const BLOCKED: &str = "the host of the URL is not one that webhooks may reach; every address of its name must be a \
                       public one";

/// What a customer reads of a success.
pub(super) fn kept(ack: AckPolicy) -> String {
    let words = match ack {
        AckPolicy::Strict => KEPT,
        AckPolicy::Status => KEPT_BY_STATUS,
    };
    words.to_owned()
}

/// Why an exchange failed.
#[derive(Debug, Error)]
pub(super) enum Failure {
    #[error("the URL is refused")]
    Refused(#[source] RefusedUrl),
    #[error("the address is refused")]
    Blocked(#[source] Blocked),
    #[error("the name was not resolved")]
    Dns {
        #[source]
        source: Option<io::Error>,
    },
    #[error("no address answered in time")]
    ConnectTimeout,
    #[error("no connection")]
    Connect {
        #[source]
        source: io::Error,
    },
    #[error("the TLS handshake failed")]
    Tls {
        #[source]
        source: io::Error,
    },
    #[error("the request cannot be written")]
    Request {
        #[source]
        source: hyper::http::Error,
    },
    #[error("the exchange broke")]
    Exchange {
        #[source]
        source: hyper::Error,
    },
    #[error("the answer's headers did not end")]
    Prelude,
    #[error("the deadline passed")]
    Deadline { phase: Phase, deadline: Duration },
    #[error("the body is too large")]
    BodyTooLarge { status: Option<u16> },
    #[error("the status is {status}")]
    Status { status: u16 },
    #[error("the acknowledgement is wrong")]
    Ack(AckProblem),
    #[error("it was stopped")]
    Cancelled,
}

/// What the guard refused when the name had been resolved.
#[derive(Debug, Error)]
pub(super) enum Blocked {
    #[error(transparent)]
    Address(BlockedAddress),
    #[error("the resolver answered with another port")]
    Port,
    #[error("the peer {0} is not an address that was judged")]
    Peer(SocketAddr),
}

/// What is wrong with the body of a 200.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AckProblem {
    Empty,
    Encoded,
    NotJson,
    NotAnObject,
    NoTask,
    OtherTask,
}

impl Failure {
    pub(super) fn outcome(&self) -> Outcome {
        match self {
            Self::Refused(_) | Self::Blocked(_) => Outcome::BlockedAddress,
            Self::Dns { .. } => Outcome::Dns,
            Self::ConnectTimeout => Outcome::TimeoutConnect,
            Self::Connect { .. } | Self::Request { .. } | Self::Exchange { .. } | Self::Prelude => {
                Outcome::Connect
            }
            Self::Tls { .. } => Outcome::Tls,
            Self::Deadline { .. } => Outcome::TimeoutTotal,
            Self::BodyTooLarge { .. } => Outcome::BodyTooLarge,
            Self::Status { .. } => Outcome::Status,
            Self::Ack(_) => Outcome::BadAck,
            Self::Cancelled => Outcome::Cancelled,
        }
    }

    /// Whether this machine could not even try: no network, no port of its own, or no descriptor.
    pub(super) fn is_local(&self) -> bool {
        /// EMFILE and ENFILE, for which the standard library has no kind.
        const NO_DESCRIPTORS: [i32; 2] = [24, 23];
        let (Self::Connect { source } | Self::Dns { source: Some(source) }) = self else {
            return false;
        };
        let kinds = [
            io::ErrorKind::NetworkUnreachable,
            io::ErrorKind::NetworkDown,
            io::ErrorKind::AddrNotAvailable,
        ];
        let descriptors = source
            .raw_os_error()
            .is_some_and(|code| NO_DESCRIPTORS.contains(&code));
        kinds.contains(&source.kind()) || descriptors
    }

    /// Whether it tells of the connection rather than of what was answered.
    pub(super) fn is_of_the_connection(&self) -> bool {
        matches!(
            self,
            Self::Exchange { .. } | Self::Prelude | Self::Deadline { .. }
        )
    }

    /// For the customer: which rule was broken and what to answer instead. Names no address: what a name resolves to
    /// inside the operator's network is not the customer's to learn.
    pub(super) fn explanation(&self) -> String {
        match self {
            Self::Refused(refused) => refused.to_string(),
            Self::Blocked(_) => BLOCKED.to_owned(),
            Self::Dns { .. } => "the name of the host could not be resolved; check its spelling and its DNS records".to_owned(),
            Self::ConnectTimeout => "no connection was made in time; check that a firewall lets the server in".to_owned(),
            Self::Connect { .. } => "the connection was refused or broke; check that the receiver runs and listens on the port of the URL".to_owned(),
            Self::Tls { source } => format!("the TLS handshake failed: {}", tls_advice(source)),
            Self::Request { .. } => "the URL cannot be written into a request; percent-encode its path and query".to_owned(),
            Self::Exchange { source } => exchange_words(source).to_owned(),
            Self::Prelude => "64 KiB arrived and the answer's headers had not ended; send the answer itself, without interim answers (1xx) before it".to_owned(),
            Self::Deadline { phase, deadline } => deadline_words(*phase, *deadline),
            Self::BodyTooLarge { status } => {
                let status = status.unwrap_or_default();
                format!("the answer ({status}) has a body of more than 64 KiB and was cut off; answer 200 with {{\"taskId\": …}} alone")
            }
            Self::Status { status } => status_words(*status),
            Self::Ack(problem) => ack_words(*problem),
            Self::Cancelled => "the server stopped the request before the answer was complete; it is sent again".to_owned(),
        }
    }

    /// For the operator: the whole chain of causes, where it says more than the explanation does.
    pub(super) fn internal(&self) -> Option<String> {
        let mut cause = self.source()?;
        let mut words = self.to_string();
        loop {
            let _ = write!(words, ": {cause}");
            match cause.source() {
                Some(next) => cause = next,
                None => return Some(words),
            }
        }
    }
}

fn exchange_words(error: &hyper::Error) -> &'static str {
    if error.is_parse_too_large() {
        return "the answer's headers or its Content-Length are more than is read (100 headers of 32 KiB together); send fewer and shorter ones";
    }
    if error.is_parse() {
        return "what came back is not an HTTP/1.1 answer; check that the port of the URL speaks HTTP, and that the answer has one valid Content-Length";
    }
    let framing = error
        .source()
        .and_then(|cause| cause.downcast_ref::<io::Error>())
        .is_some_and(|cause| {
            matches!(
                cause.kind(),
                io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData
            )
        });
    if framing {
        "the chunks of the answer's body are malformed; check what the receiver or a proxy before it sends"
    } else {
        "the receiver closed the connection before its answer was complete; check its log for a crash or a time-out"
    }
}

fn deadline_words(phase: Phase, deadline: Duration) -> String {
    let (stuck, advice) = match phase {
        Phase::Dns => ("the name of the host was not resolved", "check its DNS records"),
        Phase::Connect => (
            "no connection was made",
            "check that a firewall lets the server in",
        ),
        Phase::Tls => (
            "the TLS handshake did not end",
            "check that the port of the URL speaks TLS",
        ),
        Phase::Headers => ("no answer came", "answer first and do the work afterwards"),
        Phase::Body => (
            "the body of the answer did not end",
            "send its Content-Length, or close the connection after it",
        ),
    };
    format!("{stuck} within {} s; {advice}", deadline.as_secs_f64())
}

fn status_words(status: u16) -> String {
    let advice = match status {
        300..=399 => "redirects are never followed; register the URL that they lead to",
        401 | 403 => "the receiver refused the request; it must let X-Auth-Token in",
        404 | 405 => "the receiver knows no POST at this URL",
        410 => {
            "the receiver said that it is gone for good, so the endpoint is held; make it active again when it is back"
        }
        429 | 503 => "the receiver asked to be called later",
        200..=299 => "only 200 acknowledges an event",
        _ => "the receiver could not take the event",
    };
    format!("the receiver answered {status}: {advice}; answer 200 with {{\"taskId\": …}}")
}

fn ack_words(problem: AckProblem) -> String {
    let what = match problem {
        AckProblem::Empty => "an empty body",
        AckProblem::Encoded => "a body in a Content-Encoding, which the request did not accept",
        AckProblem::NotJson => "a body that is not JSON",
        AckProblem::NotAnObject => "JSON that is not an object",
        AckProblem::NoTask => "a JSON object without taskId",
        AckProblem::OtherTask => "another taskId than the one that was sent",
    };
    format!(
        "the receiver answered 200 with {what}; answer with {{\"taskId\": …}}, the taskId being the one of the request"
    )
}

fn tls_advice(error: &io::Error) -> &'static str {
    let tls = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match tls {
        Some(rustls::Error::InvalidCertificate(problem)) => match problem {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                "the certificate has expired"
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                "the certificate is for another name than the host of the URL"
            }
            CertificateError::UnknownIssuer => {
                "the certificate is not of a trusted authority, or the receiver does not send the intermediate certificates"
            }
            _ => "the certificate is not valid",
        },
        _ => {
            "the receiver must speak TLS 1.2 or 1.3 with a certificate of a trusted authority for the host of the URL"
        }
    }
}
