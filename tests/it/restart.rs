//! Whatever is killed and when: every job ends, every event arrives, in order.

use anyhow::Result;
use sfumato_e2e::eventually;
use sfumato_e2e::picture::astronaut_png;
use sfumato_e2e::receiver::Receiver;
use sfumato_e2e::server::Server;

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
    for job in &jobs {
        let status = client.finished(job).await;
        assert_eq!(status["status"], "Succeeded", "{status}");
        let statuses = eventually("the terminal webhook", async || {
            let statuses = receiver.statuses(job);
            statuses.contains(&"Succeeded".to_owned()).then_some(statuses)
        })
        .await;
        assert_eq!(statuses, ["Sent", "Started", "Succeeded"]);
    }
    assert_eq!(
        leftovers(server.storage()),
        0,
        "every original is deleted and nothing half-written is left"
    );
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
    let killed = kill_children_of(server.worker_pid().as_raw_nonzero().get());
    assert!(killed > 0, "the server has media children");
    for job in &jobs {
        let status = client.finished(job).await;
        assert_eq!(status["status"], "Succeeded", "{status}");
    }
    Ok(())
}

fn kill_children_of(parent: i32) -> usize {
    let mut killed = 0;
    for entry in std::fs::read_dir("/proc").expect("Linux has /proc").flatten() {
        let Ok(stat) = std::fs::read_to_string(entry.path().join("stat")) else {
            continue;
        };
        let Some((_, rest)) = stat.rsplit_once(')') else {
            continue;
        };
        if rest
            .split_whitespace()
            .nth(1)
            .and_then(|ppid| ppid.parse::<i32>().ok())
            == Some(parent)
            && let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok())
            && let Some(pid) = rustix::process::Pid::from_raw(pid)
            && rustix::process::kill_process(pid, rustix::process::Signal::KILL).is_ok()
        {
            killed += 1;
        }
    }
    killed
}

/// Originals and half-written files in the storage.
fn leftovers(storage: std::path::PathBuf) -> usize {
    let mut found = 0;
    let mut folders = vec![storage];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().contains("/uploads/") || path.to_string_lossy().contains('#') {
                found += 1;
            }
        }
    }
    found
}
