//! Several processes at once.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sfumato_core::delivery::Outcome;
use sfumato_core::event::EventStatus::{Failed, Succeeded};
use sfumato_core::job::{JobState, NewRevision, Priority};
use sfumato_core::policy::{ClientPolicy, Quotas};
use sfumato_core::store::{EndpointChange, Want};
use sfumato_core::{EventPosition, StoreError, WorkerId};
use sfumato_testkit::postgres::Database;
use sfumato_testkit::{LEASE, World, lease_of};
use tokio::task::JoinSet;

use crate::installation::Installation;
use crate::traffic::Traffic;

/// An installation and some of its processes. The database is dropped with the first value.
async fn processes(count: u64) -> (Database, Installation, Vec<Arc<World>>) {
    let database = Database::create();
    let installation = Installation::new(database.url()).await;
    let mut processes = Vec::new();
    for seed in 1..=count {
        processes.push(installation.process(seed).await);
    }
    (database, installation, processes)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn promise_3_a_chain_is_told_in_order_and_one_at_a_time_however_many_processes_tell_it() {
    let (_database, installation, processes) = processes(3).await;
    let world = &processes[0];
    let client = world.client().await.id;
    for _ in 0..2 {
        world.endpoint(client).await;
    }
    let traffic = Traffic::new(world, client, 24, false);
    traffic.run(&processes).await;
    assert_eq!(installation.chains_without_a_head().await, 0);
    for job in traffic.jobs() {
        let told = world.history(job).await;
        assert_eq!(told.len(), 6);
        assert_eq!(told[4..], [(Succeeded, "delivered"); 2]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_chain_keeps_a_head_when_its_head_is_closed_while_something_is_added() {
    let (_database, installation, processes) = processes(2).await;
    let [one, other] = &processes[..] else {
        panic!("two")
    };
    let client = one.client().await.id;
    one.endpoint(client).await;
    for _ in 0..25 {
        let job = one.running(client).await;
        one.attempted(&one.dispatch().await, Outcome::Ok).await;
        let started = one.dispatch().await;
        let lease = lease_of(&job);
        let finish = other.store.finish_job(job.id, &lease, other.success());
        let (finished, _) = tokio::join!(finish, one.attempted(&started, Outcome::Ok));
        finished.unwrap();
        assert_eq!(installation.chains_without_a_head().await, 0);
        let last = one.dispatch().await;
        assert_eq!(last.event.status, Succeeded);
        one.attempted(&last, Outcome::Ok).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn promise_12_a_reader_who_follows_misses_no_event_that_is_committed_late() {
    let (_database, _installation, processes) = processes(4).await;
    let client = processes[0].client().await.id;
    let over = Arc::new(AtomicBool::new(false));
    let mut writers = JoinSet::new();
    for world in &processes {
        for _ in 0..3 {
            let world = Arc::clone(world);
            writers.spawn(async move {
                for _ in 0..15 {
                    let job = world.unsubmitted(client);
                    world.store.submit(&job).await.unwrap();
                }
            });
        }
    }
    let (reader, ended) = (Arc::clone(&processes[1]), Arc::clone(&over));
    let reader = tokio::spawn(async move {
        let (mut followed, mut after) = (Vec::new(), EventPosition::START);
        loop {
            let is_last = ended.load(Ordering::SeqCst);
            let events = reader.store.events_after(client, after, 7).await.unwrap();
            after = events.last().map_or(after, |(position, _)| *position);
            if events.is_empty() && is_last {
                return followed;
            }
            followed.extend(events.into_iter().map(|(_, event)| event.id));
        }
    });
    while let Some(ended) = writers.join_next().await {
        ended.unwrap();
    }
    over.store(true, Ordering::SeqCst);
    let followed = reader.await.unwrap();
    let all = processes[0]
        .store
        .events_after(client, EventPosition::START, 1_000)
        .await;
    let all: Vec<_> = all.unwrap().into_iter().map(|(_, event)| event.id).collect();
    assert_eq!(all.len(), 180);
    assert_eq!(followed, all);
    assert_eq!(all.iter().collect::<HashSet<_>>().len(), 180);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_held_endpoint_gets_one_probe_however_many_processes_would_send_it() {
    let (_database, _installation, processes) = processes(4).await;
    let world = &processes[0];
    let client = world.client().await.id;
    let endpoint = world.endpoint(client).await;
    for _ in 0..3 {
        world.submitted(client).await;
    }
    let first = world.claim(1).await.remove(0);
    let gone = sfumato_core::Attempt {
        status: Some(410),
        ..world.attempt(&first, Outcome::Status)
    };
    world.record(&first, &gone).await;
    world.pass(3_600);
    let mut couriers = JoinSet::new();
    for world in &processes {
        for _ in 0..2 {
            let (world, endpoint) = (Arc::clone(world), endpoint.id);
            couriers.spawn(async move {
                let courier = WorkerId::new(&*world.clock, &*world.entropy);
                let want = Want { endpoint, count: 5 };
                let claimed = world.store.claim_deliveries(courier, &[want], LEASE).await;
                claimed.unwrap().dispatches.len()
            });
        }
    }
    assert_eq!(couriers.join_all().await.into_iter().sum::<usize>(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_quota_holds_against_many_processes_at_once() {
    let (_database, _installation, processes) = processes(4).await;
    let client = processes[0].client().await;
    let policy = ClientPolicy {
        quotas: Quotas {
            jobs_waiting_max: Some(5),
            ..Quotas::default()
        },
        ..ClientPolicy::default()
    };
    processes[0]
        .store
        .set_client_policy(&client.key, policy)
        .await
        .unwrap();
    let mut submissions = JoinSet::new();
    for world in processes.iter().cycle().take(20) {
        let (world, job) = (Arc::clone(world), world.unsubmitted(client.id));
        submissions.spawn(async move { world.store.submit(&job).await });
    }
    let answers = submissions.join_all().await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 5);
    let over = |answer: &&Result<(), StoreError>| matches!(answer, Err(StoreError::OverQuota(_)));
    assert_eq!(answers.iter().filter(over).count(), 15);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_left_open_at_an_endpoint_that_is_deleted_while_others_write_to_it() {
    let (_database, installation, processes) = processes(3).await;
    let client = processes[0].client().await.id;
    for _ in 0..4 {
        let endpoint = processes[0].endpoint(client).await;
        let mut others = JoinSet::new();
        for world in processes.iter().cycle().take(9) {
            let world = Arc::clone(world);
            others.spawn(async move {
                let job = world.unsubmitted(client);
                world.store.submit(&job).await.unwrap();
                for dispatch in world.claim(1).await {
                    let attempt = world.attempt(&dispatch, Outcome::Ok);
                    match world.recorded(&dispatch, &attempt).await {
                        Ok(_) | Err(StoreError::LeaseLost) => {}
                        Err(error) => panic!("{}", sfumato_core::chain(&error)),
                    }
                }
            });
        }
        processes[1]
            .store
            .delete_endpoint(client, endpoint.id)
            .await
            .unwrap();
        others.join_all().await;
        let open = "SELECT count(*) FROM deliveries WHERE endpoint = $1 AND closed_at IS NULL";
        let open = installation
            .sql()
            .await
            .query_one(open, &[&endpoint.id.as_uuid()])
            .await;
        assert_eq!(open.unwrap().get::<_, i64>(0), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_original_is_either_revised_or_retired() {
    let (_database, _installation, processes) = processes(2).await;
    let [one, other] = &processes[..] else {
        panic!("two")
    };
    let client = one.client().await.id;
    for _ in 0..12 {
        let job = one.succeeded(client).await;
        one.pass(10);
        let revision = NewRevision {
            id: sfumato_core::JobId::new(&*one.clock, &*one.entropy),
            options: job.options.clone(),
            source: job.source,
            priority: Priority::Normal,
            once: None,
        };
        let revise = one.store.submit_revision(client, job.id, revision);
        let retire = other.store.retire_uploads(one.now(), 100);
        let (revised, retired) = tokio::join!(revise, retire);
        let retired = retired
            .unwrap()
            .iter()
            .any(|(_, upload)| *upload == job.upload.id);
        match revised {
            Ok(revised) => {
                assert!(!retired, "the original of a job that waits is retired");
                one.store.cancel_job(client, revised.id).await.unwrap();
            }
            Err(StoreError::NotRetained) => assert!(retired),
            Err(error) => panic!("{}", sfumato_core::chain(&error)),
        }
        one.store.upload_deleted(job.id).await.ok();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_many_change_of_one_endpoint_is_all_counted() {
    let (_database, _installation, processes) = processes(4).await;
    let world = &processes[0];
    let client = world.client().await.id;
    let endpoint = world.endpoint(client).await;
    for _ in 0..16 {
        world.submitted(client).await;
    }
    let mut couriers = JoinSet::new();
    for (index, dispatch) in world.claim(16).await.into_iter().enumerate() {
        let world = Arc::clone(&processes[index % 4]);
        couriers.spawn(async move {
            let attempt = world.attempt(&dispatch, Outcome::Status);
            world.record(&dispatch, &attempt).await
        });
    }
    // A change of what its client says must not undo what attempts say, nor the other way round.
    let change = EndpointChange {
        keep_responses: Some(true),
        ..EndpointChange::default()
    };
    processes[3]
        .store
        .update_endpoint(client, endpoint.id, change)
        .await
        .unwrap();
    couriers.join_all().await;
    let endpoint = world.endpoint_now(&endpoint).await;
    assert_eq!(endpoint.health.consecutive_failures, 16);
    assert!(endpoint.keep_responses);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_whose_lease_has_ended_is_reaped_once_and_told_once() {
    let (_database, _installation, processes) = processes(4).await;
    let world = &processes[0];
    let client = world.client().await.id;
    world.endpoint(client).await;
    let job = world.running(client).await;
    let mut reaped = 0;
    while !world.job(&job).await.is_finished() {
        world.pass(3_600);
        let mut reapers = JoinSet::new();
        for world in &processes {
            let world = Arc::clone(world);
            reapers.spawn(async move { world.store.reap().await.unwrap().freed });
        }
        reaped += reapers.join_all().await.into_iter().sum::<u64>();
        world.pass(3_600);
        world.claim_all().await;
    }
    assert!(matches!(world.job(&job).await.state, JobState::Failed { .. }));
    assert_eq!(reaped, u64::from(world.job(&job).await.claims.0));
    let told = world.history(&job).await;
    assert_eq!(told.iter().filter(|(status, _)| *status == Failed).count(), 1);
}
