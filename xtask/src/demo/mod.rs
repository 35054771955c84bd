//! `cargo xtask demo`: the main job on a real picture, through the API, before the user's eyes.
//!
//! Everything it makes lies in `demo/`, which can be thrown away. Each run makes a client of its own, so that a second
//! run finds the first one's data and is not disturbed by it.

pub(crate) mod picture;

use std::fs;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use serde::Deserialize;

use crate::process::{cargo, command, run as run_command};
use crate::program::{Interrupt, Program, Stream};
use crate::report::{Steps, heading, note};
use crate::serve::{Credentials, START_DEADLINE, Server, create_client};
use crate::{assets, serve, setup, workspace};

use crate::api::Api;
use picture::Detections;

/// What the demo makes lies here, below the workspace.
const FOLDER: &str = "demo";
const BEFORE: &str = "before.png";
const AFTER: &str = "after.png";
const DETECTIONS: &str = "detections.json";
const SERVER_LOG: &str = "server.log";
const PICTURE: &str = "pictures/astronaut.png";
/// What a job tells, in this order.
const STATUSES: [&str; 3] = ["Sent", "Started", "Succeeded"];

const WEBHOOK_DEADLINE: Duration = Duration::from_secs(120);

/// How the demo runs.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Options {
    /// End after the first picture, with exit code 0 only if all of it worked.
    #[arg(long)]
    once: bool,
    /// Port of the API; 0 takes a free one.
    #[arg(long, default_value_t = 0)]
    port: u16,
}

/// Runs the demo.
///
/// # Errors
/// A step fails; the message says which and why.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let mut steps = Steps::default();
    let demo = Demo::new(workspace::root())?;
    let outcome = demo.run(options, &mut steps);
    let log = demo.file(SERVER_LOG);
    if outcome.is_err() && log.exists() {
        note(&format!("what the server says stands in {}", log.display()));
    }
    outcome
}

fn build(root: &Path) -> anyhow::Result<()> {
    run_command(cargo(root).args(["build", "--release", "--locked"]).args([
        "--package",
        "sfumato",
        "--package",
        "sfumato-media",
        "--bins",
    ]))
}

/// Passes events on until the user ends it.
fn go_on(server: &mut Program, receiver: &mut Program, interrupt: &Interrupt) -> anyhow::Result<()> {
    heading("Serving until Ctrl-C; webhooks show up here");
    while !interrupt.is_set() {
        if let Some(line) = receiver.next_line() {
            note(&Event::parse(&line).map_or(line, |event| event.to_string()));
        }
        for (name, program) in [("server", &mut *server), ("receiver", &mut *receiver)] {
            if let Some(status) = program.ended()? {
                bail!("the {name} ended by itself with {status}");
            }
        }
    }
    Ok(())
}

/// A delivery as `sfumato listen --json` prints it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    status: Option<String>,
    task_id: Option<String>,
    token: String,
    answer: u16,
    problem: Option<String>,
}

impl Event {
    fn parse(line: &str) -> Option<Self> {
        serde_json::from_str(line).ok()
    }
}

impl std::fmt::Display for Event {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".to_owned());
        write!(
            formatter,
            "webhook: {} of {}, token {}, answered {}",
            or_dash(&self.status),
            or_dash(&self.task_id),
            self.token,
            self.answer
        )?;
        match &self.problem {
            Some(problem) => write!(formatter, " ({problem})"),
            None => Ok(()),
        }
    }
}

/// Where things are.
struct Demo {
    root: PathBuf,
    folder: PathBuf,
    program: PathBuf,
}

impl Demo {
    fn run(&self, options: &Options, steps: &mut Steps) -> anyhow::Result<()> {
        steps.run("Set-up", || setup::run(setup::For::Building))?;
        steps.run("Build in release mode", || build(&self.root))?;
        let interrupt = Interrupt::watch()?;
        let mut server = steps.run("Start the server", || self.start_server(options.port, &interrupt))?;
        let mut receiver = self.show(&server.url, steps, &interrupt)?;
        steps.print();
        if !options.once {
            go_on(&mut server.program, &mut receiver, &interrupt)?;
        }
        heading("Stop");
        receiver.stop()?;
        server.program.stop()?;
        note("server and receiver have ended in order");
        Ok(())
    }

    fn new(root: PathBuf) -> anyhow::Result<Self> {
        let own = std::env::current_exe().context("find the path of this executable")?;
        let target = own
            .ancestors()
            .nth(2)
            .context("find the build folder above this executable")?;
        let folder = root.join(FOLDER);
        fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
        for name in [BEFORE, AFTER, DETECTIONS, SERVER_LOG] {
            match fs::remove_file(folder.join(name)) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(error).with_context(|| format!("remove {name} of an earlier run"));
                }
                _ => {}
            }
        }
        Ok(Self {
            program: target.join("release/sfumato"),
            root,
            folder,
        })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn start_server(&self, port: u16, interrupt: &Interrupt) -> anyhow::Result<Server> {
        serve::start(
            &self.program,
            &self.root,
            &self.file("data"),
            port,
            &self.file(SERVER_LOG),
            interrupt,
        )
    }

    /// Sends the picture through the API and looks at what comes back. Returns the receiver of webhooks, which goes on.
    fn show(&self, url: &str, steps: &mut Steps, interrupt: &Interrupt) -> anyhow::Result<Program> {
        let before =
            fs::read(self.root.join(assets::FOLDER).join(PICTURE)).context("read the demo's picture")?;
        let credentials = steps.run("Create a client", || {
            create_client(&self.program, &self.file("data"), "demo")
        })?;
        let api = steps.run("Log in", || Api::log_in(url, &credentials))?;
        let mut receiver = steps.run("Register a receiver of webhooks", || {
            self.start_receiver(&api, interrupt)
        })?;
        let job = steps.run("Upload a picture", || {
            let job = api.upload("astronaut.png", &before)?;
            note(&format!("job {job}"));
            Ok(job)
        })?;
        steps.run("Receive its webhooks", || {
            await_webhooks(&mut receiver, &api, &job)
        })?;
        let (after, detections) = steps.run("Download the result", || self.download(&api, &job, &before))?;
        steps.run("Compare before and after", || {
            let detections = Detections::parse(&detections)?;
            for line in picture::compare(&before, &after, &detections)? {
                note(&line);
            }
            Ok(())
        })?;
        self.summarise(url, &credentials);
        Ok(receiver)
    }

    fn start_receiver(&self, api: &Api, interrupt: &Interrupt) -> anyhow::Result<Program> {
        // The receiver checks the token, which exists once the endpoint is registered, which needs the port.
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .context("find a free port")?
            .port();
        let endpoint = api.register(&format!("http://127.0.0.1:{port}/"))?;
        let mut listen = command(&self.program);
        listen
            .args(["listen", "--json", "--port", &port.to_string()])
            .arg(format!("--token={}", endpoint.webhook_token));
        let copy = self.file("webhooks.jsonl");
        let mut program = Program::start("the receiver", &mut listen, Stream::Output, &copy, interrupt)?;
        program.wait_for("its address", START_DEADLINE, |line| {
            line.contains("listening").then_some(())
        })?;
        Ok(program)
    }

    /// Puts the picture, its result and the detections side by side; returns the latter two.
    fn download(&self, api: &Api, job: &str, before: &[u8]) -> anyhow::Result<(Vec<u8>, Vec<u8>)> {
        let job = api.job(job)?;
        ensure!(
            job.status == "Succeeded",
            "the job's status is {} after its last webhook",
            job.status
        );
        let media = job
            .output_media
            .context("find `output_media` in the job's status")?;
        let json = job
            .output_json
            .context("find `output_json` in the job's status")?;
        let after = api.download(&media)?;
        let detections = api.download(&json)?;
        for (name, bytes) in [(BEFORE, before), (AFTER, &after), (DETECTIONS, &detections)] {
            let path = self.file(name);
            fs::write(&path, bytes).with_context(|| format!("write {}", path.display()))?;
        }
        note(&media);
        Ok((after, detections))
    }

    fn summarise(&self, url: &str, credentials: &Credentials) {
        heading("It works");
        for (name, value) in [
            ("before", self.file(BEFORE).display().to_string()),
            ("after", self.file(AFTER).display().to_string()),
            ("detections", self.file(DETECTIONS).display().to_string()),
            ("server's log", self.file(SERVER_LOG).display().to_string()),
            ("API", url.to_owned()),
            ("reference", format!("{url}/docs")),
            ("clientId", credentials.client_id.clone()),
            ("secretId", credentials.secret_id.clone()),
        ] {
            note(&format!("{name:<13} {value}"));
        }
    }
}

fn await_webhooks(receiver: &mut Program, api: &Api, job: &str) -> anyhow::Result<()> {
    for expected in STATUSES {
        let event = receiver.wait_for(expected, WEBHOOK_DEADLINE, |line| {
            Event::parse(line).filter(|event| event.task_id.as_deref() == Some(job))
        })?;
        note(&event.to_string());
        if let Some(problem) = &event.problem {
            bail!("the receiver refused the webhook: {problem}");
        }
        if event.status.as_deref() != Some(expected) {
            let error = api
                .job(job)?
                .error
                .unwrap_or_else(|| "the job's status names no error".to_owned());
            bail!("the webhook for {expected} did not come; {error}");
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_reads_as_the_receiver_prints_it() {
        let line = r#"{"at":"2026-01-02T03:04:05.678Z","status":"Sent","taskId":"j-1","webhookId":"w","attempt":"1",
            "sequence":"1","token":"right","signature":"unchecked","answer":200,"problem":null}"#;
        let event = Event::parse(line).unwrap();
        assert_eq!(
            event.to_string(),
            "webhook: Sent of j-1, token right, answered 200"
        );
        assert!(Event::parse(r#"{"listening":"http://127.0.0.1:9000/"}"#).is_none());
    }
}
