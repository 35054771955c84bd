//! `sfumato doctor`: whether this machine has what a server needs, said before the first upload finds out.

mod clock;
mod collector;
mod database;
mod keys;
mod limits;
mod listening;
mod machine;
mod media;
mod network;
mod risks;
mod space;
mod storage;

use std::process::ExitCode;

use anyhow::Context;
use serde::Serialize;

use super::flags::{ConfigFlag, DataFlag, MediaFlags, Overrides, StorageFlag, load};
use crate::output;
use crate::settings::Loaded;

/// Check everything that an operator can get wrong, and say how to mend it
///
/// Starts a media process as the server does, lets it lock itself up and hide what a small picture shows, and compares every
/// model with its hash. Writes a blob to the storage, reads a range of it and deletes it. Looks at the database and what its
/// server is set to, at keys, disks, clock and limits of the system; looks up the names of the settings and of endpoints, and no
/// others; asks the public URL and the OpenID Connect provider; connects to the collector of traces; takes the addresses of
/// `listen` and `metrics_listen` for a moment where no server runs; and names settings that are dangerous. Changes nothing else and
/// makes no folder. Beside a server that runs, give it the same settings and the same user.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sfumato doctor
  sfumato doctor --data-dir data --sandbox require
  sfumato doctor --data-dir data --database    after a crash of the disk
  sfumato doctor --config /etc/sfumato/sfumato.toml
  sfumato doctor --storage s3://bucket/prefix
  sfumato doctor --json

Exit codes: 0 nothing has failed, though there may be warnings, 1 something has,
2 the command or the settings are wrong.")]
pub(crate) struct Args {
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Look through every page of an SQLite database of more than 32 MiB, too: at least a second for each gigabyte
    #[arg(long)]
    database: bool,
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
    /// What to do about it: always there unless it is as it should be.
    #[serde(skip_serializing_if = "Option::is_none")]
    mend: Option<String>,
}

impl Check {
    fn ok(name: &'static str, detail: impl Into<String>) -> Self {
        Self {
            name,
            state: State::Ok,
            detail: detail.into(),
            mend: None,
        }
    }

    fn warning(name: &'static str, detail: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            state: State::Warning,
            mend: Some(mend.into()),
            ..Self::ok(name, detail)
        }
    }

    fn failed(name: &'static str, detail: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            state: State::Failed,
            ..Self::warning(name, detail, mend)
        }
    }

    /// The same, where a server does not work without it.
    fn into_failure(self) -> Self {
        Self {
            state: State::Failed,
            ..self
        }
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
    let findings = runtime.block_on(examine(&loaded, args.database));
    if args.json {
        output::json(&serde_json::to_value(&findings)?)?;
    } else {
        output::raw(&as_text(&findings))?;
    }
    Ok(ExitCode::from(u8::from(!findings.ok)))
}

async fn examine(loaded: &Loaded, whole_database: bool) -> Findings {
    let settings = &loaded.settings;
    let mut checks = vec![machine::kernel()];
    checks.extend(media::examine(settings).await);
    checks.push(machine::libav());
    checks.extend(machine::data_dir(settings));
    let database = database::examine(settings, whole_database).await;
    let store = database.store.as_deref();
    checks.extend(database.checks);
    checks.extend(keys::examine(settings, store).await);
    checks.extend(storage::examine(settings).await);
    checks.extend(clock::examine(store).await);
    checks.extend(network::examine(settings, store).await);
    checks.extend(collector::examine(settings).await);
    checks.extend(listening::examine(settings));
    checks.extend(limits::examine(settings));
    checks.extend(risks::examine(loaded));
    Findings {
        ok: checks.iter().all(|check| check.state != State::Failed),
        checks,
    }
}

fn as_text(findings: &Findings) -> String {
    let longest = findings.checks.iter().map(|check| check.name.len()).max();
    let width = longest.unwrap_or(0);
    let mut text = String::new();
    for check in &findings.checks {
        let Check { name, detail, .. } = check;
        text.push_str(&format!("{:<8} {name:<width$}  {detail}\n", check.state.word()));
        if let Some(mend) = &check.mend {
            text.push_str(&format!("{:<8} {:<width$}  mend: {mend}\n", "", ""));
        }
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
                Check::warning("longer", "hm", "look"),
                Check::failed("b", "no", "do"),
            ],
        };
        let expected = "\
ok       a       fine
warning  longer  hm
                 mend: look
failed   b       no
                 mend: do

1 failed, 1 with a warning.
";
        assert_eq!(as_text(&findings), expected);
    }
}
