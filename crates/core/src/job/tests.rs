//! The rules of a job's life, and that no sequence of transitions breaks them.

use std::time::Duration;

use proptest::prelude::*;
use uuid::Uuid;

use super::*;

fn queued() -> Job {
    let upload = Upload {
        id: UploadId::from_uuid(Uuid::nil()),
        format: MediaFormat::Jpeg,
        bytes: 1,
        sha256: [0; 32],
        file_name: "a.jpg".into(),
    };
    let (job, client) = (JobId::from_uuid(Uuid::nil()), ClientId::from_uuid(Uuid::nil()));
    Job::queued(job, client, upload, AnonymizeOptions::default(), at(0))
}

fn worker(n: u128) -> WorkerId {
    WorkerId::from_uuid(Uuid::from_u128(n))
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

fn lease_of(job: &Job) -> Lease {
    match &job.state {
        JobState::Running { lease, .. } => *lease,
        other => panic!("not running: {other:?}"),
    }
}

fn result() -> JobResult {
    JobResult {
        id: ResultId::from_uuid(Uuid::nil()),
        format: MediaFormat::Jpeg,
        bytes: 1,
        sha256: [0; 32],
        document: None,
        faces: 1,
        plates: 0,
        warnings: vec![],
    }
}

#[test]
fn a_worker_that_lost_its_lease_cannot_finish() {
    let (job, first) = queued().claim(worker(1), at(1), at(31)).unwrap();
    assert!(first);
    let stale = lease_of(&job);
    let (job, first) = job
        .reap(at(40))
        .unwrap()
        .claim(worker(1), at(41), at(71))
        .unwrap();
    assert!(!first, "the outside hears Started once");
    let refused = job.finish(&stale, JobOutcome::Succeeded(result()), at(42));
    assert_eq!(refused.unwrap_err(), TransitionError::LeaseLost);
}

#[test]
fn a_transient_failure_is_tried_again_with_backoff_until_the_attempts_are_spent() {
    let mut job = queued();
    let mut now = at(0);
    let mut waits = vec![];
    loop {
        job = job
            .claim(worker(1), now, now.after(Duration::from_secs(30)))
            .unwrap()
            .0;
        let lease = lease_of(&job);
        let outcome = JobOutcome::Failed {
            class: FailureClass::Transient,
            message: "disk full".into(),
        };
        job = job.finish(&lease, outcome, now).unwrap();
        match &job.state {
            JobState::Queued { available_at } => {
                waits.push(available_at.since(now).as_secs());
                now = *available_at;
            }
            JobState::Failed { error, .. } => {
                assert_eq!(error, "disk full");
                break;
            }
            other => panic!("unexpected {other:?}"),
        }
    }
    assert_eq!(waits, [1, 5, 25]);
}

#[test]
fn a_job_waits_for_room_longer_and_longer_and_spends_no_attempt() {
    let mut job = queued();
    let mut now = at(0);
    let mut waits = vec![];
    for _ in 0..70 {
        job = job
            .claim(worker(1), now, now.after(Duration::from_secs(30)))
            .unwrap()
            .0;
        let lease = lease_of(&job);
        job = job.finish(&lease, JobOutcome::NoRoom, now).unwrap();
        assert_eq!(job.attempts, 0);
        let JobState::Queued { available_at } = &job.state else {
            panic!("it is {}", job.state.name())
        };
        waits.push(available_at.since(now).as_secs());
        now = *available_at;
    }
    assert_eq!(waits[..7], [1, 2, 4, 8, 16, 32, 60]);
    assert!(waits[7..].iter().all(|wait| *wait == 60));
    let (job, _) = job.claim(worker(1), now, now).unwrap();
    let lease = lease_of(&job);
    let job = job.finish(&lease, JobOutcome::Succeeded(result()), now).unwrap();
    assert!(matches!(job.state, JobState::Succeeded { .. }));
}

#[test]
fn bad_input_fails_at_the_first_attempt() {
    let (job, _) = queued().claim(worker(1), at(1), at(31)).unwrap();
    let lease = lease_of(&job);
    let outcome = JobOutcome::Failed {
        class: FailureClass::Input,
        message: "truncated".into(),
    };
    let job = job.finish(&lease, outcome, at(2)).unwrap();
    assert!(matches!(job.state, JobState::Failed { .. }));
}

#[test]
fn a_graceful_stop_spends_no_attempt() {
    let (job, _) = queued().claim(worker(1), at(1), at(31)).unwrap();
    let lease = lease_of(&job);
    let job = job.hand_back(&lease, at(2)).unwrap();
    assert_eq!(job.attempts, 0);
    assert_eq!(job.claims, FencingToken(1), "the token is never reused");
}

#[derive(Clone, Debug)]
enum Step {
    Claim,
    Heartbeat(f32),
    Succeed,
    FailTransient,
    NoRoom,
    HandBack,
    Reap,
    Cancel,
    Expire,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        3 => Just(Step::Claim),
        1 => (0.0f32..2.0).prop_map(Step::Heartbeat),
        1 => Just(Step::Succeed),
        2 => Just(Step::FailTransient),
        1 => Just(Step::NoRoom),
        1 => Just(Step::HandBack),
        2 => Just(Step::Reap),
        1 => Just(Step::Cancel),
        1 => Just(Step::Expire),
    ];
    prop::collection::vec(step, 0..40)
}

fn apply(job: Job, step: &Step, now: Timestamp) -> Result<Job, TransitionError> {
    let lease = match &job.state {
        JobState::Running { lease, .. } => *lease,
        _ => Lease {
            worker: worker(9),
            token: FencingToken(0),
        },
    };
    let transient = JobOutcome::Failed {
        class: FailureClass::Transient,
        message: "x".into(),
    };
    match step {
        Step::Claim => job
            .claim(worker(1), now, now.after(Duration::from_secs(30)))
            .map(|(job, _)| job),
        Step::Heartbeat(progress) => job.heartbeat(&lease, now, Progress::of(*progress)),
        Step::Succeed => job.finish(&lease, JobOutcome::Succeeded(result()), now),
        Step::FailTransient => job.finish(&lease, transient, now),
        Step::NoRoom => job.finish(&lease, JobOutcome::NoRoom, now),
        Step::HandBack => job.hand_back(&lease, now),
        Step::Reap => job.reap(now),
        Step::Cancel => job.cancel(now),
        Step::Expire => job.expire(now),
    }
}

proptest! {
    #[test]
    fn any_sequence_of_transitions_keeps_the_rules(steps in steps()) {
        let mut job = queued();
        for (i, step) in steps.iter().enumerate() {
            let before = job.clone();
            let now = at(1_000 * i64::try_from(i).unwrap());
            if let Ok(next) = apply(job, step, now) {
                prop_assert!(next.attempts <= ATTEMPTS_MAX);
                prop_assert!(next.claims >= before.claims);
                if before.is_finished() {
                    prop_assert!(matches!(next.state, JobState::Expired { .. }), "a final state was left");
                }
                if let JobState::Running { progress, .. } = next.state {
                    prop_assert!((0.0..=1.0).contains(&progress.done));
                }
                job = next;
            } else {
                job = before;
            }
        }
    }
}

#[test]
fn an_attempt_that_gets_further_is_forgiven_those_before_it() {
    let mut job = queued();
    for attempt in 1..ATTEMPTS_MAX {
        job = job.claim(worker(1), at(100), at(130)).unwrap().0;
        assert_eq!(job.attempts, attempt);
        job = job.reap(at(100)).unwrap();
    }
    let mut job = job.claim(worker(1), at(140), at(170)).unwrap().0;
    let JobState::Running { lease, .. } = job.state else {
        panic!()
    };
    job = job.heartbeat(&lease, at(80), Progress::of(0.5)).unwrap();
    assert_eq!(job.attempts, ATTEMPTS_MAX, "to be at it is not to get further");
    let advanced = Progress {
        advanced: true,
        ..Progress::of(0.6)
    };
    job = job.heartbeat(&lease, at(80), advanced).unwrap();
    assert_eq!(job.attempts, 1);
    assert_eq!(job.reap(at(81)).unwrap().state.name(), "queued");
}

#[test]
fn a_revision_of_a_revision_names_the_first_job() {
    let first = queued();
    let new = |number| NewRevision {
        id: JobId::from_uuid(Uuid::from_u128(number)),
        options: AnonymizeOptions::default(),
        source: DetectionSource::default(),
        priority: Priority::Normal,
        once: None,
    };
    let second = first.revised(new(2), 1, at(1));
    let third = second.revised(new(3), 2, at(2));
    assert_eq!((second.root(), third.root()), (first.id, first.id));
    assert_eq!(third.revises.map(|revision| revision.number), Some(2));
    assert_eq!(third.upload, first.upload);
}
