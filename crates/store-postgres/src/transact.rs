//! One call, one transaction: begun, committed, told; or rolled back and, where that is safe, run again.
//!
//! **What is run again.** A transaction that the server rolled back because it stood in the way of another (a deadlock, a
//! serialization failure), and one whose connection broke before COMMIT was sent: nothing of either has happened, so that
//! running the whole of it again from its first statement, with whatever has been committed meanwhile, is what the caller
//! asked for. A few times, with a growing wait.
//!
//! **What is not.** A transaction whose COMMIT was sent and not answered. It may have been committed, and running it again
//! could do twice what must happen once. The caller is told [`StoreError::Unavailable`] ("the answer to a commit was
//! lost") and does what it does after a failed commit: a worker or courier goes on trying under its lease, whose fencing
//! token tells it whether the first time counted (`LeaseLost`); whoever submitted asks with the identifier that it chose,
//! which is unique. What the transaction had promised to the courier is taken back; where it was committed after all, the
//! lease runs out and the delivery goes out then.

use std::time::{Duration, Instant};

use deadpool_postgres::{Object, PoolError};
use futures::future::BoxFuture;
use sfumato_core::StoreError;
use sfumato_core::store::Purpose;
use sfumato_core::time::random;
use thiserror::Error;
use tokio_postgres::error::{Severity, SqlState};

use crate::postgres::PostgresStore;
use crate::sql::{Tx, unavailable};

/// How often one call is run at most.
const RUNS_MAX: u32 = 6;

/// The first wait before another run; each is twice as long as the one before, half of it by chance.
const FIRST_WAIT: Duration = Duration::from_millis(20);

/// What may or may not have happened.
#[derive(Debug, Error)]
#[error("the answer to a commit was lost: it may have been committed or not")]
struct CommitUnanswered(#[source] tokio_postgres::Error);

/// How a run ended that did not succeed.
enum Failed {
    /// Nothing has happened, and another run may succeed.
    Again(StoreError),
    /// The caller is told.
    Finally(StoreError),
}

impl Failed {
    fn into_error(self) -> StoreError {
        let (Self::Again(error) | Self::Finally(error)) = self;
        error
    }

    /// Of a run that has not come to its commit.
    fn before_commit(error: StoreError) -> Self {
        let again = match &error {
            StoreError::Unavailable { source } => source.downcast_ref().is_some_and(may_succeed_again),
            _ => false,
        };
        if again {
            Self::Again(error)
        } else {
            Self::Finally(error)
        }
    }

    fn of_commit(error: tokio_postgres::Error) -> Self {
        match error.as_db_error() {
            // The server has said that it rolled back.
            Some(refusal) if refusal.parsed_severity() == Some(Severity::Error) => {
                Self::before_commit(unavailable(error))
            }
            // It has gone away, or is about to; whether before or after the commit is not known.
            _ => Self::Finally(unavailable(CommitUnanswered(error))),
        }
    }
}

/// Whether a statement failed by chance: the order of locks, or a connection that broke.
fn may_succeed_again(error: &tokio_postgres::Error) -> bool {
    match error.code() {
        Some(code) => [
            &SqlState::T_R_DEADLOCK_DETECTED,
            &SqlState::T_R_SERIALIZATION_FAILURE,
            &SqlState::ADMIN_SHUTDOWN,
            &SqlState::CRASH_SHUTDOWN,
            &SqlState::CANNOT_CONNECT_NOW,
            &SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT,
        ]
        .contains(&code),
        None => error.is_closed() || caused_by_io(error),
    }
}

fn caused_by_io(error: &tokio_postgres::Error) -> bool {
    let source = std::error::Error::source(error);
    source.is_some_and(|source| source.is::<std::io::Error>())
}

/// What is done in a transaction.
type Work<'w, 's, T> = dyn for<'t> Fn(&'t Tx<'s>) -> BoxFuture<'t, Result<T, StoreError>> + Send + Sync + 'w;

/// Each statement sees what was committed before it.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";

/// All statements see the same commit.
const BEGIN_READING: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

/// The same, for as long as the reader takes, which writes what it reads somewhere else in between.
const BEGIN_SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; \
                              SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0";

impl PostgresStore {
    /// Opens a transaction that goes on seeing the commit at which it was opened. Dropping it ends it.
    pub(crate) async fn begin_snapshot(&self) -> Result<Tx<'_>, StoreError> {
        let connection = self.connection().await.map_err(Failed::into_error)?;
        let tx = Tx::begin(connection, BEGIN_SNAPSHOT, self.sources()).await;
        tx.map_err(unavailable)
    }

    /// Runs `work` in a transaction and returns what it returns, after the commit. An error rolls it back. May run it
    /// several times.
    pub(crate) async fn write<'s, T>(
        &'s self,
        work: impl for<'t> Fn(&'t Tx<'s>) -> BoxFuture<'t, Result<T, StoreError>> + Send + Sync,
    ) -> Result<T, StoreError> {
        self.run(Purpose::Write, BEGIN, &work).await
    }

    /// Runs `work`, which only reads; all its queries see the same commit.
    pub(crate) async fn read<'s, T>(
        &'s self,
        work: impl for<'t> Fn(&'t Tx<'s>) -> BoxFuture<'t, Result<T, StoreError>> + Send + Sync,
    ) -> Result<T, StoreError> {
        self.run(Purpose::Read, BEGIN_READING, &work).await
    }

    async fn run<'s, T>(
        &'s self,
        purpose: Purpose,
        begin: &str,
        work: &Work<'_, 's, T>,
    ) -> Result<T, StoreError> {
        let begun = Instant::now();
        let answer = self.run_until_done(begin, work).await;
        self.meter().tell(purpose, begun.elapsed(), &answer);
        answer
    }

    async fn run_until_done<'s, T>(&'s self, begin: &str, work: &Work<'_, 's, T>) -> Result<T, StoreError> {
        let mut runs = 1;
        loop {
            match self.run_once(begin, work).await {
                Ok(done) => return Ok(done),
                Err(Failed::Finally(error)) => return Err(error),
                Err(Failed::Again(error)) if runs >= RUNS_MAX => return Err(error),
                Err(Failed::Again(error)) => {
                    if let Some(meter) = self.meter().get() {
                        meter.run_again();
                    }
                    tracing::debug!(
                        runs,
                        error = sfumato_core::chain(&error),
                        "a transaction is run again"
                    );
                    tokio::time::sleep(self.wait_after(runs)).await;
                    runs += 1;
                }
            }
        }
    }

    async fn run_once<'s, T>(&'s self, begin: &str, work: &Work<'_, 's, T>) -> Result<T, Failed> {
        let connection = self.connection().await?;
        let tx = Tx::begin(connection, begin, self.sources()).await;
        let tx = tx.map_err(|error| Failed::before_commit(unavailable(error)))?;
        let outcome = work(&tx).await;
        match outcome {
            Ok(done) => {
                tx.commit().await.map_err(Failed::of_commit)?;
                Ok(done)
            }
            Err(error) => {
                tx.roll_back().await;
                Err(Failed::before_commit(error))
            }
        }
    }

    async fn connection(&self) -> Result<Object, Failed> {
        self.pool().get().await.map_err(|error| match error {
            // The server may be restarting.
            PoolError::Backend(error) => Failed::before_commit(unavailable(error)),
            other => Failed::Finally(unavailable(other)),
        })
    }

    fn wait_after(&self, runs: u32) -> Duration {
        let whole = FIRST_WAIT * 2_u32.saturating_pow(runs.saturating_sub(1));
        let part = f64::from(u16::from_le_bytes(random(&*self.sources().entropy))) / f64::from(u16::MAX);
        whole.mul_f64(0.5 + part / 2.0)
    }
}
