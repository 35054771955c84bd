//! Endpoints: their limit, their changes, and when they are held.

use std::time::Duration;

use sfumato_core::delivery::{Attempt, DeliveryState, Outcome};
use sfumato_core::endpoint::{
    ENDPOINTS_PER_CLIENT_MAX, Endpoint, EndpointHealth, EndpointState, HOLD_AFTER, HOLD_FAILURES_MIN,
    HoldReason, PROBE_INTERVAL, Warning, WebhookUrl,
};
use sfumato_core::event::EventStatus;
use sfumato_core::schedule::{DELIVERY_LIFETIME, OWN_FAULT_WAIT};
use sfumato_core::store::{Dispatch, EndpointChange};
use sfumato_core::{ClientId, EndpointId, StoreError};

use crate::{World, build};

const SWITCH_ON: EndpointChange = EndpointChange {
    url: None,
    active: Some(true),
    ack: None,
    description: None,
    keep_responses: None,
};

pub async fn endpoints_are_listed_oldest_first_to_their_client_alone(world: World) {
    let client = world.client().await;
    let stranger = world.client().await;
    let first = world.endpoint(client.id).await;
    let second = world.endpoint(client.id).await;
    assert_eq!(world.store.endpoints(client.id).await.unwrap(), [first, second]);
    assert!(world.store.endpoints(stranger.id).await.unwrap().is_empty());
}

pub async fn a_client_has_five_endpoints_at_most(world: World) {
    let client = world.client().await;
    let stranger = world.client().await;
    world.endpoint(stranger.id).await;
    let mut endpoints = Vec::new();
    for _ in 0..ENDPOINTS_PER_CLIENT_MAX {
        endpoints.push(world.endpoint(client.id).await);
    }
    let sixth = build::endpoint(client.id, &*world.clock, &*world.entropy);
    let refused = world.store.create_endpoint(&sixth).await;
    assert!(matches!(refused, Err(StoreError::LimitReached { max: 5, .. })));
    assert_eq!(world.store.endpoints(client.id).await.unwrap(), endpoints);
}

pub async fn deleted_endpoints_make_room_for_five_more(world: World) {
    let client = world.client().await;
    for _ in 0..2 {
        for _ in 0..ENDPOINTS_PER_CLIENT_MAX {
            world.endpoint(client.id).await;
        }
        for endpoint in world.store.endpoints(client.id).await.unwrap() {
            world.store.delete_endpoint(client.id, endpoint.id).await.unwrap();
        }
        assert!(world.store.endpoints(client.id).await.unwrap().is_empty());
    }
}

pub async fn a_deleted_endpoint_drops_what_is_open_and_keeps_its_history(world: World) {
    let client = world.client().await;
    let endpoint = world.endpoint(client.id).await;
    let job = world.submitted(client.id).await;
    world.deliver_all().await;
    let waiting = world.submitted(client.id).await;
    let running = world.claimed().await;
    assert_eq!(running.id, job.id);
    let on_its_way = world.dispatches().await;
    world.store.delete_endpoint(client.id, endpoint.id).await.unwrap();

    assert_eq!(
        world.history(&job).await,
        [
            (EventStatus::Sent, "delivered"),
            (EventStatus::Started, "dropped")
        ]
    );
    assert_eq!(world.history(&waiting).await, [(EventStatus::Sent, "dropped")]);
    assert_eq!(on_its_way.len(), 2);
    for dispatch in on_its_way {
        let attempt = world.attempt(&dispatch, Outcome::Ok);
        let late = world.recorded(&dispatch, &attempt).await;
        assert!(matches!(late, Err(StoreError::LeaseLost)));
    }
    world.finish(&running, world.success()).await;
    assert!(world.dispatches().await.is_empty());
    assert_eq!(world.next_due().await, None);
}

pub async fn a_deleted_endpoint_leaves_the_others_alone(world: World) {
    let client = world.client().await;
    let deleted = world.endpoint(client.id).await;
    let kept = world.endpoint(client.id).await;
    world.submitted(client.id).await;
    world.store.delete_endpoint(client.id, deleted.id).await.unwrap();
    let dispatch = world.dispatch().await;
    assert_eq!(dispatch.endpoint, kept);
    assert_eq!(world.store.endpoints(client.id).await.unwrap(), [kept]);
}

async fn assert_does_not_exist(world: &World, client: ClientId, endpoint: EndpointId) {
    let updated = world.store.update_endpoint(client, endpoint, SWITCH_ON).await;
    assert!(matches!(updated, Err(StoreError::NotFound { .. })), "{updated:?}");
    let deleted = world.store.delete_endpoint(client, endpoint).await;
    assert!(matches!(deleted, Err(StoreError::NotFound { .. })), "{deleted:?}");
}

pub async fn an_endpoint_exists_for_its_client_alone_and_until_it_is_deleted(world: World) {
    let client = world.client().await;
    let stranger = world.client().await;
    let endpoint = world.endpoint(client.id).await;
    world.pass(1);
    assert_does_not_exist(&world, stranger.id, endpoint.id).await;
    let made_up = EndpointId::new(&*world.clock, &*world.entropy);
    assert_does_not_exist(&world, client.id, made_up).await;
    assert_eq!(world.endpoint_now(&endpoint).await, endpoint);
    world.store.delete_endpoint(client.id, endpoint.id).await.unwrap();
    assert_does_not_exist(&world, client.id, endpoint.id).await;
}

pub async fn an_endpoint_of_a_client_that_does_not_exist_is_refused(world: World) {
    let nobody = build::client(&*world.clock, &*world.entropy);
    let endpoint = build::endpoint(nobody.id, &*world.clock, &*world.entropy);
    let refused = world.store.create_endpoint(&endpoint).await;
    assert!(matches!(refused, Err(StoreError::Unavailable { .. })));
}

pub async fn a_change_leaves_what_it_does_not_name(world: World) {
    let client = world.client().await;
    let endpoint = world.endpoint(client.id).await;
    let url = WebhookUrl::from_judged("https://other.example/");
    for (change, state) in [
        (
            EndpointChange {
                url: Some(url.clone()),
                ..EndpointChange::default()
            },
            EndpointState::Active,
        ),
        (
            EndpointChange {
                active: Some(false),
                ..EndpointChange::default()
            },
            EndpointState::Disabled,
        ),
        (SWITCH_ON, EndpointState::Active),
    ] {
        world.pass(1);
        let changed = world
            .store
            .update_endpoint(client.id, endpoint.id, change)
            .await
            .unwrap();
        let expected = Endpoint {
            url: url.clone(),
            state,
            updated_at: world.now(),
            ..endpoint.clone()
        };
        assert_eq!(changed, expected);
        assert_eq!(world.endpoint_now(&endpoint).await, expected);
    }
}

/// An attempt that is answered with 410.
fn gone(world: &World, dispatch: &Dispatch) -> Attempt {
    Attempt {
        status: Some(410),
        ..world.attempt(dispatch, Outcome::Status)
    }
}

/// A client and its endpoint, which has been held just now; two jobs' deliveries wait, the older one tried once.
async fn held(world: &World) -> (ClientId, Endpoint, [sfumato_core::Job; 2]) {
    let client = world.client().await.id;
    let endpoint = world.endpoint(client).await;
    let jobs = [world.submitted(client).await, world.submitted(client).await];
    let dispatches = world.claim(1).await;
    assert_eq!(dispatches[0].delivery.job, jobs[0].id);
    world.record(&dispatches[0], &gone(world, &dispatches[0])).await;
    (client, endpoint, jobs)
}

/// Promise 7: 410 holds at once.
pub async fn an_endpoint_that_is_gone_is_held_at_once(world: World) {
    let (_, endpoint, _) = held(&world).await;
    let now = world.endpoint_now(&endpoint).await;
    assert_eq!(
        now.state,
        EndpointState::Held {
            since: world.now(),
            reason: HoldReason::Gone,
            next_probe_at: world.now().after(PROBE_INTERVAL)
        }
    );
    assert_eq!(now.health.consecutive_failures, 1);
}

/// Promise 9.
pub async fn an_endpoint_is_held_after_many_failures_and_days(world: World) {
    let client = world.client().await;
    let endpoint = world.endpoint(client.id).await;
    let failures = async |count: u32| {
        for _ in 0..count {
            let job = world.submitted(client.id).await;
            let mut due = world.dispatches().await;
            due.retain(|dispatch| dispatch.delivery.job == job.id);
            world.attempted(&due[0], Outcome::TimeoutTotal).await;
        }
    };
    failures(HOLD_FAILURES_MIN + 5).await;
    let now = world.endpoint_now(&endpoint).await;
    assert_eq!(now.state, EndpointState::Active, "three days have not passed");
    assert_eq!(now.health.consecutive_failures, HOLD_FAILURES_MIN + 5);

    world.clock.advance(HOLD_AFTER);
    failures(1).await;
    let now = world.endpoint_now(&endpoint).await;
    assert!(matches!(
        now.state,
        EndpointState::Held {
            reason: HoldReason::Failing,
            ..
        }
    ));
}

/// Promise 9.
pub async fn a_held_endpoint_gets_one_probe_an_hour(world: World) {
    let (client, endpoint, jobs) = held(&world).await;
    world.clock.advance(PROBE_INTERVAL - Duration::from_micros(1));
    assert!(world.dispatches().await.is_empty());
    world.clock.advance(Duration::from_micros(1));
    let probe = world.dispatch().await;
    assert_eq!(probe.delivery.job, jobs[0].id, "the oldest is the probe");
    let next_probe_at = world.now().after(PROBE_INTERVAL);
    let EndpointState::Held {
        next_probe_at: at, ..
    } = world.endpoint_now(&endpoint).await.state
    else {
        panic!("a probe on its way releases nothing")
    };
    assert_eq!(at, next_probe_at);
    world.submitted(client).await;
    assert!(world.dispatches().await.is_empty());

    world.attempted(&probe, Outcome::Connect).await;
    assert!(world.dispatches().await.is_empty());
    assert_eq!(world.next_due().await, Some(next_probe_at));
    world.clock.set(next_probe_at);
    assert_eq!(world.dispatch().await.delivery.job, jobs[0].id);
}

/// Promise 9: a delivery whose schedule has no further place before its lifetime ends waits for the whole of it.
pub async fn a_probe_that_fails_late_does_not_shorten_what_waits(world: World) {
    let (_, endpoint, jobs) = held(&world).await;
    world
        .clock
        .advance(DELIVERY_LIFETIME - Duration::from_secs(7_200));
    let probe = world.dispatch().await;
    assert_eq!(probe.delivery.job, jobs[0].id);
    let state = world.attempted(&probe, Outcome::Connect).await;
    assert!(matches!(state, DeliveryState::Pending { .. }), "{state:?}");
    world.clock.advance(PROBE_INTERVAL);
    let probe = world.dispatch().await;
    world.attempted(&probe, Outcome::Ok).await;
    assert_eq!(world.endpoint_now(&endpoint).await.state, EndpointState::Active);
}

/// Promise 9: told beforehand, once each.
pub async fn the_client_is_told_of_a_failing_endpoint_before_it_is_held(world: World) {
    let client = world.client().await;
    let endpoint = world.endpoint(client.id).await;
    world.submitted(client.id).await;
    let began = world.now();
    let mut told = Vec::new();
    while world.endpoint_now(&endpoint).await.state.is_active() {
        world.submitted(client.id).await;
        for dispatch in world.dispatches().await {
            let attempt = world.attempt(&dispatch, Outcome::Connect);
            let recorded = world.recorded(&dispatch, &attempt).await.unwrap();
            told.extend(
                recorded
                    .warning
                    .map(|warning| (warning, world.now().since(began).as_secs() / 3_600)),
            );
        }
        world.pass(3_599);
    }
    assert_eq!(
        told,
        [(Warning::Hour, 1), (Warning::Day, 24), (Warning::LastHalfDay, 60)]
    );
}

/// "Our own faults spend no attempt".
pub async fn a_fault_of_ours_changes_neither_schedule_nor_health(world: World) {
    let client = world.client().await;
    let endpoint = world.endpoint(client.id).await;
    let job = world.submitted(client.id).await;
    let dispatch = world.dispatch().await;
    let attempt = Attempt {
        ours: true,
        ..world.attempt(&dispatch, Outcome::Dns)
    };
    let state = world.record(&dispatch, &attempt).await;
    let not_before = world.now().after(OWN_FAULT_WAIT);
    assert_eq!(state, DeliveryState::Pending { not_before });
    assert_eq!(world.endpoint_now(&endpoint).await.health, endpoint.health);
    let records = world.records(&job).await;
    assert_eq!(records[0].attempts, [attempt]);
    assert_eq!(
        (records[0].delivery.attempts, records[0].delivery.failures),
        (0, 0)
    );
}

/// A manual resend acts also where the endpoint is held or paused.
pub async fn what_a_person_asks_for_goes_out_of_a_hold(world: World) {
    let (client, endpoint, jobs) = held(&world).await;
    let wanted = world.records(&jobs[1]).await[0].delivery.id;
    world.store.resend_delivery(client, wanted).await.unwrap();
    let dispatch = world.dispatch().await;
    assert_eq!(dispatch.delivery.id, wanted);
    world.attempted(&dispatch, Outcome::Connect).await;
    assert!(world.dispatches().await.is_empty(), "it was asked for once");
    assert!(!world.endpoint_now(&endpoint).await.state.is_active());
}

pub async fn what_waits_where_nobody_calls_expires_with_time(world: World) {
    let client = world.client().await;
    let endpoint = world.endpoint(client.id).await;
    let job = world.submitted(client.id).await;
    let off = EndpointChange {
        active: Some(false),
        ..EndpointChange::default()
    };
    world
        .store
        .update_endpoint(client.id, endpoint.id, off)
        .await
        .unwrap();
    world.clock.advance(DELIVERY_LIFETIME);
    world.store.reap().await.unwrap();
    assert_eq!(world.history(&job).await, [(EventStatus::Sent, "pending")]);
    world.pass(1);
    world.store.reap().await.unwrap();
    assert_eq!(world.history(&job).await, [(EventStatus::Sent, "expired")]);
}

pub async fn a_probe_that_is_on_its_way_is_the_only_one(world: World) {
    held(&world).await;
    world.clock.advance(PROBE_INTERVAL);
    world.dispatch().await;
    world.clock.advance(PROBE_INTERVAL);
    assert!(world.dispatches().await.is_empty());
}

pub async fn a_probe_goes_out_before_its_delivery_is_due(world: World) {
    let client = world.client().await;
    world.endpoint(client.id).await;
    world.submitted(client.id).await;
    // After the seventh failure the schedule waits for two hours.
    for _ in 0..7 {
        world.clock.set(world.next_due().await.unwrap());
        let dispatch = world.dispatch().await;
        let attempt = if dispatch.delivery.attempts == 6 {
            gone(&world, &dispatch)
        } else {
            world.attempt(&dispatch, Outcome::Connect)
        };
        world.record(&dispatch, &attempt).await;
    }
    world.clock.advance(PROBE_INTERVAL);
    assert_eq!(world.dispatch().await.delivery.attempts, 7);
}

/// Promise 9.
pub async fn a_successful_probe_releases_the_endpoint_and_all_that_waits(world: World) {
    let (client, endpoint, jobs) = held(&world).await;
    let meanwhile = world.submitted(client).await;
    world.clock.advance(PROBE_INTERVAL);
    let probe = world.dispatch().await;
    let state = world.attempted(&probe, Outcome::Ok).await;
    assert_eq!(state, DeliveryState::Delivered { at: world.now() });
    let now = world.endpoint_now(&endpoint).await;
    assert_eq!(now.state, EndpointState::Active);
    assert_eq!(
        now.health,
        EndpointHealth {
            last_success_at: Some(world.now()),
            ..EndpointHealth::default()
        }
    );
    let drained: Vec<_> = world.dispatches().await.iter().map(|d| d.delivery.job).collect();
    assert_eq!(drained, [jobs[1].id, meanwhile.id]);
}

pub async fn switching_a_held_endpoint_on_releases_it_at_once(world: World) {
    let (client, endpoint, jobs) = held(&world).await;
    let now = world
        .store
        .update_endpoint(client, endpoint.id, SWITCH_ON)
        .await
        .unwrap();
    assert_eq!(now.state, EndpointState::Active);
    assert_eq!(now.health, EndpointHealth::default());
    let mut due: Vec<_> = world.dispatches().await.iter().map(|d| d.delivery.job).collect();
    due.sort();
    assert_eq!(due, jobs.map(|job| job.id));
}

pub async fn a_new_url_alone_does_not_release_a_held_endpoint(world: World) {
    let (client, endpoint, _) = held(&world).await;
    let change = EndpointChange {
        url: Some(WebhookUrl::from_judged("https://other.example/")),
        ..EndpointChange::default()
    };
    let now = world
        .store
        .update_endpoint(client, endpoint.id, change)
        .await
        .unwrap();
    assert!(matches!(now.state, EndpointState::Held { .. }));
    assert!(world.dispatches().await.is_empty());
}

pub async fn a_late_success_does_not_switch_an_endpoint_on(world: World) {
    let client = world.client().await;
    let endpoint = world.endpoint(client.id).await;
    world.submitted(client.id).await;
    let on_its_way = world.dispatch().await;
    let change = EndpointChange {
        active: Some(false),
        ..EndpointChange::default()
    };
    world
        .store
        .update_endpoint(client.id, endpoint.id, change)
        .await
        .unwrap();
    world.attempted(&on_its_way, Outcome::Ok).await;
    assert_eq!(world.endpoint_now(&endpoint).await.state, EndpointState::Disabled);
}
