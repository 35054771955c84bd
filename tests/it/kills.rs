//! `kill -9` again and again while uploads come in and webhooks go out: what was accepted is delivered, in order, and what
//! is delivered twice was on its way at a kill.
//!
//! `SFUMATO_KILL_ROUNDS=n` kills more often.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::Result;
use sfumato_e2e::eventually;
use sfumato_e2e::picture::astronaut_png;
use sfumato_e2e::receiver::Receiver;
use sfumato_e2e::server::Server;

const ROUNDS: usize = 4;

/// Uploads that are begun in each round.
const UPLOADS: usize = 6;

/// What was on its way at a kill is sent again so soon after the next process is ready. An arrival that comes later than
/// that and was there before was not sent again because of the kill.
const SENT_AGAIN_MAX: Duration = Duration::from_secs(2);

/// Deliveries to one endpoint that may be on their way at a kill, and as many whose answers are not recorded yet.
const IN_FLIGHT_MAX: usize = 2 * 16;

fn rounds() -> usize {
    let wanted = std::env::var("SFUMATO_KILL_ROUNDS").ok();
    wanted.and_then(|text| text.parse().ok()).unwrap_or(ROUNDS)
}

/// Promises 1, 2 and 3.
#[tokio::test]
async fn what_was_accepted_is_delivered_whenever_the_server_is_killed() -> Result<()> {
    let rounds = rounds();
    let mut server = Server::start().await?;
    let client = server.client("survivor").await?;
    let receiver = Receiver::start().await?;
    client.add_endpoint(&receiver.url).await?;
    let mut accepted = Vec::new();
    // When each process was killed, and when the next one was ready.
    let mut restarts = Vec::new();
    for round in 0..rounds {
        let here = client.at(&server.url);
        let heard = receiver.received().len();
        let uploads: Vec<_> = (0..UPLOADS)
            .map(|_| {
                let here = here.clone();
                tokio::spawn(async move { here.submit("a.png", astronaut_png(), &[]).await })
            })
            .collect();
        // Each round kills at another moment: after another number of arrivals.
        eventually("arrivals", async || {
            (receiver.received().len() > heard + round % (2 * UPLOADS)).then_some(())
        })
        .await;
        let stopped = server.kill().await?;
        for upload in uploads {
            // One that was cut off may or may not have been accepted; one that was answered has been.
            accepted.extend(upload.await?.ok());
        }
        let killed = Instant::now();
        server = stopped.restart().await?;
        restarts.push((killed, Instant::now()));
    }
    for job in &accepted {
        let statuses = eventually("the terminal webhook", async || {
            let statuses = receiver.statuses(job);
            (statuses.len() >= 3).then_some(statuses)
        })
        .await;
        assert_eq!(statuses[..2], ["Sent", "Started"], "{job}");
        assert!(
            ["Succeeded", "Failed"].contains(&statuses[2].as_str()),
            "{job}: {statuses:?}"
        );
    }
    let mut arrivals: BTreeMap<String, Vec<Instant>> = BTreeMap::new();
    for received in receiver.received() {
        let id = received.header("webhook-id").to_owned();
        arrivals.entry(id).or_default().push(received.at);
    }
    let repeated: Vec<Instant> = arrivals.values().flat_map(|times| &times[1..]).copied().collect();
    let slowest = repeated.iter().map(|at| since_ready(&restarts, *at)).max();
    println!(
        "{rounds} kills, {} accepted; {} of {} deliveries arrived once more, at most {:?} after the process was ready",
        accepted.len(),
        repeated.len(),
        arrivals.len(),
        slowest.unwrap_or_default()
    );
    assert!(
        repeated.len() <= rounds * IN_FLIGHT_MAX,
        "{} were sent again",
        repeated.len()
    );
    assert!(slowest <= Some(SENT_AGAIN_MAX), "{slowest:?}");
    Ok(())
}

/// How long after the process that sent it was ready something arrived.
fn since_ready(restarts: &[(Instant, Instant)], at: Instant) -> Duration {
    let before = restarts.iter().rfind(|(killed, _)| *killed <= at);
    before
        .map(|(_, ready)| at.saturating_duration_since(*ready))
        .unwrap_or_default()
}
