//! Drives the built binaries from outside: starts `sfumato serve` on a free port, speaks HTTP to it, receives its
//! webhooks, and kills it when that is what a test is about.
//!
//! `SFUMATO_BIN` names another executable to test, such as a release. It is looked for beside the tests otherwise.
//! `SFUMATO_TEST_INSTALLATION=cluster` has every server be several processes on PostgreSQL.
#![forbid(unsafe_code)]
#![expect(
    clippy::disallowed_methods,
    reason = "tests of built programs start processes"
)]

pub mod client;
pub mod cluster;
pub mod collector;
pub mod database;
pub mod dice;
pub mod files;
pub mod invariants;
pub mod node;
pub mod picture;
pub mod processes;
pub mod receiver;
pub mod server;
pub mod stopped;

use std::path::PathBuf;
use std::time::{Duration, Instant};

/// How long anything that should happen soon may take on a slow, busy machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The executable under test.
///
/// # Panics
/// With the line that helps, where it has not been built.
pub fn sfumato() -> PathBuf {
    let program =
        std::env::var_os("SFUMATO_BIN").map_or_else(|| built_beside_the_tests("sfumato"), PathBuf::from);
    found(program, "cargo build --workspace --bins")
}

/// The same server with the failpoints in it: see the crate `sfumato-failpoints`.
///
/// # Panics
/// With the line that helps, where it has not been built.
pub fn sfumato_with_failpoints() -> PathBuf {
    found(
        built_beside_the_tests("sfumato-with-failpoints"),
        "cargo build --workspace --features sfumato/failpoints --bin sfumato-with-failpoints",
    )
}

fn built_beside_the_tests(name: &str) -> PathBuf {
    let tests = std::env::current_exe().expect("a running test has a path");
    tests
        .ancestors()
        .nth(2)
        .expect("tests lie in <target>/<profile>/deps")
        .join(name)
}

fn found(program: PathBuf, command: &str) -> PathBuf {
    assert!(
        program.is_file(),
        "{} is missing: run `{command}` first",
        program.display()
    );
    program
}

/// The folder of models and pictures.
///
/// # Panics
/// With the line that helps, where it is missing.
pub fn assets() -> PathBuf {
    let assets = std::env::var_os("SFUMATO_ASSETS_DIR").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../assets"),
        PathBuf::from,
    );
    assert!(
        assets.join("models").is_dir(),
        "the models are missing: run `cargo xtask setup` first"
    );
    assets
}

/// Asks again and again until the answer is there.
///
/// # Panics
/// When [`PATIENCE`] is spent, saying what was waited for.
pub async fn eventually<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    let begin = Instant::now();
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(begin.elapsed() < PATIENCE, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
