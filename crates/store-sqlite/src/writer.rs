//! The one writer: requests queue up, share a commit, and are answered after it.
//!
//! Each request runs in a savepoint of its own, so that one that is refused takes nothing of the others with it. Nobody is
//! answered before the commit has reached the disk; if the commit fails, nothing of the batch has happened and everybody
//! is told so. If the process dies in the middle, SQLite drops the open transaction at the next start.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread::JoinHandle;

use rusqlite::Connection;
use sfumato_core::StoreError;
use tokio::sync::{mpsc, oneshot};

use crate::sql::unavailable;

/// Runs in a savepoint; says whether to keep it, and how to answer once it is known whether the commit stands.
type Work = Box<dyn FnOnce(&Connection) -> (bool, Answer) + Send>;
type Answer = Box<dyn FnOnce(bool) + Send>;

#[derive(Debug)]
pub(crate) struct Writer {
    queue: Option<mpsc::Sender<Work>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    pub(crate) fn start(connection: Connection, queue_max: usize, batch_max: usize) -> std::io::Result<Self> {
        let (queue, requests) = mpsc::channel(queue_max.max(1));
        let thread = std::thread::Builder::new()
            .name("sqlite-writer".into())
            .spawn(move || serve(&connection, requests, batch_max.max(1)))?;
        Ok(Self {
            queue: Some(queue),
            thread: Some(thread),
        })
    }

    /// Runs `work` in a transaction and returns what it returns, after the commit.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let (sender, answer) = oneshot::channel();
        let request: Work = Box::new(move |connection| {
            let outcome = work(connection);
            let keep = outcome.is_ok();
            let respond: Answer = Box::new(move |committed| {
                let outcome = if keep && !committed {
                    Err(unavailable("the commit failed"))
                } else {
                    outcome
                };
                // A requester that has gone away does not want to know.
                let _ = sender.send(outcome);
            });
            (keep, respond)
        });
        let queue = self
            .queue
            .as_ref()
            .ok_or_else(|| unavailable("the store is closed"))?;
        queue
            .send(request)
            .await
            .map_err(|_| unavailable("the store is closed"))?;
        answer
            .await
            .unwrap_or_else(|_| Err(unavailable("the transaction was abandoned")))
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

fn serve(connection: &Connection, mut requests: mpsc::Receiver<Work>, batch_max: usize) {
    while let Some(first) = requests.blocking_recv() {
        let mut answers = Vec::new();
        let committed = match batch(connection, first, &mut requests, batch_max, &mut answers) {
            Ok(()) => true,
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "a transaction failed");
                if !connection.is_autocommit()
                    && let Err(error) = connection.execute_batch("ROLLBACK")
                {
                    tracing::error!(error = &error as &dyn std::error::Error, "a rollback failed");
                }
                false
            }
        };
        for answer in answers {
            answer(committed);
        }
    }
}

fn batch(
    connection: &Connection,
    first: Work,
    requests: &mut mpsc::Receiver<Work>,
    batch_max: usize,
    answers: &mut Vec<Answer>,
) -> Result<(), rusqlite::Error> {
    // A failing BEGIN drops `first` unanswered, which its requester hears as an abandoned transaction.
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let mut next = Some(first);
    while let Some(work) = next {
        in_savepoint(connection, work, answers)?;
        next = if answers.len() < batch_max {
            requests.try_recv().ok()
        } else {
            None
        };
    }
    connection.execute_batch("COMMIT")
}

fn in_savepoint(
    connection: &Connection,
    work: Work,
    answers: &mut Vec<Answer>,
) -> Result<(), rusqlite::Error> {
    connection.execute_batch("SAVEPOINT request")?;
    let keep = match catch_unwind(AssertUnwindSafe(|| work(connection))) {
        Ok((keep, answer)) => {
            answers.push(answer);
            keep
        }
        Err(_) => false,
    };
    // A full disk or an input/output error makes SQLite roll everything back by itself.
    if connection.is_autocommit() {
        return Err(rusqlite::Error::InvalidQuery);
    }
    if !keep {
        connection.execute_batch("ROLLBACK TO request")?;
    }
    connection.execute_batch("RELEASE request")
}

/// The same in the calling thread, one request a transaction: for a simulator that must stay deterministic.
pub(crate) fn run_inline<T>(
    connection: &Connection,
    work: impl FnOnce(&Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    connection.execute_batch("BEGIN IMMEDIATE").map_err(unavailable)?;
    let outcome = work(connection);
    let end = if outcome.is_ok() { "COMMIT" } else { "ROLLBACK" };
    let ended = if connection.is_autocommit() {
        Ok(())
    } else {
        connection.execute_batch(end)
    };
    match (outcome, ended) {
        (Ok(value), Ok(())) => Ok(value),
        (Ok(_), Err(error)) => {
            if !connection.is_autocommit()
                && let Err(error) = connection.execute_batch("ROLLBACK")
            {
                tracing::error!(error = &error as &dyn std::error::Error, "a rollback failed");
            }
            Err(unavailable(error))
        }
        (Err(error), _) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open() -> (tempfile::TempDir, Writer, Connection) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.db");
        let connection = crate::open::writer(&path).unwrap();
        connection
            .execute_batch("CREATE TABLE numbers (n INTEGER UNIQUE)")
            .unwrap();
        let reader = crate::open::reader(&path).unwrap();
        (folder, Writer::start(connection, 16, 8).unwrap(), reader)
    }

    fn insert(n: i64) -> impl FnOnce(&Connection) -> Result<i64, StoreError> + Send + 'static {
        move |connection| {
            connection
                .execute("INSERT INTO numbers VALUES (?1)", [n])
                .map_err(unavailable)?;
            if n < 0 { Err(StoreError::LeaseLost) } else { Ok(n) }
        }
    }

    #[tokio::test]
    async fn a_refused_request_takes_nothing_of_its_neighbours_with_it() {
        let (_folder, writer, reader) = open();
        let numbers = [1, -2, 3, -4, 5, 5, 6];
        let outcomes = futures_join(&writer, &numbers).await;
        let kept: Vec<i64> = outcomes.into_iter().filter_map(Result::ok).collect();
        assert_eq!(kept, [1, 3, 5, 6]);
        let stored: Vec<i64> = reader
            .prepare("SELECT n FROM numbers ORDER BY n")
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        assert_eq!(stored, [1, 3, 5, 6]);
    }

    async fn futures_join(writer: &Writer, numbers: &[i64]) -> Vec<Result<i64, StoreError>> {
        let mut outcomes = Vec::new();
        let mut waiting = Vec::new();
        for n in numbers {
            waiting.push(Box::pin(writer.run(insert(*n))));
        }
        for request in waiting {
            outcomes.push(request.await);
        }
        outcomes
    }

    #[tokio::test]
    async fn a_panic_in_a_request_is_its_own_failure() {
        let (_folder, writer, _reader) = open();
        let panicked = writer
            .run(|_| -> Result<(), StoreError> { panic!("a fault of ours") })
            .await;
        assert!(matches!(panicked, Err(StoreError::Unavailable { .. })));
        assert_eq!(writer.run(insert(7)).await.unwrap(), 7);
    }
}
