//! What has to be so in the end.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::Value;
use sfumato_e2e::client::Client;
use sfumato_e2e::eventually;
use sfumato_e2e::receiver::Receiver;

use super::fleet::Fleet;
use super::load::History;

/// Statuses that end a job and are told.
const TOLD_ENDS: [&str; 2] = ["Succeeded", "Failed"];

/// Every promise, one after the other.
pub(super) async fn everything(mut fleet: Fleet, history: History) -> Result<()> {
    let apis = fleet.apis();
    let client = history.client.at(&apis[0]);
    let mut ends = BTreeMap::new();
    for job in &history.accepted {
        let status = client.finished(job).await;
        let end = status["status"]
            .as_str()
            .context("a job has a status")?
            .to_owned();
        ends.insert(job.clone(), end);
    }
    let events = read_events(&client).await?;
    let told = jobs_by_events(&events)?;
    for (job, end) in &ends {
        let statuses = told
            .get(job)
            .with_context(|| format!("nothing is told of {job}"))?;
        judge_events(job, end, statuses)?;
    }
    // Jobs whose acceptance was not answered end as well, and no event comes twice from either process.
    for (job, statuses) in &told {
        let end = match ends.get(job) {
            Some(end) => end.clone(),
            None => client.finished(job).await["status"]
                .as_str()
                .unwrap_or_default()
                .to_owned(),
        };
        judge_events(job, &end, statuses)?;
    }
    ensure!(
        read_events(&history.client.at(&apis[1])).await? == events,
        "both processes tell the same events in the same order"
    );
    for receiver in &history.receivers {
        for (job, statuses) in &told {
            arrived(receiver, job, statuses).await?;
        }
    }
    report(&history, &ends, &told);
    let succeeded = told
        .values()
        .filter(|statuses| statuses.iter().any(|status| status == "Succeeded"));
    // A picture and a document for each success.
    fleet.clean(2 * succeeded.count()).await
}

#[expect(clippy::print_stdout, reason = "says what the test has come to")]
fn report(history: &History, ends: &BTreeMap<String, String>, told: &BTreeMap<String, Vec<String>>) {
    let count = |status: &str| ends.values().filter(|end| *end == status).count();
    println!(
        "{} accepted ({} succeeded, {} failed, {} cancelled), {} unanswered of which {} were accepted; arrivals: {:?}",
        ends.len(),
        count("Succeeded"),
        count("Failed"),
        count("Revoked"),
        history.unanswered,
        told.len() - ends.len(),
        history
            .receivers
            .iter()
            .map(|receiver| receiver.received().len())
            .collect::<Vec<_>>()
    );
}

/// Every event of the client, from the first one on.
async fn read_events(client: &Client) -> Result<Vec<Value>> {
    let (mut all, mut after) = (Vec::new(), String::new());
    loop {
        let path = format!("/events?limit=200&after={after}");
        let answer = client
            .request(Method::GET, &path)
            .send()
            .await?
            .error_for_status()?;
        let page: Value = answer.json().await?;
        let events = page["events"].as_array().context("a page has events")?;
        if events.is_empty() {
            return Ok(all);
        }
        all.extend(events.iter().map(|event| {
            let mut event = event.clone();
            // Cursors are sealed and look different each time.
            event.as_object_mut().map(|event| event.remove("cursor"));
            event
        }));
        after = page["next"]
            .as_str()
            .context("a page says where to go on")?
            .to_owned();
    }
}

/// The statuses of each job in the order of the events, whose numbers have no gap.
fn jobs_by_events(events: &[Value]) -> Result<BTreeMap<String, Vec<String>>> {
    let mut jobs: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut ids = BTreeSet::new();
    for event in events {
        ensure!(
            ids.insert(event["id"].to_string()),
            "an event is told twice: {event}"
        );
        let job = event["taskId"].as_str().context("an event is about a job")?;
        let statuses = jobs.entry(job.to_owned()).or_default();
        statuses.push(
            event["status"]
                .as_str()
                .context("an event has a status")?
                .to_owned(),
        );
        ensure!(event["sequence"] == statuses.len(), "out of order: {event}");
    }
    Ok(jobs)
}

fn judge_events(job: &str, end: &str, statuses: &[String]) -> Result<()> {
    let right = match end {
        "Revoked" => statuses == ["Sent"] || statuses == ["Sent", "Started"],
        end => TOLD_ENDS.contains(&end) && statuses == ["Sent", "Started", end],
    };
    ensure!(right, "{job} is {end}, and its events are {statuses:?}");
    Ok(())
}

/// The end of a job arrives at an endpoint, and nothing arrives for the first time after what came later.
async fn arrived(receiver: &Receiver, job: &str, events: &[String]) -> Result<()> {
    let last = events.last().context("a job has events")?;
    if TOLD_ENDS.contains(&last.as_str()) {
        eventually(&format!("the end of {job} at an endpoint"), async || {
            receiver.statuses(job).contains(last).then_some(())
        })
        .await;
    }
    let places: Vec<_> = receiver
        .statuses(job)
        .iter()
        .map(|status| events.iter().position(|event| event == status))
        .collect();
    ensure!(
        places.iter().all(Option::is_some) && places.is_sorted(),
        "{job}: {:?} arrived of {events:?}",
        receiver.statuses(job)
    );
    Ok(())
}
