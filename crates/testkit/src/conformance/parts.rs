//! Parts of long videos.

use std::collections::BTreeSet;
use std::sync::Arc;

use sfumato_core::job::{Job, JobState, Lease};
use sfumato_core::store::{HELPERS_MAX, JobLimits, OwnTurn, PartLease};
use sfumato_core::{ClientId, MediaFormat, StoreError, WorkerId};
use tokio::task::JoinSet;

use crate::World;
use crate::world::{LEASE, WORKER};

const HELPER: WorkerId = WorkerId::from_uuid(uuid::Uuid::from_u128(77));

/// A video that is worked on, with its owner's lease.
async fn video(world: &World, client: ClientId) -> (Job, Lease) {
    world.pass(1);
    let mut job = world.unsubmitted(client);
    job.upload.format = MediaFormat::Mp4;
    world.store.submit(&job).await.unwrap();
    owned(world).await
}

async fn owned(world: &World) -> (Job, Lease) {
    let claimed = world.store.claim_jobs(WORKER, JobLimits::both(1), LEASE).await;
    let job = claimed.unwrap().pop().unwrap();
    let JobState::Running { lease, .. } = job.state else {
        panic!("{job:?}")
    };
    (job, lease)
}

/// A video of which these parts are missing.
async fn offered(world: &World, missing: &[u32]) -> (Job, Lease) {
    let client = world.client().await;
    let (job, lease) = video(world, client.id).await;
    world.store.offer_parts(job.id, &lease, missing).await.unwrap();
    (job, lease)
}

async fn own(world: &World, job: &Job, lease: &Lease) -> OwnTurn {
    world.store.claim_own_part(job.id, lease, LEASE).await.unwrap()
}

async fn help(world: &World) -> Option<PartLease> {
    let taken = world.store.claim_part(HELPER, None, LEASE).await.unwrap();
    taken.map(|(_, part)| part)
}

fn number(part: Option<PartLease>) -> Option<u32> {
    part.map(|part| part.number)
}

fn is_lost<T: std::fmt::Debug>(outcome: Result<T, StoreError>) -> bool {
    matches!(outcome, Err(StoreError::LeaseLost))
}

pub async fn parts_are_taken_one_by_one_by_owner_and_helpers(world: World) {
    assert!(help(&world).await.is_none(), "nothing is offered");
    let (job, lease) = offered(&world, &[0, 1, 2]).await;
    let first = own(&world, &job, &lease).await;
    assert_eq!((number(first.part), first.left), (Some(0), 3));
    let (found, second) = world
        .store
        .claim_part(HELPER, None, LEASE)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(found, world.job(&job).await);
    assert_eq!(
        (second.job, second.number, second.lease.worker),
        (job.id, 1, HELPER)
    );
    world.store.finish_part(&first.part.unwrap()).await.unwrap();
    let third = own(&world, &job, &lease).await;
    assert_eq!((number(third.part), third.left), (Some(2), 2));
    world.store.finish_part(&third.part.unwrap()).await.unwrap();
    let waits = OwnTurn { part: None, left: 1 };
    assert_eq!(
        own(&world, &job, &lease).await,
        waits,
        "a helper is at the last one"
    );
    assert!(help(&world).await.is_none());
    world.store.finish_part(&second).await.unwrap();
    assert_eq!(own(&world, &job, &lease).await, OwnTurn { part: None, left: 0 });
    assert!(is_lost(world.store.finish_part(&second).await), "it is done");
}

pub async fn only_the_owner_offers_and_takes_its_own(world: World) {
    let (job, lease) = offered(&world, &[0]).await;
    let stale = Lease {
        token: lease.token.next(),
        ..lease
    };
    assert!(is_lost(world.store.offer_parts(job.id, &stale, &[0, 1]).await));
    assert!(is_lost(world.store.claim_own_part(job.id, &stale, LEASE).await));
    let other = Lease {
        worker: HELPER,
        ..lease
    };
    assert!(is_lost(world.store.offer_parts(job.id, &other, &[0, 1]).await));
    assert_eq!(own(&world, &job, &lease).await.left, 1);
}

pub async fn a_part_is_another_ones_when_its_lease_has_expired(world: World) {
    let (job, lease) = offered(&world, &[0]).await;
    let slow = help(&world).await.unwrap();
    world.pass(LEASE.as_secs() - 1);
    world.store.extend_part(&slow, LEASE).await.unwrap();
    world.pass(2);
    assert!(own(&world, &job, &lease).await.part.is_none(), "it was extended");
    world.pass(LEASE.as_secs());
    let part = own(&world, &job, &lease).await.part.unwrap();
    assert!(part.lease.token > slow.lease.token);
    assert!(is_lost(world.store.extend_part(&slow, LEASE).await));
    assert!(is_lost(world.store.finish_part(&slow).await));
    assert!(is_lost(world.store.hand_back_part(&slow, true).await));
    world.store.finish_part(&part).await.unwrap();
}

pub async fn a_part_that_is_handed_back_is_free_at_once(world: World) {
    let (_, _) = offered(&world, &[5]).await;
    let part = help(&world).await.unwrap();
    world.store.hand_back_part(&part, false).await.unwrap();
    assert!(is_lost(world.store.hand_back_part(&part, false).await));
    assert_eq!(number(help(&world).await), Some(5));
}

pub async fn a_part_that_a_helper_has_failed_is_left_to_the_owner(world: World) {
    let (job, lease) = offered(&world, &[0, 1]).await;
    let part = help(&world).await.unwrap();
    world.store.hand_back_part(&part, true).await.unwrap();
    assert_eq!(
        number(help(&world).await),
        Some(1),
        "the failed one is passed over"
    );
    assert_eq!(number(own(&world, &job, &lease).await.part), Some(0));
}

pub async fn a_part_that_helpers_have_begun_too_often_is_left_to_the_owner(world: World) {
    let (job, lease) = offered(&world, &[0]).await;
    for _ in 0..HELPERS_MAX {
        assert!(help(&world).await.is_some());
        world.pass(LEASE.as_secs() + 1);
    }
    assert!(help(&world).await.is_none(), "whoever takes it dies");
    assert_eq!(number(own(&world, &job, &lease).await.part), Some(0));
}

pub async fn what_is_offered_again_goes_on_where_it_is_and_what_is_done_is_gone(world: World) {
    let (job, lease) = offered(&world, &[0, 1, 2]).await;
    let part = help(&world).await.unwrap();
    assert_eq!(part.number, 0);
    // The content of number 1 was kept, and whoever kept it died before it could say so.
    world.store.offer_parts(job.id, &lease, &[0, 2]).await.unwrap();
    let turn = own(&world, &job, &lease).await;
    assert_eq!((number(turn.part), turn.left), (Some(2), 2));
    world.store.finish_part(&part).await.unwrap();
}

pub async fn parts_end_with_their_job_however_it_ends(world: World) {
    let (job, lease) = offered(&world, &[0, 1]).await;
    let part = help(&world).await.unwrap();
    let done = world.store.finish_job(job.id, &lease, world.success()).await;
    assert!(done.unwrap().is_finished());
    assert!(is_lost(world.store.extend_part(&part, LEASE).await));
    assert!(help(&world).await.is_none());
    let (job, _) = offered(&world, &[0, 1]).await;
    let part = help(&world).await.unwrap();
    world.store.cancel_job(job.client, job.id).await.unwrap();
    assert!(is_lost(world.store.extend_part(&part, LEASE).await));
    assert!(is_lost(world.store.finish_part(&part).await));
    assert!(help(&world).await.is_none());
}

pub async fn what_a_lost_owner_was_at_is_free_and_helpers_go_on(world: World) {
    let (job, lease) = offered(&world, &[0, 1, 2]).await;
    assert_eq!(number(own(&world, &job, &lease).await.part), Some(0));
    let helped = help(&world).await.unwrap();
    world.store.hand_back_job(job.id, &lease).await.unwrap();
    assert!(help(&world).await.is_none(), "nobody runs the job");
    world.store.extend_part(&helped, LEASE).await.unwrap();
    let (again, lease) = owned(&world).await;
    assert_eq!(again.id, job.id);
    world.store.offer_parts(job.id, &lease, &[0, 1, 2]).await.unwrap();
    assert_eq!(number(own(&world, &job, &lease).await.part), Some(0));
    assert_eq!(number(own(&world, &job, &lease).await.part), Some(2));
    world.store.finish_part(&helped).await.unwrap();
}

pub async fn a_helper_takes_parts_of_the_oldest_job_or_of_the_one_it_knows(world: World) {
    let (first, _) = offered(&world, &[3, 4]).await;
    let (second, _) = offered(&world, &[1]).await;
    let part = help(&world).await.unwrap();
    assert_eq!((part.job, part.number), (first.id, 3));
    let known = async |job| {
        let taken = world.store.claim_part(HELPER, Some(job), LEASE).await;
        taken.unwrap().map(|(job, part)| (job.id, part.number))
    };
    assert_eq!(known(second.id).await, Some((second.id, 1)));
    assert_eq!(known(second.id).await, None);
    assert_eq!(known(first.id).await, Some((first.id, 4)));
}

pub async fn many_helpers_never_get_the_same_part(world: World) {
    let missing: Vec<u32> = (0..40).collect();
    offered(&world, &missing).await;
    let world = Arc::new(world);
    let mut helpers = JoinSet::new();
    for _ in 0..4 {
        let world = Arc::clone(&world);
        helpers.spawn(async move {
            let mut mine = vec![];
            // Another one may be taking the only part that is left to look at: none is no end.
            while mine.len() < 10 {
                mine.extend(number(help(&world).await));
            }
            mine
        });
    }
    let taken = helpers.join_all().await.concat();
    assert_eq!(
        taken.iter().copied().collect::<BTreeSet<_>>(),
        missing.into_iter().collect()
    );
    assert_eq!(taken.len(), 40);
}
