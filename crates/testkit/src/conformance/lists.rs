//! Lists of jobs: their order, their pages, and what they are chosen by.

use std::collections::BTreeSet;

use sfumato_core::job::{FailureClass, Job, JobStateKind};
use sfumato_core::store::JobFilter;
use sfumato_core::{Client, JobId, MediaFormat, MediaKind, Scope};

use crate::World;

/// All pages of a list, each of at most `limit` jobs.
async fn all(world: &World, scope: Scope, filter: &JobFilter, limit: usize) -> Vec<Job> {
    let (mut listed, mut before) = (Vec::new(), None);
    loop {
        let page = world.store.jobs(scope, filter, before, limit).await.unwrap();
        assert!(page.jobs.len() <= limit);
        assert!(
            page.next
                .is_none_or(|next| before.is_none_or(|before| next < before)),
            "no page goes back"
        );
        listed.extend(page.jobs);
        before = page.next;
        if before.is_none() {
            return listed;
        }
    }
}

async fn ids(world: &World, scope: Scope, filter: &JobFilter) -> Vec<JobId> {
    let listed = all(world, scope, filter, 100).await;
    listed.into_iter().map(|job| job.id).collect()
}

async fn submit(world: &World, client: &Client, name: &str, format: MediaFormat) -> Job {
    world.pass(1);
    let mut job = world.unsubmitted(client.id);
    job.upload.file_name = name.to_owned();
    job.upload.format = format;
    world.store.submit(&job).await.unwrap();
    job
}

pub async fn jobs_are_listed_newest_first_and_page_by_page(world: World) {
    let client = world.client().await;
    let mut expected = Vec::new();
    for _ in 0..5 {
        expected.insert(0, world.submitted(client.id).await);
    }
    for scope in [Scope::All, Scope::Client(client.id)] {
        for limit in [1, 2, 5, 6] {
            assert_eq!(all(&world, scope, &JobFilter::default(), limit).await, expected);
        }
    }
    let page = world.store.jobs(Scope::All, &JobFilter::default(), None, 5).await;
    assert_eq!(page.unwrap().next, None, "a page that holds all is the last");
}

pub async fn jobs_are_chosen_by_state_kind_and_time(world: World) {
    let client = world.client().await;
    let done = world.succeeded(client.id).await.id;
    let broken = world.running(client.id).await;
    let broken = world.finish(&broken, world.failure(FailureClass::Input)).await.id;
    let running = world.running(client.id).await.id;
    world.pass(60);
    let since = Some(world.now());
    let film = submit(&world, &client, "a.mp4", MediaFormat::Mp4).await.id;
    let until = Some(world.now());
    let album = submit(&world, &client, "a.zip", MediaFormat::Zip).await.id;
    let every = JobFilter::default();
    let states = |states: &[JobStateKind]| JobFilter {
        states: states.to_vec(),
        ..JobFilter::default()
    };
    let kinds = |kinds: &[MediaKind]| JobFilter {
        kinds: kinds.to_vec(),
        ..JobFilter::default()
    };
    use JobStateKind::{Cancelled, Failed, Queued, Running, Succeeded};
    use MediaKind::{Archive, Picture, Video};
    for scope in [Scope::All, Scope::Client(client.id)] {
        for (filter, expected) in [
            (states(&[Succeeded]), vec![done]),
            (states(&[Failed, Running]), vec![running, broken]),
            (states(&[Queued, Succeeded]), vec![album, film, done]),
            (states(&[Cancelled]), vec![]),
            (kinds(&[Picture]), vec![running, broken, done]),
            (kinds(&[Video]), vec![film]),
            (kinds(&[Video, Archive]), vec![album, film]),
            (kinds(&[Picture, Archive]), vec![album, running, broken, done]),
            (
                JobFilter {
                    since,
                    ..every.clone()
                },
                vec![album, film],
            ),
            (
                JobFilter {
                    until,
                    ..every.clone()
                },
                vec![running, broken, done],
            ),
            (
                JobFilter {
                    until: since,
                    states: vec![Failed],
                    ..every.clone()
                },
                vec![broken],
            ),
            (
                JobFilter {
                    since,
                    kinds: vec![Archive],
                    states: vec![Queued],
                    ..every.clone()
                },
                vec![album],
            ),
        ] {
            assert_eq!(ids(&world, scope, &filter).await, expected, "{filter:?}");
        }
    }
}

pub async fn jobs_are_found_by_a_part_of_their_name_whatever_the_case(world: World) {
    let client = world.client().await;
    let street = submit(&world, &client, "Straße 12.JPG", MediaFormat::Jpeg)
        .await
        .id;
    let lake = submit(&world, &client, "ZÜRICH lake.png", MediaFormat::Png)
        .await
        .id;
    let percent = submit(&world, &client, "100%_zürich.jpg", MediaFormat::Jpeg)
        .await
        .id;
    let named = async |name: &str| {
        let filter = JobFilter {
            name: Some(name.to_owned()),
            ..JobFilter::default()
        };
        let found = ids(&world, Scope::Client(client.id), &filter).await;
        assert_eq!(found, ids(&world, Scope::All, &filter).await);
        found
    };
    assert_eq!(named("jpg").await, [percent, street]);
    assert_eq!(named("zürich").await, [percent, lake]);
    assert_eq!(named("%").await, [percent]);
    assert_eq!(named("_").await, [percent]);
    assert_eq!(named("straße").await, [street]);
    assert_eq!(named("nowhere").await, []);
    assert_eq!(named("").await, [percent, lake, street]);
}

pub async fn a_list_shows_one_client_only_to_whoever_may_see_one(world: World) {
    let [own, other] = [world.client().await, world.client().await];
    let mine = submit(&world, &own, "a.jpg", MediaFormat::Jpeg).await.id;
    let theirs = submit(&world, &other, "a.mp4", MediaFormat::Mp4).await.id;
    let scope = Scope::Client(own.id);
    let named = JobFilter {
        name: Some("a".into()),
        ..JobFilter::default()
    };
    let films = JobFilter {
        kinds: vec![MediaKind::Video],
        ..JobFilter::default()
    };
    assert_eq!(ids(&world, scope, &JobFilter::default()).await, [mine]);
    assert_eq!(ids(&world, scope, &named).await, [mine]);
    assert_eq!(ids(&world, scope, &films).await, []);
    assert_eq!(ids(&world, Scope::All, &named).await, [theirs, mine]);
    assert_eq!(world.store.job_in(scope, theirs).await.unwrap(), None);
    let unknown = JobId::new(&*world.clock, &*world.entropy);
    assert_eq!(world.store.job_in(Scope::All, unknown).await.unwrap(), None);
    let found = world.store.job_in(Scope::All, theirs).await.unwrap();
    assert_eq!(found.unwrap().client, other.id);
}

pub async fn every_choice_finds_what_a_look_at_every_job_finds(world: World) {
    let clients = [world.client().await, world.client().await];
    for n in 0..24_usize {
        let format = MediaFormat::ALL[n % MediaFormat::ALL.len()];
        let job = submit(&world, &clients[n % 2], &format!("n{}.x", n % 5), format).await;
        if n % 3 == 0 {
            world.store.cancel_job(job.client, job.id).await.unwrap();
        }
    }
    let all_jobs = all(&world, Scope::All, &JobFilter::default(), 100).await;
    assert_eq!(all_jobs.len(), 24);
    let choices = |n: u32| {
        let pick = |bit: u32| n & (1 << bit) != 0;
        JobFilter {
            states: [JobStateKind::Queued, JobStateKind::Cancelled]
                .into_iter()
                .zip([pick(0), pick(1)])
                .filter_map(|(state, picked)| picked.then_some(state))
                .collect(),
            kinds: [MediaKind::Picture, MediaKind::Video, MediaKind::Archive]
                .into_iter()
                .zip([pick(2), pick(3), pick(4)])
                .filter_map(|(kind, picked)| picked.then_some(kind))
                .collect(),
            name: pick(5).then(|| "N3".to_owned()),
            since: pick(6).then_some(all_jobs[15].created_at),
            until: pick(7).then_some(all_jobs[4].created_at),
        }
    };
    for scope in [Scope::All, Scope::Client(clients[1].id)] {
        for n in 0..256 {
            let filter = choices(n);
            let fits = |job: &&Job| {
                scope.contains(job.client)
                    && (filter.states.is_empty() || filter.states.contains(&job.state.kind()))
                    && (filter.kinds.is_empty() || filter.kinds.contains(&job.upload.format.kind()))
                    && (filter.name.is_none() || job.upload.file_name.contains("n3"))
                    && filter.since.is_none_or(|since| job.created_at >= since)
                    && filter.until.is_none_or(|until| job.created_at < until)
            };
            let expected: Vec<_> = all_jobs.iter().filter(fits).map(|job| job.id).collect();
            assert_eq!(ids(&world, scope, &filter).await, expected, "{filter:?}");
            let paged = all(&world, scope, &filter, 2).await;
            let paged: Vec<_> = paged.iter().map(|job| job.id).collect();
            assert_eq!(paged, expected, "{filter:?} by two");
        }
    }
}

pub async fn a_choice_that_fits_little_is_read_in_bounded_steps(world: World) {
    let client = world.client().await;
    let oldest = submit(&world, &client, "needle.jpg", MediaFormat::Jpeg).await.id;
    for _ in 0..2_100 {
        submit(&world, &client, "hay.jpg", MediaFormat::Jpeg).await;
    }
    // Every one of them has to be read, to see that it is no picture that was accepted in time.
    let filter = JobFilter {
        name: Some("e".into()),
        until: Some(world.now()),
        kinds: vec![MediaKind::Video],
        ..JobFilter::default()
    };
    assert_eq!(ids(&world, Scope::All, &filter).await, []);
    let needle = JobFilter {
        name: Some("NEEDLE".into()),
        ..JobFilter::default()
    };
    let (mut before, mut found) = (None, BTreeSet::new());
    for _ in 0..1_000 {
        let page = world.store.jobs(Scope::All, &needle, before, 10).await.unwrap();
        found.extend(page.jobs.into_iter().map(|job| job.id));
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(found, BTreeSet::from([oldest]));
    assert_eq!(before, None, "the list ends");
}
