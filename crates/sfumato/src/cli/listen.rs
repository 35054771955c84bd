//! `sfumato listen`.

use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::ValueHint;
use sfumato_core::endpoint::{AckPolicy, SigningSecret, WebhookToken};
use sfumato_engine::guard::{self, AddressPolicy};
use sfumato_engine::system::{SystemClock, SystemEntropy};

use super::UsageError;
use crate::api_client::ApiClient;
use crate::forward::{self, Forwarded, News, Place};
use crate::lifecycle;
use crate::message::{self, Target};
use crate::output;
use crate::receiver::{self, Expectations, Received};

/// Receive webhooks, show each one, and acknowledge it by the contract: for development
///
/// Any path is taken. The server must run with --allow-private-webhooks to reach a receiver on the same machine.
///
/// With --forward nothing listens: the events of a server are read by GET /events and handed on to a service of yours, signed
/// and in order as a delivery would be, and again until it acknowledges. This works where the server cannot reach you.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sfumato listen                     print what arrives on http://127.0.0.1:9000
  sfumato listen --token wis-wht_…   refuse events with another X-Auth-Token
  sfumato listen --fail 3            fail the first three, to watch the retries
  sfumato listen --port 0 --json     one JSON object a line; the first one names
                                     the address
  sfumato listen --forward http://127.0.0.1:3000/hook --client-id client_… \\
    --server https://blur.example.com --cursor-file place
                                     hand real events on to a local service;
                                     the secret is in LISTEN_SECRET_ID")]
pub(crate) struct Args {
    /// Port; 0 takes a free one
    #[arg(long, default_value_t = 9000)]
    port: u16,
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1", value_name = "ADDR")]
    host: IpAddr,
    /// The webhookToken of the endpoint; events with another X-Auth-Token are answered with 401. With --forward it is sent
    /// [default there: a random one]
    #[arg(long)]
    token: Option<String>,
    /// The endpoint's signing secret (whsec_…); events with a wrong webhook-signature are answered with 401. With --forward
    /// it signs [default there: a random one]
    #[arg(long, value_parser = receiver::read_secret)]
    secret: Option<SigningSecret>,
    /// Answer so many events with 500 before the first is acknowledged
    #[arg(long, default_value_t = 0, value_name = "N")]
    fail: u64,
    /// Hand the events of a server on to this address, instead of listening
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url, requires = "server", requires = "client_id",
          requires = "secret_id", conflicts_with_all = ["port", "host", "fail"])]
    forward: Option<String>,
    #[command(flatten)]
    source: Source,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

/// Whose events are handed on.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "With --forward")]
struct Source {
    /// Address of the server
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url, requires = "forward")]
    server: Option<String>,
    /// clientId of a client of the server
    #[arg(long, value_name = "ID", env = "LISTEN_CLIENT_ID")]
    client_id: Option<String>,
    /// secretId of the client; better in the variable, where other users of this machine do not see it
    #[arg(long, value_name = "SECRET", env = "LISTEN_SECRET_ID", hide_env_values = true)]
    secret_id: Option<String>,
    /// File that remembers the last event that was acknowledged; without it, or while it does not exist, begins with
    /// what happens from now on
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath, requires = "forward")]
    cursor_file: Option<PathBuf>,
    /// What acknowledges: strict (200 and the taskId) or status (any 2xx) [default: strict]
    #[arg(long, value_name = "POLICY", value_parser = ["strict", "status"], requires = "forward")]
    ack: Option<String>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("start the runtime")?;
    match &args.forward {
        None => runtime.block_on(listen(args))?,
        Some(url) => runtime.block_on(hand_on(args, url))?,
    }
    Ok(ExitCode::SUCCESS)
}

async fn hand_on(args: &Args, url: &str) -> anyhow::Result<()> {
    if let Err(refused) = guard::judge_url(url, &AddressPolicy::allowing_private()) {
        return Err(UsageError(format!("forward to `{url}`: {refused}")).into());
    }
    let given = |value: &Option<String>| value.clone().unwrap_or_default();
    let source = &args.source;
    let api = ApiClient::new(
        &given(&source.server),
        given(&source.client_id),
        given(&source.secret_id),
    )
    .context("use --server")?;
    let target = Target {
        url: url.to_owned(),
        token: match &args.token {
            Some(token) => WebhookToken::from_clear(token),
            None => WebhookToken::generate(&SystemEntropy),
        },
        secret: args
            .secret
            .clone()
            .unwrap_or_else(|| SigningSecret::generate(&SystemEntropy)),
        ack: match &source.ack {
            Some(ack) => ack.parse().context("read --ack")?,
            None => AckPolicy::default(),
        },
    };
    if args.json {
        let line = serde_json::json!({ "server": api.server(), "forwarding": url });
        output::line(line.to_string())?;
    } else {
        output::line(format!("events of {} go to {url} (Ctrl-C ends it)", api.server()))?;
        if args.token.is_none() {
            output::line(format!("X-Auth-Token: {}", target.token.expose()))?;
        }
        if args.secret.is_none() {
            output::line(format!("signing secret: {}", target.secret.expose()))?;
        }
    }
    let json = args.json;
    let tell = move |news: News<'_>| -> anyhow::Result<()> {
        match news {
            News::Forwarded(forwarded) if json => output::line(as_json(forwarded))?,
            News::Forwarded(forwarded) => output::line(forwarded_as_text(forwarded))?,
            News::Trouble(error) => output::note(format!("trying again: {}", sfumato_core::chain(error))),
        }
        Ok(())
    };
    let stop = lifecycle::watch_signals().context("watch for signals")?;
    let place = Place::new(source.cursor_file.clone());
    forward::forward(api, target, message::outbound(), place, stop, tell).await
}

fn forwarded_as_text(forwarded: &Forwarded) -> String {
    let answer = forwarded
        .answer
        .map_or_else(|| "no answer".into(), |answer| format!("answered {answer}"));
    plain(format!(
        "{}  {:<9}  {}  attempt {}  {} in {} ms: {} ({})",
        forwarded.at,
        forwarded.status,
        forwarded.task_id,
        forwarded.attempt,
        answer,
        forwarded.duration_ms,
        forwarded.outcome,
        forwarded.explanation,
    ))
}

async fn listen(args: &Args) -> anyhow::Result<()> {
    let listener = tokio::net::TcpListener::bind((args.host, args.port))
        .await
        .with_context(|| format!("listen on {}, port {}", args.host, args.port))?;
    let url = receiver::url_of(listener.local_addr().context("read the bound address")?);
    if args.json {
        output::line(serde_json::json!({ "listening": url }).to_string())?;
    } else {
        output::line(format!("listening on {url} (Ctrl-C ends it)"))?;
    }
    let expectations = Expectations {
        token: args.token.clone(),
        secret: args.secret.clone(),
        fail_first: args.fail,
    };
    let json = args.json;
    let router = receiver::router(expectations, SystemClock, move |received| {
        let line = if json {
            as_json(received)
        } else {
            as_text(received)
        };
        if let Err(error) = output::line(line) {
            output::note(format!("error: failed to print an event: {error}"));
        }
    });
    let shutdown = lifecycle::watch_signals().context("watch for signals")?;
    axum::serve(listener, router)
        .with_graceful_shutdown(shutdown.cancelled_owned())
        .await
        .context("serve")
}

fn as_json(line: &impl serde::Serialize) -> String {
    serde_json::to_string(line).unwrap_or_default()
}

/// One line: what happened to which job, how sure that is, and what was answered.
fn as_text(received: &Received) -> String {
    let or_dash = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".into());
    let mut line = format!(
        "{}  {:<9}  {}  attempt {}  token {}  signature {}  answered {}",
        received.at,
        or_dash(&received.status),
        or_dash(&received.task_id),
        or_dash(&received.attempt),
        received.token.word(),
        received.signature.word(),
        received.answer,
    );
    if let Some(problem) = &received.problem {
        line.push_str(&format!(": {problem}"));
    }
    plain(line)
}

/// What a stranger has sent must not steer the terminal.
fn plain(line: String) -> String {
    line.chars()
        .map(|c| if c.is_control() { '\u{FFFD}' } else { c })
        .collect()
}
