//! Counters are sums of differences, which are melted while others go on adding to them.

use std::sync::Arc;

use sfumato_core::Scope;
use sfumato_core::store::Stretches;
use sfumato_testkit::World;
use sfumato_testkit::postgres::Database;
use tokio::task::JoinSet;

use crate::installation::Installation;

/// Jobs that each process submits and finishes.
const JOBS: usize = 60;

/// More rows than this are never left of a sum.
const ROWS_MAX: i64 = 100;

async fn rows(installation: &Installation, table: &str) -> i64 {
    let count = format!("SELECT count(*) FROM {table}");
    installation
        .sql()
        .await
        .query_one(&count, &[])
        .await
        .unwrap()
        .get(0)
}

fn this_hour(world: &World) -> Stretches {
    Stretches {
        since: world.now(),
        hours: 1,
        count: 1,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_counted_stays_right_while_it_is_melted() {
    let database = Database::create();
    let installation = Installation::new(database.url()).await;
    let (one, other) = (installation.process(1).await, installation.process(2).await);
    let client = one.client().await.id;
    let mut tasks = JoinSet::new();
    for world in [&one, &other] {
        let (working, melting) = (Arc::clone(world), Arc::clone(world));
        tasks.spawn(async move {
            for _ in 0..JOBS {
                let job = working.unsubmitted(client);
                working.store.submit(&job).await.unwrap();
                working.store.cancel_job(client, job.id).await.unwrap();
            }
        });
        tasks.spawn(async move {
            for _ in 0..JOBS / 2 {
                melting.store.reap().await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    let all = u64::try_from(2 * JOBS).unwrap();
    for scope in [Scope::All, Scope::Client(client)] {
        let totals = one.store.totals(scope).await.unwrap();
        assert_eq!((totals.jobs.queued, totals.jobs.cancelled), (0, all));
        assert_eq!(totals.original_bytes, all * one.unsubmitted(client).upload.bytes);
        let activity = other.store.job_activity(scope, this_hour(&one)).await.unwrap();
        assert_eq!((activity[0].submitted, activity[0].cancelled), (all, all));
    }
    one.store.reap().await.unwrap();
    assert!(rows(&installation, "client_totals").await <= ROWS_MAX);
    assert!(rows(&installation, "job_hours").await <= ROWS_MAX);
}

#[tokio::test]
async fn an_hour_that_is_over_is_one_row() {
    let database = Database::create();
    let installation = Installation::new(database.url()).await;
    let world = installation.process(1).await;
    let client = world.client().await.id;
    for _ in 0..3 {
        world.submitted(client).await;
    }
    assert_eq!(rows(&installation, "job_hours").await, 3);
    world.store.reap().await.unwrap();
    assert_eq!(
        rows(&installation, "job_hours").await,
        3,
        "few are left as they are while the hour lasts"
    );
    let stretch = this_hour(&world);
    world.pass(60 * 60);
    world.store.reap().await.unwrap();
    assert_eq!(rows(&installation, "job_hours").await, 1);
    let activity = world
        .store
        .job_activity(Scope::Client(client), stretch)
        .await
        .unwrap();
    assert_eq!(activity[0].submitted, 3);
}
