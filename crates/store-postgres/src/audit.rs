//! The audit log.

use async_trait::async_trait;
use sfumato_core::audit::{AuditEntry, Subject};
use sfumato_core::store::{AuditFilter, AuditLog, AuditPage};
use sfumato_core::{AuditId, ClientId, Scope, StoreError, Timestamp};
use tokio_postgres::Row;
use tokio_postgres::types::ToSql;
use uuid::Uuid;

use crate::postgres::PostgresStore;
use crate::queries;
use crate::rows::{self, Reader};
use crate::sql::{Tx, as_limit, execute, execute_one, query, text, unavailable};

/// Entries that one page looks at.
const SCANNED_MAX: usize = 5_000;

/// Entries that are read at once where those that were read before did not fill the page.
const PIECE: usize = 500;

/// Entries that one call forgets.
const FORGOTTEN_AT_ONCE: i64 = 1_000;

pub(crate) async fn add(tx: &Tx<'_>, entry: &AuditEntry) -> Result<(), StoreError> {
    let detail = serde_json::to_string(&entry.detail).map_err(unavailable)?;
    execute_one(
        tx,
        "audit",
        queries::INSERT_AUDIT_ENTRY,
        &[
            &entry.id.as_uuid(),
            &entry.at.as_micros(),
            &entry.actor.kind(),
            &entry.actor.id(),
            &text(entry.actor.name()),
            &entry.action.as_str(),
            &entry.subject.map(Subject::kind),
            &entry.subject.map(|subject| subject.id()),
            &entry.client.map(ClientId::as_uuid),
            &detail,
            &entry.address.map(|address| address.to_string()),
        ],
    )
    .await
}

/// An entry that was looked at, and what it says if it fits.
struct Looked {
    id: AuditId,
    entry: Option<AuditEntry>,
}

/// Most that are passed over are so by their action alone, and reading the rest of them would take several times as long.
fn look(row: &Row, scope: Scope, filter: &AuditFilter) -> Result<Looked, StoreError> {
    let reader = Reader::new(row, "audit");
    let id = reader.audit_id("id")?;
    let may_fit = filter.actions.is_empty() || filter.actions.contains(&reader.parse("action")?);
    let entry = may_fit.then(|| rows::audit_entry(row)).transpose()?;
    Ok(Looked {
        id,
        entry: entry.filter(|entry| filter.fits(scope, entry)),
    })
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

async fn page(
    tx: &Tx<'_>,
    scope: Scope,
    filter: &AuditFilter,
    before: Option<AuditId>,
    limit: usize,
) -> Result<AuditPage, StoreError> {
    let limit = limit.max(1);
    // Identifiers are made with the time of their entry, and have whole milliseconds of it.
    let mut before = before.map_or(Uuid::max(), AuditId::as_uuid);
    let from = filter
        .since
        .map_or(Uuid::nil(), |since| AuditId::first_at(since).as_uuid());
    let (sql, named) = way(scope, filter);
    let mut entries = Vec::new();
    let mut scanned = 0;
    let mut wanted = limit + 1;
    loop {
        let rows_max = as_limit(wanted);
        let mut params: Vec<&(dyn ToSql + Sync)> = vec![&before, &from];
        if let Some(named) = &named {
            params.push(named);
        }
        params.push(&rows_max);
        let piece = query(tx, sql, &params, |row| look(row, scope, filter)).await?;
        let is_last = piece.len() < wanted;
        for Looked { id, entry } in piece {
            scanned += 1;
            match entry {
                Some(entry) => entries.push(entry),
                None if scanned >= SCANNED_MAX => {
                    return Ok(AuditPage {
                        entries,
                        next: Some(id),
                    });
                }
                None => {}
            }
            // One more than is wanted says whether there is another page.
            if entries.len() > limit {
                entries.truncate(limit);
                let next = entries.last().map(|entry| entry.id);
                return Ok(AuditPage { entries, next });
            }
            before = id.as_uuid();
        }
        if is_last {
            return Ok(AuditPage { entries, next: None });
        }
        wanted = PIECE;
    }
}

#[async_trait]
impl AuditLog for PostgresStore {
    async fn add_audit_entry(&self, entry: &AuditEntry) -> Result<(), StoreError> {
        self.write(|tx| Box::pin(add(tx, entry))).await
    }

    async fn audit_entries(
        &self,
        scope: Scope,
        filter: &AuditFilter,
        before: Option<AuditId>,
        limit: usize,
    ) -> Result<AuditPage, StoreError> {
        self.read(|tx| Box::pin(page(tx, scope, filter, before, limit)))
            .await
    }

    async fn forget_audit_entries(&self, before: Timestamp) -> Result<u64, StoreError> {
        let before = AuditId::first_at(before).as_uuid();
        self.write(|tx| {
            Box::pin(async move {
                execute(tx, queries::FORGET_AUDIT_ENTRIES, &[&before, &FORGOTTEN_AT_ONCE]).await
            })
        })
        .await
    }
}
