//! The audit log: what people and operators do is written down right after it was done, listed, and exported.

use std::net::IpAddr;

use bytes::Bytes;
use futures::Stream;
use futures::stream::try_unfold;
use sfumato_core::audit::{Action, Actor, AuditEntry, Detail, Subject};
use sfumato_core::store::{AuditFilter, AuditPage};
use sfumato_core::{AuditId, ClientId, Clock, Entropy, Scope, Store, StoreError};

use crate::Engine;

/// Entries of one page at most.
pub const AUDIT_ENTRIES_MAX: usize = 500;

/// What somebody did, before it is written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deed {
    /// Who.
    pub actor: Actor,
    /// From which address.
    pub address: Option<IpAddr>,
    /// What.
    pub action: Action,
    /// To what.
    pub subject: Option<Subject>,
    /// Whose things it was about; `None`: the whole installation's, which administrators alone may see.
    pub client: Option<ClientId>,
    /// Particulars. Never a secret.
    pub detail: Detail,
}

impl Deed {
    /// What somebody did, without further particulars.
    pub const fn new(actor: Actor, action: Action) -> Self {
        Self {
            actor,
            address: None,
            action,
            subject: None,
            client: None,
            detail: Detail::new(),
        }
    }

    /// The same from an address.
    #[must_use]
    pub const fn from(mut self, address: Option<IpAddr>) -> Self {
        self.address = address;
        self
    }

    /// The same to a subject.
    #[must_use]
    pub const fn to(mut self, subject: Subject) -> Self {
        self.subject = Some(subject);
        self
    }

    /// The same about a client's things.
    #[must_use]
    pub const fn of(mut self, client: ClientId) -> Self {
        self.client = Some(client);
        self
    }

    /// The same with one more particular.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.detail.insert(name.to_owned(), value.into());
        self
    }
}

/// A deed as it is written down now: for what writes it together with the deed itself.
pub fn entry(clock: &dyn Clock, entropy: &dyn Entropy, deed: Deed) -> AuditEntry {
    let Deed {
        actor,
        address,
        action,
        subject,
        client,
        detail,
    } = deed;
    AuditEntry {
        id: AuditId::new(clock, entropy),
        at: clock.now(),
        actor,
        action,
        subject,
        client,
        detail,
        address,
    }
}

/// Writes a deed down: for whoever has a store and no engine, such as the command line.
///
/// # Errors
/// [`StoreError`] when the database cannot answer.
pub async fn write_down(
    store: &dyn Store,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
    deed: Deed,
) -> Result<(), StoreError> {
    store.add_audit_entry(&entry(clock, entropy, deed)).await
}

/// The form of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// Comma-separated values with a header (RFC 4180).
    Csv,
    /// One JSON object a line.
    JsonLines,
}

impl ExportFormat {
    /// The media type.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Csv => "text/csv; charset=utf-8; header=present",
            Self::JsonLines => "application/jsonl",
        }
    }

    /// The extension of the file's name.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::JsonLines => "jsonl",
        }
    }
}

impl Engine {
    /// Writes down what was done. To be called after it was done: an entry never tells of what did not happen.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot answer.
    pub async fn audit(&self, deed: Deed) -> Result<(), StoreError> {
        let inner = self.inner();
        write_down(&*inner.store, &*inner.clock, &*inner.entropy, deed).await
    }

    /// Up to `limit` entries (at most [`AUDIT_ENTRIES_MAX`]), newest first, older than `before` or from the newest on.
    ///
    /// # Errors
    /// [`StoreError`] when the database cannot answer.
    pub async fn audit_entries(
        &self,
        scope: Scope,
        filter: &AuditFilter,
        before: Option<AuditId>,
        limit: usize,
    ) -> Result<AuditPage, StoreError> {
        let limit = limit.clamp(1, AUDIT_ENTRIES_MAX);
        self.inner()
            .store
            .audit_entries(scope, filter, before, limit)
            .await
    }

    /// All entries that are wanted, newest first, in pieces of a file: however many there are, few are in memory.
    pub fn export_audit(
        &self,
        scope: Scope,
        filter: AuditFilter,
        format: ExportFormat,
    ) -> impl Stream<Item = Result<Bytes, StoreError>> + Send + 'static {
        enum Next {
            Head,
            Page(Option<AuditId>),
            End,
        }
        let engine = self.clone();
        let first = match format {
            ExportFormat::Csv => Next::Head,
            ExportFormat::JsonLines => Next::Page(None),
        };
        try_unfold(
            (first, engine, filter),
            move |(next, engine, filter)| async move {
                let before = match next {
                    Next::End => return Ok(None),
                    Next::Head => {
                        let head = Bytes::from_static(CSV_HEAD.as_bytes());
                        return Ok(Some((head, (Next::Page(None), engine, filter))));
                    }
                    Next::Page(before) => before,
                };
                let page = engine
                    .audit_entries(scope, &filter, before, AUDIT_ENTRIES_MAX)
                    .await?;
                let text: String = page
                    .entries
                    .iter()
                    .map(|entry| match format {
                        ExportFormat::Csv => csv_line(entry),
                        ExportFormat::JsonLines => json_line(entry),
                    })
                    .collect();
                let next = page.next.map_or(Next::End, |next| Next::Page(Some(next)));
                Ok(Some((text.into(), (next, engine, filter))))
            },
        )
    }
}

fn json_line(entry: &AuditEntry) -> String {
    let object = serde_json::json!({
        "id": entry.id,
        "at": entry.at,
        "actor": { "kind": entry.actor.kind(), "id": entry.actor.id(), "name": entry.actor.name() },
        "action": entry.action,
        "subject": entry.subject.map(|subject| {
            serde_json::json!({ "kind": subject.kind(), "id": subject.id() })
        }),
        "client": entry.client,
        "detail": entry.detail,
        "address": entry.address,
    });
    format!("{object}\n")
}

const CSV_HEAD: &str =
    "id,at,actor_kind,actor_id,actor_name,action,subject_kind,subject_id,client,address,detail\r\n";

fn csv_line(entry: &AuditEntry) -> String {
    let or_empty = |id: Option<uuid::Uuid>| id.map(|id| id.to_string()).unwrap_or_default();
    let detail: Vec<String> = entry
        .detail
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let cells = [
        entry.id.to_string(),
        entry.at.to_string(),
        entry.actor.kind().to_owned(),
        or_empty(entry.actor.id()),
        entry.actor.name().to_owned(),
        entry.action.to_string(),
        entry
            .subject
            .map(|subject| subject.kind().to_owned())
            .unwrap_or_default(),
        or_empty(entry.subject.map(Subject::id)),
        or_empty(entry.client.map(ClientId::as_uuid)),
        entry
            .address
            .map(|address| address.to_string())
            .unwrap_or_default(),
        detail.join("; "),
    ];
    format!("{}\r\n", cells.map(|cell| csv_cell(&cell)).join(","))
}

/// A cell that a spreadsheet takes for text whatever a stranger has put into it: one that begins like a formula gets an
/// apostrophe (OWASP, CSV Injection).
fn csv_cell(text: &str) -> String {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let text = if formula {
        format!("'{text}")
    } else {
        text.to_owned()
    };
    if text.contains([',', '"', '\r', '\n']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use sfumato_core::{JobId, Timestamp};
    use uuid::Uuid;

    use super::*;

    fn entry(name: &str) -> AuditEntry {
        AuditEntry {
            id: AuditId::from_uuid(Uuid::from_u128(1)),
            at: Timestamp::from_seconds(0),
            actor: Actor::Stranger { name: name.into() },
            action: Action::SignInRefused,
            subject: Some(Subject::Job(JobId::from_uuid(Uuid::from_u128(2)))),
            client: None,
            detail: Detail::from([("a".into(), "b, c".into()), ("d".into(), "e".into())]),
            address: Some(std::net::Ipv4Addr::LOCALHOST.into()),
        }
    }

    #[test]
    fn a_line_of_csv_has_the_cells_of_the_head() {
        let line = csv_line(&entry("x"));
        assert_eq!(
            line,
            "00000000-0000-0000-0000-000000000001,1970-01-01T00:00:00.000Z,stranger,,x,session.refused,job,\
             00000000-0000-0000-0000-000000000002,,127.0.0.1,\"a=b, c; d=e\"\r\n"
        );
        assert_eq!(CSV_HEAD.matches(',').count() + 1, line.matches(',').count());
    }

    #[test]
    fn a_name_is_never_a_formula_or_a_cell_of_its_own() {
        assert_eq!(csv_cell("=1+1"), "'=1+1");
        assert_eq!(csv_cell("@a"), "'@a");
        assert_eq!(csv_cell("a\r\nb"), "\"a\r\nb\"");
        assert_eq!(csv_cell("-\"x\","), "\"'-\"\"x\"\",\"");
    }

    #[test]
    fn a_line_of_json_is_an_object_with_everything() {
        let line = json_line(&entry("“quoted”\n"));
        assert_eq!(line.matches('\n').count(), 1);
        let object: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(object["actor"]["name"], "“quoted”\n");
        assert_eq!(object["action"], "session.refused");
        assert_eq!(object["subject"]["kind"], "job");
        assert_eq!(object["detail"]["a"], "b, c");
        assert_eq!(object["client"], serde_json::Value::Null);
    }
}
