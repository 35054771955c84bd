//! The one writer: requests queue up, share a commit, and are answered after it.
//!
//! One that is refused takes nothing of the others with it ([`Undo`]). Nobody is answered before the commit has reached the
//! disk; if the commit fails, nothing of the batch has happened and everybody is told so: also those who were refused,
//! because what they were refused for may have been rolled back. If the process dies in the middle, SQLite drops the open
//! transaction at the next start.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread::JoinHandle;

use rusqlite::Connection;
use sfumato_core::StoreError;
use sfumato_failpoints::{Point, hit};
use thiserror::Error;
use tokio::sync::{mpsc, oneshot};

use crate::hook::Hook;
use crate::sql::unavailable;

/// How what a refused request has written is undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Undo {
    /// By a savepoint of its own.
    Alone,
    /// With the whole transaction: for submissions, which come in great numbers and are refused, if at all, before they
    /// write. A savepoint keeps a copy of every page that is written after it, which costs as much as a fifth of the writing.
    WithAll,
}

/// Why nothing of a transaction has happened.
#[derive(Debug, Error)]
enum Failed {
    /// SQLite refused a statement of ours.
    #[error("the transaction failed")]
    Sqlite(#[from] rusqlite::Error),
    /// A request that cannot be undone alone was refused when it had written something.
    #[error("a request failed in the middle and took the transaction with it")]
    Torn,
}

/// What came of a transaction, for all requests in it.
type Commit = Result<(), Arc<Failed>>;

trait Request: Send {
    fn undo(&self) -> Undo;

    /// Runs in the open transaction, and says whether to keep what it wrote.
    fn run(&mut self, connection: &Connection) -> bool;

    /// Answers the requester, once it is known what came of the transaction.
    fn answer(self: Box<Self>, commit: &Commit);
}

struct Waiting<T, F> {
    undo: Undo,
    work: Option<F>,
    outcome: Option<Result<T, StoreError>>,
    requester: oneshot::Sender<Result<T, StoreError>>,
}

impl<T, F> Waiting<T, F>
where
    T: Send + 'static,
    F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
{
    fn new(undo: Undo, work: F) -> (Box<Self>, oneshot::Receiver<Result<T, StoreError>>) {
        let (requester, answer) = oneshot::channel();
        let request = Box::new(Self {
            undo,
            work: Some(work),
            outcome: None,
            requester,
        });
        (request, answer)
    }
}

impl<T, F> Request for Waiting<T, F>
where
    T: Send,
    F: FnOnce(&Connection) -> Result<T, StoreError> + Send,
{
    fn undo(&self) -> Undo {
        self.undo
    }

    fn run(&mut self, connection: &Connection) -> bool {
        let Some(work) = self.work.take() else {
            return false;
        };
        let outcome = catch_unwind(AssertUnwindSafe(|| work(connection)))
            .unwrap_or_else(|_| Err(unavailable("the transaction panicked")));
        self.outcome.insert(outcome).is_ok()
    }

    fn answer(self: Box<Self>, commit: &Commit) {
        let answer = match (commit, self.outcome) {
            // SQLite has undone everything by itself, and says of the transaction only that it is gone.
            (Err(_), Some(Err(full @ StoreError::Full { .. }))) => Err(full),
            (Err(error), _) => Err(unavailable(Arc::clone(error))),
            (Ok(()), Some(outcome)) => outcome,
            (Ok(()), None) => Err(unavailable("the transaction was not run")),
        };
        // A requester that has gone away does not want to know.
        let _ = self.requester.send(answer);
    }
}

#[derive(Debug)]
pub(crate) struct Writer {
    queue: Option<mpsc::Sender<Box<dyn Request>>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(crate) fn start(
        connection: Connection,
        hook: Arc<Hook>,
        queue_max: usize,
        batch_max: usize,
    ) -> std::io::Result<Self> {
        let (queue, mut requests) = mpsc::channel::<Box<dyn Request>>(queue_max.max(1));
        let thread = std::thread::Builder::new()
            .name("sqlite-writer".into())
            .spawn(move || {
                while let Some(first) = requests.blocking_recv() {
                    transact(&connection, &hook, first, || requests.try_recv().ok(), batch_max);
                }
            })?;
        Ok(Self {
            queue: Some(queue),
            thread: Some(thread),
        })
    }

    /// Runs `work` in a transaction and returns what it returns, after the commit.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        undo: Undo,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (request, answer) = Waiting::new(undo, work);
        let closed = || unavailable("the store is closed");
        let queue = self.queue.as_ref().ok_or_else(closed)?;
        queue.send(request).await.map_err(|_| closed())?;
        answer.await.unwrap_or_else(|_| Err(closed()))
    }
}

impl Drop for Writer {
    /// Ends the thread after what has queued up: a commit that somebody waits for is not cut short.
    fn drop(&mut self) {
        drop(self.queue.take());
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            tracing::error!("the writer of the database ended by a panic");
        }
    }
}

/// The same in the calling thread, one request a transaction: for a simulator that must stay deterministic.
pub(crate) fn run_inline<T: Send + 'static>(
    connection: &Connection,
    hook: &Hook,
    undo: Undo,
    work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let (request, mut answer) = Waiting::new(undo, work);
    transact(connection, hook, request, || None, 1);
    answer
        .try_recv()
        .unwrap_or_else(|_| Err(unavailable("the transaction was not run")))
}

/// Runs `first` and what `more` gives, up to `batch_max` requests, in one transaction, and answers them all.
fn transact(
    connection: &Connection,
    hook: &Hook,
    first: Box<dyn Request>,
    more: impl FnMut() -> Option<Box<dyn Request>>,
    batch_max: usize,
) {
    let mut requests = vec![first];
    let commit = in_transaction(connection, hook, &mut requests, more, batch_max).map_err(Arc::new);
    if let Err(error) = &commit {
        tracing::error!(error = sfumato_core::chain(error), "a transaction failed");
        if !connection.is_autocommit()
            && let Err(error) = connection.execute_batch("ROLLBACK")
        {
            tracing::error!(error = sfumato_core::chain(&error), "a rollback failed");
        }
    }
    match &commit {
        // Before the requesters hear of it: whatever they do next comes after what they have just made.
        Ok(()) => hook.tell(),
        Err(_) => hook.forget_after(0),
    }
    for request in requests {
        request.answer(&commit);
    }
}

fn in_transaction(
    connection: &Connection,
    hook: &Hook,
    requests: &mut Vec<Box<dyn Request>>,
    mut more: impl FnMut() -> Option<Box<dyn Request>>,
    batch_max: usize,
) -> Result<(), Failed> {
    run(connection, "BEGIN IMMEDIATE")?;
    hook.forget_hearers();
    let mut next = 0;
    while let Some(request) = requests.get_mut(next) {
        match request.undo() {
            Undo::Alone => {
                in_savepoint(connection, hook, request.as_mut())?;
                // Of those that run without a savepoint none changes an endpoint.
                hook.forget_hearers();
            }
            Undo::WithAll => without_savepoint(connection, hook, request.as_mut())?,
        }
        next += 1;
        if requests.len() < batch_max {
            requests.extend(more());
        }
    }
    hit(Point::SlowFsync);
    run(connection, "COMMIT").map_err(Failed::Sqlite)
}

fn in_savepoint(
    connection: &Connection,
    hook: &Hook,
    request: &mut dyn Request,
) -> Result<(), rusqlite::Error> {
    run(connection, "SAVEPOINT request")?;
    let mark = hook.mark();
    let keep = request.run(connection);
    // A full disk or an input/output error makes SQLite roll everything back by itself: then the savepoint is gone, and
    // the next statement says so.
    if !keep {
        hook.forget_after(mark);
        run(connection, "ROLLBACK TO request")?;
    }
    run(connection, "RELEASE request")
}

fn without_savepoint(connection: &Connection, hook: &Hook, request: &mut dyn Request) -> Result<(), Failed> {
    let (mark, before) = (hook.mark(), connection.total_changes());
    if request.run(connection) {
        return Ok(());
    }
    hook.forget_after(mark);
    // SQLite may have rolled everything back by itself: what the next request wrote would be outside of any transaction.
    if connection.is_autocommit() || connection.total_changes() != before {
        return Err(Failed::Torn);
    }
    Ok(())
}

/// A statement without parameters or rows, kept prepared: these are run for every request.
fn run(connection: &Connection, sql: &str) -> Result<(), rusqlite::Error> {
    connection.prepare_cached(sql)?.execute([]).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn insert(n: i64) -> impl FnOnce(&Connection) -> Result<i64, StoreError> + Send + 'static {
        move |connection| {
            connection
                .execute("INSERT INTO numbers VALUES (?1)", [n])
                .map_err(unavailable)?;
            if n < 0 { Err(StoreError::LeaseLost) } else { Ok(n) }
        }
    }

    fn stored(reader: &Connection) -> Vec<i64> {
        reader
            .prepare("SELECT n FROM numbers ORDER BY n")
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap()
    }

    /// Runs all of them in one transaction, and returns the answers.
    fn together(
        connection: &Connection,
        numbers: &[i64],
        batch_max: usize,
    ) -> Vec<Option<Result<i64, StoreError>>> {
        together_by(Undo::Alone, connection, numbers, batch_max)
    }

    fn together_by(
        undo: Undo,
        connection: &Connection,
        numbers: &[i64],
        batch_max: usize,
    ) -> Vec<Option<Result<i64, StoreError>>> {
        let (requests, answers): (Vec<_>, Vec<_>) =
            numbers.iter().map(|n| Waiting::new(undo, insert(*n))).unzip();
        let mut requests = requests.into_iter().map(|request| request as Box<dyn Request>);
        let first = requests.next().unwrap();
        transact(connection, &Hook::default(), first, || requests.next(), batch_max);
        answers
            .into_iter()
            .map(|mut answer| answer.try_recv().ok())
            .collect()
    }

    fn connections() -> (tempfile::TempDir, Connection, Connection) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let connection = crate::open::writer(&path).unwrap();
        connection
            .execute_batch("CREATE TABLE numbers (n INTEGER UNIQUE)")
            .unwrap();
        let reader = crate::open::reader(&path).unwrap();
        (folder, connection, reader)
    }

    #[test]
    fn a_refused_request_takes_nothing_of_its_neighbours_with_it() {
        let (_folder, connection, reader) = connections();
        let answers = together(&connection, &[1, -2, 3, -4, 5, 5, 6], 64);
        let kept: Vec<i64> = answers.into_iter().flatten().flatten().collect();
        assert_eq!(kept, [1, 3, 5, 6]);
        assert_eq!(stored(&reader), [1, 3, 5, 6]);
    }

    #[test]
    fn without_a_savepoint_one_that_is_refused_before_it_writes_takes_nothing_with_it() {
        let (_folder, connection, reader) = connections();
        let answers = together_by(Undo::WithAll, &connection, &[1, 2, 2, 3], 64);
        let kept: Vec<i64> = answers.into_iter().flatten().flatten().collect();
        assert_eq!((kept, stored(&reader)), (vec![1, 2, 3], vec![1, 2, 3]));
    }

    #[test]
    fn without_a_savepoint_one_that_is_refused_after_it_has_written_takes_everything_with_it() {
        let (_folder, connection, reader) = connections();
        for answer in together_by(Undo::WithAll, &connection, &[1, -2, 3], 64) {
            assert!(
                matches!(answer, Some(Err(StoreError::Unavailable { .. })) | None),
                "{answer:?}"
            );
        }
        assert!(stored(&reader).is_empty());
        assert!(matches!(
            together_by(Undo::WithAll, &connection, &[5], 64)[..],
            [Some(Ok(5))]
        ));
    }

    #[test]
    fn a_batch_ends_at_its_limit() {
        let (_folder, connection, reader) = connections();
        let answers = together(&connection, &[1, 2, 3, 4, 5], 3);
        assert_eq!(answers.iter().filter(|answer| answer.is_some()).count(), 3);
        assert_eq!(stored(&reader), [1, 2, 3]);
    }

    #[test]
    fn a_commit_that_fails_is_told_to_everybody_also_to_the_refused() {
        let (_folder, connection, reader) = connections();
        // A deferred foreign key is checked at the commit only, which is the simplest way to make one fail.
        connection
            .execute_batch(
                "CREATE TABLE parents (n INTEGER PRIMARY KEY);
                 CREATE TABLE children (n INTEGER REFERENCES parents (n) DEFERRABLE INITIALLY DEFERRED);
                 CREATE TRIGGER orphan AFTER INSERT ON numbers WHEN new.n = 13
                 BEGIN INSERT INTO children VALUES (new.n); END;",
            )
            .unwrap();
        let answers = together(&connection, &[1, -2, 13, 4], 64);
        assert_eq!(answers.len(), 4);
        for answer in answers {
            assert!(
                matches!(answer, Some(Err(StoreError::Unavailable { .. }))),
                "{answer:?}"
            );
        }
        assert!(stored(&reader).is_empty());
        assert!(matches!(together(&connection, &[5], 64)[..], [Some(Ok(5))]));
    }

    #[test]
    fn a_database_that_another_process_holds_is_unavailable_and_works_again_afterwards() {
        let (_folder, connection, _reader) = connections();
        let path = connection.path().unwrap().to_owned();
        connection.busy_timeout(std::time::Duration::ZERO).unwrap();
        let other = Connection::open(path).unwrap();
        other.execute_batch("BEGIN IMMEDIATE").unwrap();
        let answers = together(&connection, &[1], 64);
        assert!(matches!(answers[..], [Some(Err(StoreError::Unavailable { .. }))]));
        other.execute_batch("ROLLBACK").unwrap();
        assert!(matches!(together(&connection, &[1], 64)[..], [Some(Ok(1))]));
    }

    #[test]
    fn a_database_without_room_says_so_and_takes_rows_again_when_there_is_some() {
        let (_folder, connection, reader) = connections();
        let limit = |pages: u32| {
            connection.pragma_update(None, "max_page_count", pages).unwrap();
        };
        connection
            .execute_batch("CREATE TABLE large (content BLOB); INSERT INTO large VALUES (zeroblob(8192));")
            .unwrap();
        let grow = || {
            |connection: &Connection| {
                connection
                    .execute("INSERT INTO large VALUES (zeroblob(100000))", [])
                    .map_err(unavailable)
            }
        };
        for undo in [Undo::Alone, Undo::WithAll] {
            limit(1);
            let refused = run_inline(&connection, &Hook::default(), undo, grow());
            assert!(matches!(refused, Err(StoreError::Full { .. })), "{refused:?}");
            limit(1_000_000);
            assert_eq!(
                run_inline(&connection, &Hook::default(), undo, grow()).unwrap(),
                1
            );
        }
        let rows: i64 = reader
            .query_row("SELECT count(*) FROM large", [], |row| row.get(0))
            .unwrap();
        assert_eq!(rows, 3);
    }

    #[test]
    fn only_a_write_without_room_is_told_as_such() {
        let told = |code| {
            let error = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(code), None);
            // As the answer to all requests of a transaction.
            unavailable(Arc::new(Failed::Sqlite(error)))
        };
        for code in [rusqlite::ffi::SQLITE_FULL, rusqlite::ffi::SQLITE_IOERR_WRITE] {
            assert!(matches!(told(code), StoreError::Full { .. }), "{code}");
        }
        for code in [
            rusqlite::ffi::SQLITE_IOERR_READ,
            rusqlite::ffi::SQLITE_BUSY,
            rusqlite::ffi::SQLITE_CORRUPT,
        ] {
            assert!(matches!(told(code), StoreError::Unavailable { .. }), "{code}");
        }
    }

    #[test]
    fn a_panic_leaves_the_inline_mode_usable() {
        let (_folder, connection, reader) = connections();
        let panicked = run_inline(
            &connection,
            &Hook::default(),
            Undo::Alone,
            |_| -> Result<(), StoreError> { panic!("a fault of ours") },
        );
        assert!(matches!(panicked, Err(StoreError::Unavailable { .. })));
        let answer = run_inline(&connection, &Hook::default(), Undo::Alone, insert(7));
        assert_eq!(answer.unwrap(), 7);
        assert_eq!(stored(&reader), [7]);
    }

    #[tokio::test]
    async fn a_panic_in_a_request_is_its_own_failure() {
        let (_folder, connection, _reader) = connections();
        let writer = Writer::start(connection, Arc::default(), 16, 8).unwrap();
        let panicked = writer
            .run(Undo::Alone, |_| -> Result<(), StoreError> {
                panic!("a fault of ours")
            })
            .await;
        assert!(matches!(panicked, Err(StoreError::Unavailable { .. })));
        assert_eq!(writer.run(Undo::Alone, insert(7)).await.unwrap(), 7);
    }
}
