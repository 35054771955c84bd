//! The audit log.

use async_trait::async_trait;
use rusqlite::{Connection, Row, params, params_from_iter};
use sfumato_core::audit::{AuditEntry, Subject};
use sfumato_core::store::{AuditFilter, AuditLog, AuditPage};
use sfumato_core::{AuditId, Scope, StoreError, Timestamp};
use uuid::Uuid;

use crate::queries;
use crate::rows::{self, Reader, key};
use crate::sql::{execute, execute_one, unavailable};
use crate::sqlite::SqliteStore;

/// Entries that one page looks at.
const SCANNED_MAX: usize = 5_000;

/// Entries that one call forgets.
const FORGOTTEN_AT_ONCE: i64 = 1_000;

pub(crate) fn add(conn: &Connection, entry: &AuditEntry) -> Result<(), StoreError> {
    let detail = serde_json::to_string(&entry.detail).map_err(unavailable)?;
    execute_one(
        conn,
        "audit",
        queries::INSERT_AUDIT_ENTRY,
        params![
            key(entry.id.as_uuid()),
            entry.at.as_micros(),
            entry.actor.kind(),
            entry.actor.id().map(key),
            entry.actor.name(),
            entry.action.as_str(),
            entry.subject.map(Subject::kind),
            entry.subject.map(|subject| key(subject.id())),
            entry.client.map(|client| key(client.as_uuid())),
            detail,
            entry.address.map(|address| address.to_string()),
        ],
    )
}

/// Whether an entry can fit by its action alone. Most that are passed over are so for it, and reading the rest of them would
/// take several times as long.
fn may_fit(row: &Row<'_>, filter: &AuditFilter) -> Result<bool, StoreError> {
    if filter.actions.is_empty() {
        return Ok(true);
    }
    let action = Reader::new(row, "audit").parse("action")?;
    Ok(filter.actions.contains(&action))
}

/// The index that leads past the least that is not wanted.
fn way(scope: Scope, filter: &AuditFilter) -> (&'static str, Option<Uuid>) {
    if let Some(subject) = filter.subject {
        return (queries::AUDIT_ENTRIES_ABOUT, Some(subject));
    }
    if let Some(user) = filter.user {
        return (queries::AUDIT_ENTRIES_OF_ACTOR, Some(user.as_uuid()));
    }
    match scope {
        Scope::Client(client) => (queries::AUDIT_ENTRIES_OF_CLIENT, Some(client.as_uuid())),
        Scope::All => (queries::AUDIT_ENTRIES, None),
    }
}

fn page(
    conn: &Connection,
    scope: Scope,
    filter: &AuditFilter,
    before: Option<AuditId>,
    limit: usize,
) -> Result<AuditPage, StoreError> {
    let limit = limit.max(1);
    // Identifiers are made with the time of their entry, and have whole milliseconds of it.
    let highest = AuditId::from_uuid(Uuid::max());
    let from = filter
        .since
        .map_or(AuditId::from_uuid(Uuid::nil()), AuditId::first_at);
    let (sql, named) = way(scope, filter);
    let bounds = [before.unwrap_or(highest).as_uuid(), from.as_uuid()];
    let parameters = bounds.into_iter().chain(named).map(key);
    let mut statement = conn.prepare_cached(sql).map_err(unavailable)?;
    let mut rows = statement
        .query(params_from_iter(parameters))
        .map_err(unavailable)?;
    let mut entries = Vec::new();
    let mut scanned = 0;
    let mut next = None;
    while let Some(row) = rows.next().map_err(unavailable)? {
        scanned += 1;
        let read = may_fit(row, filter)?
            .then(|| rows::audit_entry(row))
            .transpose()?;
        match read.filter(|entry| filter.fits(scope, entry)) {
            Some(entry) => entries.push(entry),
            None if scanned >= SCANNED_MAX => {
                next = Some(Reader::new(row, "audit").audit_id("id")?);
                break;
            }
            None => {}
        }
        // One more than is wanted says whether there is another page.
        if entries.len() > limit {
            entries.truncate(limit);
            next = entries.last().map(|entry| entry.id);
            break;
        }
    }
    Ok(AuditPage { entries, next })
}

#[async_trait]
impl AuditLog for SqliteStore {
    async fn add_audit_entry(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        let entry = entry.clone();
        self.write(move |conn, _| add(conn, &entry)).await
    }

    async fn audit_entries(
        &self,
        scope: Scope,
        filter: &AuditFilter,
        before: Option<AuditId>,
        limit: usize,
    ) -> Result<AuditPage, StoreError> {
        let filter = filter.clone();
        self.read(move |conn| page(conn, scope, &filter, before, limit))
            .await
    }

    async fn forget_audit_entries(&self, before: Timestamp) -> Result<u64, StoreError> {
        let before = key(AuditId::first_at(before).as_uuid());
        self.write(move |conn, _| {
            let params = params![before, FORGOTTEN_AT_ONCE];
            execute(conn, queries::FORGET_AUDIT_ENTRIES, params).map(|count| count as u64)
        })
        .await
    }
}
