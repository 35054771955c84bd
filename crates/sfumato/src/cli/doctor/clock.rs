//! The clock: access tokens, signatures of webhooks and leases are worth nothing under a wrong one.

use std::path::Path;
use std::time::Duration;

use sfumato_core::store::{AuditFilter, JobFilter};
use sfumato_core::{Clock, Scope, Store, StoreError, Timestamp};
use sfumato_engine::system::SystemClock;

use super::Check;

const NAME: &str = "clock";

/// Before the first release of this program; a clock that shows less is wrong.
const EARLIEST: Timestamp = Timestamp::from_seconds(1_760_000_000);

/// Long after the last machine that this version runs on; a clock that shows more is wrong.
const LATEST: Timestamp = Timestamp::from_seconds(1_760_000_000 + 10 * 366 * 24 * 60 * 60);

/// A row may be newer than now by what clocks of several machines are apart.
const AHEAD_MAX: Duration = Duration::from_secs(5);

/// What services that set clocks leave below `/run`: the file that says that it is set, or their socket or number.
const SETTERS: [(&str, &str); 7] = [
    ("systemd/timesync/synchronized", "systemd-timesyncd has set it"),
    ("chrony/chronyd.sock", "chronyd sets it"),
    ("chrony/chronyd.pid", "chronyd sets it"),
    ("chronyd.pid", "chronyd sets it"),
    ("ntpd.pid", "ntpd sets it"),
    ("ntpd-rs/observe", "ntpd-rs sets it"),
    ("ntpd.sock", "OpenNTPD sets it"),
];

/// What else an operator can ask who is not sure. The doctor starts no program and cannot ask it (`adjtimex` takes unsafe code).
const ASK: &str = "`timedatectl show --property NTPSynchronized --value`, which knows of every service, says `yes` where one has set it";

/// Whether somebody keeps the clock right, as far as it can be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    /// Says who.
    By(&'static str),
    /// Says what is missing.
    Not(&'static str),
    /// A container sees nobody, and has the clock of the machine around it.
    Unseen,
}

impl Kept {
    /// By what lies below `/run`.
    fn seen_in(run: &Path) -> Self {
        if let Some((_, words)) = SETTERS.iter().find(|(path, _)| run.join(path).exists()) {
            Self::By(words)
        } else if run.join("systemd/timesync").exists() {
            Self::Not("systemd-timesyncd runs and has not set it yet")
        } else if run.join("systemd/system").exists() {
            Self::Not("nothing that would keep it right is seen here")
        } else {
            Self::Unseen
        }
    }
}

pub(super) async fn examine(store: Option<&dyn Store>) -> Vec<Check> {
    let kept = Kept::seen_in(Path::new("/run"));
    let now = SystemClock.now();
    let newest = match store {
        Some(store) => newest(store).await,
        None => Ok(None),
    };
    match newest {
        Ok(newest) => vec![judge(now, newest, kept)],
        Err(error) => vec![
            judge(now, None, kept),
            Check::failed(
                NAME,
                format!("failed to compare it with the newest row: {error}"),
                "see what is said of the database",
            ),
        ],
    }
}

/// When the newest job was accepted or the newest deed written down, whichever is later.
async fn newest(store: &dyn Store) -> Result<Option<Timestamp>, StoreError> {
    let jobs = store.jobs(Scope::All, &JobFilter::default(), None, 1).await?;
    let deeds = store
        .audit_entries(Scope::All, &AuditFilter::default(), None, 1)
        .await?;
    let job = jobs.jobs.first().map(|job| job.created_at);
    Ok(job.max(deeds.entries.first().map(|entry| entry.at)))
}

fn judge(now: Timestamp, newest: Option<Timestamp>, kept: Kept) -> Check {
    let mend = "set it, and let NTP keep it right (`timedatectl set-ntp true`, or chrony)";
    if now < EARLIEST {
        let detail = format!("{now} is in the past: tokens and signatures of webhooks would be refused");
        return Check::failed(NAME, detail, mend);
    }
    if now > LATEST {
        let detail = format!(
            "{now} is far in the future: retention would end at once, and receivers would refuse signatures"
        );
        return Check::failed(NAME, detail, mend);
    }
    if let Some(newest) = newest.filter(|newest| *newest > now.after(AHEAD_MAX)) {
        let detail = format!(
            "{now}, and the newest row of the database is of {newest}: it was set back, or another process has a clock that is \
             ahead; retention and leases are late by the difference"
        );
        return Check::failed(NAME, detail, mend);
    }
    match kept {
        Kept::By(words) => Check::ok(NAME, format!("{now}; {words}")),
        Kept::Unseen => Check::ok(
            NAME,
            format!("{now}; whether something keeps it right cannot be seen from here"),
        ),
        Kept::Not(words) => Check::warning(
            NAME,
            format!("{now}; {words}: it may go wrong by and by"),
            format!("{mend}; {ASK}"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn a_clock_that_was_never_set_or_was_set_back_fails() {
        let state = |now, newest| judge(now, newest, Kept::Unseen).state;
        assert_eq!(state(Timestamp::from_seconds(0), None), State::Failed);
        assert_eq!(state(EARLIEST, None), State::Ok);
        assert_eq!(state(EARLIEST, Some(EARLIEST.after(AHEAD_MAX))), State::Ok);
        let later = EARLIEST.after(Duration::from_secs(60));
        assert_eq!(state(EARLIEST, Some(later)), State::Failed);
        assert_eq!(state(LATEST, None), State::Ok);
        assert_eq!(state(LATEST.after(Duration::from_secs(1)), None), State::Failed);
    }

    #[test]
    fn a_machine_whose_clock_nobody_keeps_is_warned_of_and_a_container_is_not() {
        let run = tempfile::tempdir().unwrap();
        let judged = || judge(EARLIEST, None, Kept::seen_in(run.path()));
        assert_eq!(judged().state, State::Ok);
        assert!(judged().detail.contains("cannot be seen"));
        for (made, state, part) in [
            ("systemd/system", State::Warning, "nothing that would keep it"),
            ("systemd/timesync", State::Warning, "has not set it yet"),
            (
                "systemd/timesync/synchronized",
                State::Ok,
                "systemd-timesyncd has set it",
            ),
        ] {
            std::fs::create_dir_all(run.path().join(made)).unwrap();
            assert_eq!(judged().state, state, "{made}");
            assert!(judged().detail.contains(part), "{:?}", judged());
            let asks = judged().mend.is_some_and(|mend| mend.contains("NTPSynchronized"));
            assert_eq!(asks, state == State::Warning, "{made}");
        }
    }
}
