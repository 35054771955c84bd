//! Whose job is begun next.

use sfumato_core::job::{Job, Priority};
use sfumato_core::policy::{ClientPolicy, Scheduling};
use sfumato_core::store::JobLimits;
use sfumato_core::{Client, ClientId, MediaFormat, StoreError, Weight};

use crate::{LEASE, WORKER, World};

async fn agree(world: &World, client: &Client, scheduling: Scheduling) {
    let policy = ClientPolicy {
        scheduling,
        ..ClientPolicy::default()
    };
    world.store.set_client_policy(&client.key, policy).await.unwrap();
}

fn weight(weight: u32) -> Scheduling {
    Scheduling {
        weight: Weight::new(weight).unwrap(),
        ..Scheduling::default()
    }
}

async fn submit(world: &World, client: &Client, count: usize) {
    for _ in 0..count {
        world.submitted(client.id).await;
    }
}

async fn with_priority(world: &World, client: &Client, priority: Priority) -> Result<Job, StoreError> {
    world.pass(1);
    let job = Job {
        priority,
        ..world.unsubmitted(client.id)
    };
    world.store.submit(&job).await.map(|()| job)
}

async fn claim(world: &World, limits: JobLimits) -> Vec<Job> {
    world.store.claim_jobs(WORKER, limits, LEASE).await.unwrap()
}

/// Whose jobs are begun, one claim each.
async fn one_by_one(world: &World, count: usize) -> Vec<ClientId> {
    let mut whose = Vec::new();
    for _ in 0..count {
        whose.push(world.claimed().await.client);
    }
    whose
}

fn of(whose: &[ClientId], client: &Client) -> usize {
    whose.iter().filter(|id| **id == client.id).count()
}

pub async fn clients_take_turns_whatever_the_number_of_their_jobs(world: World) {
    let [many, few] = [world.client().await, world.client().await];
    submit(&world, &many, 20).await;
    submit(&world, &few, 3).await;
    let whose = one_by_one(&world, 6).await;
    assert_eq!((of(&whose, &many), of(&whose, &few)), (3, 3));
    assert_eq!(of(&one_by_one(&world, 4).await, &many), 4);
}

pub async fn one_claim_of_many_jobs_deals_out_the_same_turns(world: World) {
    let [many, few] = [world.client().await, world.client().await];
    submit(&world, &many, 20).await;
    submit(&world, &few, 3).await;
    let limits = JobLimits { pictures: 6, long: 0 };
    let whose: Vec<_> = claim(&world, limits).await.iter().map(|job| job.client).collect();
    assert_eq!((of(&whose, &many), of(&whose, &few)), (3, 3));
}

pub async fn turns_follow_the_weights(world: World) {
    let [heavy, light] = [world.client().await, world.client().await];
    agree(&world, &heavy, weight(3)).await;
    submit(&world, &light, 12).await;
    submit(&world, &heavy, 12).await;
    let whose = one_by_one(&world, 12).await;
    assert_eq!((of(&whose, &heavy), of(&whose, &light)), (9, 3));
}

pub async fn who_had_nothing_to_do_has_saved_nothing_up(world: World) {
    let [busy, idle] = [world.client().await, world.client().await];
    submit(&world, &busy, 20).await;
    one_by_one(&world, 10).await;
    submit(&world, &idle, 10).await;
    // The newcomer's turn begins with the one that was dealt out last.
    let whose = one_by_one(&world, 9).await;
    assert_eq!((of(&whose, &busy), of(&whose, &idle)), (4, 5));
}

pub async fn pictures_and_videos_have_turns_of_their_own(world: World) {
    let [one, other] = [world.client().await, world.client().await];
    submit(&world, &one, 4).await;
    submit(&world, &other, 4).await;
    let pictures = JobLimits { pictures: 1, long: 0 };
    let first = claim(&world, pictures).await[0].client;
    for client in [&one, &other] {
        let mut video = world.unsubmitted(client.id);
        video.upload.format = MediaFormat::Mp4;
        world.store.submit(&video).await.unwrap();
    }
    let long = JobLimits { pictures: 0, long: 1 };
    assert_eq!(
        claim(&world, long).await[0].client,
        first,
        "whoever is first in a tie"
    );
    assert_ne!(claim(&world, pictures).await[0].client, first);
    assert_ne!(claim(&world, long).await[0].client, first);
}

pub async fn a_client_has_no_more_jobs_at_once_than_agreed(world: World) {
    let [client, other] = [world.client().await, world.client().await];
    let two = Scheduling {
        jobs_at_once_max: Some(2),
        ..Scheduling::default()
    };
    agree(&world, &client, two).await;
    submit(&world, &client, 4).await;
    let mut video = world.unsubmitted(client.id);
    video.upload.format = MediaFormat::Mp4;
    world.store.submit(&video).await.unwrap();
    submit(&world, &other, 1).await;
    let begun = claim(&world, JobLimits::both(10)).await;
    let whose: Vec<_> = begun.iter().map(|job| job.client).collect();
    assert_eq!((of(&whose, &client), of(&whose, &other)), (2, 1));
    assert_eq!(claim(&world, JobLimits::both(10)).await, []);
    let (_, usage) = world.store.client_policy(client.id).await.unwrap();
    assert_eq!((usage.jobs_running, usage.jobs_waiting), (2, 3));
    let mine = begun.iter().find(|job| job.client == client.id).unwrap();
    world.finish(mine, world.success()).await;
    assert_eq!(claim(&world, JobLimits::both(10)).await.len(), 1);
}

pub async fn a_job_of_a_higher_priority_goes_first_among_its_clients_own(world: World) {
    let [client, other] = [world.client().await, world.client().await];
    let mut jobs = Vec::new();
    for priority in [Priority::Low, Priority::Normal, Priority::High, Priority::Normal] {
        jobs.push(with_priority(&world, &client, priority).await.unwrap());
    }
    assert_eq!(world.job(&jobs[2]).await.priority, Priority::High);
    let order: Vec<_> = [2, 1, 3, 0].map(|i: usize| jobs[i].id).into();
    let mut begun = Vec::new();
    for _ in 0..4 {
        begun.push(world.claimed().await.id);
    }
    assert_eq!(begun, order);
    // The priorities of one are nothing to another.
    submit(&world, &other, 2).await;
    for _ in 0..2 {
        with_priority(&world, &client, Priority::High).await.unwrap();
    }
    assert_eq!(of(&one_by_one(&world, 3).await, &other), 2);
}

pub async fn a_priority_beyond_what_is_agreed_is_refused(world: World) {
    let client = world.client().await;
    let normal = Scheduling {
        priority_max: Priority::Normal,
        ..Scheduling::default()
    };
    agree(&world, &client, normal).await;
    let refused = with_priority(&world, &client, Priority::High).await;
    assert!(
        matches!(
            refused,
            Err(StoreError::PriorityTooHigh {
                max: Priority::Normal
            })
        ),
        "{refused:?}"
    );
    with_priority(&world, &client, Priority::Normal).await.unwrap();
    with_priority(&world, &client, Priority::Low).await.unwrap();
}
