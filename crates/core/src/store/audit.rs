//! Keeping the audit log.

use async_trait::async_trait;

use super::StoreError;
use crate::audit::{Action, Actor, AuditEntry};
use crate::id::{AuditId, UserId};
use crate::time::Timestamp;
use crate::user::Scope;

/// Which entries are wanted. What is empty or `None` wants all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Those of one of these actions.
    pub actions: Vec<Action>,
    /// What this person did.
    pub user: Option<UserId>,
    /// Those about this subject: an identifier of any kind.
    pub subject: Option<uuid::Uuid>,
    /// Those from this time on.
    pub since: Option<Timestamp>,
    /// Those before this time.
    pub until: Option<Timestamp>,
}

impl AuditFilter {
    /// Whether an entry is wanted, by somebody who may see what lies in `scope`.
    pub fn fits(&self, scope: Scope, entry: &AuditEntry) -> bool {
        let seen = match scope {
            Scope::All => true,
            Scope::Client(client) => entry.client == Some(client),
        };
        seen && (self.actions.is_empty() || self.actions.contains(&entry.action))
            && self
                .user
                .is_none_or(|user| matches!(entry.actor, Actor::User { id, .. } if id == user))
            && self
                .subject
                .is_none_or(|subject| entry.subject.is_some_and(|own| own.id() == subject))
            && self.since.is_none_or(|since| entry.at >= since)
            && self.until.is_none_or(|until| entry.at < until)
    }
}

/// Some entries.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditPage {
    /// Newest first.
    pub entries: Vec<AuditEntry>,
    /// Where to go on: `before` of the next page; `None` at the end. A page may be short, or empty, and not be the last.
    pub next: Option<AuditId>,
}

/// The audit log, to which entries are only added.
#[async_trait]
pub trait AuditLog {
    /// Adds an entry.
    async fn add_audit_entry(&self, entry: &AuditEntry) -> Result<(), StoreError>;

    /// Up to `limit` entries, newest first, older than `before` or from the newest on. One call looks at a bounded number.
    async fn audit_entries(
        &self,
        scope: Scope,
        filter: &AuditFilter,
        before: Option<AuditId>,
        limit: usize,
    ) -> Result<AuditPage, StoreError>;

    /// Forgets entries that are older than `before`. One call forgets a bounded number; returns how many, 0 when none is
    /// left.
    async fn forget_audit_entries(&self, before: Timestamp) -> Result<u64, StoreError>;
}
