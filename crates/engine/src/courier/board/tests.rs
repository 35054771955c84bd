//! The board against a database that always has something due.

use proptest::prelude::*;
use sfumato_core::endpoint::{Endpoint, EndpointHealth, EndpointState, HoldReason};
use sfumato_core::store::Dispatch;
use sfumato_testkit::{SimClock, SimEntropy, build};

use super::super::breaker::Sign;
use super::super::faults::Reach;
use super::super::pace::Load;
use super::*;

mod ahead;

const LIMITS: Limits = Limits {
    in_flight: 40,
    per_endpoint: 16,
    per_second: None,
};

const START: Timestamp = Timestamp::from_seconds(1_000);

fn id(number: u128) -> EndpointId {
    EndpointId::from_uuid(uuid::Uuid::from_u128(number))
}

fn later(millis: u64) -> Timestamp {
    START.after(Duration::from_millis(millis))
}

fn waiting(endpoint: EndpointId, due: Timestamp) -> Waiting {
    Waiting {
        endpoint,
        due,
        held: false,
        urgent: false,
        consecutive_failures: 0,
    }
}

/// What a claim brings of an endpoint.
fn dispatches(endpoint: EndpointId, count: usize) -> Vec<Dispatch> {
    let (clock, entropy) = (SimClock::at(START), SimEntropy::new(1));
    let client = sfumato_core::ClientId::new(&clock, &entropy);
    let endpoint = Endpoint {
        id: endpoint,
        state: EndpointState::Active,
        health: EndpointHealth::default(),
        ..build::endpoint(client, &clock, &entropy)
    };
    let event = sfumato_core::event::Event {
        id: sfumato_core::EventId::new(&clock, &entropy),
        client,
        job: sfumato_core::JobId::new(&clock, &entropy),
        sequence: 1,
        status: sfumato_core::EventStatus::Sent,
        at: START,
    };
    let lease = sfumato_core::delivery::DeliveryLease {
        worker: sfumato_core::WorkerId::new(&clock, &entropy),
        token: sfumato_core::job::FencingToken(1),
    };
    let dispatch = Dispatch {
        delivery: sfumato_core::Delivery {
            id: sfumato_core::DeliveryId::new(&clock, &entropy),
            event: event.id,
            client,
            job: event.job,
            endpoint: endpoint.id,
            attempts: 0,
            failures: 0,
            created_at: START,
            opened_at: START,
            urgent: false,
            state: DeliveryState::Pending { not_before: START },
        },
        lease,
        event,
        endpoint,
    };
    vec![dispatch; count]
}

fn answered(millis: u64, now: Timestamp) -> Observation {
    Observation {
        sign: Sign::Answered,
        load: Load::Borne,
        reach: Reach::Reached,
        took: Duration::from_millis(millis),
        started_at: now.before(Duration::from_millis(millis)),
    }
}

fn failed(millis: u64, now: Timestamp) -> Observation {
    Observation {
        sign: Sign::Failed,
        load: Load::Refused,
        reach: Reach::Unknown,
        ..answered(millis, now)
    }
}

/// Claims everything that is wanted; something always stays behind. Returns who was leased how much.
fn claim(board: &mut Board, now: Timestamp) -> BTreeMap<EndpointId, usize> {
    let wants = board.wants(now);
    let claimed = Claimed {
        dispatches: wants
            .iter()
            .flat_map(|want| dispatches(want.endpoint, want.count))
            .collect(),
        waiting: wants.iter().map(|want| waiting(want.endpoint, START)).collect(),
    };
    board.claimed(&wants, Some(&claimed), now);
    wants
        .into_iter()
        .map(|want| (want.endpoint, want.count))
        .collect()
}

/// The same, and sends what has a place. Returns how much departed to whom.
fn claim_all(board: &mut Board, now: Timestamp) -> BTreeMap<EndpointId, usize> {
    let leased = claim(board, now);
    let departed = |(id, count)| {
        let turns = (0..count).map(|_| board.turn_of(id, now));
        (id, turns.filter(|turn| *turn == Turn::Depart).count())
    };
    leased
        .into_iter()
        .map(departed)
        .filter(|(_, count)| *count > 0)
        .collect()
}

fn end(board: &mut Board, endpoint: EndpointId, seen: &Observation, now: Timestamp) -> Ended {
    let ended = board.ended(endpoint, seen, now);
    board.recorded(endpoint, None, now);
    ended
}

#[test]
fn every_endpoint_has_its_turn_and_none_more_than_its_share() {
    let mut board = Board::new(LIMITS);
    board.scanned(&(1..=5).map(|n| waiting(id(n), START)).collect::<Vec<_>>(), START);
    let first = claim_all(&mut board, START);
    assert_eq!(first.values().sum::<usize>(), 40);
    assert!(first.values().all(|count| *count == 8), "{first:?}");
    // From here on places come free one at a time, and the turns go round.
    let mut given: BTreeMap<EndpointId, usize> = BTreeMap::new();
    let mut flying: VecDeque<EndpointId> = first.iter().flat_map(|(id, n)| vec![*id; *n]).collect();
    for step in 0..1_000 {
        let ended = flying.pop_front().unwrap();
        let now = later(step);
        end(&mut board, ended, &answered(5, now), now);
        for (endpoint, count) in claim_all(&mut board, now) {
            *given.entry(endpoint).or_default() += count;
            flying.extend(vec![endpoint; count]);
        }
    }
    let (least, most) = (given.values().min().unwrap(), given.values().max().unwrap());
    assert!(most - least <= 2 * QUANTUM, "{given:?}");
}

#[test]
fn a_quiet_endpoint_does_not_wait_for_a_busy_one() {
    let mut board = Board::new(LIMITS);
    board.scanned(&[waiting(id(1), START)], START);
    assert_eq!(claim_all(&mut board, START)[&id(1)], 16);
    assert!(
        board.admit(id(2), START),
        "there are places, and nothing of it waits"
    );
    assert!(
        !board.admit(id(1), START),
        "sixteen are on their way, and more wait"
    );
    board.hint(id(2), START);
    assert_eq!(claim_all(&mut board, START), BTreeMap::from([(id(2), 15)]));
}

#[test]
fn nothing_is_admitted_before_the_first_look_and_after_the_end() {
    let mut board = Board::new(LIMITS);
    assert!(!board.admit(id(1), START));
    board.scanned(&[], START);
    assert!(board.admit(id(1), START));
    board.close();
    assert!(!board.admit(id(1), START));
}

#[test]
fn slow_endpoints_share_a_quarter() {
    let mut board = Board::new(LIMITS);
    let all: Vec<Waiting> = (1..=4).map(|n| waiting(id(n), START)).collect();
    board.scanned(&all, START);
    let now = later(10_000);
    for (endpoint, count) in claim_all(&mut board, START) {
        for _ in 0..count {
            let took = if endpoint == id(4) { 10 } else { 2_500 };
            end(&mut board, endpoint, &answered(took, now), now);
        }
    }
    let given = claim_all(&mut board, now);
    let slow: usize = (1..=3).map(|n| given.get(&id(n)).copied().unwrap_or(0)).sum();
    assert_eq!((slow, given[&id(4)]), (10, 16), "{given:?}");
    assert_eq!(board.slow_in_flight, 10);
}

#[test]
fn a_failing_endpoint_is_left_alone_and_then_tried_by_one() {
    let mut board = Board::new(LIMITS);
    board.scanned(&[waiting(id(1), START)], START);
    let given = claim_all(&mut board, START);
    let opened: Vec<bool> = (0..given[&id(1)])
        .map(|_| end(&mut board, id(1), &failed(5, START), START).opened)
        .collect();
    assert_eq!(opened.iter().filter(|opened| **opened).count(), 1);
    assert!(opened[4]);
    assert!(claim_all(&mut board, START).is_empty());
    assert_eq!(board.wakes_at(), Some(later(5_000)));
    assert!(!board.admit(id(1), later(5_000)));
    assert_eq!(claim_all(&mut board, later(5_000)), BTreeMap::from([(id(1), 1)]));
    assert!(claim_all(&mut board, later(5_001)).is_empty());
    let now = later(5_010);
    end(&mut board, id(1), &answered(10, now), now);
    assert_eq!(claim_all(&mut board, now), BTreeMap::from([(id(1), 1)]), "ramped");
}

#[test]
fn a_held_endpoint_is_probed_whatever_its_breaker_says_and_a_person_goes_first() {
    let mut board = Board::new(LIMITS);
    board.scanned(&[waiting(id(1), START)], START);
    for _ in 0..claim_all(&mut board, START)[&id(1)] {
        end(&mut board, id(1), &failed(5, START), START);
    }
    let held = Recorded {
        state: DeliveryState::Pending { not_before: START },
        held: Some(HoldReason::Failing),
        released: false,
        warning: None,
    };
    board.recorded(id(1), Some(&held), START);
    assert_eq!(
        board.wants(START),
        [Want {
            endpoint: id(1),
            count: 1
        }]
    );
    let nothing = Claimed {
        dispatches: vec![],
        waiting: vec![Waiting {
            held: true,
            ..waiting(id(1), later(3_600_000))
        }],
    };
    board.claimed(
        &[Want {
            endpoint: id(1),
            count: 1,
        }],
        Some(&nothing),
        START,
    );
    assert_eq!(board.wakes_at(), Some(later(3_600_000)));
    let urgent = Waiting {
        urgent: true,
        held: true,
        ..waiting(id(1), START)
    };
    board.scanned(&[urgent], later(1));
    assert_eq!(
        board.wants(later(1)),
        [Want {
            endpoint: id(1),
            count: 1
        }]
    );
}

#[test]
fn while_the_network_is_away_one_probe_at_a_time_goes_out_to_another_endpoint_each_time() {
    let mut board = Board::new(LIMITS);
    board.scanned(&(1..=3).map(|n| waiting(id(n), START)).collect::<Vec<_>>(), START);
    let first = claim_all(&mut board, START);
    let unreached = |now| Observation {
        reach: Reach::Unreached,
        ..failed(5, now)
    };
    let mut ours = Vec::new();
    for (endpoint, count) in first {
        board.goes_to(
            endpoint,
            &format!("https://{}.example/", endpoint.as_uuid().as_u128()),
        );
        for _ in 0..count {
            ours.push(end(&mut board, endpoint, &unreached(START), START).ours);
        }
    }
    let spent = ours.iter().position(|ours| *ours).unwrap();
    assert!(ours[spent..].iter().all(|ours| *ours), "from the third host on");
    assert!(claim_all(&mut board, START).is_empty());
    let mut probed = BTreeSet::new();
    for millis in [1_000, 3_000, 7_000] {
        let now = later(millis);
        assert_eq!(board.wakes_at(), Some(now));
        let probe = claim_all(&mut board, now);
        let (endpoint, count) = probe.first_key_value().unwrap();
        assert_eq!((probe.len(), *count), (1, 1));
        probed.insert(*endpoint);
        assert!(claim_all(&mut board, now).is_empty(), "one at a time");
        let ended = end(&mut board, *endpoint, &unreached(now), now);
        assert_eq!((ended.ours, ended.network), (true, None));
    }
    assert!(probed.len() > 1, "{probed:?}");
    let now = later(15_000);
    let probe = *claim_all(&mut board, now).first_key_value().unwrap().0;
    let ended = end(&mut board, probe, &answered(5, now), now);
    assert_eq!((ended.ours, ended.network), (false, Some(true)));
    assert!(!claim_all(&mut board, now).is_empty());
}

#[test]
fn a_claim_that_finds_nothing_is_not_repeated_at_once() {
    let mut board = Board::new(LIMITS);
    board.hint(id(1), START);
    let wants = board.wants(START);
    let barren = Claimed {
        dispatches: vec![],
        waiting: vec![waiting(id(1), START)],
    };
    board.claimed(&wants, Some(&barren), START);
    assert!(board.wants(START).is_empty());
    assert_eq!(board.wakes_at(), Some(later(1_000)));
    assert_eq!(board.wants(later(1_000)).len(), 1);
    assert_eq!(board.in_flight, 16, "what may come is counted until the answer");
}

#[test]
fn news_that_comes_while_a_claim_is_on_its_way_is_not_lost() {
    let mut board = Board::new(LIMITS);
    board.hint(id(1), START);
    let wants = board.wants(START);
    board.hint(id(1), START);
    board.claimed(&wants, Some(&Claimed::default()), START);
    assert_eq!(board.wants(START).len(), 1);
}

#[derive(Clone, Debug)]
enum Step {
    Hint(u128),
    Admit(u128),
    Claim(usize),
    End(usize, u8),
    Pass(u64),
    Scan,
    Delete(u128),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => (1..6u128).prop_map(Step::Hint),
        3 => (1..6u128).prop_map(Step::Admit),
        4 => (0..20usize).prop_map(Step::Claim),
        8 => (any::<usize>(), 0..5u8).prop_map(|(which, how)| Step::End(which, how)),
        3 => (0..20_000u64).prop_map(Step::Pass),
        1 => Just(Step::Scan),
        1 => (1..6u128).prop_map(Step::Delete),
    ];
    prop::collection::vec(step, 1..200)
}

proptest! {
    #[test]
    fn whatever_happens_the_limits_are_kept_and_the_sums_are_right(steps in steps()) {
        let mut board = Board::new(LIMITS);
        board.scanned(&[], START);
        let mut now = START;
        let mut flying: Vec<EndpointId> = Vec::new();
        let mut queued: BTreeMap<EndpointId, usize> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Hint(n) => board.hint(id(n), now),
                Step::Admit(n) => {
                    *queued.entry(id(n)).or_default() += usize::from(board.admit(id(n), now));
                }
                Step::Claim(found) => {
                    let wants = board.wants(now);
                    let mut left = found;
                    let mut claimed = Claimed::default();
                    for want in &wants {
                        let count = want.count.min(left);
                        left -= count;
                        claimed.dispatches.extend(dispatches(want.endpoint, count));
                        *queued.entry(want.endpoint).or_default() += count;
                        if left == 0 {
                            claimed.waiting.push(waiting(want.endpoint, now));
                        }
                    }
                    board.claimed(&wants, Some(&claimed), now);
                }
                Step::End(which, how) => {
                    if !flying.is_empty() {
                        let endpoint = flying.swap_remove(which % flying.len());
                        let seen = match how {
                            0 | 1 => answered(10, now),
                            2 => answered(3_000, now),
                            3 => failed(10, now),
                            _ => Observation::nothing(now),
                        };
                        end(&mut board, endpoint, &seen, now);
                    }
                }
                Step::Pass(millis) => now = now.after(Duration::from_millis(millis)),
                Step::Scan => board.scanned(&[waiting(id(1), now)], now),
                Step::Delete(n) => board.forget(id(n), now),
            }
            for (endpoint, count) in &mut queued {
                while *count > 0 {
                    match board.turn_of(*endpoint, now) {
                        Turn::Wait => break,
                        Turn::Depart => flying.push(*endpoint),
                        Turn::HandBack | Turn::Drop => {}
                    }
                    *count -= 1;
                }
            }
            prop_assert!(flying.len() <= LIMITS.in_flight);
            prop_assert!(board.ahead <= LIMITS.ahead());
            prop_assert_eq!(board.ahead, queued.values().sum::<usize>());
            prop_assert_eq!(board.in_flight, flying.len());
            let mut slow = 0;
            for (id, lane) in &board.lanes {
                let count = flying.iter().filter(|flying| *flying == id).count();
                prop_assert_eq!(lane.in_flight, count);
                prop_assert_eq!(lane.boarding, 0);
                prop_assert_eq!(lane.ahead, queued.get(id).copied().unwrap_or(0));
                prop_assert!(count <= LIMITS.per_endpoint);
                slow += if lane.slow { count } else { 0 };
            }
            prop_assert_eq!(board.slow_in_flight, slow);
        }
    }
}
