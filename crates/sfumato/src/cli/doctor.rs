//! `sfumato doctor`: whether this machine has what a server needs, said before the first upload finds out.

mod machine;
mod media;
mod storage;

use std::process::ExitCode;

use anyhow::Context;
use serde::Serialize;

use super::flags::{ConfigFlag, DataFlag, MediaFlags, Overrides, StorageFlag, load};
use crate::output;
use crate::settings::Settings;

/// Check what a server needs: sandbox layers, models, a trial picture, data folder, disk, storage, clock
///
/// Starts a media process as the server does, lets it lock itself up and hide what a small picture shows. Writes a blob to the
/// storage, reads a range of it and deletes it. Changes nothing else and makes no folder. Says what to do about everything that
/// is missing.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sfumato doctor
  sfumato doctor --data-dir data --sandbox require
  sfumato doctor --storage s3://bucket/prefix
  sfumato doctor --json

Exit codes: 0 nothing that is required is missing, 1 something is, 2 the command
or the settings are wrong.")]
pub(crate) struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    config: ConfigFlag,
    #[command(flatten)]
    data: DataFlag,
    #[command(flatten)]
    storage: StorageFlag,
    #[command(flatten)]
    media: MediaFlags,
}

/// How a check came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum State {
    /// It is as it should be.
    Ok,
    /// A server works, but somebody should know.
    Warning,
    /// A server does not work, or not as its settings require.
    Failed,
}

impl State {
    const fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warning => "warning",
            Self::Failed => "failed",
        }
    }
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Check {
    name: &'static str,
    state: State,
    detail: String,
}

impl Check {
    fn new(name: &'static str, state: State, detail: impl Into<String>) -> Self {
        Self {
            name,
            state,
            detail: detail.into(),
        }
    }

    fn ok(name: &'static str, detail: impl Into<String>) -> Self {
        Self::new(name, State::Ok, detail)
    }

    fn warning(name: &'static str, detail: impl Into<String>) -> Self {
        Self::new(name, State::Warning, detail)
    }

    fn failed(name: &'static str, detail: impl Into<String>) -> Self {
        Self::new(name, State::Failed, detail)
    }
}

/// Everything that was looked at.
#[derive(Debug, Serialize)]
struct Findings {
    ok: bool,
    checks: Vec<Check>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let overrides = [&args.data as &dyn Overrides, &args.storage, &args.media];
    let loaded = load(&args.config, &overrides)?;
    for warning in &loaded.warnings {
        output::note(format!("warning: {warning}"));
    }
    let runtime = tokio::runtime::Runtime::new().context("start the runtime")?;
    let findings = runtime.block_on(examine(&loaded.settings));
    if args.json {
        output::json(&serde_json::to_value(&findings)?)?;
    } else {
        output::raw(&as_text(&findings))?;
    }
    Ok(ExitCode::from(u8::from(!findings.ok)))
}

async fn examine(settings: &Settings) -> Findings {
    let mut checks = vec![machine::kernel()];
    checks.extend(media::examine(settings).await);
    checks.push(machine::libav());
    checks.extend(machine::data_dir(settings));
    checks.extend(storage::examine(settings).await);
    checks.push(machine::clock());
    Findings {
        ok: checks.iter().all(|check| check.state != State::Failed),
        checks,
    }
}

fn as_text(findings: &Findings) -> String {
    let longest = findings.checks.iter().map(|check| check.name.len()).max();
    let width = longest.unwrap_or(0);
    let mut text = String::new();
    for Check { name, state, detail } in &findings.checks {
        text.push_str(&format!("{:<8} {name:<width$}  {detail}\n", state.word()));
    }
    let count = |state| {
        findings
            .checks
            .iter()
            .filter(|check| check.state == state)
            .count()
    };
    text.push_str(&match (count(State::Failed), count(State::Warning)) {
        (0, 0) => "\nEverything is as it should be.\n".to_owned(),
        (failed, warnings) => format!("\n{failed} failed, {warnings} with a warning.\n"),
    });
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_warning_is_no_failure_and_columns_stand_under_each_other() {
        let findings = Findings {
            ok: true,
            checks: vec![
                Check::ok("a", "fine"),
                Check::warning("longer", "hm"),
                Check::failed("b", "no"),
            ],
        };
        let expected = "ok       a       fine\nwarning  longer  hm\nfailed   b       no\n\n1 failed, 1 with a warning.\n";
        assert_eq!(as_text(&findings), expected);
    }
}
