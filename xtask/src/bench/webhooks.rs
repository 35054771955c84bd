//! `cargo xtask bench webhooks`: how many status changes a second are accepted and delivered, how late they arrive, and what
//! that costs. Generator, server and sink are processes of their own on this machine.

use std::collections::HashMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tempfile::TempDir;

use crate::process::{cargo, command, run as run_visibly};
use crate::workspace;

/// The clients of the server, by how their endpoint answers.
const WELL: &str = "0";
const HANGING: &str = "1";
const LARGE: &str = "2";

/// Deliveries that wait for the endpoint that hangs while the other one is measured.
const QUEUED: usize = 1_200;

/// How to measure.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Status changes of each flood.
    #[arg(long, default_value_t = 40_000)]
    flood: usize,
    /// Seconds of each calm run.
    #[arg(long, default_value_t = 20)]
    seconds: usize,
}

/// Measures and prints.
///
/// # Errors
/// Something cannot be built, run or read, or a delivery was lost.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let root = workspace::root();
    let mut build = cargo(&root);
    // Of the whole workspace: another selection of crates would unify other features and build the dependencies once more.
    build.args([
        "build",
        "--release",
        "--quiet",
        "--workspace",
        "--example",
        "webhooks",
    ]);
    run_visibly(&mut build)?;
    let program = root.join("target/release/examples/webhooks");
    println(&Figures::HEAD.map(str::to_owned));
    for in_flight in [16, 64] {
        let name = format!("flood, {in_flight} in flight");
        println(&measure(&program, &name, options.flood, in_flight, 0)?.row());
    }
    for per_second in [50, 200] {
        let count = per_second * options.seconds;
        println(&measure(&program, &format!("{per_second} a second"), count, 16, per_second)?.row());
    }
    innocent(&program, 50 * options.seconds)?;
    large(&program)
}

#[expect(clippy::print_stdout, reason = "the figures are what the task is for")]
fn println(cells: &[String]) {
    println!("| {} |", cells.join(" | "));
}

/// What one run has shown.
struct Figures {
    name: String,
    per_second: f64,
    accepted_to_arrival_ms: (f64, f64),
    sent_to_arrival_ms: (f64, f64),
    cpu_s_per_1000: [f64; 3],
    memory_mib: f64,
}

impl Figures {
    const HEAD: [&'static str; 6] = [
        "run",
        "accepted and delivered a second",
        "commit to arrival, p50 / p99 ms",
        "request to arrival, p50 / p99 ms",
        "CPU s per 1,000 (server, sink, generator)",
        "memory of all, MiB",
    ];

    fn row(&self) -> [String; 6] {
        let pair = |(half, most): (f64, f64)| format!("{half:.2} / {most:.2}");
        let [server, sink, generator] = self.cpu_s_per_1000;
        let all = server + sink + generator;
        [
            self.name.clone(),
            format!("{:.0}", self.per_second),
            pair(self.accepted_to_arrival_ms),
            pair(self.sent_to_arrival_ms),
            format!("{all:.3} ({server:.3}, {sink:.3}, {generator:.3})"),
            format!("{:.0}", self.memory_mib),
        ]
    }
}

/// A process that says one line when it is ready, and writes its report when its input is closed.
struct Part {
    child: Child,
    said: String,
    report: PathBuf,
}

impl Part {
    fn start(program: &Path, words: &[&str], report: PathBuf) -> anyhow::Result<Self> {
        let mut child = command(program)
            .args(words)
            .arg(&report)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("start {}", program.display()))?;
        let mut said = String::new();
        let output = child.stdout.as_mut().context("it has a standard output")?;
        BufReader::new(output).read_line(&mut said)?;
        let said = said.trim().to_owned();
        Ok(Self { child, said, report })
    }

    /// Ends it, and reads what it has written down.
    fn finish(mut self) -> anyhow::Result<Vec<(u64, i64, i64)>> {
        drop(self.child.stdin.take());
        if !self.child.wait()?.success() {
            bail!("a part of the measurement failed");
        }
        let text = fs::read_to_string(&self.report)?;
        let read = |line: &str| -> anyhow::Result<(u64, i64, i64)> {
            let mut words = line.split(' ');
            let mut next = || words.next().context("a line has three numbers");
            Ok((next()?.parse()?, next()?.parse()?, next()?.parse()?))
        };
        text.lines().map(read).collect()
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // Where a measurement is broken off; a process that has ended is not there any more.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Server and sink in an empty folder.
struct Bench {
    program: PathBuf,
    server: Part,
    sink: Part,
    _folder: TempDir,
}

impl Bench {
    fn start(program: &Path) -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let sink = Part::start(program, &["sink"], folder.path().join("arrivals"))?;
        let path = folder.path().to_string_lossy().into_owned();
        let report = folder.path().join("accepted");
        let server = Part::start(program, &["server", &path, &sink.said], report)?;
        Ok(Self {
            program: program.to_owned(),
            server,
            sink,
            _folder: folder,
        })
    }

    fn generator(&self, client: &str, count: usize, in_flight: usize, per_second: usize) -> Command {
        let mut generator = command(&self.program);
        generator
            .args(["generator", &self.server.said, client])
            .args([count, in_flight, per_second].map(|number| number.to_string()));
        generator
    }
}

fn proc(child: &Child, file: &str) -> anyhow::Result<String> {
    Ok(fs::read_to_string(format!("/proc/{}/{file}", child.id()))?)
}

/// CPU time of a process so far, in seconds.
fn cpu_s(child: &Child) -> anyhow::Result<f64> {
    let stat = proc(child, "stat")?;
    let (_, rest) = stat.rsplit_once(')').context("a name stands in brackets")?;
    let words: Vec<&str> = rest.split_whitespace().collect();
    let ticks: u64 = words
        .get(11..13)
        .context("user and system time")?
        .iter()
        .map(|t| t.parse::<u64>())
        .sum::<Result<_, _>>()?;
    // USER_HZ is 100 on every Linux that Rust runs on.
    Ok(ticks as f64 / 100.0)
}

/// The largest resident set of a process so far, in MiB.
fn memory_mib(child: &Child) -> anyhow::Result<f64> {
    let status = proc(child, "status")?;
    let line = status
        .lines()
        .find(|line| line.starts_with("VmHWM:"))
        .context("the largest resident set")?;
    let kib: f64 = line.split_whitespace().nth(1).context("in KiB")?.parse()?;
    Ok(kib / 1024.0)
}

/// The generator's own cost: looked at until it ends, because a process that has ended has no memory to look at.
fn watch(mut generator: Child) -> anyhow::Result<(f64, f64)> {
    let mut last = (0.0, 0.0);
    while generator.try_wait()?.is_none() {
        if let (Ok(cpu), Ok(memory)) = (cpu_s(&generator), memory_mib(&generator)) {
            last = (cpu, memory);
        }
        sleep(Duration::from_millis(20));
    }
    Ok(last)
}

/// Waits until the server has nothing to do: its CPU time stands still.
fn settle(bench: &Bench) -> anyhow::Result<()> {
    let mut before = cpu_s(&bench.server.child)?;
    loop {
        sleep(Duration::from_millis(500));
        let now = cpu_s(&bench.server.child)?;
        if now - before < 0.03 {
            return Ok(());
        }
        before = now;
    }
}

fn measure(
    program: &Path,
    name: &str,
    count: usize,
    in_flight: usize,
    per_second: usize,
) -> anyhow::Result<Figures> {
    let bench = Bench::start(program)?;
    settle(&bench)?;
    let idle = (cpu_s(&bench.server.child)?, cpu_s(&bench.sink.child)?);
    let generator = bench
        .generator(WELL, count, in_flight, per_second)
        .stdout(Stdio::null())
        .spawn()?;
    let (generator_cpu, generator_memory) = watch(generator)?;
    settle(&bench)?;
    let costs = [
        cpu_s(&bench.server.child)? - idle.0,
        cpu_s(&bench.sink.child)? - idle.1,
        generator_cpu,
    ];
    let memory_mib = memory_mib(&bench.server.child)? + memory_mib(&bench.sink.child)? + generator_memory;
    let Bench { server, sink, .. } = bench;
    let times = Times::of(server.finish()?, &sink.finish()?, count)?;
    Ok(Figures {
        name: name.to_owned(),
        per_second: count as f64 / times.took_s,
        accepted_to_arrival_ms: percentiles(times.accepted),
        sent_to_arrival_ms: percentiles(times.sent),
        cpu_s_per_1000: costs.map(|cost| 1000.0 * cost / count as f64),
        memory_mib,
    })
}

/// Milliseconds until each arrival, and seconds from the first request to the last arrival.
struct Times {
    accepted: Vec<f64>,
    sent: Vec<f64>,
    took_s: f64,
}

impl Times {
    fn of(
        accepted: Vec<(u64, i64, i64)>,
        arrivals: &[(u64, i64, i64)],
        count: usize,
    ) -> anyhow::Result<Self> {
        let first: HashMap<u64, i64> = arrivals.iter().rev().map(|(task, at, _)| (*task, *at)).collect();
        if accepted.len() != count || arrivals.len() != count || first.len() != count {
            bail!(
                "{} accepted, {} arrived, {count} were made",
                accepted.len(),
                arrivals.len()
            );
        }
        let (mut from, mut until) = (i64::MAX, i64::MIN);
        let mut times = Self {
            accepted: Vec::new(),
            sent: Vec::new(),
            took_s: 0.0,
        };
        for (task, sent_at, accepted_at) in accepted {
            let arrived_at = *first.get(&task).context("what was accepted has arrived")?;
            (from, until) = (from.min(sent_at), until.max(arrived_at));
            // The delivery may arrive before whoever made it has been told of the commit.
            times
                .accepted
                .push((arrived_at - accepted_at).max(0) as f64 / 1e3);
            times.sent.push((arrived_at - sent_at) as f64 / 1e3);
        }
        times.took_s = (until - from) as f64 / 1e6;
        Ok(times)
    }
}

/// The median and the 99th percentile.
fn percentiles(mut times: Vec<f64>) -> (f64, f64) {
    times.sort_by(f64::total_cmp);
    let at = |share: f64| {
        let index = (times.len() as f64 * share) as usize;
        times
            .get(index.min(times.len().saturating_sub(1)))
            .copied()
            .unwrap_or_default()
    };
    (at(0.5), at(0.99))
}

/// How late an innocent endpoint hears while another one hangs with much queued.
fn innocent(program: &Path, count: usize) -> anyhow::Result<()> {
    let bench = Bench::start(program)?;
    let made = bench
        .generator(HANGING, QUEUED, 16, 0)
        .stdout(Stdio::null())
        .status()?;
    let also = bench
        .generator(WELL, count, 16, 50)
        .stdout(Stdio::null())
        .status()?;
    if !made.success() || !also.success() {
        bail!("the generator failed");
    }
    let deadline = Instant::now() + Duration::from_secs(30);
    settle(&bench)?;
    let Bench { server, sink, .. } = bench;
    let (accepted, arrivals) = (server.finish()?, sink.finish()?);
    if Instant::now() > deadline {
        bail!("the server did not come to rest");
    }
    let innocent: Vec<_> = accepted.into_iter().skip(QUEUED).collect();
    let tasks: HashMap<u64, ()> = innocent.iter().map(|(task, ..)| (*task, ())).collect();
    let arrivals: Vec<_> = arrivals
        .into_iter()
        .filter(|(task, ..)| tasks.contains_key(task))
        .collect();
    let times = Times::of(innocent, &arrivals, count)?;
    let (half, most) = percentiles(times.accepted);
    println(&[format!(
        "50 a second to an innocent endpoint while another hangs with {QUEUED} queued: commit to arrival p50 {half:.2} ms, p99 {most:.2} ms"
    )]);
    Ok(())
}

/// What three answers of 300 MB do to the memory of the server.
fn large(program: &Path) -> anyhow::Result<()> {
    let bench = Bench::start(program)?;
    let warm = bench
        .generator(WELL, 2_000, 16, 0)
        .stdout(Stdio::null())
        .status()?;
    settle(&bench)?;
    let before = memory_mib(&bench.server.child)?;
    let made = bench.generator(LARGE, 3, 3, 0).stdout(Stdio::null()).status()?;
    settle(&bench)?;
    let after = memory_mib(&bench.server.child)?;
    let Bench { server, sink, .. } = bench;
    server.finish()?;
    let arrived = sink.finish()?.len();
    if !warm.success() || !made.success() || arrived < 2_003 {
        bail!("{arrived} deliveries arrived where 2,003 were made");
    }
    println(&[format!(
        "three answers of 300 MB each: the server's largest memory grows from {before:.1} to {after:.1} MiB"
    )]);
    Ok(())
}
