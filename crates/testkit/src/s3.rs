//! A real S3-compatible server for tests: `s3s-fs`, which `cargo xtask setup --tests` installs.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// The bucket that every server has.
pub const BUCKET: &str = "bucket";

/// How often it is tried to start a server again.
const RESTARTS_MAX: usize = 100;

const ACCESS_KEY: &str = "TESTKEY";
const SECRET_KEY: &str = "test-secret";

/// A running server with one empty bucket. It ends when this is dropped.
#[derive(Debug)]
pub struct S3Server {
    child: Child,
    root: TempDir,
    /// Where it listens: `http://127.0.0.1:…`.
    pub endpoint: String,
}

impl S3Server {
    /// Starts a server on a free port.
    ///
    /// # Panics
    /// Where the server is not installed or does not come up.
    pub async fn start() -> Self {
        let root = TempDir::new().expect("a folder for the server");
        std::fs::create_dir(root.path().join(BUCKET)).expect("a folder for the bucket");
        let started = spawn(root.path(), "0").await;
        let (child, endpoint) = started.expect("the server says where it listens before it ends");
        Self {
            child,
            root,
            endpoint,
        }
    }

    /// Starts one that was killed on the same port, with what is there.
    ///
    /// # Panics
    /// Where it does not come up again.
    pub async fn restart(&mut self) {
        let (_, port) = self.endpoint.rsplit_once(':').expect("an address has a port");
        // Meanwhile the port may have gone to a connection of somebody else, who gives it back.
        for _ in 0..RESTARTS_MAX {
            if let Some((child, endpoint)) = spawn(self.root.path(), port).await {
                (self.child, self.endpoint) = (child, endpoint);
                return;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        panic!("the server does not come up again on port {port}");
    }

    /// The variables that hold the credentials.
    pub fn variables() -> Vec<(String, String)> {
        [
            ("AWS_ACCESS_KEY_ID", ACCESS_KEY),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }

    /// The folder in which the bucket's objects lie as files.
    pub fn bucket(&self) -> PathBuf {
        self.root.path().join(BUCKET)
    }

    /// The folder of everything, parts of unfinished uploads included.
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// `kill -9`.
    ///
    /// # Panics
    /// Where it cannot be killed.
    pub async fn kill(&mut self) {
        self.child.kill().await.expect("a child can be killed");
    }
}

/// Starts a server and waits until it says where it listens, or ends.
#[expect(
    clippy::disallowed_methods,
    reason = "the door to processes is for the product; this is a server for tests"
)]
async fn spawn(root: &Path, port: &str) -> Option<(Child, String)> {
    let program = program();
    let mut child = Command::new(&program)
        .args(["--host", "127.0.0.1", "--port", port])
        .args(["--access-key", ACCESS_KEY, "--secret-key", SECRET_KEY])
        .arg(root)
        .env("RUST_LOG", "off,s3s_fs=info")
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .spawn()
        .unwrap_or_else(|error| {
            panic!(
                "{} cannot be started ({error}); run `cargo xtask setup --tests`",
                program.display()
            )
        });
    let output = child.stdout.take().expect("the output is piped");
    let mut lines = BufReader::new(output).lines();
    let endpoint = loop {
        let line = lines.next_line().await.expect("the server's output can be read");
        let line = line?;
        if let Some((_, address)) = line.split_once("server is running at ") {
            break address.trim().to_owned();
        }
    };
    // Whatever else it says must not fill the pipe.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Some((child, endpoint))
}

/// The executable: in the folder of cargo's tools, or wherever the path finds it.
fn program() -> PathBuf {
    let home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo")));
    home.map(|home| home.join("bin/s3s-fs"))
        .filter(|program| program.is_file())
        .unwrap_or_else(|| "s3s-fs".into())
}
