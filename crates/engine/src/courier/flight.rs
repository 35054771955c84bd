//! One delivery on its way.

use std::time::Duration;

use sfumato_core::delivery::{Attempt, DeliveryLease, Outcome, PhaseTimes};
use sfumato_core::store::Dispatch;
use sfumato_core::{AttemptId, DeliveryId, EndpointId, EventStatus, JobId, PublicJobId};
use sfumato_failpoints::{Point, hit};
use tokio_util::sync::CancellationToken;

use super::breaker::Sign;
use super::faults::Reach;
use super::lane::Observation;
use super::pace::Load;
use crate::Engine;
use crate::outbound::{Addressee, Exchange, Phases, WebhookMessage};
use crate::vault::VaultError;

/// A delivery whose exchange has ended: what is recorded, and what is learned of the endpoint.
pub(super) struct Landed {
    pub(super) delivery: DeliveryId,
    pub(super) endpoint: EndpointId,
    pub(super) job: JobId,
    pub(super) event: EventStatus,
    pub(super) lease: DeliveryLease,
    pub(super) attempt: Attempt,
    pub(super) reason: Option<String>,
    pub(super) seen: Observation,
}

impl Engine {
    /// Sends one delivery, until `stop` at most.
    pub(super) async fn fly(&self, dispatch: Dispatch, stop: CancellationToken) -> Landed {
        let inner = self.inner();
        let credentials = match inner.keys.vault.credentials(&dispatch.endpoint) {
            Ok(credentials) => credentials,
            Err(error) => return self.grounded(&dispatch, &error),
        };
        let number = dispatch.delivery.attempts + 1;
        let job = PublicJobId {
            client: dispatch.delivery.client,
            job: dispatch.delivery.job,
        };
        let message = WebhookMessage::new(
            dispatch.delivery.id,
            job,
            dispatch.event.status,
            dispatch.event.sequence,
            number,
            &Addressee {
                url: &dispatch.endpoint.url,
                ack: dispatch.endpoint.ack,
                credentials: &credentials,
            },
            inner.clock.now(),
        );
        hit(Point::AfterClaimDelivery);
        let exchange = inner.post.post(&message, stop).await;
        hit(Point::AfterPostBeforeRecord);
        let seen = observation(&exchange);
        let attempt = Attempt {
            id: AttemptId::new(&*inner.clock, &*inner.entropy),
            number,
            started_at: exchange.started_at,
            duration_ms: whole_ms(exchange.phases.total_ms),
            phases: phase_times(&exchange.phases),
            outcome: exchange.outcome,
            status: exchange.status,
            response: self.kept_response(&dispatch.endpoint, &exchange),
            retry_after: exchange.retry_after,
            ours: false,
        };
        Landed {
            delivery: dispatch.delivery.id,
            endpoint: dispatch.endpoint.id,
            job: dispatch.delivery.job,
            event: dispatch.event.status,
            lease: dispatch.lease,
            attempt,
            reason: exchange.internal,
            seen,
        }
    }

    /// The end of a delivery that cannot be signed: a fault of ours, which its endpoint does not pay for. It is tried again
    /// until the key is there.
    fn grounded(&self, dispatch: &Dispatch, error: &VaultError) -> Landed {
        let inner = self.inner();
        let now = inner.clock.now();
        Landed {
            delivery: dispatch.delivery.id,
            endpoint: dispatch.endpoint.id,
            job: dispatch.delivery.job,
            event: dispatch.event.status,
            lease: dispatch.lease,
            attempt: Attempt {
                id: AttemptId::new(&*inner.clock, &*inner.entropy),
                number: dispatch.delivery.attempts + 1,
                started_at: now,
                duration_ms: 0,
                phases: PhaseTimes::default(),
                outcome: Outcome::Connect,
                status: None,
                response: None,
                retry_after: None,
                ours: true,
            },
            reason: Some(format!("the credentials of the endpoint: {error}")),
            seen: Observation::nothing(now),
        }
    }
}

/// What an exchange says of the endpoint's health, its load and the network.
fn observation(exchange: &Exchange) -> Observation {
    // A request that was written went to something that listens, where the connection was made for it: into a kept one it
    // can be written also when the network has gone away meanwhile. An answer that began came from somewhere in any case.
    let phases = &exchange.phases;
    let wrote = phases.body_ms.is_some() || phases.headers_ms.is_some() && phases.connect_ms.is_some();
    let (sign, load, reach) = match exchange.outcome {
        Outcome::Ok | Outcome::BadAck | Outcome::BodyTooLarge => {
            (Sign::Answered, Load::Borne, Reach::Reached)
        }
        Outcome::Status => match exchange.status.unwrap_or_default() {
            500.. => (Sign::Failed, Load::Refused, Reach::Reached),
            // Who is gone is held when the attempt is recorded: what is leased ahead must not go out until then.
            410 | 429 => (Sign::Answered, Load::Refused, Reach::Reached),
            _ => (Sign::Answered, Load::Borne, Reach::Reached),
        },
        Outcome::TimeoutTotal | Outcome::Connect if wrote => (Sign::Failed, Load::Refused, Reach::Reached),
        Outcome::TimeoutTotal | Outcome::TimeoutConnect | Outcome::Dns | Outcome::Tls | Outcome::Connect => {
            let reach = if exchange.local {
                Reach::Local
            } else {
                Reach::Unreached
            };
            (Sign::Failed, Load::Refused, reach)
        }
        // The guard's refusal follows from where the name points: as much the endpoint's failure as no name at all.
        Outcome::BlockedAddress => (Sign::Failed, Load::Unknown, Reach::Unknown),
        Outcome::Cancelled => (Sign::Nothing, Load::Unknown, Reach::Unknown),
    };
    Observation {
        sign,
        load,
        reach,
        took: Duration::from_secs_f64(exchange.phases.total_ms.max(0.0) / 1e3),
        started_at: exchange.started_at,
    }
}

fn phase_times(phases: &Phases) -> PhaseTimes {
    let us = |ms: Option<f64>| ms.map(|ms| (ms * 1e3).round() as u32);
    PhaseTimes {
        dns_us: us(phases.dns_ms),
        connect_us: us(phases.connect_ms),
        tls_us: us(phases.tls_ms),
        headers_us: us(phases.headers_ms),
        body_us: us(phases.body_ms),
    }
}

fn whole_ms(ms: f64) -> u32 {
    // The deadline bounds it; a float is clamped when it is cast.
    ms.round() as u32
}

#[cfg(test)]
mod tests {
    use sfumato_core::Timestamp;

    use super::*;

    fn exchange(outcome: Outcome, phases: Phases) -> Exchange {
        Exchange {
            outcome,
            explanation: String::new(),
            internal: None,
            address: None,
            tls: None,
            status: None,
            headers: vec![],
            body: vec![],
            retry_after: None,
            phases,
            started_at: Timestamp::from_seconds(0),
            local: false,
        }
    }

    #[test]
    fn a_request_on_a_kept_connection_shows_nothing_until_it_is_answered() {
        let fresh = Phases {
            connect_ms: Some(1.0),
            headers_ms: Some(9.0),
            ..Phases::default()
        };
        let kept = Phases {
            connect_ms: None,
            ..fresh
        };
        let answered = Phases {
            body_ms: Some(1.0),
            ..kept
        };
        for outcome in [Outcome::TimeoutTotal, Outcome::Connect] {
            let reach = |phases| observation(&exchange(outcome, phases)).reach;
            assert_eq!(reach(fresh), Reach::Reached);
            assert_eq!(reach(kept), Reach::Unreached);
            assert_eq!(reach(answered), Reach::Reached);
        }
    }
}
