//! A real S3-compatible server for tests: `s3s-fs`, which `cargo xtask setup --tests` installs, or Garage, where
//! `SFUMATO_TEST_S3=garage` asks for it (`cargo xtask test-cluster --s3 garage` installs that one).

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use futures::TryStreamExt;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::{Child, Command};

/// The bucket that every server has.
pub const BUCKET: &str = "bucket";

/// The key of the server, in a form that Garage takes: `GK` and 12 bytes, 32 bytes.
const ACCESS_KEY: &str = "GK5fa70000000000000000007e";
/// The secret that belongs to the key of the server.
pub const SECRET_KEY: &str = "7e575ec2e77e575ec2e77e575ec2e77e575ec2e77e575ec2e77e575ec2e77e57";

/// Which server it is.
const VARIABLE: &str = "SFUMATO_TEST_S3";

/// How often it is tried to start a server again.
const RESTARTS_MAX: usize = 100;

/// What listens there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Program {
    S3sFs,
    Garage,
}

impl Program {
    /// # Panics
    /// Where the variable says something else.
    fn wanted() -> Self {
        match std::env::var(VARIABLE).as_deref() {
            Err(_) | Ok("" | "s3s-fs") => Self::S3sFs,
            Ok("garage") => Self::Garage,
            Ok(other) => panic!("{VARIABLE} is `s3s-fs` or `garage`, not `{other}`"),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::S3sFs => "s3s-fs",
            Self::Garage => "garage",
        }
    }

    /// The executable: in the folder of cargo's tools, or wherever the path finds it.
    fn path(self) -> PathBuf {
        let home = std::env::var_os("CARGO_HOME")
            .map(PathBuf::from)
            .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo")));
        home.map(|home| home.join("bin").join(self.name()))
            .filter(|program| program.is_file())
            .unwrap_or_else(|| self.name().into())
    }

    /// What it says in the line that holds its address; the address follows.
    const fn announcement(self) -> &'static str {
        match self {
            Self::S3sFs => "server is running at ",
            Self::Garage => "S3 API server listening on ",
        }
    }
}

/// A running server with one empty bucket. It ends when this is dropped.
#[derive(Debug)]
pub struct S3Server {
    program: Program,
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
        let program = Program::wanted();
        let root = TempDir::new().expect("a folder for the server");
        // Garage makes its bucket by itself.
        std::fs::create_dir(root.path().join(BUCKET)).expect("a folder for the bucket");
        for _ in 0..RESTARTS_MAX {
            let port = match program {
                Program::S3sFs => 0,
                // It does not tell which one the system chose. One that was free a moment ago may have gone to somebody else.
                Program::Garage => free_port(),
            };
            if let Some((child, endpoint)) = spawn(program, root.path(), port).await {
                return Self {
                    program,
                    child,
                    root,
                    endpoint,
                };
            }
        }
        panic!("{} ends before it says where it listens", program.name());
    }

    /// Starts one that was killed on the same port, with what is there.
    ///
    /// # Panics
    /// Where it does not come up again.
    pub async fn restart(&mut self) {
        let port = self.endpoint.rsplit_once(':').map(|(_, port)| port.parse());
        let Some(Ok(port)) = port else {
            panic!("{} ends with a port", self.endpoint);
        };
        // Meanwhile the port may have gone to a connection of somebody else, who gives it back.
        for _ in 0..RESTARTS_MAX {
            if let Some((child, endpoint)) = spawn(self.program, self.root.path(), port).await {
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

    /// The objects whose keys begin with these folders, in the order of their keys: what an upload in parts that has not ended
    /// holds is not among them.
    ///
    /// # Panics
    /// Where the server does not answer.
    pub async fn objects(&self, below: &str) -> Vec<ObjectMeta> {
        let prefix = object_store::path::Path::from(below);
        let listed = self.client().list(Some(&prefix)).try_collect::<Vec<_>>().await;
        let mut objects = listed.expect("a bucket that is there can be listed");
        objects.sort_by(|one, other| one.location.cmp(&other.location));
        objects
    }

    /// Writes an object.
    ///
    /// # Panics
    /// Where the server does not take it.
    pub async fn put(&self, key: &str, content: &'static [u8]) {
        let put = self.client().put(&key.into(), content.into()).await;
        put.expect("a bucket that is there can be written to");
    }

    fn client(&self) -> AmazonS3 {
        AmazonS3Builder::new()
            .with_endpoint(&self.endpoint)
            .with_allow_http(true)
            .with_bucket_name(BUCKET)
            .with_access_key_id(ACCESS_KEY)
            .with_secret_access_key(SECRET_KEY)
            .build()
            .expect("nothing is missing")
    }

    /// `kill -9`.
    ///
    /// # Panics
    /// Where it cannot be killed.
    pub async fn kill(&mut self) {
        self.child.kill().await.expect("a child can be killed");
    }
}

/// A port of this machine on which nobody listens.
///
/// # Panics
/// When no port is free.
pub fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("a listener has an address");
    address.port()
}

#[expect(
    clippy::disallowed_methods,
    reason = "the door to processes is for the product; this is a server for tests"
)]
fn s3s_fs(root: &Path, port: u16) -> Command {
    let mut command = Command::new(Program::S3sFs.path());
    command
        .args(["--host", "127.0.0.1", "--port", &port.to_string()])
        .args(["--access-key", ACCESS_KEY, "--secret-key", SECRET_KEY])
        .arg(root)
        .env("RUST_LOG", "off,s3s_fs=info")
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit());
    command
}

/// Garage as one node with one bucket, which its own switches make.
#[expect(
    clippy::disallowed_methods,
    reason = "the door to processes is for the product; this is a server for tests"
)]
fn garage(root: &Path, port: u16) -> Command {
    let settings = root.join("garage.toml");
    let text = format!(
        r#"
metadata_dir = "{folder}/meta"
data_dir = "{folder}/data"
db_engine = "sqlite"
replication_factor = 1
rpc_bind_addr = "127.0.0.1:{rpc}"
rpc_public_addr = "127.0.0.1:{rpc}"
rpc_secret = "{SECRET_KEY}"

[s3_api]
s3_region = "us-east-1"
api_bind_addr = "127.0.0.1:{port}"
root_domain = ".s3.localhost"
"#,
        folder = root.display(),
        rpc = free_port(),
    );
    std::fs::write(&settings, text).expect("the settings of the server can be written");
    let mut command = Command::new(Program::Garage.path());
    command
        .arg("-c")
        .arg(settings)
        .args(["server", "--single-node", "--default-bucket"])
        .env("GARAGE_DEFAULT_ACCESS_KEY", ACCESS_KEY)
        .env("GARAGE_DEFAULT_SECRET_KEY", SECRET_KEY)
        .env("GARAGE_DEFAULT_BUCKET", BUCKET)
        .env("RUST_LOG", "garage_api_common=info")
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}

/// Starts a server and waits until it says where it listens, or ends.
async fn spawn(program: Program, root: &Path, port: u16) -> Option<(Child, String)> {
    let mut command = match program {
        Program::S3sFs => s3s_fs(root, port),
        Program::Garage => garage(root, port),
    };
    let mut child = command
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap_or_else(|error| {
            panic!(
                "{} cannot be started ({error}); run `cargo xtask setup --tests`",
                program.path().display()
            )
        });
    let said: Box<dyn AsyncRead + Send + Unpin> = match (child.stdout.take(), child.stderr.take()) {
        (Some(output), _) => Box::new(output),
        (None, errors) => Box::new(errors.expect("one of the two is piped")),
    };
    let mut lines = BufReader::new(said).lines();
    let endpoint = loop {
        let line = lines.next_line().await.expect("the server's output can be read");
        let line = line?;
        if let Some((_, address)) = line.split_once(program.announcement()) {
            break address.trim().to_owned();
        }
    };
    // Whatever else it says must not fill the pipe.
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Some((child, endpoint))
}
