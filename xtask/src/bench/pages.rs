//! How long the Manager's pages take, asked one at a time of a server as it is released.

use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use ureq::Agent;

use crate::process::{command, run as run_visibly};

/// What a page may take in 95 of 100 cases.
const LONGEST_MS: f64 = 50.0;

/// How often each page is asked for; the first few are not counted.
const ROUNDS: usize = 100;
const UNCOUNTED: usize = 5;

/// How long the server may take to start.
const START_DEADLINE: Duration = Duration::from_secs(60);

const PAGE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Pages by name and address. What ends with `/` is the first link on the page before it that begins so.
const PAGES: [(&str, &str); 15] = [
    ("overview, 24 hours", "/manager?range=24h"),
    ("overview, 30 days", "/manager?range=30d"),
    ("overview, live part", "/manager/live?range=7d"),
    ("jobs", "/manager/jobs"),
    ("a job", "/manager/jobs/"),
    ("failed jobs", "/manager/jobs?status=failed"),
    ("jobs by a part of their name", "/manager/jobs?q=img_0"),
    ("jobs by a name that is not there", "/manager/jobs?q=nowhere"),
    ("developer", "/manager/developer"),
    ("a client's endpoints", "/manager/developer/"),
    ("settings", "/manager/settings"),
    ("a client's settings", "/manager/settings/clients/"),
    ("audit log", "/manager/audit"),
    ("audit log, one action", "/manager/audit?action=result.read"),
    ("users", "/manager/users"),
];

/// A server that is killed when this is dropped: what it has not written is of no use to anybody.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What was measured of one page.
struct Timed {
    median_ms: f64,
    p95_ms: f64,
    bytes: usize,
}

/// Measures the pages of a server on a data folder, prints, and, where `check` is set, fails for those that are too slow.
///
/// # Errors
/// The server cannot be started, a page does not answer, or one takes too long.
#[expect(clippy::print_stdout, reason = "the figures are what the task is for")]
pub(super) fn measure(program: &Path, folder: &Path, check: bool) -> anyhow::Result<()> {
    let (name, password) = (format!("bench-{}", std::process::id()), "a password for a bench");
    let secret = tempfile::NamedTempFile::new()?;
    std::fs::write(secret.path(), password)?;
    let mut create = command(program);
    create.args(["user", "create", &name, "--data-dir"]).arg(folder);
    run_visibly(create.arg("--password-file").arg(secret.path()))?;
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let mut serve = command(program);
    serve.args(["serve", "--listen", &address.to_string(), "--data-dir"]);
    let serve = serve.arg(folder).stdin(Stdio::null()).stderr(Stdio::null());
    let _server = Server(serve.spawn().context("start the server")?);
    let visitor = Visitor::sign_in(&format!("http://{address}"), &name, password)?;
    println!("\n| page | median ms | p95 ms | kB |\n| --- | ---: | ---: | ---: |");
    let mut slow = Vec::new();
    let mut before = String::new();
    for (name, path) in PAGES {
        let path = match path.ends_with('/') {
            true => first_link(&before, path).with_context(|| format!("no page has a link to {path}…"))?,
            false => path.to_owned(),
        };
        let timed = visitor.time(&path)?;
        println!(
            "| {name} | {:.1} | {:.1} | {:.1} |",
            timed.median_ms,
            timed.p95_ms,
            timed.bytes as f64 / 1_000.0
        );
        if timed.p95_ms > LONGEST_MS {
            slow.push(name);
        }
        before = visitor.get(&path)?;
    }
    ensure!(
        !check || slow.is_empty(),
        "these pages took longer than {LONGEST_MS} ms: {}",
        slow.join(", ")
    );
    Ok(())
}

/// The first address on a page that goes on after `prefix`.
fn first_link(page: &str, prefix: &str) -> Option<String> {
    let (_, rest) = page.split_once(&format!("href=\"{prefix}"))?;
    let rest = rest.split('"').next()?;
    Some(format!("{prefix}{rest}"))
}

/// Somebody who is signed in.
struct Visitor {
    agent: Agent,
    base: String,
    cookie: String,
}

impl Visitor {
    /// Waits for the server, and signs in.
    fn sign_in(base: &str, name: &str, password: &str) -> anyhow::Result<Self> {
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .build()
            .new_agent();
        let deadline = Instant::now() + START_DEADLINE;
        while agent.get(format!("{base}/manager/sign-in")).call().is_err() {
            ensure!(Instant::now() < deadline, "the server does not answer");
            sleep(Duration::from_millis(100));
        }
        let answer = agent
            .post(format!("{base}/manager/sign-in"))
            .send_form([("name", name), ("password", password)])?;
        let cookie = answer
            .headers()
            .get("set-cookie")
            .and_then(|cookie| cookie.to_str().ok()?.split(';').next())
            .with_context(|| format!("signing in was answered by {}", answer.status()))?
            .to_owned();
        Ok(Self {
            agent,
            base: base.to_owned(),
            cookie,
        })
    }

    fn get(&self, path: &str) -> anyhow::Result<String> {
        let mut answer = self
            .agent
            .get(format!("{}{path}", self.base))
            .header("cookie", &self.cookie)
            .call()?;
        if answer.status() != 200 {
            bail!("{path} was answered by {}", answer.status());
        }
        let body = answer.body_mut().with_config().limit(PAGE_BYTES_MAX);
        Ok(body.read_to_string()?)
    }

    /// Asks for a page again and again, until its last byte.
    fn time(&self, path: &str) -> anyhow::Result<Timed> {
        let mut times = Vec::with_capacity(ROUNDS);
        let mut bytes = 0;
        for round in 0..UNCOUNTED + ROUNDS {
            let begin = Instant::now();
            bytes = self.get(path)?.len();
            if round >= UNCOUNTED {
                times.push(begin.elapsed().as_secs_f64() * 1_000.0);
            }
        }
        times.sort_unstable_by(f64::total_cmp);
        Ok(Timed {
            median_ms: times[ROUNDS / 2],
            p95_ms: times[ROUNDS * 95 / 100],
            bytes,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_found_by_its_begin() {
        let page = r#"<a href="/manager/jobs">x</a><a href="/manager/jobs/a-1">y</a>"#;
        assert_eq!(first_link(page, "/manager/jobs/").unwrap(), "/manager/jobs/a-1");
        assert_eq!(first_link(page, "/manager/users/"), None);
    }
}
