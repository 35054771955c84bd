//! The binary as a child process.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use sfumato_media_client::sandbox::{Landlock, Layers};

/// Longer than anything that works takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A folder of its own for each test, in which the binary is started.
pub(crate) struct Place {
    dir: tempfile::TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "these tests drive the built binary from outside"
    )]
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sfumato"));
        command
            .args(args)
            .current_dir(self.dir.path())
            .stdin(Stdio::null());
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("SFUMATO_") {
                command.env_remove(name);
            }
        }
        command
    }

    /// Runs a command to its end.
    pub(crate) fn run(&self, args: &[&str]) -> Ended {
        Ended::from(self.command(args).output().unwrap())
    }

    /// A stand-in for `sfumato-media` that says it is ready and takes no task: for tests of the life of the server, which
    /// need neither models nor pictures.
    pub(crate) fn idle_media_program(&self) -> String {
        use std::os::unix::fs::PermissionsExt;
        let written = self.path("idle-media");
        // A server that runs already may be starting it now, which fails while somebody has it open for writing.
        if written.exists() {
            return written.display().to_string();
        }
        let mut ready = vec![];
        let reply = sfumato_media_client::protocol::Reply::Ready {
            models: vec!["none".into()],
            layers: Layers {
                rlimits: true,
                no_new_privs: true,
                landlock: Landlock::Full { abi: 7 },
                seccomp: true,
            },
        };
        sfumato_media_client::frame::write(&mut ready, &reply).unwrap();
        let ready = self.write("ready.frame", ready);
        let script = format!(
            "#!/bin/sh\nPATH=/usr/bin:/bin\ncat '{}'\nexec cat > /dev/null\n",
            ready.display()
        );
        let program = self.write("idle-media", script);
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        program.display().to_string()
    }
}

/// A process that has come to its end.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ended {
    #[track_caller]
    pub(crate) fn success(self) -> Self {
        assert_eq!(self.code, Some(0), "{}\n{}", self.stdout, self.stderr);
        self
    }

    #[track_caller]
    pub(crate) fn failure(self, code: i32, parts: &[&str]) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.stdout, self.stderr);
        for part in parts {
            assert!(self.stderr.contains(part), "no `{part}` in: {}", self.stderr);
        }
        self
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap()
    }
}

/// A process that runs until it is told to stop, and is killed where a test fails before that.
pub(crate) struct Running {
    child: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
    /// Standard error is what goes to logs.
    is_log: bool,
}

/// Which of the two streams is read.
pub(crate) enum Stream {
    Stdout,
    Stderr,
}

impl Running {
    pub(crate) fn start(mut command: Command, stream: &Stream) -> Self {
        let mut child = match stream {
            Stream::Stdout => command.stdout(Stdio::piped()),
            Stream::Stderr => command.stderr(Stdio::piped()),
        }
        .spawn()
        .unwrap();
        let source: Box<dyn Read + Send> = match stream {
            Stream::Stdout => Box::new(child.stdout.take().unwrap()),
            Stream::Stderr => Box::new(child.stderr.take().unwrap()),
        };
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(source).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self {
            child,
            lines,
            seen: vec![],
            is_log: matches!(stream, Stream::Stderr),
        }
    }

    /// Waits for a line that has this in it.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, part: &str) -> String {
        let begun = Instant::now();
        loop {
            match self.lines.recv_timeout(PATIENCE.saturating_sub(begun.elapsed())) {
                Ok(line) => {
                    self.seen.push(line.clone());
                    if line.contains(part) {
                        return line;
                    }
                }
                Err(_) => panic!("no line with `{part}` came:\n{}", self.seen.join("\n")),
            }
        }
    }

    /// Waits for the line that names the address, and reads it.
    #[track_caller]
    pub(crate) fn address(&mut self) -> SocketAddr {
        let line = self.wait_for("http://");
        let (_, rest) = line.split_once("http://").unwrap();
        let end = rest
            .find(|c: char| !(c.is_ascii_digit() || c == '.' || c == ':'))
            .unwrap_or(rest.len());
        rest[..end].parse().unwrap()
    }

    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.child.id()).unwrap()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// Waits for the end and gives everything that was written.
    #[track_caller]
    pub(crate) fn end(mut self) -> (ExitStatus, Vec<String>) {
        let begun = Instant::now();
        // The stream ends when the process does, so that there is nothing to poll.
        while let Ok(line) = self.lines.recv_timeout(PATIENCE.saturating_sub(begun.elapsed())) {
            self.seen.push(line);
        }
        assert!(
            begun.elapsed() < PATIENCE,
            "it did not end:\n{}",
            self.seen.join("\n")
        );
        let status = self.child.wait().unwrap();
        (status, self.seen.clone())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It has most often ended already.
        let _ended = self.child.kill();
        let _reaped = self.child.wait();
        self.seen.extend(self.lines.iter());
        if self.is_log && !std::thread::panicking() {
            let shown = sfumato_testkit::secrets::search(self.seen.iter().map(String::as_str));
            assert_eq!(shown, Ok(()));
        }
    }
}

/// One HTTP request on a connection of its own; the whole answer.
pub(crate) fn request(address: SocketAddr, head: &str, headers: &[(&str, &str)], body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut text = format!(
        "{head} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\nContent-Length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    text.push_str(body);
    stream.write_all(text.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// The folder of the checkout.
pub(crate) fn checkout() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .nth(2)
        .unwrap()
        .to_owned()
}

/// Compares with a file of the repository; `SFUMATO_BLESS=1` rewrites the file instead.
#[track_caller]
pub(crate) fn assert_golden(name: &str, text: &str) {
    let path = checkout().join(name);
    if std::env::var_os("SFUMATO_BLESS").is_some() {
        std::fs::write(&path, text).unwrap();
    }
    let kept = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(text == kept, "{name} is out of date; SFUMATO_BLESS=1 rewrites it");
}

/// The media executable beside the binary and the models of the checkout: `cargo xtask test` sees to both.
pub(crate) fn is_set_up() {
    let program = Path::new(env!("CARGO_BIN_EXE_sfumato")).with_file_name("sfumato-media");
    assert!(
        program.is_file(),
        "build `sfumato-media`: `cargo xtask test` does"
    );
    assert!(
        checkout().join("assets/models").is_dir(),
        "fetch the models: `cargo xtask setup` does"
    );
}

/// A photograph with one face, as a PNG.
pub(crate) fn astronaut() -> Vec<u8> {
    is_set_up();
    std::fs::read(checkout().join("assets/pictures/astronaut.png")).unwrap()
}

/// The arguments of `doctor` with an empty folder for models.
pub(crate) fn doctor_args(place: &Place, program: &str, more: &[&str]) -> Vec<String> {
    std::fs::create_dir_all(place.path("assets/models")).unwrap();
    let assets = place.path("assets").display().to_string();
    let fixed = ["doctor", "--media-program", program, "--assets-dir", &assets];
    fixed.iter().chain(more).map(|arg| (*arg).to_owned()).collect()
}
