//! Deliveries: who is next, and when.

use std::collections::HashSet;
use std::time::Duration;

use sfumato_core::delivery::{Attempt, DeliveryLease, DeliveryState, Outcome, PhaseTimes};
use sfumato_core::event::EventStatus::{Sent, Started, Succeeded};
use sfumato_core::job::FencingToken;
use sfumato_core::store::{Finished, Want};
use sfumato_core::{EndpointId, StoreError};

use crate::{COURIER, LEASE, World};

pub async fn a_dispatch_carries_all_that_is_needed_to_send_it(world: World) {
    let client = world.client().await;
    let endpoint = world.endpoint(client.id).await;
    let job = world.submitted(client.id).await;
    let dispatch = world.dispatch().await;
    let lease = DeliveryLease {
        worker: COURIER,
        token: FencingToken(1),
    };
    assert_eq!((dispatch.lease, &dispatch.endpoint), (lease, &endpoint));
    assert_eq!(
        (dispatch.event.job, dispatch.event.sequence, dispatch.event.status),
        (job.id, 1, Sent)
    );
    let delivery = &dispatch.delivery;
    assert_eq!(
        (delivery.client, delivery.job, delivery.endpoint, delivery.event),
        (client.id, job.id, endpoint.id, dispatch.event.id)
    );
    assert_eq!(
        delivery.state,
        DeliveryState::Sending {
            lease,
            lease_expires_at: world.now().after(LEASE)
        }
    );
    assert_eq!(world.records(&job).await[0].delivery, *delivery);
}

/// Promise 3: the order of one job at one endpoint.
pub async fn only_the_first_open_delivery_of_a_job_goes_out(world: World) {
    let client = world.client().await;
    world.endpoint(client.id).await;
    world.succeeded(client.id).await;
    for expected in [Sent, Started, Succeeded] {
        let dispatch = world.dispatch().await;
        assert_eq!(dispatch.event.status, expected);
        assert!(world.dispatches().await.is_empty(), "the next waits for this one");
        let state = world.attempted(&dispatch, Outcome::Ok).await;
        assert_eq!(state, DeliveryState::Delivered { at: world.now() });
    }
    assert!(world.dispatches().await.is_empty());
    assert_eq!(world.next_due().await, None);
}

/// Promise 3: no other job waits.
pub async fn a_stuck_job_keeps_no_other_job_waiting(world: World) {
    let client = world.client().await;
    world.endpoint(client.id).await;
    let stuck = world.running(client.id).await;
    let dispatch = world.dispatch().await;
    world.attempted(&dispatch, Outcome::BadAck).await;
    let other = world.submitted(client.id).await;
    assert_eq!(world.dispatch().await.delivery.job, other.id);
    assert_eq!(
        world.history(&stuck).await,
        [(Sent, "pending"), (Started, "pending")]
    );
}

pub async fn a_stuck_endpoint_keeps_no_other_endpoint_waiting(world: World) {
    let client = world.client().await;
    let stuck = world.endpoint(client.id).await;
    let other = world.endpoint(client.id).await;
    let job = world.succeeded(client.id).await;
    let mut heard = Vec::new();
    for _ in 0..3 {
        for dispatch in world.dispatches().await {
            if dispatch.endpoint.id == other.id {
                world.attempted(&dispatch, Outcome::Ok).await;
                heard.push(dispatch.event.status);
            } else {
                assert_eq!(dispatch.endpoint.id, stuck.id);
            }
        }
    }
    assert_eq!(heard, [Sent, Started, Succeeded]);
    let open = |record: &&sfumato_core::store::DeliveryRecord| !record.delivery.state.is_closed();
    assert_eq!(world.records(&job).await.iter().filter(open).count(), 3);
}

pub async fn no_more_than_the_limit_is_claimed_oldest_first(world: World) {
    let client = world.client().await;
    world.endpoint(client.id).await;
    let mut jobs = Vec::new();
    for _ in 0..3 {
        jobs.push(world.submitted(client.id).await.id);
    }
    let claim = async |count| {
        let claimed = world.claim(count).await;
        let jobs: Vec<_> = claimed.iter().map(|d| d.delivery.job).collect();
        jobs
    };
    assert!(claim(0).await.is_empty());
    assert_eq!(claim(2).await, jobs[..2]);
    assert_eq!(claim(2).await, jobs[2..]);
}

pub async fn each_endpoint_is_claimed_what_is_wanted_of_it_and_the_rest_is_told(world: World) {
    let client = world.client().await;
    let endpoints = [
        world.endpoint(client.id).await.id,
        world.endpoint(client.id).await.id,
    ];
    for _ in 0..3 {
        world.submitted(client.id).await;
    }
    let unknown = EndpointId::new(&*world.clock, &*world.entropy);
    let wants = [(endpoints[0], 2), (unknown, 5), (endpoints[1], 5)];
    let wants = wants.map(|(endpoint, count)| Want { endpoint, count });
    let claimed = world
        .store
        .claim_deliveries(COURIER, &wants, LEASE)
        .await
        .unwrap();
    let of = |endpoint| {
        claimed
            .dispatches
            .iter()
            .filter(|d| d.endpoint.id == endpoint)
            .count()
    };
    assert_eq!((of(endpoints[0]), of(endpoints[1])), (2, 3));
    let [waiting] = claimed.waiting[..] else {
        panic!("{:?}", claimed.waiting);
    };
    assert_eq!(
        (waiting.endpoint, waiting.due, waiting.held),
        (endpoints[0], world.now(), false)
    );
}

pub async fn attempts_of_one_transaction_are_answered_each_on_its_own(world: World) {
    let client = world.client().await;
    let endpoint = world.endpoint(client.id).await;
    for _ in 0..3 {
        world.submitted(client.id).await;
    }
    let due = world.dispatches().await;
    let mut finished: Vec<_> = due
        .iter()
        .map(|dispatch| Finished {
            delivery: dispatch.delivery.id,
            lease: dispatch.lease,
            attempt: world.attempt(dispatch, Outcome::Connect),
            jitter: 0.5,
        })
        .collect();
    finished[1].lease.token = FencingToken(9);
    let answers = world.store.record_attempts(finished).await.unwrap();
    assert!(matches!(answers[..], [Ok(_), Err(StoreError::LeaseLost), Ok(_)]));
    assert_eq!(world.endpoint_now(&endpoint).await.health.consecutive_failures, 2);
}

pub async fn attempts_are_kept_in_order(world: World) {
    let client = world.client().await;
    world.endpoint(client.id).await;
    let job = world.submitted(client.id).await;
    let mut made = Vec::new();
    for (outcome, status) in [
        (Outcome::TimeoutConnect, None),
        (Outcome::Status, Some(503)),
        (Outcome::Ok, Some(200)),
    ] {
        let dispatch = world.dispatch().await;
        let attempt = Attempt {
            status,
            response: status.map(|code| format!("answer {code}").into_bytes()),
            phases: PhaseTimes {
                connect_us: Some(1_100),
                headers_us: status.map(|_| 9_000),
                ..PhaseTimes::default()
            },
            ..world.attempt(&dispatch, outcome)
        };
        world.record(&dispatch, &attempt).await;
        made.push(attempt);
        world.pass(600);
    }
    let records = world.records(&job).await;
    assert_eq!(records[0].attempts, made);
    assert_eq!(records[0].delivery.attempts, 3);
}

pub async fn every_outcome_is_kept(world: World) {
    let client = world.client().await;
    world.endpoint(client.id).await;
    for outcome in Outcome::ALL {
        let job = world.submitted(client.id).await;
        let due = world.dispatches().await;
        let dispatch = due.iter().find(|d| d.delivery.job == job.id).unwrap();
        world.attempted(dispatch, outcome).await;
        assert_eq!(world.records(&job).await[0].attempts[0].outcome, outcome);
    }
}

/// Promise 8.
pub async fn a_failing_delivery_follows_the_schedule_until_it_expires(world: World) {
    let client = world.client().await;
    world.endpoint(client.id).await;
    let job = world.submitted(client.id).await;
    let mut waits = Vec::new();
    loop {
        let dispatch = world.dispatch().await;
        match world.attempted(&dispatch, Outcome::Connect).await {
            DeliveryState::Pending { not_before } => {
                assert_eq!(world.next_due().await, Some(not_before));
                waits.push(not_before.since(world.now()).as_secs());
                world.clock.set(not_before.before(Duration::from_micros(1)));
                assert!(world.dispatches().await.is_empty());
                world.clock.set(not_before);
            }
            state => {
                assert_eq!(state, DeliveryState::Expired { at: world.now() });
                break;
            }
        }
    }
    assert_eq!(waits[..6], [5, 30, 120, 600, 1800, 3600]);
    assert_eq!(waits.len(), 15);
    assert_eq!(world.history(&job).await, [(Sent, "expired")]);
    assert!(world.dispatches().await.is_empty());
}

pub async fn what_follows_an_expired_delivery_goes_out(world: World) {
    let client = world.client().await;
    world.endpoint(client.id).await;
    world.running(client.id).await;
    world.pass(7 * 86_400);
    let dispatch = world.dispatch().await;
    let state = world.attempted(&dispatch, Outcome::Dns).await;
    assert_eq!(state, DeliveryState::Expired { at: world.now() });
    assert_eq!(world.dispatch().await.event.status, Started);
}

/// Promise 4.
pub async fn a_failing_intermediate_status_is_superseded_by_the_terminal_one(world: World) {
    let client = world.client().await;
    world.endpoint(client.id).await;
    let running = world.running(client.id).await;
    let sent = world.dispatch().await;
    world.attempted(&sent, Outcome::Ok).await;
    let started = world.dispatch().await;
    world.attempted(&started, Outcome::Connect).await;
    world.finish(&running, world.success()).await;
    assert_eq!(
        world.history(&running).await,
        [
            (Sent, "delivered"),
            (Started, "superseded"),
            (Succeeded, "pending")
        ]
    );
    assert_eq!(
        world.dispatch().await.event.status,
        Succeeded,
        "the terminal one goes next, and at once"
    );
}

pub async fn an_intermediate_status_that_fails_after_the_terminal_one_exists_is_superseded(world: World) {
    let client = world.client().await;
    world.endpoint(client.id).await;
    let running = world.running(client.id).await;
    let sent = world.dispatch().await;
    world.finish(&running, world.success()).await;
    assert_eq!(
        world.history(&running).await[0],
        (Sent, "sending"),
        "what is on its way is not closed"
    );
    let state = world.attempted(&sent, Outcome::Connect).await;
    assert_eq!(state, DeliveryState::Superseded { at: world.now() });
    assert_eq!(
        world.history(&running).await[1],
        (Started, "superseded"),
        "the terminal one goes next"
    );
    assert_eq!(world.dispatch().await.event.status, Succeeded);
}

pub async fn a_terminal_status_is_never_superseded(world: World) {
    let client = world.client().await;
    world.endpoint(client.id).await;
    let job = world.succeeded(client.id).await;
    for _ in 0..2 {
        let dispatch = world.dispatch().await;
        world.attempted(&dispatch, Outcome::Ok).await;
    }
    for _ in 0..5 {
        let dispatch = world.dispatch().await;
        assert_eq!(dispatch.event.status, Succeeded);
        world.attempted(&dispatch, Outcome::Connect).await;
        world.pass(86_400 / 4);
    }
    assert_eq!(world.history(&job).await[2], (Succeeded, "pending"));
}

/// Promise 7.
pub async fn retry_after_pauses_the_whole_endpoint(world: World) {
    let client = world.client().await;
    let endpoint = world.endpoint(client.id).await;
    let other = world.endpoint(client.id).await;
    world.submitted(client.id).await;
    let until = world.now().after(Duration::from_secs(60));
    for dispatch in world.dispatches().await {
        if dispatch.endpoint.id == endpoint.id {
            let attempt = Attempt {
                status: Some(429),
                retry_after: Some(until),
                ..world.attempt(&dispatch, Outcome::Status)
            };
            world.record(&dispatch, &attempt).await;
        } else {
            world.attempted(&dispatch, Outcome::Ok).await;
        }
    }
    let health = world.endpoint_now(&endpoint).await.health;
    assert_eq!(health.paused_until, Some(until));
    let job = world.submitted(client.id).await;
    let dispatch = world.dispatch().await;
    assert_eq!(dispatch.endpoint.id, other.id);
    world.attempted(&dispatch, Outcome::Ok).await;
    assert_eq!(world.next_due().await, Some(until));
    world.clock.set(until.before(Duration::from_micros(1)));
    assert!(world.dispatches().await.is_empty());
    world.clock.set(until);
    let due: HashSet<_> = world.dispatches().await.iter().map(|d| d.delivery.job).collect();
    assert_eq!(due.len(), 2);
    assert!(due.contains(&job.id));
}

pub async fn the_next_delivery_is_due_when_the_first_of_all_endpoints_is(world: World) {
    let client = world.client().await;
    world.endpoint(client.id).await;
    world.submitted(client.id).await;
    assert_eq!(world.next_due().await, Some(world.now()));
    let dispatch = world.dispatch().await;
    assert_eq!(world.next_due().await, None);
    world.attempted(&dispatch, Outcome::Connect).await;
    let retry = world.now().after(Duration::from_secs(5));
    assert_eq!(world.next_due().await, Some(retry));
    let neighbour = world.client().await;
    world.endpoint(neighbour.id).await;
    world.submitted(neighbour.id).await;
    assert_eq!(world.next_due().await, Some(world.now()));
}

pub async fn after_a_recovery_everything_that_waits_is_pulled_forward(world: World) {
    let client = world.client().await;
    let endpoint = world.endpoint(client.id).await;
    let other = world.endpoint(client.id).await;
    let mut waiting = HashSet::new();
    for _ in 0..7 {
        waiting.insert(world.submitted(client.id).await.id);
    }
    for seconds in [0, 70] {
        world.pass(seconds);
        for dispatch in world.dispatches().await {
            world.attempted(&dispatch, Outcome::Connect).await;
        }
    }
    let fresh = world.submitted(client.id).await;
    let mut due = world.dispatches().await;
    due.retain(|dispatch| dispatch.endpoint.id == endpoint.id);
    assert_eq!(due[0].delivery.job, fresh.id, "the others wait for half a minute");
    world.attempted(&due[0], Outcome::Ok).await;
    // Ramped: every success pulls two forward.
    let mut at_once = Vec::new();
    let mut pulled = HashSet::new();
    loop {
        let next = world.dispatches().await;
        if next.is_empty() {
            break;
        }
        at_once.push(next.len());
        for dispatch in next {
            assert_ne!(dispatch.endpoint.id, other.id);
            pulled.insert(dispatch.delivery.job);
            world.attempted(&dispatch, Outcome::Ok).await;
        }
    }
    assert_eq!(pulled, waiting);
    assert_eq!(at_once, [2, 4, 1]);
    let health = world.endpoint_now(&endpoint).await.health;
    assert_eq!(health.recovering_since, None);
}

pub async fn what_fails_again_after_a_recovery_keeps_its_schedule(world: World) {
    let client = world.client().await;
    world.endpoint(client.id).await;
    for _ in 0..2 {
        world.submitted(client.id).await;
    }
    for seconds in [0, 70] {
        world.pass(seconds);
        for dispatch in world.dispatches().await {
            world.attempted(&dispatch, Outcome::Connect).await;
        }
    }
    world.submitted(client.id).await;
    let fresh = world.dispatch().await;
    world.attempted(&fresh, Outcome::Ok).await;
    world.pass(1);
    let pulled = world.dispatches().await;
    assert_eq!(pulled.len(), 2);
    world.attempted(&pulled[0], Outcome::Connect).await;
    world.attempted(&pulled[1], Outcome::Ok).await;
    assert!(
        world.dispatches().await.is_empty(),
        "it was tried after the endpoint came back"
    );
}

pub async fn a_delivery_that_is_refused_among_successes_keeps_its_schedule(world: World) {
    let client = world.client().await;
    world.endpoint(client.id).await;
    let refused = world.submitted(client.id).await;
    for _ in 0..3 {
        for dispatch in world.dispatches().await {
            let outcome = if dispatch.delivery.job == refused.id {
                Outcome::BadAck
            } else {
                Outcome::Ok
            };
            world.attempted(&dispatch, outcome).await;
        }
        world.submitted(client.id).await;
        world.pass(1);
    }
    let attempts = world.records(&refused).await[0].attempts.len();
    assert_eq!(
        attempts, 1,
        "the second is due after five seconds, whatever succeeds meanwhile"
    );
}

pub async fn a_success_without_failures_before_it_pulls_nothing_forward(world: World) {
    let client = world.client().await;
    let endpoint = world.endpoint(client.id).await;
    world.submitted(client.id).await;
    world.deliver_all().await;
    let health = world.endpoint_now(&endpoint).await.health;
    assert_eq!(health.last_success_at, Some(world.now()));
    assert_eq!(health.consecutive_failures, 0);
    assert_eq!(world.next_due().await, None);
}
