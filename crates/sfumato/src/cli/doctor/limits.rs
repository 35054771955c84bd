//! What the system lets the server open and start.

use std::path::PathBuf;

use rustix::process::{Resource, getrlimit};

use super::Check;
use crate::server::{jobs_at_once, long_jobs_at_once};
use crate::settings::Settings;

/// Connections to endpoints that are kept, files, the database, and what else is open.
const OPEN_BESIDES: u64 = 512;

/// Threads of the server at most: those that read files and look names up, and one a core.
const THREADS_OF_THE_SERVER: u64 = 640;

/// Threads of a media process beside those that its settings name.
const THREADS_BESIDES: u64 = 8;

pub(super) fn examine(settings: &Settings) -> Vec<Check> {
    // The server raises its own limit to the hard one.
    let open = getrlimit(Resource::Nofile).maximum;
    let wanted = u64::from(settings.connections_max.0)
        .saturating_add(u64::from(settings.deliveries_at_once.0))
        .saturating_add(OPEN_BESIDES);
    vec![
        judge_files(open, wanted),
        judge_processes(processes_max(), threads(settings)),
    ]
}

fn threads(settings: &Settings) -> u64 {
    let media = |processes: usize, threads: usize| processes as u64 * (threads as u64 + THREADS_BESIDES);
    let long = settings.threads_per_long_job.resolve(|cores| cores.min(4));
    THREADS_OF_THE_SERVER
        + media(jobs_at_once(settings), settings.threads_per_job.get())
        + media(long_jobs_at_once(settings), 2 * long)
}

fn judge_files(limit: Option<u64>, wanted: u64) -> Check {
    let name = "open files";
    match limit {
        Some(limit) if limit < wanted => Check::warning(
            name,
            format!(
                "{limit} at most, and `limits.connections_max` and `webhooks.deliveries_at_once` may take {wanted}: connections \
                 fail at the busiest time"
            ),
            "raise the hard limit (`LimitNOFILE=` in a unit of systemd, `--ulimit nofile=…` of a container, `ulimit -Hn`), or \
             lower those settings",
        ),
        Some(limit) => Check::ok(name, format!("{limit} at most, {wanted} wanted")),
        None => Check::ok(name, "without a limit"),
    }
}

/// The smaller of what the user may have and what the group of processes may have.
fn processes_max() -> Option<u64> {
    let of_the_user = getrlimit(Resource::Nproc).current;
    let of_the_group = group()
        .and_then(|path| std::fs::read_to_string(path).ok())
        .and_then(|text| text.trim().parse().ok());
    match (of_the_user, of_the_group) {
        (Some(user), Some(group)) => Some(user.min(group)),
        (user, group) => user.or(group),
    }
}

/// Where the kernel says how many processes the control group of this one may have (version 2).
fn group() -> Option<PathBuf> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok()?;
    let own = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    Some(PathBuf::from("/sys/fs/cgroup").join(own).join("pids.max"))
}

fn judge_processes(limit: Option<u64>, wanted: u64) -> Check {
    let name = "processes";
    match limit {
        Some(limit) if limit < wanted => Check::warning(
            name,
            format!(
                "{limit} processes and threads at most, and the server with its media processes may have {wanted}"
            ),
            "raise the limit (`TasksMax=` and `LimitNPROC=` in a unit of systemd, `--pids-limit` of a container, `ulimit -u`), or \
             lower `worker.jobs_at_once`",
        ),
        Some(limit) => Check::ok(
            name,
            format!("{limit} processes and threads at most, {wanted} wanted"),
        ),
        None => Check::ok(name, "without a limit"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn a_limit_below_what_the_settings_may_take_is_a_warning() {
        assert_eq!(judge_files(Some(1_024), 5_120).state, State::Warning);
        assert_eq!(judge_files(Some(5_120), 5_120).state, State::Ok);
        assert_eq!(judge_files(None, 5_120).state, State::Ok);
        assert_eq!(judge_processes(Some(64), 700).state, State::Warning);
        assert_eq!(judge_processes(None, 700).state, State::Ok);
    }
}
