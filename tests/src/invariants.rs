//! What is true of an installation when it has come to rest, whatever happened to it before: seen from outside, by the API,
//! by what receivers heard, and by the files and rows that are left.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use anyhow::{Result, ensure};

use crate::client::{Client, Event};
use crate::database::Database;
use crate::files;
use crate::receiver::Receiver;
use crate::server::Server;
use crate::stopped::Stopped;
use crate::{PATIENCE, eventually};

/// Waits until every job of the client has ended and every receiver, each of which hears of all jobs, has heard of every
/// event, and until the storage holds neither originals nor what no job knows. Then checks how each heard of them, and returns
/// the events.
///
/// # Errors
/// When something is lost or out of order, or takes longer than [`PATIENCE`] without getting further.
pub async fn settled(server: &Server, client: &Client, receivers: &[&Receiver]) -> Result<Vec<Event>> {
    let events = told(client, receivers).await?;
    server.collect_orphans().await?;
    eventually("originals to go", async || {
        server.stored("uploads").await.is_empty().then_some(())
    })
    .await;
    Ok(events)
}

async fn told(client: &Client, receivers: &[&Receiver]) -> Result<Vec<Event>> {
    let (mut waits_for, mut since) = (usize::MAX, Instant::now());
    let events = loop {
        let events = client.events().await?;
        let mut missing = unfinished(client, &events).await?;
        for receiver in receivers {
            missing.extend(unheard(&events, receiver));
        }
        if missing.is_empty() {
            break events;
        }
        if missing.len() != waits_for {
            (waits_for, since) = (missing.len(), Instant::now());
        }
        ensure!(since.elapsed() < PATIENCE, "lost: {missing:#?}");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    };
    for receiver in receivers {
        heard_in_order(&events, receiver)?;
    }
    Ok(events)
}

/// Jobs that have neither ended nor been cancelled.
async fn unfinished(client: &Client, events: &[Event]) -> Result<Vec<String>> {
    let mut open: BTreeSet<&str> = BTreeSet::new();
    for event in events {
        if event.is_terminal() {
            open.remove(event.task.as_str());
        } else {
            open.insert(&event.task);
        }
    }
    let mut unfinished = Vec::new();
    for job in open {
        let status = client.status(job).await?;
        if status["status"] != "Revoked" {
            unfinished.push(format!("{job} is {}", status["status"]));
        }
    }
    Ok(unfinished)
}

fn unheard(events: &[Event], receiver: &Receiver) -> Vec<String> {
    let received = receiver.received();
    let heard: BTreeSet<_> = received.iter().map(|one| (one.task(), one.status())).collect();
    events
        .iter()
        .filter(|event| !heard.contains(&(event.task.as_str(), event.status.as_str())))
        .map(|event| {
            format!(
                "{} {} was not heard by {}",
                event.task, event.status, receiver.url
            )
        })
        .collect()
}

/// Nothing but what has happened was heard, under one `webhook-id` each, and for the first time in the order of its job.
fn heard_in_order(events: &[Event], receiver: &Receiver) -> Result<()> {
    let known: BTreeMap<_, _> = events
        .iter()
        .map(|event| ((event.task.as_str(), event.status.as_str()), event.sequence))
        .collect();
    let received = receiver.received();
    let mut ids: BTreeMap<&str, (&str, &str)> = BTreeMap::new();
    let mut last: BTreeMap<&str, u64> = BTreeMap::new();
    for one in &received {
        let told = (one.task(), one.status());
        let Some(sequence) = known.get(&told) else {
            anyhow::bail!("{told:?} was heard and never happened");
        };
        let id = one.header("webhook-id");
        if let Some(before) = ids.insert(id, told) {
            ensure!(before == told, "{id} told {before:?} and {told:?}");
            continue;
        }
        let before = last.insert(one.task(), *sequence).unwrap_or(0);
        ensure!(before < *sequence, "{told:?} was heard after number {before}");
    }
    let distinct: BTreeSet<_> = ids.values().collect();
    ensure!(distinct.len() == ids.len(), "an event was told under two ids");
    Ok(())
}

/// Checks a server that has come to rest, before and after its orderly end: results are what their rows say, every job that
/// was accepted exists and has ended once, and nothing lies around that nobody needs.
///
/// # Errors
/// Everything that is broken.
pub async fn hold(server: Server, client: &Client, accepted: &[String]) -> Result<Stopped> {
    let events = client.events().await?;
    let known: BTreeSet<&str> = events.iter().map(|event| event.task.as_str()).collect();
    let mut broken: Vec<String> = accepted
        .iter()
        .filter(|job| !known.contains(job.as_str()))
        .map(|job| format!("{job} was accepted and is unknown"))
        .collect();
    broken.extend(ended_once(&events));
    let (status, stopped, log) = server.terminate().await?;
    if !status.success() {
        broken.push(format!("the server ended with {status}:\n{}", log.join("\n")));
    }
    broken.extend(left_broken(&stopped).await?);
    eventually("media processes to end with their server", async || {
        files::in_use_below(stopped.data()).is_empty().then_some(())
    })
    .await;
    ensure!(broken.is_empty(), "{broken:#?}");
    Ok(stopped)
}

/// What is wrong with the rows and files that are left. Files in a bucket are read by the product itself.
async fn left_broken(stopped: &Stopped) -> Result<Vec<String>> {
    match stopped.shared() {
        Some(shared) => shared.broken().await,
        None => Database::left_in(stopped.data())?.broken(stopped.data()),
    }
}

/// Each job's events are numbered from 1 on, and nothing comes after the one that ends it.
fn ended_once(events: &[Event]) -> Vec<String> {
    let mut jobs: BTreeMap<&str, Vec<&Event>> = BTreeMap::new();
    for event in events {
        jobs.entry(&event.task).or_default().push(event);
    }
    let whole = |events: &[&Event]| {
        let numbered = events
            .iter()
            .map(|event| event.sequence)
            .eq(1..=events.len() as u64);
        let ends = events.iter().rev().skip(1).all(|event| !event.is_terminal());
        numbered && ends && events.first().is_some_and(|event| event.status == "Sent")
    };
    jobs.into_iter()
        .filter(|(_, events)| !whole(events))
        .map(|(job, events)| format!("{job} went {events:?}"))
        .collect()
}
