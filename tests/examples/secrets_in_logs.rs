//! Looks for secrets in the logs of servers that other suites have run: `secrets_in_logs LOG|FOLDER …`. What has the form of a secret
//! is found, and every line of the files `*.secrets`, in which a suite says what it has made.
#![expect(clippy::print_stdout, reason = "says how much was searched")]

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use sfumato_testkit::secrets;

fn main() -> Result<()> {
    let mut files = Vec::new();
    for place in std::env::args_os().skip(1).map(PathBuf::from) {
        ensure!(place.exists(), "there is no {}", place.display());
        collect(&place, &mut files)?;
    }
    let (remembered, logs): (Vec<_>, Vec<_>) = files
        .into_iter()
        .partition(|(path, _)| path.extension().is_some_and(|extension| extension == "secrets"));
    for (path, text) in &remembered {
        for secret in text.lines() {
            secrets::remember(&format!("a secret of {}", path.display()), secret);
        }
    }
    let mut lines = 0;
    for (path, text) in &logs {
        let found = secrets::search(text.lines());
        ensure!(found.is_ok(), "{}: {found:?}", path.display());
        lines += text.lines().count();
    }
    ensure!(lines > 0, "the logs are empty");
    println!("no secret in {lines} lines of {} logs", logs.len());
    Ok(())
}

fn collect(place: &Path, files: &mut Vec<(PathBuf, String)>) -> Result<()> {
    if place.is_dir() {
        for entry in fs::read_dir(place)? {
            collect(&entry?.path(), files)?;
        }
        return Ok(());
    }
    let content = fs::read(place).with_context(|| format!("read {}", place.display()))?;
    files.push((place.to_owned(), String::from_utf8_lossy(&content).into_owned()));
    Ok(())
}
