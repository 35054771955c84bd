//! Why a store could not do what it was asked.

use thiserror::Error;

use crate::job::Priority;
use crate::policy::Quota;

/// Why a store could not do what it was asked.
#[derive(Debug, Error)]
pub enum StoreError {
    /// What was named does not exist, or belongs to another client.
    #[error("{what} does not exist")]
    NotFound {
        /// The kind of thing.
        what: &'static str,
    },
    /// What must be unique is taken; nothing was written.
    #[error("{what} exists already")]
    AlreadyExists {
        /// The kind of thing, with its article.
        what: &'static str,
    },
    /// The lease has been lost; nothing was written.
    #[error("the lease is lost")]
    LeaseLost,
    /// A limit on the number of things is reached; nothing was written.
    #[error("there are {max} {what} already, which is the most")]
    LimitReached {
        /// The kind of thing, in the plural.
        what: &'static str,
        /// The limit.
        max: usize,
    },
    /// The client's policy does not permit so high a priority; nothing was written.
    #[error("the priority may be {max} at most")]
    PriorityTooHigh {
        /// The highest that it permits.
        max: Priority,
    },
    /// The key stands for another request; nothing was written.
    #[error("the key was used for another request before")]
    KeyReused,
    /// A quota of the client is used up; nothing was written.
    #[error("the quota of {quota} is used up ({name})", quota = .0, name = .0.name())]
    OverQuota(Quota),
    /// Something is under way that must end first; nothing was written.
    #[error("{what} is under way already")]
    UnderWay {
        /// The kind of thing, with its article.
        what: &'static str,
    },
    /// The original has had its retention, or is having it right now; nothing was written.
    #[error("the original is not kept any more")]
    NotRetained,
    /// A row breaks a rule that the schema and the domain agree on. A fault of ours or of the disk.
    #[error("column {column} of row {row} in table {table} is corrupt: {why}")]
    Corrupt {
        /// Table.
        table: &'static str,
        /// Column.
        column: &'static str,
        /// Primary key.
        row: String,
        /// What was found.
        why: String,
    },
    /// There is no room for another row; nothing was written.
    #[error("the database has no room left")]
    Full {
        /// The driver's error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The database cannot be reached, is busy for too long, or refuses the statement.
    #[error("the database cannot answer")]
    Unavailable {
        /// The driver's error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
