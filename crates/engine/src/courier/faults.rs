//! Whether a failure is our own: where the network of this machine is away, every endpoint seems to fail, and none of them
//! may be made to pay for it.
//!
//! The rule looks at hosts, not at endpoints, and at what was reached: any answer of any host shows that the network is
//! there. While it is away one probe at a time goes out, to another endpoint each time, and any answer ends it.

use std::collections::BTreeMap;
use std::time::Duration;

use sfumato_core::Timestamp;

/// Failures further apart than this have nothing to do with each other.
const WINDOW: Duration = Duration::from_secs(30);

/// Hosts that begin to fail in a window, so that it is our fault.
const HOSTS_MIN: usize = 3;

/// So many are enough where no other host was called in [`MEMORY`], or only such as have failed for longer: they do not say
/// that the network is there.
const ALL_HOSTS_MIN: usize = 2;

/// How long a host is remembered.
const MEMORY: Duration = Duration::from_secs(3600);

/// First and longest wait between two probes.
const PROBE: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// What an attempt says of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    /// Something answered.
    Reached,
    /// No name, no connection, no TLS.
    Unreached,
    /// The same, and this machine says that it cannot: no route, no descriptors, no ports.
    Local,
    /// Nothing: we stopped it, or the guard refused it.
    Unknown,
}

#[derive(Clone, Copy, Debug)]
struct Host {
    called_at: Timestamp,
    reached_at: Option<Timestamp>,
    /// Since when it has not been reached.
    failing_since: Option<Timestamp>,
}

/// What is known of the network.
#[derive(Debug, Default)]
pub(super) struct Faults {
    hosts: BTreeMap<String, Host>,
    away: Option<Away>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Away {
    probe_at: Timestamp,
    wait: Duration,
}

impl Faults {
    /// Takes the end of an attempt in, and says whether its failure is ours.
    pub(super) fn ended(&mut self, host: &str, reach: Reach, now: Timestamp) -> bool {
        if reach == Reach::Unknown {
            return false;
        }
        self.note(host, reach, now);
        if reach == Reach::Reached {
            self.away = None;
            return false;
        }
        self.away = match self.away {
            Some(away) if away.probe_at > now => Some(away),
            Some(away) => Some(Away {
                probe_at: now.after(away.wait),
                wait: (away.wait * 2).min(PROBE.1),
            }),
            None if self.is_ours(reach, now) => Some(Away {
                probe_at: now.after(PROBE.0),
                wait: PROBE.0 * 2,
            }),
            None => None,
        };
        self.away.is_some()
    }

    fn note(&mut self, host: &str, reach: Reach, now: Timestamp) {
        self.hosts.retain(|_, host| now.since(host.called_at) < MEMORY);
        if !self.hosts.contains_key(host) {
            let fresh = Host {
                called_at: now,
                reached_at: None,
                failing_since: None,
            };
            self.hosts.insert(host.to_owned(), fresh);
        }
        if let Some(known) = self.hosts.get_mut(host) {
            known.called_at = now;
            if reach == Reach::Reached {
                known.reached_at = Some(now);
                known.failing_since = None;
            } else {
                known.failing_since = known.failing_since.or(Some(now));
            }
        }
    }

    fn is_ours(&self, reach: Reach, now: Timestamp) -> bool {
        let began = |host: &Host| host.failing_since.filter(|since| now.since(*since) <= WINDOW);
        let failing: Vec<Timestamp> = self.hosts.values().filter_map(began).collect();
        let first = failing.iter().min().copied().unwrap_or(now);
        let reached_since = |since| {
            let at = self.hosts.values().filter_map(|host| host.reached_at);
            at.max().is_some_and(|at| at >= since)
        };
        if reach == Reach::Local && !reached_since(now.before(WINDOW)) {
            return true;
        }
        let none_works = self.hosts.values().all(|host| host.failing_since.is_some());
        let enough = failing.len() >= HOSTS_MIN || failing.len() >= ALL_HOSTS_MIN && none_works;
        enough && !reached_since(first)
    }

    /// Whether the network is taken to be away.
    pub(super) const fn is_away(&self) -> bool {
        self.away.is_some()
    }

    /// When the next probe may go out, where the network is away.
    pub(super) fn probe_at(&self) -> Option<Timestamp> {
        self.away.map(|away| away.probe_at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: i64) -> Timestamp {
        Timestamp::from_seconds(seconds)
    }

    /// What each of the attempts (second, host, reach) is judged to be.
    fn judged(attempts: &[(i64, &str, Reach)]) -> Vec<bool> {
        let mut faults = Faults::default();
        attempts
            .iter()
            .map(|(second, host, reach)| faults.ended(host, *reach, at(*second)))
            .collect()
    }

    #[test]
    fn whose_fault_it_is_follows_from_the_hosts_that_fail_and_those_that_answer() {
        use Reach::{Local, Reached, Unknown, Unreached};
        for (attempts, ours) in [
            // One host may fail as often as it likes.
            (
                vec![(0, "a", Unreached), (1, "a", Unreached), (2, "a", Unreached)],
                vec![false; 3],
            ),
            // Three at once are not a coincidence.
            (
                vec![
                    (0, "d", Reached),
                    (1, "a", Unreached),
                    (2, "b", Unreached),
                    (3, "c", Unreached),
                ],
                vec![false, false, false, true],
            ),
            // Unless something answers meanwhile.
            (
                vec![
                    (1, "a", Unreached),
                    (2, "d", Reached),
                    (3, "b", Unreached),
                    (4, "c", Unreached),
                ],
                vec![false; 4],
            ),
            // Or they began to fail at different times.
            (
                vec![
                    (0, "d", Reached),
                    (1, "a", Unreached),
                    (40, "b", Unreached),
                    (80, "c", Unreached),
                ],
                vec![false; 4],
            ),
            // Two are enough where there are no others.
            (vec![(0, "a", Unreached), (1, "b", Unreached)], vec![false, true]),
            // Or where the others have failed for long.
            (
                vec![
                    (0, "c", Unreached),
                    (50, "a", Reached),
                    (51, "b", Reached),
                    (60, "a", Unreached),
                    (61, "b", Unreached),
                ],
                vec![false, false, false, false, true],
            ),
            (
                vec![(0, "c", Reached), (1, "a", Unreached), (2, "b", Unreached)],
                vec![false; 3],
            ),
            // The machine itself says that it has no route; but another host has just answered.
            (vec![(0, "a", Local)], vec![true]),
            (vec![(0, "b", Reached), (1, "a", Local)], vec![false, false]),
            (vec![(0, "b", Reached), (40, "a", Local)], vec![false, true]),
            // While it is away everything that fails is ours; the first answer ends it.
            (
                vec![
                    (0, "a", Local),
                    (1, "b", Unreached),
                    (2, "b", Reached),
                    (3, "c", Unreached),
                ],
                vec![true, true, false, false],
            ),
            (
                vec![(0, "a", Unknown), (0, "b", Unknown), (0, "c", Unknown)],
                vec![false; 3],
            ),
        ] {
            assert_eq!(judged(&attempts), ours, "{attempts:?}");
        }
    }

    #[test]
    fn probes_go_out_further_and_further_apart_until_one_is_answered() {
        let mut faults = Faults::default();
        faults.ended("a", Reach::Local, at(0));
        let mut waits = Vec::new();
        let mut now = at(0);
        for _ in 0..7 {
            let next = faults.probe_at().unwrap();
            waits.push(next.since(now).as_secs());
            now = next;
            faults.ended("a", Reach::Unreached, now);
            // What was still on its way moves nothing.
            faults.ended("b", Reach::Unreached, now);
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 30, 30]);
        assert!(!faults.ended("b", Reach::Reached, now));
        assert!(!faults.is_away());
    }
}
