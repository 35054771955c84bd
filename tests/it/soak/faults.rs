//! What is done to the processes of an installation in a round, which a seed says, and how often it was done.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::AddAssign;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use rustix::process::{Pid, Signal};
use sfumato_e2e::dice::Dice;
use sfumato_e2e::processes;
use sfumato_e2e::server::Server;

const STOP_BEYOND_LEASE_MS: u64 = 6_000;
const STOP_SHORT_MS: u64 = 1_000;

/// A server that starts is killed within so long: it may have come to listen by then.
const START_MS: u64 = 700;

/// Which signals a run sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signals {
    /// SIGKILL, SIGTERM and SIGSTOP; none where it is meant for a media process and there is none.
    All,
    /// SIGKILL in every round.
    Kill,
}

impl Signals {
    /// What the variable says; all of them where it says nothing.
    pub(super) fn of_environment() -> Result<Self> {
        match std::env::var("SFUMATO_SOAK_SIGNALS").as_deref() {
            Err(_) | Ok("all") => Ok(Self::All),
            Ok("kill") => Ok(Self::Kill),
            Ok(other) => bail!("SFUMATO_SOAK_SIGNALS is `all` or `kill`, not `{other}`"),
        }
    }

    fn choose(self, dice: &mut Dice) -> Fault {
        match (self, dice.below(10)) {
            (Self::All, 0..2) | (Self::Kill, 0..7) => Fault::ServerKilled,
            (Self::Kill, 7) => Fault::StartingServerKilled,
            (Self::All, 2..4) => Fault::ServerTerminated,
            (Self::All, 4..6) => Fault::ServerStopped,
            (Self::All, 6..8) | (Self::Kill, _) => Fault::MediaKilled,
            (Self::All, _) => Fault::MediaStopped,
        }
    }
}

impl fmt::Display for Signals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::All => "all",
            Self::Kill => "kill",
        })
    }
}

/// What may happen to the processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Fault {
    ServerKilled,
    /// The one that is started after a kill, too, in the middle of making everything whole.
    StartingServerKilled,
    ServerTerminated,
    ServerStopped,
    MediaKilled,
    MediaStopped,
}

impl Fault {
    const fn as_str(self) -> &'static str {
        match self {
            Self::ServerKilled => "servers killed",
            Self::StartingServerKilled => "servers killed with their successors as these started",
            Self::ServerTerminated => "servers terminated",
            Self::ServerStopped => "servers stopped",
            Self::MediaKilled => "media processes killed",
            Self::MediaStopped => "media processes stopped",
        }
    }

    /// Whether a process is dead after it that nobody asked to end.
    const fn kills(self) -> bool {
        matches!(
            self,
            Self::ServerKilled | Self::StartingServerKilled | Self::MediaKilled
        )
    }
}

/// How often each was done.
#[derive(Debug, Default)]
pub(super) struct Faults(BTreeMap<Fault, u64>);

impl Faults {
    fn count(&mut self, fault: Fault) {
        *self.0.entry(fault).or_default() += 1;
    }

    /// Fails where a run that was to kill in each of its rounds has not.
    pub(super) fn are_those_of(&self, signals: Signals, rounds: u64) -> Result<()> {
        let kills = self.0.iter().filter(|(fault, _)| fault.kills());
        let kills: u64 = kills.map(|(_, count)| count).sum();
        ensure!(
            signals == Signals::All || kills == rounds,
            "{kills} kills in {rounds} rounds"
        );
        Ok(())
    }

    /// Does something to the server or its media processes, and returns the server that runs afterwards.
    pub(super) async fn strike(
        &mut self,
        signals: Signals,
        server: Server,
        dice: &mut Dice,
    ) -> Result<Server> {
        let fault = signals.choose(dice);
        let children = processes::children_of(server.pid());
        let child = dice.pick(&children).copied();
        match fault {
            Fault::ServerKilled => self.kill(server).await,
            Fault::StartingServerKilled => {
                let after = Duration::from_millis(dice.below(START_MS));
                self.count(fault);
                let stopped = server.kill().await?;
                stopped.is_killed_as_it_starts(after).await?;
                stopped.restart().await
            }
            Fault::ServerTerminated => {
                self.count(fault);
                let (status, stopped, log) = server.terminate().await?;
                ensure!(status.success(), "{status}:\n{}", log.join("\n"));
                stopped.restart().await
            }
            Fault::ServerStopped => {
                self.count(fault);
                stop_for_a_while(server.pid(), dice).await;
                Ok(server)
            }
            Fault::MediaKilled => match child {
                Some(child) if processes::signal(child, Signal::KILL) => {
                    self.count(fault);
                    Ok(server)
                }
                _ if signals == Signals::Kill => self.kill(server).await,
                _ => Ok(server),
            },
            Fault::MediaStopped => {
                if let Some(child) = child {
                    self.count(fault);
                    stop_for_a_while(child, dice).await;
                }
                Ok(server)
            }
        }
    }

    async fn kill(&mut self, server: Server) -> Result<Server> {
        self.count(Fault::ServerKilled);
        server.kill().await?.restart().await
    }
}

impl AddAssign<&Faults> for Faults {
    fn add_assign(&mut self, more: &Faults) {
        for (fault, count) in &more.0 {
            *self.0.entry(*fault).or_default() += count;
        }
    }
}

impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (fault, count) in &self.0 {
            write!(f, ", {count} {}", fault.as_str())?;
        }
        Ok(())
    }
}

/// Mostly for a moment, now and then for longer than a lease lasts.
async fn stop_for_a_while(process: Pid, dice: &mut Dice) {
    let millis = match dice.below(6) {
        0 => STOP_BEYOND_LEASE_MS,
        _ => dice.below(STOP_SHORT_MS),
    };
    processes::signal(process, Signal::STOP);
    tokio::time::sleep(Duration::from_millis(millis)).await;
    processes::signal(process, Signal::CONT);
}
