//! Workers of a cluster die and do not come back: their leases run out, and another worker does what they have left.

use std::time::Duration;

use anyhow::{Result, ensure};
use sfumato_e2e::invariants;
use sfumato_e2e::picture::astronaut_png;
use sfumato_e2e::receiver::Receiver;
use sfumato_e2e::server::{Launch, Server};

use super::installation::{abort_at, died_there};

/// The places at which a worker holds a job, or has just ended it.
const PLACES: [&str; 5] = [
    "after_claim",
    "child_exit_before_put",
    "after_result_put",
    "inside_finish_tx",
    "after_finish",
];

/// The shortest lease that the settings allow.
const LEASE: Duration = Duration::from_secs(5);

/// One job at a time: each of those that die takes one with it.
fn with_short_leases(launch: Launch) -> Launch {
    launch
        .env("SFUMATO_WORKER__LEASE", &format!("{}s", LEASE.as_secs()))
        .env("SFUMATO_WORKER__JOBS_AT_ONCE", "1")
}

#[tokio::test]
async fn what_workers_leave_that_died_at_five_places_another_one_does() -> Result<()> {
    let launch = with_short_leases(Launch::ordinary());
    let server = Server::start_shared(&["api,courier,janitor"], &launch).await?;
    let client = server.client("survivor").await?;
    let receiver = Receiver::start().await?;
    client.add_endpoint(&receiver.url).await?;
    let mut workers = Vec::new();
    for place in PLACES {
        let dying = with_short_leases(abort_at(place, Launch::with_failpoints()));
        workers.push((place, server.start_beside("worker", dying).await?));
    }
    let mut accepted = Vec::new();
    for _ in PLACES {
        accepted.push(client.submit("a.png", astronaut_png(), &[]).await?);
    }
    for (place, worker) in workers {
        let (status, _, log) = worker.ended().await?;
        died_there(place, status, &log.join("\n"))?;
    }
    let other = server.start_beside("worker", launch).await?;
    let server = server.with(other);
    let events = invariants::settled(&server, &client, &[&receiver]).await?;
    let succeeded = events.iter().filter(|event| event.status == "Succeeded");
    ensure!(succeeded.count() == PLACES.len(), "{events:?}");
    invariants::hold(server, &client, &accepted).await?;
    Ok(())
}
