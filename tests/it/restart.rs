//! Whatever is killed and when: every job ends, every event arrives, in order.

use anyhow::Result;
use rustix::process::Signal;
use sfumato_e2e::picture::astronaut_png;
use sfumato_e2e::receiver::Receiver;
use sfumato_e2e::server::Server;
use sfumato_e2e::{eventually, invariants, processes};

#[tokio::test]
async fn jobs_and_events_survive_a_kill_in_the_middle() -> Result<()> {
    let mut server = Server::start().await?;
    let client = server.client("survivor").await?;
    let receiver = Receiver::start().await?;
    client.add_endpoint(&receiver.url).await?;
    let mut jobs = Vec::new();
    for _ in 0..6 {
        jobs.push(client.submit("a.png", astronaut_png(), &[]).await?);
    }
    for _ in 0..3 {
        eventually("a job to be begun or done", async || {
            let mut moving = false;
            for job in &jobs {
                let status = client.at(&server.url).status(job).await.ok()?;
                moving |= matches!(status["status"].as_str(), Some("Started" | "Succeeded"));
            }
            moving.then_some(())
        })
        .await;
        server = server.kill().await?.restart().await?;
    }
    let client = client.at(&server.url);
    let events = invariants::settled(&server, &client, &[&receiver]).await?;
    let statuses: Vec<_> = events.iter().map(|event| event.status.as_str()).collect();
    for status in ["Sent", "Started", "Succeeded"] {
        assert_eq!(
            statuses.iter().filter(|told| **told == status).count(),
            jobs.len()
        );
    }
    invariants::hold(server, &client, &jobs).await?;
    Ok(())
}

#[tokio::test]
async fn a_graceful_stop_hands_jobs_back_and_ends_well() -> Result<()> {
    let server = Server::start().await?;
    let client = server.client("polite").await?;
    let mut jobs = Vec::new();
    for _ in 0..4 {
        jobs.push(client.submit("a.png", astronaut_png(), &[]).await?);
    }
    let (status, stopped, _) = server.terminate().await?;
    assert!(status.success(), "{status}");
    let server = stopped.restart().await?;
    let client = client.at(&server.url);
    for job in &jobs {
        assert_eq!(client.finished(job).await["status"], "Succeeded");
    }
    Ok(())
}

#[tokio::test]
async fn a_killed_media_child_costs_no_job() -> Result<()> {
    let server = Server::start().await?;
    let client = server.client("orphaned").await?;
    let first = client.submit("a.png", astronaut_png(), &[]).await?;
    client.finished(&first).await;
    let mut jobs = Vec::new();
    for _ in 0..4 {
        jobs.push(client.submit("a.png", astronaut_png(), &[]).await?);
    }
    let children = processes::children_of(server.worker_pid());
    assert!(!children.is_empty(), "the server has media children");
    for child in children {
        processes::signal(child, Signal::KILL);
    }
    for job in &jobs {
        let status = client.finished(job).await;
        assert_eq!(status["status"], "Succeeded", "{status}");
    }
    Ok(())
}
