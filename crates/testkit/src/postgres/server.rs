//! A server: its folder, its programs, its beginning and its end.

use std::fs::{File, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// Settings of every server.
const SETTINGS: [&str; 8] = [
    "listen_addresses=",
    "fsync=off",
    "full_page_writes=off",
    "max_connections=400",
    "shared_buffers=64MB",
    "max_wal_size=256MB",
    "log_min_messages=warning",
    "log_line_prefix=%m [%p] %d ",
];

/// Seconds without a user after which the shared server ends: longer than one process of tests follows another.
const QUIET_SHARED_S: u32 = 15;

/// A PostgreSQL server. It ends a moment after the last process that uses it has ended, or has dropped its value.
#[derive(Debug)]
pub struct Server {
    folder: PathBuf,
    programs: PathBuf,
    /// Who the server runs as; `None`: as we do.
    user: Option<(u32, u32)>,
    /// Whether commits wait for the disk.
    synced: bool,
    /// Held as long as the server is used.
    _users: File,
}

impl Server {
    /// Starts a server for the caller alone.
    ///
    /// # Panics
    /// Where PostgreSQL is not installed or does not start; the message says what to do.
    pub fn start() -> Self {
        Self::own(false)
    }

    /// The same, and every commit waits for the disk: for measurements.
    ///
    /// # Panics
    /// As [`Server::start`].
    pub fn start_synced() -> Self {
        Self::own(true)
    }

    fn own(synced: bool) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let own = format!("{}-{number}", std::process::id());
        Self::open(&own, 1, "forever", synced)
    }

    /// The server of all tests of this checkout, started if nobody has done so.
    pub(super) fn shared() -> Self {
        let mut hasher = DefaultHasher::new();
        (env!("CARGO_MANIFEST_DIR"), own_user()).hash(&mut hasher);
        Self::open(
            &format!("{:016x}", hasher.finish()),
            QUIET_SHARED_S,
            "until_used",
            false,
        )
    }

    fn open(name: &str, quiet_s: u32, goes: &str, synced: bool) -> Self {
        let folder = std::env::temp_dir().join(format!("sfumato-postgres-{name}"));
        let user = server_user();
        std::fs::create_dir_all(&folder).expect("a folder for PostgreSQL can be made");
        give(&folder, user);
        let users = lock_file(&folder.join("users.lock"), user);
        users.lock_shared().expect("a lock on a file can be had");
        let server = Self {
            programs: programs(),
            user,
            synced,
            _users: users,
            folder,
        };
        server.begin(quiet_s, goes);
        server
    }

    /// Starts what does not run: one process at a time, so that nobody uses what is half made.
    #[expect(
        clippy::zombie_processes,
        reason = "the keeper outlives this process, whose end hands it to init"
    )]
    fn begin(&self, quiet_s: u32, goes: &str) {
        let _turn = self.turn("start.lock");
        if UnixStream::connect(self.folder.join(".s.PGSQL.5432")).is_err() {
            self.initialize();
            self.pg_ctl("start", &["-w", "-t", "60"]);
        }
        // A second one ends at once.
        let mut keeper = self.as_user(Path::new("/bin/sh"));
        let keeper = keeper
            .args(["-c", include_str!("keeper.sh"), "keeper"])
            .args([&self.folder, &self.programs])
            .args([&quiet_s.to_string(), goes])
            // Not in the group of processes that a runner of tests ends with the test.
            .process_group(0);
        quietly(keeper).spawn().expect("a shell can be started");
    }

    fn initialize(&self) {
        let data = self.folder.join("data");
        if data.exists() {
            // Of a machine that was switched off: nothing was synced.
            std::fs::remove_dir_all(&data).expect("what an earlier server left can be removed");
        }
        succeed(
            self.as_user(&self.programs.join("initdb"))
                .args([
                    "--auth=trust",
                    "--username=postgres",
                    "--encoding=UTF8",
                    "--locale=C",
                    "--no-sync",
                ])
                .arg("-D")
                .arg(data),
        );
    }

    /// Kills the server as a crash would, and starts it again. What was committed is there.
    ///
    /// # Panics
    /// Where it does not start again.
    pub fn crash_and_restart(&self) {
        self.pg_ctl("restart", &["-m", "immediate", "-w", "-t", "60"]);
    }

    fn pg_ctl(&self, what: &str, arguments: &[&str]) {
        let mut options = format!("-k {}", self.folder.display());
        let synced = ["fsync=on", "full_page_writes=on"]
            .into_iter()
            .filter(|_| self.synced);
        // Of a setting that is named twice the last one counts.
        for setting in SETTINGS.into_iter().chain(synced) {
            options.push_str(&format!(" -c '{setting}'"));
        }
        succeed(
            self.as_user(&self.programs.join("pg_ctl"))
                .arg(what)
                .args(arguments)
                .args(["-s", "-o", &options])
                .arg("-D")
                .arg(self.folder.join("data"))
                .arg("-l")
                .arg(self.folder.join("server.log")),
        );
    }

    /// Makes an empty database.
    ///
    /// # Panics
    /// Where there is one of this name.
    pub fn create_database(&self, name: &str) {
        succeed(self.program("createdb").arg(name));
    }

    /// Writes what is only in memory to the disk and looks at the tables, as the server does by itself some minutes after much
    /// has changed: what is measured next does not wait for the disk that is still busy with what came before.
    ///
    /// # Panics
    /// Where there is no such database.
    pub fn settle(&self, database: &str) {
        for statement in ["VACUUM ANALYZE", "CHECKPOINT"] {
            succeed(
                self.program("psql")
                    .args(["-Xq", "-d", database, "-c", statement]),
            );
        }
    }

    /// Makes a copy of a database that nobody uses.
    ///
    /// # Errors
    /// What the server says, for one that it does not know.
    pub(super) fn try_copy(&self, template: &str, name: &str) -> Result<(), String> {
        let mut createdb = self.program("createdb");
        createdb.args(["--strategy=file_copy", "--template", template, name]);
        let output = createdb.output().map_err(|error| error.to_string())?;
        if output.status.success() {
            Ok(())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned())
        }
    }

    pub(super) fn rename_database(&self, from: &str, to: &str) {
        let rename = format!("ALTER DATABASE {from} RENAME TO {to}");
        let mut psql = self.program("psql");
        succeed(psql.args(["-Xq", "-d", "postgres", "-c", &rename]));
    }

    /// Of those who take a turn of one name, in all processes, the others wait until the value is dropped.
    pub(super) fn turn(&self, name: &str) -> File {
        let file = lock_file(&self.folder.join(name), self.user);
        file.lock().expect("a lock on a file can be had");
        file
    }

    /// Where a database is, as `postgresql:///…`. Whoever connects is its owner and a superuser, without a password.
    pub fn url(&self, database: &str) -> String {
        format!(
            "postgresql:///{database}?host={}&user=postgres",
            self.folder.display()
        )
    }

    /// A program of PostgreSQL, such as `psql` or `pg_dump`, that connects to the server.
    pub fn program(&self, name: &str) -> Command {
        let mut command = new(&self.programs.join(name));
        command
            .env("PGHOST", &self.folder)
            .env("PGUSER", "postgres")
            .env_remove("PGPORT")
            .stdin(Stdio::null());
        command
    }

    /// What a query answers, a row a line, columns parted by `|`.
    ///
    /// # Panics
    /// Where the server refuses it.
    pub fn answer(&self, database: &str, sql: &str) -> String {
        let mut psql = self.program("psql");
        output_of(psql.args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-d", database, "-c", sql]))
    }

    /// The statements that would make the schema of a database: none for an empty one.
    ///
    /// # Panics
    /// Where there is no such database.
    pub(super) fn schema(&self, database: &str) -> Vec<String> {
        // Lines that say how they are to be read, which differ from one run to the next.
        let reading = ["--", "\\", "SET ", "SELECT pg_catalog.set_config"];
        let mut pg_dump = self.program("pg_dump");
        let dump = output_of(pg_dump.args(["--schema-only", database]));
        let lines = dump.lines().map(str::to_owned);
        lines
            .filter(|line| !line.is_empty() && !reading.iter().any(|begin| line.starts_with(begin)))
            .collect()
    }

    fn as_user(&self, program: &Path) -> Command {
        let mut command = new(program);
        command.current_dir(&self.folder).env_remove("PGDATA");
        if let Some((user, group)) = self.user {
            command.uid(user).gid(group);
        }
        command
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "tests need a real server, and this is the only crate that starts one"
)]
fn new(program: &Path) -> Command {
    Command::new(program)
}

fn quietly(command: &mut Command) -> &mut Command {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
}

fn succeed(command: &mut Command) {
    output_of(command);
}

fn output_of(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output();
    let output = output.unwrap_or_else(|error| panic!("start {command:?}: {error}"));
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout);
    text.expect("the programs of PostgreSQL speak UTF-8")
        .trim_end()
        .to_owned()
}

fn lock_file(path: &Path, user: Option<(u32, u32)>) -> File {
    let opened = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path);
    let file = opened.unwrap_or_else(|error| panic!("open {}: {error}", path.display()));
    give(path, user);
    file
}

fn give(path: &Path, user: Option<(u32, u32)>) {
    if let Some((user, group)) = user {
        std::os::unix::fs::chown(path, Some(user), Some(group)).expect("root can give a file away");
    }
}

fn own_user() -> u32 {
    let own = std::fs::metadata("/proc/self");
    own.expect("a process sees itself").uid()
}

/// Who a server runs as. It refuses to run as root; the package of the distribution brings a user for it.
fn server_user() -> Option<(u32, u32)> {
    if own_user() != 0 {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").expect("there is a list of users");
    let found = users.lines().find_map(|line| {
        let mut fields = line.strip_prefix("postgres:")?.split(':').skip(1);
        Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
    });
    Some(found.expect("there is a user postgres: `cargo xtask setup --tests` installs PostgreSQL with it"))
}

/// Where the programs of the newest PostgreSQL lie: distributions do not put those of a server on the path.
fn programs() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let newest = versions
        .flatten()
        .filter_map(|version| version.file_name().to_str()?.parse::<u32>().ok())
        .max()
        .map(|version| PathBuf::from(format!("/usr/lib/postgresql/{version}/bin")));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut places = newest.into_iter().chain(std::env::split_paths(&path));
    places
        .find(|place| place.join("initdb").exists())
        .expect("PostgreSQL is installed: `cargo xtask setup --tests` sees to that")
}
