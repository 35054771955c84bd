//! What may be deleted, and what may not.

use std::time::Duration;

use sfumato_core::delivery::{Attempt, Outcome};
use sfumato_core::job::{FailureClass, Job, JobState};
use sfumato_core::{ResultId, StoreError, UploadId};

use crate::World;

fn result_of(job: &Job) -> ResultId {
    match &job.state {
        JobState::Succeeded { result, .. } => result.id,
        other => panic!("a job that is {} has no result", other.name()),
    }
}

pub async fn originals_of_finished_jobs_are_deleted_oldest_first(world: World) {
    let client = world.client().await;
    let succeeded = world.succeeded(client.id).await;
    let running = world.running(client.id).await;
    let failed = world.finish(&running, world.failure(FailureClass::Input)).await;
    let waiting = world.submitted(client.id).await;
    world.pass(1);
    world.store.cancel_job(client.id, waiting.id).await.unwrap();
    world.submitted(client.id).await;
    world.pass(1);

    let names = |jobs: &[&Job]| -> Vec<_> { jobs.iter().map(|job| (job.id, job.upload.id)).collect() };
    let listed = |limit| world.store.retire_uploads(world.now(), limit);
    assert_eq!(listed(10).await.unwrap(), names(&[&succeeded, &failed, &waiting]));
    assert_eq!(listed(2).await.unwrap(), names(&[&succeeded, &failed]));
    world.store.upload_deleted(succeeded.id).await.unwrap();
    assert_eq!(listed(10).await.unwrap(), names(&[&failed, &waiting]));
}

pub async fn an_original_is_kept_until_its_time(world: World) {
    let client = world.client().await;
    let job = world.succeeded(client.id).await;
    let finished_at = world.now();
    let listed = |before| world.store.retire_uploads(before, 10);
    assert!(listed(finished_at).await.unwrap().is_empty());
    let later = finished_at.after(Duration::from_micros(1));
    assert_eq!(listed(later).await.unwrap(), [(job.id, job.upload.id)]);
}

pub async fn an_original_that_is_still_needed_cannot_be_marked_as_deleted(world: World) {
    let client = world.client().await;
    let job = world.running(client.id).await;
    let refused = world.store.upload_deleted(job.id).await;
    assert!(matches!(refused, Err(StoreError::NotFound { .. })));
    let orphans = world.store.orphan_uploads(&[job.upload.id]).await.unwrap();
    assert!(orphans.is_empty());
}

pub async fn results_expire_up_to_the_limit_and_once(world: World) {
    let client = world.client().await;
    let mut jobs = Vec::new();
    for _ in 0..3 {
        jobs.push(world.succeeded(client.id).await);
    }
    let results: Vec<_> = jobs.iter().map(|job| (job.id, result_of(job))).collect();
    world.pass(1);
    let expire = |limit| world.store.expire_results(world.now(), limit);
    assert_eq!(expire(2).await.unwrap(), results[..2]);
    assert_eq!(expire(2).await.unwrap(), results[2..]);
    assert!(expire(2).await.unwrap().is_empty());
    assert_eq!(world.store.expired_results(2).await.unwrap(), results[..2]);
    world.store.result_deleted(results[0].0).await.unwrap();
    assert_eq!(world.store.expired_results(2).await.unwrap(), results[1..]);
    let JobState::Succeeded { finished_at, result } = jobs[0].state.clone() else {
        panic!("it had succeeded")
    };
    assert_eq!(
        world.job(&jobs[0]).await.state,
        JobState::Expired {
            finished_at,
            result,
            expired_at: world.now()
        }
    );
}

pub async fn a_result_is_kept_until_its_time(world: World) {
    let client = world.client().await;
    let job = world.succeeded(client.id).await;
    let expired = world.store.expire_results(world.now(), 10).await.unwrap();
    assert!(expired.is_empty());
    assert_eq!(world.job(&job).await, job);
}

pub async fn an_upload_is_an_orphan_when_no_job_has_to_do_with_it(world: World) {
    let client = world.client().await;
    let done = world.succeeded(client.id).await;
    let deleted = world.succeeded(client.id).await;
    let waiting = world.submitted(client.id).await;
    world.pass(1);
    world.store.retire_uploads(world.now(), 10).await.unwrap();
    world.store.upload_deleted(deleted.id).await.unwrap();
    let unknown = UploadId::new(&*world.clock, &*world.entropy);
    let asked = [done.upload.id, unknown, deleted.upload.id, waiting.upload.id];
    let orphans = world.store.orphan_uploads(&asked).await.unwrap();
    assert_eq!(orphans, [unknown, deleted.upload.id]);
    assert!(world.store.orphan_uploads(&[]).await.unwrap().is_empty());
}

pub async fn a_result_is_an_orphan_when_no_succeeded_job_refers_to_it(world: World) {
    let client = world.client().await;
    let expired = world.succeeded(client.id).await;
    world.pass(1);
    world.store.expire_results(world.now(), 1).await.unwrap();
    let kept = world.succeeded(client.id).await;
    let unknown = ResultId::new(&*world.clock, &*world.entropy);
    let asked = [result_of(&kept), unknown, result_of(&expired)];
    let orphans = world.store.orphan_results(&asked).await.unwrap();
    assert_eq!(orphans, asked[1..]);
    assert!(world.store.orphan_results(&[]).await.unwrap().is_empty());
}

pub async fn pruning_forgets_old_answers_and_keeps_the_attempts(world: World) {
    let client = world.client().await;
    world.endpoint(client.id).await;
    let mut made = Vec::new();
    for _ in 0..2 {
        let job = world.submitted(client.id).await;
        let dispatch = world.dispatch().await;
        let attempt = Attempt {
            response: Some(b"thanks".to_vec()),
            ..world.attempt(&dispatch, Outcome::Ok)
        };
        world.record(&dispatch, &attempt).await;
        made.push((job, attempt));
        world.pass(100);
    }
    let before = made[1].1.started_at;
    assert_eq!(world.store.prune(before).await.unwrap(), 1);
    let [(old, old_attempt), (new, new_attempt)] = &made[..] else {
        panic!("two were made")
    };
    let bare = Attempt {
        response: None,
        ..old_attempt.clone()
    };
    assert_eq!(world.records(old).await[0].attempts, [bare]);
    assert_eq!(
        world.records(new).await[0].attempts[..],
        *std::slice::from_ref(new_attempt)
    );
    assert_eq!(world.store.prune(before).await.unwrap(), 0);
}
