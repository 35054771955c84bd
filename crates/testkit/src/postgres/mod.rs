//! PostgreSQL for tests: real servers, made when they are needed and gone soon after nobody uses them.
//!
//! All tests of this checkout share one server, whichever process they run in, and each test gets a [`Database`] of its own.
//! Who wants to restart or end a server starts a [`Server`] for itself. Nothing is listened on but a socket in a folder below
//! the temporary one, and nothing is synced to the disk: a server that is killed loses nothing, a machine that is would.

mod server;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::process::Stdio;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

pub use server::Server;

/// A database in the server that all tests share. Dropped with the value.
#[derive(Debug)]
pub struct Database {
    name: String,
}

impl Database {
    /// Makes an empty one. Blocks for some hundred milliseconds, and longer for the first one of a run.
    ///
    /// # Panics
    /// Where PostgreSQL is not installed or does not start; the message says what to do.
    pub fn create() -> Self {
        let name = fresh_name();
        shared().create_database(&name);
        Self { name }
    }

    /// Makes a copy of a database that `fill` fills, given its URL, once for all tests of this executable: a schema is
    /// copied faster than it is made.
    ///
    /// # Panics
    /// As [`Database::create`].
    pub async fn filled_by(fill: impl AsyncFnOnce(String)) -> Self {
        let (server, template, name) = (shared(), template_name(), fresh_name());
        if server.try_copy(&template, &name).is_ok() {
            return Self { name };
        }
        let _turn = server.turn("template.lock");
        if server.try_copy(&template, &name).is_err() {
            let draft = format!("{template}_draft");
            drop_database(&draft);
            server.create_database(&draft);
            fill(server.url(&draft)).await;
            // Whoever filled it disconnects meanwhile, which the server waits for.
            let (from, to) = (draft, template.clone());
            let renamed = tokio::task::spawn_blocking(move || shared().rename_database(&from, &to));
            renamed.await.expect("what others use is not renamed");
            server
                .try_copy(&template, &name)
                .unwrap_or_else(|why| panic!("{why}"));
        }
        Self { name }
    }

    /// Where it is, as `postgresql:///…`. Whoever connects is its owner and a superuser, without a password.
    pub fn url(&self) -> String {
        shared().url(&self.name)
    }

    /// The rows that a query answers, columns parted by `|`.
    ///
    /// # Panics
    /// Where the server refuses it.
    pub fn rows(&self, sql: &str) -> Vec<String> {
        let answer = shared().answer(&self.name, sql);
        answer.lines().map(str::to_owned).collect()
    }

    /// The statements that would make its schema: none for an empty one.
    ///
    /// # Panics
    /// Where the server does not answer.
    pub fn schema(&self) -> Vec<String> {
        shared().schema(&self.name)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        drop_database(&self.name);
    }
}

fn fresh_name() -> String {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    format!("test_{}_{number}", std::process::id())
}

/// Another one for each build: what fills it may have changed.
fn template_name() -> String {
    let program = std::env::current_exe().expect("a test is a program");
    let built = program.metadata().and_then(|metadata| metadata.modified());
    let mut hasher = DefaultHasher::new();
    (&program, built.expect("a program has a time")).hash(&mut hasher);
    format!("template_{:016x}", hasher.finish())
}

/// What is left behind goes with the server.
fn drop_database(name: &str) {
    let mut dropdb = shared().program("dropdb");
    let _ = dropdb
        .args(["--force", "--if-exists", name])
        .stderr(Stdio::null())
        .status();
}

fn shared() -> &'static Server {
    static SHARED: OnceLock<Server> = OnceLock::new();
    SHARED.get_or_init(Server::shared)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_test_has_an_empty_database_that_is_gone_when_it_ends() {
        let (first, second) = (Database::create(), Database::create());
        assert_ne!(first.url(), second.url());
        first.rows("CREATE TABLE things (id integer)");
        let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";
        assert_eq!(first.rows(tables), ["1"]);
        assert_eq!(second.rows(tables), ["0"]);
        assert!(
            first
                .schema()
                .iter()
                .any(|line| line.starts_with("CREATE TABLE public.things"))
        );
        assert_eq!(second.schema(), [""; 0]);
        let known = format!(
            "SELECT count(*) FROM pg_database WHERE datname = '{}'",
            first.name
        );
        assert_eq!(shared().answer("postgres", &known), "1");
        drop(first);
        assert_eq!(shared().answer("postgres", &known), "0");
    }

    #[tokio::test]
    async fn a_filled_database_is_filled_once_and_copied() {
        let filled = AtomicU32::new(0);
        let fill = || {
            async |url: String| {
                filled.fetch_add(1, Ordering::Relaxed);
                let name = url.split(['/', '?']).nth(3).unwrap().to_owned();
                shared().answer(&name, "CREATE TABLE things AS SELECT 7 AS id");
            }
        };
        let first = Database::filled_by(fill()).await;
        let second = Database::filled_by(fill()).await;
        first.rows("DELETE FROM things");
        assert_eq!(second.rows("SELECT id FROM things"), ["7"]);
        // None, where another run of this executable did so a moment ago.
        assert!(filled.load(Ordering::Relaxed) <= 1);
    }

    #[test]
    fn a_server_of_its_own_survives_a_crash_with_what_was_committed() {
        let server = Server::start();
        server.create_database("own");
        assert!(server.url("own").starts_with("postgresql:///own?host=/"));
        server.answer("own", "CREATE TABLE things (id integer)");
        server.crash_and_restart();
        assert_eq!(server.answer("own", "SELECT count(*) FROM things"), "0");
    }
}
