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

/// A row may be newer than now by what clocks of several machines are apart.
const AHEAD_MAX: Duration = Duration::from_secs(5);

/// What services that set clocks leave where they run: the file that says that it is set, or their socket or number.
const SETTERS: [(&str, &str); 5] = [
    (
        "/run/systemd/timesync/synchronized",
        "systemd-timesyncd has set it",
    ),
    ("/run/chrony/chronyd.sock", "chronyd sets it"),
    ("/run/chrony/chronyd.pid", "chronyd sets it"),
    ("/run/chronyd.pid", "chronyd sets it"),
    ("/run/ntpd.pid", "ntpd sets it"),
];

pub(super) async fn examine(store: Option<&dyn Store>) -> Vec<Check> {
    let now = SystemClock.now();
    let newest = match store {
        Some(store) => newest(store).await,
        None => Ok(None),
    };
    match newest {
        Ok(newest) => vec![judge(now, newest, setter())],
        Err(error) => vec![
            judge(now, None, setter()),
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

/// Who keeps it right, as far as it can be seen. A container sees nobody, and has the clock of the machine around it.
fn setter() -> Option<&'static str> {
    let found = SETTERS.iter().find(|(path, _)| Path::new(path).exists());
    found.map(|(_, words)| *words)
}

fn judge(now: Timestamp, newest: Option<Timestamp>, setter: Option<&str>) -> Check {
    let mend = "set it, and let NTP keep it right (`timedatectl set-ntp true`, or chrony)";
    if now < EARLIEST {
        let detail = format!("{now} is in the past: tokens and signatures of webhooks would be refused");
        return Check::failed(NAME, detail, mend);
    }
    if let Some(newest) = newest.filter(|newest| *newest > now.after(AHEAD_MAX)) {
        let detail = format!(
            "{now}, and the newest row of the database is of {newest}: it was set back, or another process has a clock that is \
             ahead; retention and leases are late by the difference"
        );
        return Check::failed(NAME, detail, mend);
    }
    let kept = setter.unwrap_or("whether something keeps it right cannot be seen from here");
    Check::ok(NAME, format!("{now}; {kept}"))
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn a_clock_that_was_never_set_or_was_set_back_fails() {
        let state = |now, newest| judge(now, newest, None).state;
        assert_eq!(state(Timestamp::from_seconds(0), None), State::Failed);
        assert_eq!(state(EARLIEST, None), State::Ok);
        assert_eq!(state(EARLIEST, Some(EARLIEST.after(AHEAD_MAX))), State::Ok);
        let later = EARLIEST.after(Duration::from_secs(60));
        assert_eq!(state(EARLIEST, Some(later)), State::Failed);
    }
}
