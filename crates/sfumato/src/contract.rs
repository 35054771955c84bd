//! Whether a receiver keeps the contract: what `sfumato webhook check` sends, and how it judges the answers.

use std::time::Duration;

use serde::Serialize;
use sfumato_core::endpoint::{AckPolicy, SigningSecret, WebhookToken};
use sfumato_core::{ClientId, Clock, DeliveryId, JobId, Outcome, PublicJobId};
use sfumato_engine::outbound::{Exchange, Outbound};
use sfumato_engine::system::{SystemClock, SystemEntropy};

use crate::message::{Target, Told};

/// Receivers that are slower share a part of a server's places (95th percentile).
const SLOW: Duration = Duration::from_secs(2);

/// Older than what receivers are to take.
const STALE: Duration = Duration::from_secs(10 * 60);

/// What a check came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    /// As it should be.
    Pass,
    /// It could not be tried.
    Skipped,
    /// Deliveries arrive, and something should be mended.
    Warn,
    /// Deliveries do not arrive.
    Fail,
}

impl Verdict {
    pub(crate) const fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Skipped => "skip",
            Self::Warn => "WARN",
            Self::Fail => "FAIL",
        }
    }
}

/// One check.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Check {
    /// What was tried.
    pub(crate) name: &'static str,
    /// What it came to.
    pub(crate) verdict: Verdict,
    /// Why, and what to mend.
    pub(crate) explanation: String,
    /// The HTTP status of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) answer: Option<u16>,
    /// How long it took.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) duration_ms: Option<u64>,
}

/// What is known of a receiver.
pub(crate) struct Receiver {
    pub(crate) url: String,
    pub(crate) token: Option<WebhookToken>,
    pub(crate) secret: Option<SigningSecret>,
    pub(crate) ack: AckPolicy,
}

/// The series of requests to one receiver about one made-up job.
struct Series<'a> {
    outbound: &'a Outbound,
    target: Target,
    told: Told<'a>,
}

/// Sends the whole series, one after the other, and judges each answer. Begins with what must work: where that fails, the rest
/// says nothing.
pub(crate) async fn check(receiver: Receiver, outbound: &Outbound) -> Vec<Check> {
    let job = PublicJobId {
        client: ClientId::new(&SystemClock, &SystemEntropy),
        job: JobId::new(&SystemClock, &SystemEntropy),
    };
    let task_id = job.to_string();
    let token = receiver.token.clone();
    let secret = receiver.secret.clone();
    let series = Series {
        outbound,
        target: Target {
            url: receiver.url.clone(),
            token: token.unwrap_or_else(|| WebhookToken::generate(&SystemEntropy)),
            secret: secret.unwrap_or_else(|| SigningSecret::generate(&SystemEntropy)),
            ack: receiver.ack,
        },
        told: Told {
            id: new_id(),
            task_id: &task_id,
            status: "Succeeded",
            sequence: 3,
            attempt: 1,
            at: SystemClock.now(),
            extra: None,
        },
    };
    let first = series.send(&series.target, &series.told).await;
    let mut checks = vec![transport(&receiver.url), event(&first, &receiver)];
    if first.outcome != Outcome::Ok {
        let rest = [
            "speed",
            "repetition",
            "unknown status",
            "wrong token",
            "wrong signature",
            "old timestamp",
        ];
        checks.extend(rest.map(|name| skipped(name, "the first event was not acknowledged")));
        return checks;
    }
    checks.push(speed(&first));
    checks.extend(series.what_must_work().await);
    checks.push(series.wrong_token().await);
    if receiver.secret.is_some() {
        checks.extend(series.wrong_signatures().await);
    } else {
        let why = "there is no --secret to sign with";
        checks.extend(["wrong signature", "old timestamp"].map(|name| skipped(name, why)));
    }
    checks
}

impl Series<'_> {
    async fn send(&self, target: &Target, told: &Told<'_>) -> Exchange {
        self.outbound.send_afresh(&target.message(told)).await
    }

    /// Another event of the same job.
    fn fresh(&self) -> Told<'_> {
        Told {
            id: new_id(),
            at: SystemClock.now(),
            ..self.told.clone()
        }
    }

    async fn what_must_work(&self) -> [Check; 2] {
        let again = Told {
            attempt: 2,
            at: SystemClock.now(),
            ..self.told.clone()
        };
        let unknown = Told {
            status: "Paused",
            extra: Some(("progress", "0.5")),
            ..self.fresh()
        };
        [
            repetition(&self.send(&self.target, &again).await),
            unknown_status(&self.send(&self.target, &unknown).await),
        ]
    }

    async fn wrong_token(&self) -> Check {
        let other = Target {
            token: WebhookToken::generate(&SystemEntropy),
            ..self.target.clone()
        };
        refused(
            "wrong token",
            &self.send(&other, &self.fresh()).await,
            "compare X-Auth-Token with the webhookToken: anybody who knows the address can send events",
        )
    }

    async fn wrong_signatures(&self) -> [Check; 2] {
        let other = Target {
            secret: SigningSecret::generate(&SystemEntropy),
            ..self.target.clone()
        };
        let old = Told {
            at: SystemClock.now().before(STALE),
            ..self.fresh()
        };
        [
            refused(
                "wrong signature",
                &self.send(&other, &self.fresh()).await,
                "verify webhook-signature: the token alone goes through every proxy and log on the way",
            ),
            refused(
                "old timestamp",
                &self.send(&self.target, &old).await,
                "refuse a webhook-timestamp that is more than 5 minutes off: whoever has recorded a request can repeat it",
            ),
        ]
    }
}

fn new_id() -> DeliveryId {
    DeliveryId::new(&SystemClock, &SystemEntropy)
}

fn judged(
    name: &'static str,
    verdict: Verdict,
    explanation: impl Into<String>,
    exchange: &Exchange,
) -> Check {
    Check {
        name,
        verdict,
        explanation: explanation.into(),
        answer: exchange.status,
        duration_ms: Some(exchange.phases.total_ms.round() as u64),
    }
}

fn skipped(name: &'static str, why: &str) -> Check {
    Check {
        name,
        verdict: Verdict::Skipped,
        explanation: why.into(),
        answer: None,
        duration_ms: None,
    }
}

fn transport(url: &str) -> Check {
    let is_https = url
        .get(..8)
        .is_some_and(|start| start.eq_ignore_ascii_case("https://"));
    let (verdict, explanation) = if is_https {
        (Verdict::Pass, "the address is reached by https")
    } else {
        (
            Verdict::Warn,
            "the address is reached by http: use https outside of development, or everybody on the way reads the token",
        )
    };
    Check {
        name: "transport",
        verdict,
        explanation: explanation.into(),
        answer: None,
        duration_ms: None,
    }
}

fn event(exchange: &Exchange, receiver: &Receiver) -> Check {
    if exchange.outcome == Outcome::Ok {
        return judged("event", Verdict::Pass, exchange.explanation.clone(), exchange);
    }
    let mut explanation = exchange.explanation.clone();
    if matches!(exchange.status, Some(401 | 403)) && (receiver.token.is_none() || receiver.secret.is_none()) {
        explanation.push_str("; give --token and --secret as the endpoint has them");
    }
    judged("event", Verdict::Fail, explanation, exchange)
}

fn speed(exchange: &Exchange) -> Check {
    let took = exchange.phases.total_ms;
    if took <= SLOW.as_secs_f64() * 1e3 {
        return judged("speed", Verdict::Pass, "it answers quickly enough", exchange);
    }
    let text = format!(
        "it took {:.1} s: acknowledge first and work afterwards; over {} s it waits longer for its turn, and at 15 s it has failed",
        took / 1e3,
        SLOW.as_secs()
    );
    judged("speed", Verdict::Warn, text, exchange)
}

fn repetition(exchange: &Exchange) -> Check {
    if exchange.outcome == Outcome::Ok {
        return judged(
            "repetition",
            Verdict::Pass,
            "the same webhook-id is acknowledged again",
            exchange,
        );
    }
    let text = format!(
        "the same webhook-id a second time must be acknowledged too, or it comes for 7 days: {}",
        exchange.explanation
    );
    judged("repetition", Verdict::Fail, text, exchange)
}

fn unknown_status(exchange: &Exchange) -> Check {
    if exchange.outcome == Outcome::Ok {
        return judged(
            "unknown status",
            Verdict::Pass,
            "what it does not know it acknowledges",
            exchange,
        );
    }
    let text = format!(
        "acknowledge statuses and members that you do not know, which later versions may add: {}",
        exchange.explanation
    );
    judged("unknown status", Verdict::Warn, text, exchange)
}

/// Something that a careful receiver refuses; `mend` says what to do where it does not.
fn refused(name: &'static str, exchange: &Exchange, mend: &str) -> Check {
    match (exchange.outcome, exchange.status) {
        (Outcome::Ok, _) => judged(
            name,
            Verdict::Warn,
            format!("it was acknowledged; {mend}"),
            exchange,
        ),
        (_, Some(400..=499)) => judged(name, Verdict::Pass, "it is refused", exchange),
        (_, _) => {
            let text = format!("refuse it with 401: {}", exchange.explanation);
            judged(name, Verdict::Warn, text, exchange)
        }
    }
}
