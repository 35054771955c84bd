//! An installation of one process that dies and is started again.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use anyhow::{Result, ensure};
use rustix::process::Signal;
use sfumato_e2e::client::Client;
use sfumato_e2e::invariants;
use sfumato_e2e::picture::astronaut_png;
use sfumato_e2e::receiver::Receiver;
use sfumato_e2e::server::{Launch, Stores};
use sfumato_e2e::stopped::Stopped;

/// Uploads that are begun before a server that is about to die.
pub(super) const UPLOADS: usize = 3;

/// An installation that has done its first job.
pub(super) struct Installation {
    pub(super) stopped: Stopped,
    pub(super) client: Client,
    pub(super) receiver: Receiver,
    /// Jobs whose uploads were answered.
    pub(super) accepted: Vec<String>,
}

impl Installation {
    pub(super) async fn new(stores: Stores) -> Result<Self> {
        let server = Launch::ordinary().start_on(stores).await?;
        let client = server.client("survivor").await?;
        let receiver = Receiver::start().await?;
        client.add_endpoint(&receiver.url).await?;
        let job = client.submit("first.png", astronaut_png(), &[]).await?;
        invariants::settled(&server, &client, &[&receiver]).await?;
        let stopped = invariants::hold(server, &client, std::slice::from_ref(&job)).await?;
        Ok(Self {
            stopped,
            client,
            receiver,
            accepted: vec![job],
        })
    }

    /// Starts a server with a plan, uploads, and waits for its end at the point.
    pub(super) async fn dies_at(mut self, point: &str, launch: Launch) -> Result<Self> {
        let server = self.stopped.restart_as(abort_at(point, launch)).await?;
        let client = self.client.at(&server.url);
        let uploads: Vec<_> = (0..UPLOADS)
            .map(|_| {
                let client = client.clone();
                tokio::spawn(async move { client.submit("a.png", astronaut_png(), &[]).await })
            })
            .collect();
        let (status, stopped, log) = server.ended().await?;
        died_there(point, status, &log.join("\n"))?;
        for upload in uploads {
            self.accepted.extend(upload.await?.ok());
        }
        Ok(Self { stopped, ..self })
    }

    /// Starts a server with a plan that dies of what it finds.
    pub(super) async fn dies_at_once_at(self, point: &str, launch: Launch) -> Result<Self> {
        let (status, log) = self.stopped.fails_as(abort_at(point, launch)).await?;
        died_there(point, status, &log)?;
        Ok(self)
    }

    /// Starts the product again, which makes everything whole.
    pub(super) async fn recovers(self) -> Result<(Stopped, usize)> {
        self.recovers_as(Launch::ordinary()).await
    }

    pub(super) async fn recovers_as(self, launch: Launch) -> Result<(Stopped, usize)> {
        let server = self.stopped.restart_as(launch).await?;
        let client = self.client.at(&server.url);
        let events = invariants::settled(&server, &client, &[&self.receiver]).await?;
        let failed = events.iter().filter(|event| event.status == "Failed").count();
        ensure!(failed == 0, "{failed} jobs failed");
        let ended = events.iter().filter(|event| event.is_terminal()).count();
        Ok((invariants::hold(server, &client, &self.accepted).await?, ended))
    }
}

pub(super) fn abort_at(point: &str, launch: Launch) -> Launch {
    launch.env("SFUMATO_FAILPOINT", &format!("{point}:abort"))
}

pub(super) fn died_there(point: &str, status: ExitStatus, log: &str) -> Result<()> {
    ensure!(
        status.signal() == Some(Signal::ABORT.as_raw()) && log.contains(&format!("failpoint {point}: abort")),
        "the server ended with {status}:\n{log}"
    );
    Ok(())
}
