//! What an attempt says of its endpoint.

use super::health::{HoldReason, PROBE_INTERVAL, Warning, ends_outage, health_after, must_hold, warning_due};
use super::{Endpoint, EndpointState};
use crate::delivery::Attempt;
use crate::time::Timestamp;

/// What one attempt has changed about its endpoint.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// It is held from now on.
    pub held: Option<HoldReason>,
    /// It was held and is not any more.
    pub released: bool,
    /// Its client is to be told that it keeps failing.
    pub warning: Option<Warning>,
    /// It answers again after an outage: some of what waits for it becomes due
    /// ([`PULLED_PER_SUCCESS`](super::PULLED_PER_SUCCESS)).
    pub pulls: bool,
}

impl Endpoint {
    /// Takes an attempt in: its health, whether it is held, whether it is back.
    pub fn attempted(&mut self, attempt: &Attempt, now: Timestamp) -> Verdict {
        let was_held = matches!(self.state, EndpointState::Held { .. });
        let is_back = attempt.is_success() && ends_outage(&self.health, was_held, now);
        self.health = health_after(self.health, attempt, now);
        let mut verdict = Verdict::default();
        if attempt.is_success() {
            if was_held {
                self.state = EndpointState::Active;
                self.updated_at = now;
                verdict.released = true;
            }
            if is_back {
                self.health.recovering_since = Some(now);
            }
            verdict.pulls = self.health.recovering_since.is_some();
        } else if self.state == EndpointState::Active && attempt.is_spent() {
            if let Some(reason) = must_hold(&self.health, self.created_at, attempt, now) {
                self.state = EndpointState::Held {
                    since: now,
                    reason,
                    next_probe_at: now.after(PROBE_INTERVAL),
                };
                self.updated_at = now;
                verdict.held = Some(reason);
            } else if let Some(warning) = warning_due(&self.health, now) {
                self.health.warned = Some(warning);
                verdict.warning = Some(warning);
            }
        }
        verdict
    }
}
