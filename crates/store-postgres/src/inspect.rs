//! What a look at the server says that its operator may have got wrong. Nothing is changed.

use std::time::Duration;

use sfumato_core::{Clock, Timestamp};

use crate::open::{OpenError, Place, PostgresOptions};

const SERVER: &str = include_str!("inspecting/server.sql");

/// What a server and a database are set to.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// Host, port and name of the database.
    pub server: String,
    /// The server's version, as it says.
    pub version: String,
    /// Whether commits are written to the disk at all.
    pub fsync: bool,
    /// Whether a page that was half written when the power failed can be mended.
    pub full_page_writes: bool,
    /// When a commit is answered: `off` is before it is on the disk.
    pub synchronous_commit: String,
    /// Connections that the server, the database and the role allow, those of superusers left aside.
    pub connections_max: u64,
    /// Connections that others have open.
    pub connections_open: u64,
    /// Whether what is said to the server crosses a network in the clear.
    pub in_the_clear: bool,
    /// By how much the server's clock is ahead of ours (behind: `Err`), as exactly as one answer tells.
    pub clock_ahead: Result<Duration, Duration>,
}

impl Inspection {
    /// Looks at the server of `url`.
    ///
    /// # Errors
    /// [`OpenError`], where the server cannot be used.
    pub async fn of(url: &str, clock: &dyn Clock) -> Result<Self, OpenError> {
        let place: Place = url.parse()?;
        let client = place.check().await?;
        let asked = clock.now();
        let row = client.query_one(SERVER, &[]).await;
        let answered = clock.now();
        let row = row.map_err(|source| place.failed(source))?;
        let is_on = |index: usize| row.get::<_, &str>(index) == "on";
        let (allowed, open): (i64, i64) = (row.get(4), row.get(5));
        // -1 is no limit.
        let limits = [row.get::<_, Option<i64>>(6), row.get(7)];
        let limits = limits.into_iter().flatten().filter(|limit| *limit >= 0);
        let encrypted = row.get::<_, Option<bool>>(8).unwrap_or(false);
        Ok(Self {
            server: place.server().to_owned(),
            version: row.get(0),
            fsync: is_on(1),
            full_page_writes: is_on(2),
            synchronous_commit: row.get(3),
            connections_max: limits.fold(allowed, i64::min).max(0).unsigned_abs(),
            connections_open: open.unsigned_abs(),
            in_the_clear: !encrypted && !row.get::<_, bool>(9),
            clock_ahead: ahead(row.get(10), asked, answered),
        })
    }

    /// Connections that one process has open at most with these options: those of its pool, and the one that listens.
    pub const fn connections_of_a_process(options: &PostgresOptions) -> u64 {
        options.connections_max as u64 + 1
    }
}

/// The server read its clock between question and answer: what lies between those two times is no difference.
fn ahead(server_micros: i64, asked: Timestamp, answered: Timestamp) -> Result<Duration, Duration> {
    let past = |micros: i64| Duration::from_micros(micros.max(0).unsigned_abs());
    if server_micros < asked.as_micros() {
        Err(past(asked.as_micros() - server_micros))
    } else {
        Ok(past(server_micros - answered.as_micros()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_question_takes_is_no_difference_of_clocks() {
        let at = Timestamp::from_micros;
        assert_eq!(ahead(150, at(100), at(200)), Ok(Duration::ZERO));
        assert_eq!(ahead(260, at(100), at(200)), Ok(Duration::from_micros(60)));
        assert_eq!(ahead(60, at(100), at(200)), Err(Duration::from_micros(40)));
    }
}
