//! The circuit breaker of one endpoint: who does not answer is not called by everything that waits.
//!
//! It lives in memory alone: what must survive a restart, the number of failures in a row, is in the endpoint's health,
//! and an endpoint that comes with [`FAILURES_MAX`] of them or more starts half open.

use std::time::Duration;

use sfumato_core::Timestamp;

/// Failures in a row that open the breaker.
pub(super) const FAILURES_MAX: u32 = 5;

/// How long it is open the first time; every opening that follows without a success between doubles it.
const OPEN_FIRST: Duration = Duration::from_secs(5);

/// How long it is open at most.
const OPEN_MAX: Duration = Duration::from_secs(600);

/// What an attempt says to the breaker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// The endpoint answered, whatever it said: a 4xx or a wrong acknowledgement is its logic, not its health.
    Answered,
    /// No answer, or a 5xx.
    Failed,
    /// Nothing: we stopped it, or the fault was ours.
    Nothing,
}

/// Where a breaker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Breaker {
    /// Deliveries go out.
    Closed { failures: u32 },
    /// None goes out until then.
    Open { until: Timestamp, openings: u32 },
    /// One goes out, and decides.
    HalfOpen { openings: u32 },
}

impl Breaker {
    /// The breaker of an endpoint of which nothing is known but its failures in a row.
    pub(super) const fn restored(consecutive_failures: u32) -> Self {
        if consecutive_failures < FAILURES_MAX {
            Self::Closed {
                failures: consecutive_failures,
            }
        } else {
            Self::HalfOpen { openings: 0 }
        }
    }

    /// The breaker at a time: open ones become half open.
    #[must_use]
    pub(super) fn at(self, now: Timestamp) -> Self {
        match self {
            Self::Open { until, openings } if until <= now => Self::HalfOpen { openings },
            other => other,
        }
    }

    /// How many may be in flight.
    pub(super) const fn in_flight_max(self) -> usize {
        match self {
            Self::Closed { .. } => usize::MAX,
            Self::Open { .. } => 0,
            Self::HalfOpen { .. } => 1,
        }
    }

    /// The breaker after an attempt has ended.
    #[must_use]
    pub(super) fn after(self, sign: Sign, now: Timestamp) -> Self {
        match (self, sign) {
            (same, Sign::Nothing) => same,
            (_, Sign::Answered) => Self::Closed { failures: 0 },
            (Self::Closed { failures }, Sign::Failed) if failures + 1 < FAILURES_MAX => Self::Closed {
                failures: failures + 1,
            },
            (Self::Closed { .. }, Sign::Failed) => Self::open(0, now),
            (Self::HalfOpen { openings }, Sign::Failed) => Self::open(openings, now),
            // It was on its way when the breaker opened.
            (open @ Self::Open { .. }, Sign::Failed) => open,
        }
    }

    fn open(openings: u32, now: Timestamp) -> Self {
        let length = OPEN_FIRST.saturating_mul(2_u32.saturating_pow(openings));
        Self::Open {
            until: now.after(length.min(OPEN_MAX)),
            openings: openings.saturating_add(1),
        }
    }

    /// Whether it is closed.
    pub(super) const fn is_closed(self) -> bool {
        matches!(self, Self::Closed { .. })
    }

    /// When it lets something through again, where it does not now.
    pub(super) const fn until(self) -> Option<Timestamp> {
        match self {
            Self::Open { until, .. } => Some(until),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    #[test]
    fn promise_7_every_state_meets_every_sign_by_the_table() {
        use Breaker::{Closed, HalfOpen, Open};
        use Sign::{Answered, Failed, Nothing};
        let now = at(100);
        let open = Open {
            until: at(103),
            openings: 2,
        };
        let opened = |seconds: i64, openings| Open {
            until: at(100 + seconds),
            openings,
        };
        for (before, sign, after) in [
            (Closed { failures: 0 }, Answered, Closed { failures: 0 }),
            (Closed { failures: 0 }, Failed, Closed { failures: 1 }),
            (Closed { failures: 3 }, Failed, Closed { failures: 4 }),
            (Closed { failures: 4 }, Failed, opened(5, 1)),
            (Closed { failures: 4 }, Answered, Closed { failures: 0 }),
            (Closed { failures: 4 }, Nothing, Closed { failures: 4 }),
            (open, Failed, open),
            (open, Answered, Closed { failures: 0 }),
            (open, Nothing, open),
            (HalfOpen { openings: 0 }, Failed, opened(5, 1)),
            (HalfOpen { openings: 1 }, Failed, opened(10, 2)),
            (HalfOpen { openings: 3 }, Failed, opened(40, 4)),
            (HalfOpen { openings: 6 }, Failed, opened(320, 7)),
            (HalfOpen { openings: 7 }, Failed, opened(600, 8)),
            (HalfOpen { openings: 40 }, Failed, opened(600, 41)),
            (HalfOpen { openings: 7 }, Answered, Closed { failures: 0 }),
            (HalfOpen { openings: 7 }, Nothing, HalfOpen { openings: 7 }),
        ] {
            assert_eq!(before.after(sign, now), after, "{before:?} {sign:?}");
        }
        assert_eq!(open.at(at(102)), open);
        assert_eq!(open.at(at(103)), HalfOpen { openings: 2 });
        assert_eq!((open.in_flight_max(), open.at(at(103)).in_flight_max()), (0, 1));
    }

    #[test]
    fn after_a_restart_a_failing_endpoint_is_tried_by_one() {
        assert_eq!(Breaker::restored(4), Breaker::Closed { failures: 4 });
        assert_eq!(Breaker::restored(5), Breaker::HalfOpen { openings: 0 });
    }
}
