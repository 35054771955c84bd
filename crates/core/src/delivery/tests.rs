use std::time::Duration;

use uuid::Uuid;

use super::*;

fn delivery(attempts: u32) -> Delivery {
    Delivery {
        id: DeliveryId::from_uuid(Uuid::nil()),
        event: EventId::from_uuid(Uuid::nil()),
        client: ClientId::from_uuid(Uuid::nil()),
        job: JobId::from_uuid(Uuid::nil()),
        endpoint: EndpointId::from_uuid(Uuid::nil()),
        attempts,
        failures: attempts,
        created_at: Timestamp::from_seconds(0),
        opened_at: Timestamp::from_seconds(0),
        urgent: false,
        state: DeliveryState::Pending {
            not_before: Timestamp::from_seconds(0),
        },
    }
}

fn attempt(outcome: Outcome) -> Attempt {
    Attempt {
        id: AttemptId::from_uuid(Uuid::nil()),
        number: 1,
        started_at: Timestamp::from_seconds(0),
        duration_ms: 1,
        phases: PhaseTimes::default(),
        outcome,
        status: None,
        response: None,
        retry_after: None,
        ours: false,
    }
}

fn on(status: EventStatus, now: Timestamp) -> Circumstances {
    Circumstances {
        status,
        terminal_exists: false,
        held: false,
        now,
        jitter: 0.5,
    }
}

#[test]
fn promise_4_an_intermediate_status_that_fails_is_superseded_once_the_terminal_one_exists() {
    let now = Timestamp::from_seconds(10);
    let failed = attempt(Outcome::Connect);
    let after = |status, terminal_exists| {
        let circumstances = Circumstances {
            terminal_exists,
            ..on(status, now)
        };
        delivery(0).attempted(&failed, &circumstances).state
    };
    assert_eq!(
        after(EventStatus::Started, true),
        DeliveryState::Superseded { at: now }
    );
    let retry = DeliveryState::Pending {
        not_before: now.after(Duration::from_secs(5)),
    };
    assert_eq!(after(EventStatus::Started, false), retry);
    assert_eq!(
        after(EventStatus::Succeeded, true),
        retry,
        "a terminal event is never superseded"
    );
}

#[test]
fn our_own_stop_puts_the_delivery_back_at_once() {
    let now = Timestamp::from_seconds(10);
    let circumstances = Circumstances {
        terminal_exists: true,
        ..on(EventStatus::Sent, now)
    };
    let after = delivery(3).attempted(&attempt(Outcome::Cancelled), &circumstances);
    assert_eq!(after.state, DeliveryState::Pending { not_before: now });
    assert_eq!((after.attempts, after.failures), (3, 3));
}

#[test]
fn our_own_fault_spends_nothing_and_supersedes_nothing() {
    let now = Timestamp::from_seconds(10);
    let fault = Attempt {
        ours: true,
        ..attempt(Outcome::Dns)
    };
    let circumstances = Circumstances {
        terminal_exists: true,
        ..on(EventStatus::Sent, now)
    };
    let after = delivery(3).attempted(&fault, &circumstances);
    let not_before = now.after(OWN_FAULT_WAIT);
    assert_eq!(after.state, DeliveryState::Pending { not_before });
    assert_eq!((after.attempts, after.failures), (3, 3));
    let late = on(
        EventStatus::Sent,
        Timestamp::from_seconds(0).after(DELIVERY_LIFETIME),
    );
    let after = delivery(3).attempted(&fault, &late);
    assert_eq!(after.state, DeliveryState::Expired { at: late.now });
}

#[test]
fn promise_9_what_waits_at_a_held_endpoint_is_kept_for_the_whole_of_its_lifetime() {
    let failed = attempt(Outcome::Connect);
    let end = Timestamp::from_seconds(0).after(DELIVERY_LIFETIME);
    let held = |now| Circumstances {
        held: true,
        ..on(EventStatus::Succeeded, now)
    };
    let just_before = end.before(Duration::from_micros(1));
    let after = delivery(12).attempted(&failed, &held(just_before));
    assert_eq!(after.state, DeliveryState::Pending { not_before: end });
    assert_eq!(
        (after.attempts, after.failures),
        (13, 12),
        "a probe has a number and spends no place on the schedule"
    );
    let after = delivery(12).attempted(&failed, &held(end));
    assert_eq!(after.state, DeliveryState::Expired { at: end });
}

#[test]
fn a_resend_opens_every_delivery_that_is_not_on_its_way() {
    let now = Timestamp::from_seconds(800_000);
    let at = Timestamp::from_seconds(9);
    let lease = DeliveryLease {
        worker: WorkerId::from_uuid(Uuid::nil()),
        token: FencingToken(3),
    };
    let sending = DeliveryState::Sending {
        lease,
        lease_expires_at: at,
    };
    for (state, how) in [
        (DeliveryState::Pending { not_before: at }, Resend::AtOnce),
        (DeliveryState::Delivered { at }, Resend::AtOnce),
        (DeliveryState::Superseded { at }, Resend::InTurn),
        (DeliveryState::Expired { at }, Resend::AtOnce),
        (DeliveryState::Dropped { at }, Resend::InTurn),
    ] {
        let before = Delivery {
            state,
            ..delivery(16)
        };
        let after = before.clone().reopened(how, now);
        assert_eq!(after.state, DeliveryState::Pending { not_before: now });
        assert_eq!((after.id, after.attempts), (before.id, 16), "attempts count on");
        assert_eq!((after.failures, after.opened_at), (0, now), "a new schedule");
        assert_eq!(after.urgent, how == Resend::AtOnce);
    }
    let on_its_way = Delivery {
        state: sending,
        ..delivery(1)
    };
    assert_eq!(on_its_way.clone().reopened(Resend::AtOnce, now), on_its_way);
    let mut of_a_fast_clock = delivery(1);
    of_a_fast_clock.created_at = now.after(Duration::from_secs(3_600));
    let reopened = of_a_fast_clock.clone().reopened(Resend::AtOnce, now);
    assert_eq!(reopened.opened_at, of_a_fast_clock.created_at);
}

#[test]
fn every_outcome_has_one_name() {
    for outcome in Outcome::ALL {
        assert_eq!(outcome.as_str().parse(), Ok(outcome));
    }
}
