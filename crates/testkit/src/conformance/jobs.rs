//! The life of a job.

use std::time::Duration;

use sfumato_core::event::EventStatus;
use sfumato_core::job::Progress;
use sfumato_core::job::{
    ATTEMPTS_MAX, FailureClass, FencingToken, Job, JobOutcome, JobResult, JobState, Lease,
};
use sfumato_core::options::{Area, Mask, MaskStyle, PixelCount, SmoothPadding};
use sfumato_core::store::CancelOutcome;
use sfumato_core::store::JobLimits;
use sfumato_core::{AnonymizeOptions, JobId, ResultId, StoreError, WorkerId};

use crate::{COURIER, LEASE, WORKER, World, build, lease_of};

pub async fn a_submitted_job_reads_back_as_it_was_written(world: World) {
    let client = world.client().await;
    let mut job = world.unsubmitted(client.id);
    job.options = AnonymizeOptions {
        faces: false,
        detections_document: true,
        included_area: vec![Area::new(0.1, 0.9, 0.0, 0.5).unwrap().into()],
        mask: Mask {
            style: MaskStyle::Pixelate(PixelCount::new(7).unwrap()),
            smooth_padding: SmoothPadding::new(0.25).unwrap(),
            ..Mask::default()
        },
        ..AnonymizeOptions::default()
    };
    job.upload.file_name = "Straße 'é\"; --.png".into();
    job.upload.bytes = 5_000_000_000;
    world.store.submit(&job).await.unwrap();
    assert_eq!(world.job(&job).await, job);
}

pub async fn a_job_that_does_not_exist_is_none(world: World) {
    let client = world.client().await;
    let job = JobId::new(&*world.clock, &*world.entropy);
    assert_eq!(world.store.job(client.id, job).await.unwrap(), None);
}

pub async fn a_job_is_invisible_to_other_clients(world: World) {
    let owner = world.client().await;
    let stranger = world.client().await;
    let job = world.submitted(owner.id).await;
    assert_eq!(world.store.job(stranger.id, job.id).await.unwrap(), None);
    let refused = world.store.cancel_job(stranger.id, job.id).await;
    assert!(matches!(refused, Err(StoreError::NotFound { .. })));
    let history = world.store.deliveries_of_job(stranger.id, job.id).await.unwrap();
    assert!(history.is_empty());
    assert_eq!(world.job(&job).await, job);
}

pub async fn a_job_that_exists_is_not_submitted_again(world: World) {
    let client = world.client().await;
    world.endpoint(client.id).await;
    let job = world.submitted(client.id).await;
    let refused = world.store.submit(&job).await;
    assert!(matches!(refused, Err(StoreError::Unavailable { .. })));
    assert_eq!(world.history(&job).await, [(EventStatus::Sent, "pending")]);
}

pub async fn a_job_of_a_client_that_does_not_exist_is_refused(world: World) {
    let nobody = build::client(&*world.clock, &*world.entropy);
    let job = world.unsubmitted(nobody.id);
    let refused = world.store.submit(&job).await;
    assert!(matches!(refused, Err(StoreError::Unavailable { .. })));
    assert_eq!(world.store.job(nobody.id, job.id).await.unwrap(), None);
    assert!(world.claim_all().await.is_empty());
}

pub async fn waiting_jobs_are_claimed_oldest_first_up_to_the_limit(world: World) {
    let client = world.client().await;
    let mut jobs = Vec::new();
    for _ in 0..3 {
        jobs.push(world.submitted(client.id).await.id);
    }
    let claimed = world
        .store
        .claim_jobs(WORKER, JobLimits::both(2), LEASE)
        .await
        .unwrap();
    let claimed: Vec<JobId> = claimed.iter().map(|job| job.id).collect();
    assert_eq!(claimed, jobs[..2]);
    assert!(
        world
            .store
            .claim_jobs(WORKER, JobLimits::both(0), LEASE)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(world.claim_all().await, jobs[2..]);
    assert!(
        world.claim_all().await.is_empty(),
        "a claimed job is claimed again"
    );
}

pub async fn a_claim_makes_a_job_run_under_a_lease(world: World) {
    let client = world.client().await;
    world.submitted(client.id).await;
    world.pass(5);
    let job = world.claimed().await;
    let lease = Lease {
        worker: WORKER,
        token: FencingToken(1),
    };
    assert_eq!(
        job.state,
        JobState::Running {
            lease,
            lease_expires_at: world.now().after(LEASE),
            progress: Progress::default()
        }
    );
    assert_eq!(
        (job.attempts, job.claims, job.started_at),
        (1, FencingToken(1), Some(world.now()))
    );
    assert_eq!(world.job(&job).await, job);
}

pub async fn a_heartbeat_extends_the_lease_and_records_progress(world: World) {
    let client = world.client().await;
    let job = world.running(client.id).await;
    let lease = lease_of(&job);
    for (progress, expected) in [(0.5, 0.5), (0.25, 0.5), (7.0, 1.0)] {
        world.pass(10);
        world
            .store
            .heartbeat(job.id, &lease, LEASE, Progress::of(progress))
            .await
            .unwrap();
        assert_eq!(
            world.job(&job).await.state,
            JobState::Running {
                lease,
                lease_expires_at: world.now().after(LEASE),
                progress: Progress::of(expected)
            }
        );
    }
    world.pass(29);
    assert_eq!(world.store.reap().await.unwrap().freed, 0);
}

pub async fn a_job_that_is_handed_back_goes_before_younger_ones_and_spends_no_attempt(world: World) {
    let client = world.client().await;
    let job = world.running(client.id).await;
    let younger = world.submitted(client.id).await;
    world.pass(1);
    world.store.hand_back_job(job.id, &lease_of(&job)).await.unwrap();
    let waiting = world.job(&job).await;
    assert_eq!((waiting.attempts, waiting.claims), (0, FencingToken(1)));
    assert_eq!(world.claim_all().await, [job.id, younger.id]);
    assert_eq!(world.job(&job).await.claims, FencingToken(2));
}

pub async fn a_success_keeps_everything_about_its_result(world: World) {
    let client = world.client().await;
    let bare = JobResult {
        document: None,
        warnings: vec![],
        ..build::job_result(&*world.clock, &*world.entropy)
    };
    for result in [build::job_result(&*world.clock, &*world.entropy), bare] {
        let job = world.running(client.id).await;
        world.pass(2);
        let ended = world.finish(&job, JobOutcome::Succeeded(result.clone())).await;
        assert_eq!(
            ended.state,
            JobState::Succeeded {
                finished_at: world.now(),
                result
            }
        );
        assert_eq!(world.job(&job).await, ended);
    }
}

fn result_of(job: &Job) -> ResultId {
    match &job.state {
        JobState::Succeeded { result, .. } | JobState::Expired { result, .. } => result.id,
        other => panic!("a job that is {} has no result", other.name()),
    }
}

pub async fn a_result_names_its_job_to_its_client_alone(world: World) {
    let owner = world.client().await;
    let stranger = world.client().await;
    let job = world.succeeded(owner.id).await;
    let result = result_of(&job);
    let found = |client| world.store.job_by_result(client, result);
    assert_eq!(found(owner.id).await.unwrap(), Some(job.clone()));
    assert_eq!(found(stranger.id).await.unwrap(), None);
    let made_up = ResultId::new(&*world.clock, &*world.entropy);
    let nothing = world.store.job_by_result(owner.id, made_up).await.unwrap();
    assert_eq!(nothing, None);

    world.pass(1);
    world.store.expire_results(world.now(), 1).await.unwrap();
    let expired = found(owner.id).await.unwrap().unwrap();
    assert!(matches!(expired.state, JobState::Expired { .. }));
    assert_eq!(found(stranger.id).await.unwrap(), None);
}

pub async fn a_passing_failure_waits_for_its_backoff(world: World) {
    let client = world.client().await;
    let job = world.running(client.id).await;
    let ended = world.finish(&job, world.failure(FailureClass::Transient)).await;
    let JobState::Queued { available_at } = ended.state else {
        panic!("{ended:?}")
    };
    assert!(available_at > world.now());
    assert!(world.claim_all().await.is_empty());
    world.clock.set(available_at);
    assert_eq!(world.claim_all().await, [job.id]);
}

pub async fn a_failure_is_final_when_the_attempts_are_spent(world: World) {
    let client = world.client().await;
    world.endpoint(client.id).await;
    let job = world.submitted(client.id).await;
    for attempt in 1..=ATTEMPTS_MAX {
        world.pass(3600);
        let running = world.claimed().await;
        assert_eq!(running.attempts, attempt);
        world
            .finish(&running, world.failure(FailureClass::Transient))
            .await;
    }
    let ended = world.job(&job).await;
    assert_eq!(
        ended.state,
        JobState::Failed {
            finished_at: world.now(),
            error: "the picture is truncated".into()
        }
    );
    world.pass(86_400);
    assert!(world.claim_all().await.is_empty());
    let told: Vec<EventStatus> = world.history(&job).await.into_iter().map(|(s, _)| s).collect();
    assert_eq!(
        told,
        [EventStatus::Sent, EventStatus::Started, EventStatus::Failed]
    );
}

pub async fn bad_input_and_our_own_faults_are_final_at_once(world: World) {
    let client = world.client().await;
    for class in [FailureClass::Input, FailureClass::Internal] {
        let job = world.running(client.id).await;
        let ended = world.finish(&job, world.failure(class)).await;
        assert!(matches!(ended.state, JobState::Failed { .. }));
        assert_eq!(world.job(&job).await, ended);
    }
}

/// Tries everything that needs the lease.
async fn assert_is_lost(world: &World, job: JobId, lease: &Lease) {
    let heartbeat = world.store.heartbeat(job, lease, LEASE, Progress::of(0.9)).await;
    assert!(matches!(heartbeat, Err(StoreError::LeaseLost)), "{heartbeat:?}");
    let finished = world.store.finish_job(job, lease, world.success()).await;
    assert!(matches!(finished, Err(StoreError::LeaseLost)), "{finished:?}");
    let handed_back = world.store.hand_back_job(job, lease).await;
    assert!(
        matches!(handed_back, Err(StoreError::LeaseLost)),
        "{handed_back:?}"
    );
}

pub async fn a_stale_lease_is_refused_everywhere_and_writes_nothing(world: World) {
    let client = world.client().await;
    world.endpoint(client.id).await;
    let first = world.running(client.id).await;
    world.pass(31);
    world.store.reap().await.unwrap();
    assert_is_lost(&world, first.id, &lease_of(&first)).await;

    let second = world.claimed().await;
    let (before, history) = (world.job(&second).await, world.history(&second).await);
    assert_is_lost(&world, first.id, &lease_of(&first)).await;
    let forged = Lease {
        worker: WorkerId::new(&*world.clock, &*world.entropy),
        ..lease_of(&second)
    };
    assert_is_lost(&world, first.id, &forged).await;
    assert_eq!(world.job(&second).await, before);
    assert_eq!(world.history(&second).await, history);
    world.finish(&second, world.success()).await;
    assert_is_lost(&world, second.id, &lease_of(&second)).await;
}

pub async fn a_lease_on_a_job_that_does_not_exist_is_lost(world: World) {
    let lease = Lease {
        worker: WORKER,
        token: FencingToken(1),
    };
    let job = JobId::new(&*world.clock, &*world.entropy);
    assert_is_lost(&world, job, &lease).await;
}

pub async fn a_lease_on_one_job_is_none_on_another(world: World) {
    let client = world.client().await;
    let one = world.running(client.id).await;
    let waiting = world.submitted(client.id).await;
    assert_is_lost(&world, waiting.id, &lease_of(&one)).await;
    assert_eq!(world.job(&waiting).await, waiting);
}

pub async fn a_job_is_reaped_when_its_lease_has_ended_and_not_before(world: World) {
    let client = world.client().await;
    let job = world.running(client.id).await;
    world.clock.advance(LEASE - Duration::from_micros(1));
    assert_eq!(world.store.reap().await.unwrap().freed, 0);
    assert!(world.claim_all().await.is_empty());
    world.clock.advance(Duration::from_micros(1));
    assert_eq!(world.store.reap().await.unwrap().freed, 1);
    let again = world.claimed().await;
    assert_eq!(
        (again.id, again.attempts, again.claims),
        (job.id, 2, FencingToken(2))
    );
    assert_eq!(again.started_at, job.started_at);
}

pub async fn a_job_that_is_interrupted_too_often_fails(world: World) {
    let client = world.client().await;
    world.endpoint(client.id).await;
    let job = world.submitted(client.id).await;
    for attempt in 1..=ATTEMPTS_MAX {
        assert_eq!(world.claimed().await.id, job.id);
        world.pass(31);
        let reaped = world.store.reap().await.unwrap();
        let failed: Vec<_> = reaped.failed.iter().map(|failed| failed.id).collect();
        let expected = if attempt == ATTEMPTS_MAX {
            vec![job.id]
        } else {
            vec![]
        };
        assert_eq!((reaped.freed, failed), (1, expected));
    }
    assert!(matches!(world.job(&job).await.state, JobState::Failed { .. }));
    assert_eq!(world.history(&job).await.last().unwrap().0, EventStatus::Failed);
}

pub async fn leases_of_dead_workers_are_voided_whatever_their_end(world: World) {
    let client = world.client().await;
    let job = world.running(client.id).await;
    world.submitted(client.id).await;
    let alive = WorkerId::new(&*world.clock, &*world.entropy);
    let mine = world
        .store
        .claim_jobs(alive, JobLimits::both(1), LEASE)
        .await
        .unwrap()
        .remove(0);
    assert_eq!(world.store.void_leases_of_others(alive).await.unwrap().freed, 1);
    assert_is_lost(&world, job.id, &lease_of(&job)).await;
    assert_eq!(world.claim_all().await, [job.id]);
    world.finish(&mine, world.success()).await;
    assert_eq!(
        world.store.void_leases_of_others(WORKER).await.unwrap().freed,
        0,
        "nobody else holds one"
    );
}

pub async fn leases_of_one_dead_worker_are_voided_and_of_no_other(world: World) {
    let client = world.client().await;
    world.endpoint(client.id).await;
    let job = world.running(client.id).await;
    let dispatch = world.dispatch().await;
    let stranger = WorkerId::new(&*world.clock, &*world.entropy);
    assert_eq!(world.store.void_leases_of(stranger).await.unwrap().freed, 0);
    assert_eq!(world.store.void_leases_of(WORKER).await.unwrap().freed, 1);
    assert_is_lost(&world, job.id, &lease_of(&job)).await;
    assert_eq!(world.claim_all().await, [job.id]);
    assert_eq!(world.store.void_leases_of(COURIER).await.unwrap().freed, 1);
    assert_eq!(world.dispatch().await.delivery.id, dispatch.delivery.id);
}

pub async fn a_waiting_job_is_cancelled_and_never_claimed(world: World) {
    let client = world.client().await;
    let job = world.submitted(client.id).await;
    let cancelled = world.store.cancel_job(client.id, job.id).await.unwrap();
    assert_eq!(cancelled, CancelOutcome::Cancelled { was_running: false });
    assert_eq!(
        world.job(&job).await.state,
        JobState::Cancelled {
            finished_at: world.now()
        }
    );
    assert!(world.claim_all().await.is_empty());
}

pub async fn cancelling_a_running_job_voids_its_lease(world: World) {
    let client = world.client().await;
    let job = world.running(client.id).await;
    let cancelled = world.store.cancel_job(client.id, job.id).await.unwrap();
    assert_eq!(cancelled, CancelOutcome::Cancelled { was_running: true });
    assert_is_lost(&world, job.id, &lease_of(&job)).await;
    world.pass(60);
    assert_eq!(world.store.reap().await.unwrap().freed, 0);
    assert!(matches!(world.job(&job).await.state, JobState::Cancelled { .. }));
}

pub async fn a_finished_job_cannot_be_cancelled(world: World) {
    let client = world.client().await;
    let succeeded = world.succeeded(client.id).await;
    let running = world.running(client.id).await;
    let failed = world.finish(&running, world.failure(FailureClass::Input)).await;
    let waiting = world.submitted(client.id).await;
    world.store.cancel_job(client.id, waiting.id).await.unwrap();
    let cancelled = world.job(&waiting).await;
    for job in [succeeded, failed, cancelled] {
        let refused = world.store.cancel_job(client.id, job.id).await.unwrap();
        assert_eq!(refused, CancelOutcome::AlreadyFinished(Box::new(job.clone())));
        assert_eq!(world.job(&job).await, job);
    }
}

pub async fn a_job_that_does_not_exist_cannot_be_cancelled(world: World) {
    let client = world.client().await;
    let job = JobId::new(&*world.clock, &*world.entropy);
    let refused = world.store.cancel_job(client.id, job).await;
    assert!(matches!(refused, Err(StoreError::NotFound { .. })));
}
