//! `cargo xtask fuzz`: the readers of strangers' bytes under a fuzzer, and a table of what came of it.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

use crate::process::{cargo, run, shell_line};
use crate::report::{duration, heading, markdown, note};
use crate::{tools, workspace};

/// What is fuzzed, and for how long.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The targets; without a name all of them, as `fuzz/README.md` lists them.
    targets: Vec<String>,
    /// Minutes for each target.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    minutes: u32,
    /// Targets that run at the same time; each takes a core, and 2 GiB of memory at most.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    at_once: u32,
}

/// What the compiler must allow: instrumentation is no part of a stable one's options.
const UNSTABLE: (&str, &str) = ("RUSTC_BOOTSTRAP", "1");

/// An input that takes longer is a finding. Long enough for a machine that has other things to do.
const TIMEOUT_S: u32 = 30;

/// An input that takes more memory is a finding.
const MEMORY_MB: u32 = 2048;

/// Longer inputs find nothing that shorter ones do not, and take more time.
const INPUT_BYTES_MAX: u32 = 65_536;

/// What a target came to.
#[derive(Debug)]
struct Outcome {
    target: String,
    taken: Duration,
    said: Said,
    findings: Vec<PathBuf>,
}

/// What the fuzzer says of itself.
#[derive(Debug, Default, PartialEq, Eq)]
struct Said {
    executions: u64,
    /// Edges of the control flow that were taken.
    edges: u64,
    /// What it tells apart: edges, how often each was taken, comparisons.
    features: u64,
}

/// Builds the targets, runs each, and prints a table. A target ends at its first finding, which stays in `fuzz/artifacts/`.
///
/// # Errors
/// A target cannot be built or run, or has a finding.
pub(crate) fn fuzz(options: &Options) -> anyhow::Result<()> {
    let root = workspace::root();
    let targets = chosen(&root, &options.targets)?;
    heading("Fuzzer");
    tools::install_fuzzer(&root)?;
    heading("Build");
    run(cargo(&root)
        .env(UNSTABLE.0, UNSTABLE.1)
        .args(["fuzz", "build", "--release"]))?;
    let logs = workspace::target()?.join("fuzz");
    fs::create_dir_all(&logs).context("make a folder for what the targets say")?;
    heading(&format!(
        "{} targets, {} minutes each",
        targets.len(),
        options.minutes
    ));
    let waiting = Mutex::new(targets.iter());
    let outcomes = Mutex::new(vec![]);
    std::thread::scope(|scope| {
        for _ in 0..options.at_once {
            scope.spawn(|| {
                let next = || waiting.lock().ok().and_then(|mut waiting| waiting.next());
                while let Some(target) = next() {
                    let outcome = run_target(&root, target, options.minutes, &logs);
                    if let Ok(mut outcomes) = outcomes.lock() {
                        outcomes.push(outcome);
                    }
                }
            });
        }
    });
    let outcomes = outcomes.into_inner().unwrap_or_default();
    let outcomes = outcomes.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    heading("What came of it");
    for line in table(&outcomes) {
        note(&line);
    }
    let findings: Vec<_> = outcomes.iter().flat_map(|outcome| &outcome.findings).collect();
    for finding in &findings {
        note(&format!("found: {}", finding.display()));
    }
    ensure!(
        findings.is_empty(),
        "{} findings; each becomes a file in a corpus that fails a test, and then is mended",
        findings.len()
    );
    Ok(())
}

/// The targets that are named, or all; a name that is none is an error.
fn chosen(root: &Path, named: &[String]) -> anyhow::Result<Vec<String>> {
    let manifest = fs::read_to_string(root.join("fuzz/Cargo.toml")).context("read fuzz/Cargo.toml")?;
    let known = targets(&manifest)?;
    if named.is_empty() {
        return Ok(known);
    }
    if let Some(unknown) = named.iter().find(|name| !known.contains(name)) {
        bail!("there is no target {unknown}; there are {}", known.join(", "));
    }
    Ok(named.to_vec())
}

fn targets(manifest: &str) -> anyhow::Result<Vec<String>> {
    let manifest: toml::Table = manifest.parse().context("understand fuzz/Cargo.toml")?;
    let executables = manifest.get("bin").and_then(toml::Value::as_array);
    let executables = executables.context("fuzz/Cargo.toml has no targets")?;
    let name = |executable: &toml::Value| Some(executable.get("name")?.as_str()?.to_owned());
    Ok(executables.iter().filter_map(name).collect())
}

fn run_target(root: &Path, target: &str, minutes: u32, logs: &Path) -> anyhow::Result<Outcome> {
    seed(root, target)?;
    let artifacts = root.join("fuzz/artifacts").join(target);
    let before = files(&artifacts);
    let log = logs.join(format!("{target}.log"));
    let output = File::create(&log).with_context(|| format!("write {}", log.display()))?;
    let mut command = cargo(root);
    command
        .env(UNSTABLE.0, UNSTABLE.1)
        .args(["fuzz", "run", "--release", target, "--"])
        .arg(format!("-max_total_time={}", u64::from(minutes) * 60))
        .arg(format!("-timeout={TIMEOUT_S}"))
        .arg(format!("-report_slow_units={TIMEOUT_S}"))
        .arg(format!("-rss_limit_mb={MEMORY_MB}"))
        .arg(format!("-max_len={INPUT_BYTES_MAX}"))
        .arg("-print_final_stats=1");
    let line = shell_line(&command);
    note(&format!("$ {line}"));
    let begun = Instant::now();
    let status = command
        .stdout(output.try_clone().context("share a file")?)
        .stderr(output)
        .status()
        .with_context(|| format!("start `{line}`"))?;
    let text = fs::read(&log).with_context(|| format!("read {}", log.display()))?;
    let outcome = Outcome {
        target: target.to_owned(),
        taken: begun.elapsed(),
        said: said(&String::from_utf8_lossy(&text)),
        findings: files(&artifacts).difference(&before).cloned().collect(),
    };
    ensure!(
        status.success() || !outcome.findings.is_empty(),
        "`{line}` ended with {status} and found nothing; {} says why",
        log.display()
    );
    Ok(outcome)
}

/// Begins with what the ordinary tests replay; what the target has found interesting in earlier runs is there already.
fn seed(root: &Path, target: &str) -> anyhow::Result<()> {
    let corpus = root.join("fuzz/corpus").join(target);
    fs::create_dir_all(&corpus).context("make a folder for a corpus")?;
    let crates = fs::read_dir(root.join("crates")).context("look for corpora")?;
    for entry in crates.flatten() {
        for file in files(&entry.path().join("tests/corpus").join(target)) {
            let name = file.file_name().unwrap_or_default();
            fs::copy(&file, corpus.join(name)).with_context(|| format!("copy {}", file.display()))?;
        }
    }
    Ok(())
}

/// The files of a folder; none where there is no folder.
fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}

fn said(log: &str) -> Said {
    let after = |line: &str, key: &str| {
        let (_, rest) = line.split_once(key)?;
        rest.split_whitespace().next()?.parse().ok()
    };
    let mut said = Said::default();
    for line in log.lines() {
        if let Some(executions) = after(line, "stat::number_of_executed_units:") {
            said.executions = executions;
        }
        if let (Some(edges), Some(features)) = (after(line, " cov: "), after(line, " ft: ")) {
            said.edges = edges;
            said.features = features;
        }
    }
    said
}

fn table(outcomes: &[Outcome]) -> Vec<String> {
    let heading = [
        "target",
        "time",
        "executions",
        "a second",
        "edges",
        "features",
        "findings",
    ];
    let mut rows = vec![heading.map(str::to_owned).to_vec()];
    rows.extend(outcomes.iter().map(|outcome| {
        let Said {
            executions,
            edges,
            features,
        } = outcome.said;
        let a_second = executions / outcome.taken.as_secs().max(1);
        vec![
            outcome.target.clone(),
            duration(outcome.taken),
            executions.to_string(),
            a_second.to_string(),
            edges.to_string(),
            features.to_string(),
            outcome.findings.len().to_string(),
        ]
    }));
    markdown(&rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_fuzzer_says_last_counts() {
        let log = "#2\tINITED cov: 5 ft: 6 corp: 1/1b exec/s: 0 rss: 40Mb\n\
            #512\tREDUCE cov: 120 ft: 340 corp: 9/80b lim: 4 exec/s: 0 rss: 41Mb L: 4/9 MS: 1 EraseBytes-\n\
            DONE cov and nothing else\n\
            stat::number_of_executed_units: 1024\n\
            stat::average_exec_per_sec:     102\n";
        let expected = Said {
            executions: 1024,
            edges: 120,
            features: 340,
        };
        assert_eq!(said(log), expected);
        assert_eq!(said("error: could not compile"), Said::default());
    }

    #[test]
    fn the_table_counts_what_was_found() {
        let outcome = Outcome {
            target: "range".to_owned(),
            taken: Duration::from_secs(60),
            said: Said {
                executions: 6_000,
                edges: 7,
                features: 8,
            },
            findings: vec![PathBuf::from("fuzz/artifacts/range/crash-1")],
        };
        let lines = table(&[outcome]);
        assert_eq!(
            lines[2],
            "| range  | 1 min 00 s | 6000       | 100      | 7     | 8        | 1        |"
        );
    }

    #[test]
    fn every_target_has_a_corpus_that_tests_replay() {
        let root = workspace::root();
        let targets = chosen(&root, &[]).unwrap();
        assert!(targets.len() > 15, "{targets:?}");
        for target in &targets {
            let crates = fs::read_dir(root.join("crates")).unwrap().flatten();
            let corpora = crates.filter(|entry| {
                let corpus = entry.path().join("tests/corpus").join(target);
                files(&corpus).len() > 5
            });
            assert_eq!(corpora.count(), 1, "{target}");
        }
        assert!(chosen(&root, &["nothing".to_owned()]).is_err());
    }
}
