//! What a process costs: CPU time, time on the wall, memory.

use std::collections::BTreeMap;
use std::fs;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use serde::Serialize;

use crate::process::shell_line;

/// How often memory is looked at. The system keeps the peak of each process, so that only a process that ends between two
/// looks can hide a late one.
const LOOK: Duration = Duration::from_millis(10);

/// What one run of a program has cost, with all processes that it has started and waited for.
#[derive(Clone, Debug)]
pub(super) struct Cost {
    /// CPU time in user and system mode.
    pub(super) cpu_ms: f64,
    pub(super) wall_ms: f64,
    /// What it has written to standard output.
    pub(super) output: Vec<u8>,
}

/// Runs a program to its end and returns what it has cost. Nothing else may be started meanwhile.
///
/// # Errors
/// It cannot be started or does not succeed; the message ends with what it wrote to standard error.
pub(super) fn cost(command: &mut Command) -> anyhow::Result<Cost> {
    let line = shell_line(command);
    let cpu_before = children_cpu_ms()?;
    let started = Instant::now();
    let ended = command
        .stdin(Stdio::null())
        .output()
        .with_context(|| format!("start `{line}`"))?;
    let wall_ms = 1000.0 * started.elapsed().as_secs_f64();
    let cpu_ms = children_cpu_ms()? - cpu_before;
    if !ended.status.success() {
        bail!(
            "`{line}` ended with {}: {}",
            ended.status,
            String::from_utf8_lossy(&ended.stderr)
        );
    }
    Ok(Cost {
        cpu_ms,
        wall_ms,
        output: ended.stdout,
    })
}

/// CPU time of all children that have ended, and of theirs.
fn children_cpu_ms() -> anyhow::Result<f64> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).context("ask for the CPU time of children")?;
    let microseconds = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Ok(microseconds as f64 / 1000.0)
}

/// Runs a program to its end and returns the largest resident set in MiB of each program in it, by name: of the largest
/// process where several have the name.
///
/// # Errors
/// It cannot be started or does not succeed.
pub(super) fn peak_memory(command: &mut Command) -> anyhow::Result<BTreeMap<String, f64>> {
    let line = shell_line(command);
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .with_context(|| format!("start `{line}`"))?;
    let mut peaks = BTreeMap::<String, f64>::new();
    loop {
        for (name, peak) in family(child.id()).into_iter().filter_map(peak_of) {
            let known = peaks.entry(name).or_default();
            *known = known.max(peak);
        }
        if let Some(status) = child.try_wait().with_context(|| format!("wait for `{line}`"))? {
            if !status.success() {
                bail!("`{line}` ended with {status}");
            }
            return Ok(peaks);
        }
        thread::sleep(LOOK);
    }
}

/// The process and all that descend from it, as far as they are there now.
fn family(root: u32) -> Vec<u32> {
    let mut parents = Vec::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(process) = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse::<u32>().ok())
        else {
            continue;
        };
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        if let Some(parent) = parent_in(&stat) {
            parents.push((process, parent));
        }
    }
    let mut family = vec![root];
    let mut next = 0;
    while let Some(member) = family.get(next).copied() {
        family.extend(
            parents
                .iter()
                .filter(|(_, parent)| *parent == member)
                .map(|(process, _)| *process),
        );
        next += 1;
    }
    family
}

/// The parent in a line of `/proc/[pid]/stat`. The name, which stands before it in brackets, may hold anything.
fn parent_in(stat: &str) -> Option<u32> {
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_whitespace().nth(1)?.parse().ok()
}

fn peak_of(process: u32) -> Option<(String, f64)> {
    peak_in(&fs::read_to_string(format!("/proc/{process}/status")).ok()?)
}

/// Name and peak in MiB in the text of `/proc/[pid]/status`; none of a process that has ended.
fn peak_in(status: &str) -> Option<(String, f64)> {
    let value = |key: &str| status.lines().find_map(|line| line.strip_prefix(key));
    let name = value("Name:")?.trim().to_owned();
    let kibibytes: f64 = value("VmHWM:")?.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some((name, kibibytes / 1024.0))
}

/// Several measurements of one thing.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) min: f64,
    pub(super) max: f64,
}

impl Spread {
    /// None of no measurement.
    pub(super) fn of(values: &[f64]) -> Option<Self> {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let middle = sorted.len() / 2;
        let median = if sorted.len().is_multiple_of(2) {
            (*sorted.get(middle.checked_sub(1)?)? + sorted[middle]) / 2.0
        } else {
            sorted[middle]
        };
        Some(Self {
            median,
            min: *sorted.first()?,
            max: *sorted.last()?,
        })
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{:.1} ({:.1}–{:.1})", self.median, self.min, self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::process::command;

    #[test]
    fn the_median_of_an_even_number_lies_between_the_middle_two() {
        let spread = |values: &[f64]| Spread::of(values).unwrap();
        assert_eq!(spread(&[3.0, 1.0, 2.0]).median, 2.0);
        assert_eq!(spread(&[4.0, 1.0, 3.0, 2.0]).median, 2.5);
        assert_eq!((spread(&[3.0, 1.0]).min, spread(&[3.0, 1.0]).max), (1.0, 3.0));
        assert_eq!(Spread::of(&[]), None);
        assert_eq!(spread(&[1.0, 2.0, 4.0]).to_string(), "2.0 (1.0–4.0)");
    }

    #[test]
    fn a_program_and_what_it_starts_cost_their_time() {
        let busy = "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done";
        let both = format!("sh -c '{busy}'; {busy}; echo done");
        let cost = cost(command("sh").args(["-c", &both])).unwrap();
        assert!(cost.cpu_ms > 0.0 && cost.wall_ms > 0.0);
        assert_eq!(cost.output, b"done\n");
        let error = super::cost(command("sh").args(["-c", "echo why >&2; exit 3"])).unwrap_err();
        assert!(error.to_string().contains("why"), "{error}");
    }

    #[test]
    fn memory_is_found_by_the_name_of_each_program() {
        // The inner shell sleeps long enough to be looked at several times.
        let peaks = peak_memory(command("sh").args(["-c", "sleep 0.2; true"])).unwrap();
        assert!(peaks["sh"] > 0.1 && peaks["sleep"] > 0.1, "{peaks:?}");
    }

    #[test]
    fn a_name_with_brackets_does_not_hide_the_parent() {
        assert_eq!(parent_in("7 (a) b) S 42 7 7"), Some(42));
        assert_eq!(parent_in("nonsense"), None);
        assert_eq!(
            peak_in("Name:\tsfumato-media\nVmHWM:\t  2048 kB\n"),
            Some(("sfumato-media".to_owned(), 2.0))
        );
        assert_eq!(peak_in("Name:\tgone\nState:\tZ (zombie)\n"), None);
    }
}
