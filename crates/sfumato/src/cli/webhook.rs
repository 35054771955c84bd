//! `sfumato webhook`: help for whoever writes a receiver.

use std::process::ExitCode;

use anyhow::Context;
use clap::Subcommand;
use sfumato_core::endpoint::{AckPolicy, SigningSecret, WebhookToken};
use sfumato_engine::guard::{self, AddressPolicy};

use super::UsageError;
use crate::contract::{self, Check, Receiver, Verdict};
use crate::{message, output, receiver};

/// Tools for receivers of webhooks
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sfumato webhook check https://example.com/blurit --token wis-wht_…
  sfumato webhook check http://127.0.0.1:3000/hook --token t --secret whsec_…")]
pub(crate) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Try a receiver: send it events as a server would, right and wrong ones, and report whether it keeps the contract
    ///
    /// The events speak of a made-up job. Nothing is sent by way of a server.
    #[command(after_help = "\
Examples:
  sfumato webhook check https://example.com/blurit --token wis-wht_…
                        without a secret the signature is not tried
  sfumato webhook check http://127.0.0.1:3000/hook --token t --secret whsec_…
  sfumato webhook check http://127.0.0.1:3000/hook --ack status --json

Exit codes: 0 the contract is kept, perhaps with warnings, 1 it is not,
2 the command is wrong.")]
    Check(CheckArgs),
}

#[derive(Debug, clap::Args)]
struct CheckArgs {
    /// Address of the receiver
    #[arg(value_name = "URL")]
    url: String,
    /// The webhookToken that the receiver expects [default: a random one]
    #[arg(long)]
    token: Option<String>,
    /// The signing secret that the receiver verifies with (whsec_…)
    #[arg(long, value_parser = receiver::read_secret)]
    secret: Option<SigningSecret>,
    /// What acknowledges, as the endpoint is set: strict or status
    #[arg(long, default_value = "strict", value_parser = ["strict", "status"])]
    ack: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    match &args.command {
        Command::Check(args) => check(args),
    }
}

fn check(args: &CheckArgs) -> anyhow::Result<ExitCode> {
    if let Err(refused) = guard::judge_url(&args.url, &AddressPolicy::allowing_private()) {
        return Err(UsageError(format!("check `{}`: {refused}", args.url)).into());
    }
    let receiver = Receiver {
        url: args.url.clone(),
        token: args.token.clone().map(WebhookToken::from_clear),
        secret: args.secret.clone(),
        ack: args.ack.parse::<AckPolicy>().context("read --ack")?,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("start the runtime")?;
    let checks = runtime.block_on(async { contract::check(receiver, &message::outbound()).await });
    let worst = checks
        .iter()
        .map(|check| check.verdict)
        .max()
        .unwrap_or(Verdict::Pass);
    if args.json {
        output::json(&serde_json::json!({
            "url": args.url,
            "kept": worst != Verdict::Fail,
            "checks": checks,
        }))?;
    } else {
        for check in &checks {
            output::line(as_text(check))?;
        }
        output::line(summary(worst))?;
    }
    Ok(match worst {
        Verdict::Fail => ExitCode::FAILURE,
        Verdict::Pass | Verdict::Skipped | Verdict::Warn => ExitCode::SUCCESS,
    })
}

fn as_text(check: &Check) -> String {
    let mut line = format!(
        "{}  {:<15}  {}",
        check.verdict.word(),
        check.name,
        check.explanation
    );
    if let Some(answer) = check.answer {
        line.push_str(&format!(" (answered {answer})"));
    }
    // What a receiver has sent must not steer the terminal.
    line.chars()
        .map(|c| if c.is_control() { '\u{FFFD}' } else { c })
        .collect()
}

const fn summary(worst: Verdict) -> &'static str {
    match worst {
        Verdict::Pass | Verdict::Skipped => "The contract is kept.",
        Verdict::Warn => "The contract is kept; mend what the warnings say.",
        Verdict::Fail => "The contract is NOT kept.",
    }
}
