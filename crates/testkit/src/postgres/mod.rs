//! PostgreSQL for tests: real servers, made when they are needed and gone soon after nobody uses them.
//!
//! All tests of this checkout share one server, whichever process they run in, and each test gets a [`Database`] of its own.
//! Who wants to restart or end a server starts a [`Server`] for itself. Nothing is listened on but a socket in a folder below
//! the temporary one, and nothing is synced to the disk: a server that is killed loses nothing, a machine that is would.

mod server;

use std::process::Stdio;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

pub use server::Server;

/// An empty database in the server that all tests share. Dropped with the value.
#[derive(Debug)]
pub struct Database {
    name: String,
}

impl Database {
    /// Makes one. Blocks for some hundred milliseconds, and longer for the first one of a run.
    ///
    /// # Panics
    /// Where PostgreSQL is not installed or does not start; the message says what to do.
    pub fn create() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("test_{}_{number}", std::process::id());
        shared().create_database(&name);
        Self { name }
    }

    /// Where it is, as `postgresql:///…`. Whoever connects is its owner and a superuser, without a password.
    pub fn url(&self) -> String {
        shared().url(&self.name)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        // What is left behind goes with the server.
        let mut dropdb = shared().program("dropdb");
        let _ = dropdb
            .args(["--force", "--if-exists", &self.name])
            .stderr(Stdio::null())
            .status();
    }
}

fn shared() -> &'static Server {
    static SHARED: OnceLock<Server> = OnceLock::new();
    SHARED.get_or_init(Server::shared)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(server: &Server, database: &str, sql: &str) -> String {
        let mut psql = server.program("psql");
        let output = psql.args(["-XAt", "-d", database, "-c", sql]).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    #[test]
    fn each_test_has_an_empty_database_that_is_gone_when_it_ends() {
        let (first, second) = (Database::create(), Database::create());
        assert_ne!(first.url(), second.url());
        answer(shared(), &first.name, "CREATE TABLE things (id integer)");
        let tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'";
        assert_eq!(answer(shared(), &first.name, tables), "1");
        assert_eq!(answer(shared(), &second.name, tables), "0");
        let known = format!(
            "SELECT count(*) FROM pg_database WHERE datname = '{}'",
            first.name
        );
        assert_eq!(answer(shared(), "postgres", &known), "1");
        drop(first);
        assert_eq!(answer(shared(), "postgres", &known), "0");
    }

    #[test]
    fn a_server_of_its_own_survives_a_crash_with_what_was_committed() {
        let server = Server::start();
        server.create_database("own");
        assert!(server.url("own").starts_with("postgresql:///own?host=/"));
        answer(&server, "own", "CREATE TABLE things (id integer)");
        server.crash_and_restart();
        assert_eq!(answer(&server, "own", "SELECT count(*) FROM things"), "0");
    }
}
