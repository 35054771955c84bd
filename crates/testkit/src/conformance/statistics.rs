//! Numbers: they always are what counting would give.

use std::collections::BTreeSet;
use std::time::Duration;

use sfumato_core::delivery::{Attempt, Outcome};
use sfumato_core::job::{FailureClass, JobState, NewRevision, Priority};
use sfumato_core::store::{
    AttemptActivity, EndpointChange, EndpointCounts, JobActivity, JobCounts, JobFilter, STATISTICS_KEPT,
    StoreError, Stretches, Totals,
};
use sfumato_core::{Client, EndpointId, JobId, Scope};

use crate::World;

async fn totals(world: &World, scope: Scope) -> Totals {
    world.store.totals(scope).await.unwrap()
}

/// The same, by looking at every job.
async fn counted(world: &World, scope: Scope) -> Totals {
    let page = world
        .store
        .jobs(scope, &JobFilter::default(), None, 1_000)
        .await
        .unwrap();
    assert_eq!(page.next, None);
    let mut totals = Totals::default();
    let mut uploads = BTreeSet::new();
    for job in page.jobs.iter().rev() {
        if job.original_kept && uploads.insert(job.upload.id) {
            totals.original_bytes += job.upload.bytes;
        }
        let jobs = &mut totals.jobs;
        match &job.state {
            JobState::Queued { .. } => {
                jobs.queued += 1;
                totals.waiting_since = totals.waiting_since.or(Some(job.created_at));
            }
            JobState::Running { .. } => {
                jobs.running += 1;
                totals.workers = 1;
            }
            JobState::Failed { .. } => jobs.failed += 1,
            JobState::Cancelled { .. } => jobs.cancelled += 1,
            JobState::Succeeded { result, .. } => {
                jobs.succeeded += 1;
                totals.result_bytes += result.bytes + result.document.map_or(0, |(bytes, _)| bytes);
                totals.faces += u64::from(result.faces);
                totals.plates += u64::from(result.plates);
            }
            JobState::Expired { result, .. } => {
                jobs.expired += 1;
                totals.faces += u64::from(result.faces);
                totals.plates += u64::from(result.plates);
            }
        }
    }
    totals
}

pub async fn totals_follow_jobs_through_their_states(world: World) {
    let client = world.client().await;
    let scope = Scope::Client(client.id);
    assert_eq!(totals(&world, scope).await, Totals::default());
    let waiting = world.submitted(client.id).await;
    let seen = totals(&world, scope).await;
    assert_eq!(seen.waiting_since, Some(waiting.created_at));
    assert_eq!((seen.jobs.queued, seen.original_bytes), (1, 1_000));
    let running = world.claimed().await;
    let seen = totals(&world, scope).await;
    assert_eq!((seen.jobs.queued, seen.jobs.running, seen.workers), (0, 1, 1));
    assert_eq!(seen.waiting_since, None);
    let done = world.finish(&running, world.success()).await;
    let seen = totals(&world, scope).await;
    assert_eq!(
        (seen.jobs.succeeded, seen.result_bytes, seen.faces),
        (1, 1_020, 1)
    );
    world.pass(1);
    delete_originals(&world, 10).await;
    world.store.upload_deleted(done.id).await.unwrap();
    world.store.expire_results(world.now(), 10).await.unwrap();
    let expected = Totals {
        jobs: JobCounts {
            expired: 1,
            ..JobCounts::default()
        },
        faces: 1,
        ..Totals::default()
    };
    assert_eq!(totals(&world, scope).await, expected);
    assert_eq!(totals(&world, Scope::All).await, expected);
}

/// Deletes up to `limit` originals of jobs that finished before now.
async fn delete_originals(world: &World, limit: usize) {
    for (job, _) in world.store.retire_uploads(world.now(), limit).await.unwrap() {
        world.store.upload_deleted(job).await.unwrap();
    }
}

/// One step of a job's life, by a number that is drawn; whatever cannot happen now is left out.
async fn step(world: &World, clients: &[Client], drawn: u8) {
    let client = clients[usize::from(drawn / 16) % clients.len()].id;
    match drawn % 16 {
        0..=4 => drop(world.submitted(client).await),
        5..=9 => {
            for job in world
                .store
                .claim_jobs(
                    crate::WORKER,
                    sfumato_core::store::JobLimits::both(1),
                    crate::LEASE,
                )
                .await
                .unwrap()
            {
                let outcome = match drawn / 16 % 4 {
                    0 => world.failure(FailureClass::Input),
                    1 => world.failure(FailureClass::Transient),
                    2 => continue,
                    _ => world.success(),
                };
                world.finish(&job, outcome).await;
            }
        }
        10 => {
            let every = JobFilter::default();
            let newest = world.store.jobs(Scope::Client(client), &every, None, 1);
            for job in newest.await.unwrap().jobs {
                world.store.cancel_job(client, job.id).await.unwrap();
                // Refused where the original is gone.
                let revision = NewRevision {
                    id: JobId::new(&*world.clock, &*world.entropy),
                    options: job.options.clone(),
                    source: job.source,
                    priority: Priority::Normal,
                    once: None,
                };
                drop(world.store.submit_revision(client, job.id, revision).await);
            }
        }
        11 => drop(world.store.reap().await.unwrap()),
        12 => delete_originals(world, 2).await,
        13 => drop(world.store.expire_results(world.now(), 2).await.unwrap()),
        14 => {
            let every = JobFilter::default();
            let newest = world.store.jobs(Scope::Client(client), &every, None, 3);
            for job in newest.await.unwrap().jobs {
                // Refused where the job has not finished.
                if world
                    .store
                    .discard(client, job.id)
                    .await
                    .is_ok_and(|files| files.upload.is_some())
                {
                    world.store.upload_deleted(job.id).await.unwrap();
                }
            }
        }
        _ => world.pass(1_000),
    }
}

pub async fn totals_are_what_counting_every_job_gives(world: World) {
    let clients = [world.client().await, world.client().await];
    let begin = world.now();
    for round in 0..12 {
        for drawn in sfumato_core::time::random::<25>(&*world.entropy) {
            step(&world, &clients, drawn).await;
        }
        for scope in [
            Scope::All,
            Scope::Client(clients[0].id),
            Scope::Client(clients[1].id),
        ] {
            let seen = totals(&world, scope).await;
            assert_eq!(seen, counted(&world, scope).await, "round {round} of {scope:?}");
            let hours = world.now().since(begin).as_secs() / 3_600 + 2;
            let stretches = Stretches::until(world.now(), 1, u32::try_from(hours).unwrap());
            let activity = world.store.job_activity(scope, stretches).await.unwrap();
            let sum = |of: fn(&JobActivity) -> u64| activity.iter().map(of).sum::<u64>();
            assert_eq!(sum(|hour| hour.submitted), seen.jobs.total());
            assert_eq!(
                sum(|hour| hour.succeeded),
                seen.jobs.succeeded + seen.jobs.expired
            );
            assert_eq!(sum(|hour| hour.failed), seen.jobs.failed);
            assert_eq!(sum(|hour| hour.cancelled), seen.jobs.cancelled);
            assert_eq!(sum(|hour| hour.faces), seen.faces);
        }
    }
    let seen = totals(&world, Scope::All).await;
    assert!(
        seen.jobs.expired > 0 && seen.jobs.failed > 0 && seen.jobs.cancelled > 0,
        "{seen:?}"
    );
}

pub async fn activity_is_told_stretch_by_stretch(world: World) {
    let [client, other] = [world.client().await, world.client().await];
    world.submitted(other.id).await;
    world.claim_all().await;
    let job = world.submitted(client.id).await;
    world.pass(10);
    let running = world.claimed().await;
    assert_eq!(running.id, job.id);
    world.pass(2 * 3_600);
    world
        .store
        .heartbeat(
            running.id,
            &crate::lease_of(&running),
            crate::LEASE,
            sfumato_core::job::Progress::of(0.5),
        )
        .await
        .unwrap();
    world.finish(&running, world.success()).await;
    let told = async |scope, hours, count| {
        let stretches = Stretches::until(world.now(), hours, count);
        world.store.job_activity(scope, stretches).await.unwrap()
    };
    let begun = JobActivity {
        submitted: 1,
        bytes_in: 1_000,
        ..JobActivity::default()
    };
    let ended = JobActivity {
        succeeded: 1,
        worked_on: 1,
        waited_ms: 10_000,
        worked_ms: 7_200_000,
        faces: 1,
        ..JobActivity::default()
    };
    let scope = Scope::Client(client.id);
    let none = JobActivity::default();
    assert_eq!(told(scope, 1, 3).await, [begun, none, ended]);
    let both = JobActivity {
        submitted: 1,
        bytes_in: 1_000,
        ..ended
    };
    assert_eq!(told(scope, 24, 2).await, [none, both]);
    assert_eq!(both.mean_wait(), Some(Duration::from_secs(10)));
    assert_eq!(both.mean_work(), Some(Duration::from_secs(7_200)));
    assert_eq!(told(Scope::All, 24, 1).await[0].submitted, 2);
    assert_eq!(told(Scope::Client(other.id), 24, 1).await[0].succeeded, 0);
}

async fn attempts(world: &World, client: &Client, endpoint: EndpointId) -> Vec<AttemptActivity> {
    let stretches = Stretches::until(world.now(), 1, 2);
    let told = world.store.attempt_activity(client.id, endpoint, stretches).await;
    told.unwrap()
}

pub async fn attempts_at_an_endpoint_are_counted_by_the_hour(world: World) {
    let [client, stranger] = [world.client().await, world.client().await];
    let endpoint = world.endpoint(client.id).await;
    for outcome in [Outcome::Connect, Outcome::Ok] {
        world.submitted(client.id).await;
        world.pass(60);
        for dispatch in world.dispatches().await {
            world.attempted(&dispatch, outcome).await;
        }
    }
    world.pass(3_600);
    world.submitted(client.id).await;
    world.deliver_all().await;
    let told = attempts(&world, &client, endpoint.id).await;
    assert_eq!((told[0].failed, told[0].delivered), (1, 2));
    assert_eq!((told[1].failed, told[1].delivered), (0, 1));
    assert_eq!(told[0].duration_ms, 36);
    assert_eq!(told[0].latency[2], 3, "12 ms lie between 10 and 25");
    let stretches = Stretches::until(world.now(), 1, 2);
    let refused = world
        .store
        .attempt_activity(stranger.id, endpoint.id, stretches)
        .await;
    assert!(matches!(refused, Err(StoreError::NotFound { .. })), "{refused:?}");
}

pub async fn attempts_that_say_nothing_of_the_endpoint_are_not_counted(world: World) {
    let client = world.client().await;
    let endpoint = world.endpoint(client.id).await;
    world.submitted(client.id).await;
    let dispatch = world.dispatch().await;
    let mut attempt = world.attempt(&dispatch, Outcome::Connect);
    attempt.ours = true;
    world.record(&dispatch, &attempt).await;
    world.pass(3_000);
    let dispatch = world.dispatch().await;
    world.attempted(&dispatch, Outcome::Cancelled).await;
    let told = attempts(&world, &client, endpoint.id).await;
    assert_eq!(told, [AttemptActivity::default(); 2]);
}

pub async fn endpoints_in_trouble_are_told_and_others_are_not(world: World) {
    let [client, other] = [world.client().await, world.client().await];
    let endpoint = world.endpoint(client.id).await;
    world.endpoint(other.id).await;
    let troubled = async |scope| {
        let told = world.store.troubled_endpoints(scope, 10).await.unwrap();
        told.into_iter().map(|endpoint| endpoint.id).collect::<Vec<_>>()
    };
    assert_eq!(troubled(Scope::All).await, []);
    world.submitted(client.id).await;
    let dispatch = world.dispatch().await;
    world.attempted(&dispatch, Outcome::Connect).await;
    assert_eq!(troubled(Scope::All).await, [endpoint.id]);
    assert_eq!(troubled(Scope::Client(client.id)).await, [endpoint.id]);
    assert_eq!(troubled(Scope::Client(other.id)).await, []);
    world.pass(3_000);
    world.deliver_all().await;
    assert_eq!(troubled(Scope::All).await, []);
}

pub async fn endpoints_are_counted_by_state(world: World) {
    let [client, other] = [world.client().await, world.client().await];
    let counts = async |scope| totals(&world, scope).await.endpoints;
    assert_eq!(counts(Scope::All).await, EndpointCounts::default());
    let endpoint = world.endpoint(client.id).await;
    let switched_off = world.endpoint(other.id).await;
    let change = EndpointChange {
        active: Some(false),
        ..EndpointChange::default()
    };
    world
        .store
        .update_endpoint(other.id, switched_off.id, change)
        .await
        .unwrap();
    let mut expected = EndpointCounts {
        active: 1,
        disabled: 1,
        ..EndpointCounts::default()
    };
    assert_eq!(counts(Scope::All).await, expected);
    world.submitted(client.id).await;
    let dispatch = world.dispatch().await;
    world.attempted(&dispatch, Outcome::Connect).await;
    (expected.active, expected.failing) = (0, 1);
    assert_eq!(counts(Scope::All).await, expected);
    world.pass(3_600);
    let dispatch = world.dispatch().await;
    let gone = Attempt {
        status: Some(410),
        ..world.attempt(&dispatch, Outcome::Status)
    };
    world.record(&dispatch, &gone).await;
    (expected.failing, expected.held) = (0, 1);
    assert_eq!(counts(Scope::All).await, expected);
    assert_eq!(counts(Scope::Client(client.id)).await.held, 1);
    world.store.delete_endpoint(client.id, endpoint.id).await.unwrap();
    expected.held = 0;
    assert_eq!(counts(Scope::All).await, expected);
}

pub async fn old_hours_are_forgotten(world: World) {
    let client = world.client().await;
    let endpoint = world.endpoint(client.id).await;
    world.submitted(client.id).await;
    world.deliver_all().await;
    let then = Stretches::until(world.now(), 1, 1);
    world.clock.advance(STATISTICS_KEPT);
    world.pass(7_200);
    assert_eq!(world.store.prune(then.since).await.unwrap(), 2);
    let told = world.store.job_activity(Scope::All, then).await.unwrap();
    assert_eq!(told, [JobActivity::default()]);
    let told = world
        .store
        .attempt_activity(client.id, endpoint.id, then)
        .await
        .unwrap();
    assert_eq!(told, [AttemptActivity::default()]);
    assert_eq!(world.store.prune(then.since).await.unwrap(), 0);
    assert_eq!(
        totals(&world, Scope::All).await.jobs.queued,
        1,
        "what is there now stays counted"
    );
}
