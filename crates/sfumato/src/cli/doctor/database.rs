//! The database: whole, up to date, on a disk that keeps it, and on a server that keeps what it was told.

use std::path::Path;
use std::sync::Arc;

use sfumato_core::{Clock, Entropy, Store};
use sfumato_engine::system::{SystemClock, SystemEntropy};
use sfumato_store_postgres::{Inspection, OpenError, PostgresOptions};

use super::{Check, space};
use crate::data_dir::DataDir;
use crate::database;
use crate::settings::{DatabaseUrl, Settings};

const NAME: &str = "database";

/// A file up to this size is looked through without being asked for, as each start of a server does.
const LOOKED_THROUGH_BYTES_MAX: u64 = 32 << 20;

/// Clocks that are further apart make leases end early or late.
const CLOCKS_APART_MS_MAX: u128 = 1_000;

/// What is known of the database, and the database, where it can be used.
pub(super) struct Found {
    pub(super) checks: Vec<Check>,
    pub(super) store: Option<Arc<dyn Store>>,
}

pub(super) async fn examine(settings: &Settings, whole: bool) -> Found {
    let (mut checks, usable) = match &settings.database_url {
        Some(url) => postgres(url).await,
        None => sqlite(settings, whole),
    };
    let mut store = None;
    if usable {
        match open(settings).await {
            Ok(opened) => store = Some(opened),
            Err(error) => checks.push(Check::failed(
                NAME,
                format!("failed to {error:#}"),
                "see its message",
            )),
        }
    }
    Found { checks, store }
}

async fn open(settings: &Settings) -> anyhow::Result<Arc<dyn Store>> {
    let (clock, entropy): (Arc<dyn Clock>, Arc<dyn Entropy>) =
        (Arc::new(SystemClock), Arc::new(SystemEntropy));
    database::open_existing(settings, false, &clock, &entropy).await
}

/// The checks, and whether it can be opened without being changed.
fn sqlite(settings: &Settings, whole: bool) -> (Vec<Check>, bool) {
    let Ok(dir) = DataDir::open(&settings.data_dir) else {
        let detail = format!(
            "there is none in {} yet; the server makes it",
            settings.data_dir.display()
        );
        return (vec![Check::ok(NAME, detail)], false);
    };
    let path = dir.database();
    let mut checks: Vec<Check> = space::file_system("database's disk", dir.path())
        .into_iter()
        .collect();
    checks.extend(foreign(&path));
    let bytes = std::fs::metadata(&path).map_or(0, |file| file.len());
    if whole || bytes <= LOOKED_THROUGH_BYTES_MAX {
        let checked = sfumato_store_sqlite::check(&path);
        if let Err(error) = checked {
            let mend =
                "stop the server, keep a copy of the data folder, and restore a backup (`sfumato restore`)";
            checks.push(Check::failed(
                NAME,
                format!("{:#}", anyhow::Error::new(error)),
                mend,
            ));
            return (checks, false);
        }
        checks.push(Check::ok(NAME, "every page is as it should be"));
    } else {
        checks.push(Check::ok(NAME, "SQLite; `--database` looks through all of it"));
    }
    let usable = schema(sfumato_store_sqlite::SqliteStore::pending(&path), &mut checks);
    (checks, usable)
}

/// Notes what migrations are missing; whether there are none.
fn schema<E>(pending: Result<Vec<i64>, E>, checks: &mut Vec<Check>) -> bool
where
    E: std::error::Error + Send + Sync + 'static,
{
    let name = "schema";
    match pending {
        Ok(missing) if missing.is_empty() => {
            checks.push(Check::ok(name, "up to date"));
            true
        }
        Ok(missing) => {
            let numbers: Vec<_> = missing.iter().map(ToString::to_string).collect();
            let detail = format!("lacks the migrations {}", numbers.join(", "));
            let mend = "`sfumato migrate` applies them; on SQLite the next start of the server does";
            checks.push(Check::warning(name, detail, mend));
            false
        }
        Err(error) => {
            let detail = format!("failed to {:#}", anyhow::Error::new(error));
            let mend =
                "start the version of Sfumato that wrote it, or restore a backup from before the upgrade";
            checks.push(Check::failed(name, detail, mend));
            false
        }
    }
}

/// What another user than its owner is told of the file may be right for that user alone.
fn foreign(path: &Path) -> Option<Check> {
    use std::os::unix::fs::MetadataExt;
    let owner = std::fs::metadata(path).ok()?.uid();
    let own = rustix::process::geteuid().as_raw();
    (owner != own).then(|| {
        Check::warning(
            "user",
            format!("the database belongs to the user {owner}, and this is the user {own}"),
            "give this command as the user of the server (`runuser --user sfumato -- sfumato doctor …`): what another user may \
             do says nothing of what the server may do",
        )
    })
}

async fn postgres(url: &DatabaseUrl) -> (Vec<Check>, bool) {
    let found = match Inspection::of(url.expose(), &SystemClock).await {
        Ok(found) => found,
        Err(error) => {
            let mend = match &error {
                OpenError::Postgres { .. } => {
                    "check that the server runs, that this machine reaches it, the user and the password (SFUMATO_DATABASE_URL), \
                     pg_hba.conf and `sslmode`; the text says which of them"
                }
                OpenError::TooOld { .. } => "upgrade the database server",
                OpenError::Encoding { .. } => {
                    "`createdb --encoding=UTF8 --template=template0 NAME` makes a right one"
                }
                OpenError::Certificates { .. } => {
                    "name a readable file of certificate authorities by `sslrootcert`"
                }
                _ => "name it as `postgres://user@host/database`",
            };
            let detail = format!("failed to {:#}", anyhow::Error::new(error));
            return (vec![Check::failed(NAME, detail, mend)], false);
        }
    };
    let mut checks = vec![Check::ok(
        NAME,
        format!("PostgreSQL {} at {}", found.version, found.server),
    )];
    let pending = sfumato_store_postgres::PostgresStore::pending(url.expose()).await;
    let usable = postgres_schema(pending, &mut checks);
    checks.push(durability(&found));
    checks.push(connections(&found));
    checks.push(clocks(&found));
    if found.in_the_clear {
        checks.push(Check::warning(
            "database's way",
            "what is said to the database, sealed secrets and passwords' hashes too, crosses the network in the clear",
            "leave `sslmode=disable` out of `database_url`, and let the server speak TLS",
        ));
    }
    (checks, usable)
}

/// As for SQLite, but no server starts on a PostgreSQL that is behind.
fn postgres_schema(pending: Result<Vec<i64>, OpenError>, checks: &mut Vec<Check>) -> bool {
    let usable = schema(pending, checks);
    if !usable {
        let last = checks.pop().map(Check::into_failure);
        checks.extend(last);
    }
    usable
}

fn durability(found: &Inspection) -> Check {
    let name = "durability";
    let off: Vec<_> = [
        (!found.fsync, "fsync"),
        (!found.full_page_writes, "full_page_writes"),
        (found.synchronous_commit == "off", "synchronous_commit"),
    ]
    .into_iter()
    .filter_map(|(is_off, setting)| is_off.then_some(setting))
    .collect();
    if off.is_empty() {
        Check::ok(
            name,
            format!(
                "a commit that is answered is on the disk (synchronous_commit = {})",
                found.synchronous_commit
            ),
        )
    } else {
        Check::failed(
            name,
            format!(
                "{} off: what clients were told is stored is lost when the power fails",
                off.join(" and ")
            ),
            "`ALTER SYSTEM SET … = on` and `SELECT pg_reload_conf()`; of `synchronous_commit` also \
             `ALTER DATABASE … RESET synchronous_commit` and `ALTER ROLE … RESET synchronous_commit`",
        )
    }
}

fn connections(found: &Inspection) -> Check {
    let name = "connections";
    let each = Inspection::connections_of_a_process(&PostgresOptions::default());
    let (all, free) = (
        found.connections_max,
        found.connections_max.saturating_sub(found.connections_open),
    );
    let detail = format!(
        "{all} allowed, {} open; a process of Sfumato has up to {each}, so that there is room for {}",
        found.connections_open,
        all / each
    );
    let mend = "raise `max_connections` of the server, or `ALTER DATABASE … CONNECTION LIMIT` and `ALTER ROLE … CONNECTION LIMIT`";
    if all < each {
        Check::failed(name, detail, mend)
    } else if free < each {
        let detail = format!("{detail}; what is free is not enough for one more");
        Check::warning(name, detail, mend)
    } else {
        Check::ok(name, detail)
    }
}

fn clocks(found: &Inspection) -> Check {
    let name = "database's clock";
    let (apart, word) = match found.clock_ahead {
        Ok(ahead) => (ahead, "ahead of"),
        Err(behind) => (behind, "behind"),
    };
    if apart.as_millis() <= CLOCKS_APART_MS_MAX {
        return Check::ok(name, "as this machine's");
    }
    Check::warning(
        name,
        format!("{} ms {word} this machine's", apart.as_millis()),
        "let NTP set both clocks, and those of all other processes: leases end early or late by the difference",
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::State;
    use super::*;

    fn inspection() -> Inspection {
        Inspection {
            server: "db:5432/sfumato".into(),
            version: "15.4".into(),
            fsync: true,
            full_page_writes: true,
            synchronous_commit: "on".into(),
            connections_max: 97,
            connections_open: 3,
            in_the_clear: false,
            clock_ahead: Ok(Duration::ZERO),
        }
    }

    #[test]
    fn what_loses_commits_fails_and_is_named() {
        assert_eq!(durability(&inspection()).state, State::Ok);
        let unsafe_one = Inspection {
            fsync: false,
            synchronous_commit: "off".into(),
            ..inspection()
        };
        let check = durability(&unsafe_one);
        assert_eq!(check.state, State::Failed);
        assert!(
            check.detail.starts_with("fsync and synchronous_commit off"),
            "{check:?}"
        );
    }

    #[test]
    fn a_process_needs_seventeen_connections() {
        let state = |connections_max, connections_open| {
            connections(&Inspection {
                connections_max,
                connections_open,
                ..inspection()
            })
            .state
        };
        assert_eq!(state(97, 3), State::Ok);
        assert_eq!(state(97, 81), State::Warning);
        assert_eq!(state(16, 0), State::Failed);
    }

    #[test]
    fn clocks_that_are_apart_are_a_warning_that_says_which_way() {
        let state = |clock_ahead| {
            clocks(&Inspection {
                clock_ahead,
                ..inspection()
            })
        };
        assert_eq!(state(Ok(Duration::from_millis(900))).state, State::Ok);
        let behind = state(Err(Duration::from_secs(90)));
        assert_eq!(behind.state, State::Warning);
        assert!(behind.detail.starts_with("90000 ms behind"), "{behind:?}");
    }

    #[tokio::test]
    async fn a_damaged_file_fails_with_what_to_restore() {
        let root = tempfile::tempdir().unwrap();
        let settings = Settings {
            data_dir: root.path().to_owned(),
            ..Settings::default()
        };
        let path = DataDir::unopened(root.path()).database();
        sfumato_store_sqlite::SqliteStore::migrate(&path).unwrap();
        let found = examine(&settings, false).await;
        assert!(found.store.is_some(), "{:?}", found.checks);
        drop(found.store);
        let mut bytes = std::fs::read(&path).unwrap();
        let half = bytes.len() / 2;
        bytes[half..].fill(0x5a);
        std::fs::write(&path, bytes).unwrap();
        for log in ["sfumato.db-wal", "sfumato.db-shm"] {
            // Closing the database has most often removed them.
            let _absent = std::fs::remove_file(root.path().join(log));
        }
        let found = examine(&settings, true).await;
        let check = found.checks.iter().find(|check| check.name == NAME).unwrap();
        assert_eq!(check.state, State::Failed, "{check:?}");
        assert!(
            check
                .mend
                .as_deref()
                .is_some_and(|mend| mend.contains("sfumato restore"))
        );
        assert!(found.store.is_none());
    }
}
