//! `sfumato listen`.

use std::net::IpAddr;
use std::process::ExitCode;

use anyhow::Context;
use sfumato_core::endpoint::SigningSecret;
use sfumato_engine::system::SystemClock;

use crate::lifecycle;
use crate::output;
use crate::receiver::{self, Expectations, Received};

/// Receive webhooks, show each one, and acknowledge it by the contract: for development
///
/// Any path is taken. The server must run with --allow-private-webhooks to reach a receiver on the same machine.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sfumato listen                     print what arrives on http://127.0.0.1:9000
  sfumato listen --token wis-wht_…   refuse events with another X-Auth-Token
  sfumato listen --fail 3            fail the first three, to watch the retries
  sfumato listen --port 0 --json     one JSON object a line; the first one names
                                     the address")]
pub(crate) struct Args {
    /// Port; 0 takes a free one
    #[arg(long, default_value_t = 9000)]
    port: u16,
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1", value_name = "ADDR")]
    host: IpAddr,
    /// The webhookToken of the endpoint; events with another X-Auth-Token are answered with 401
    #[arg(long)]
    token: Option<String>,
    /// The endpoint's signing secret (whsec_…); events with a wrong webhook-signature are answered with 401
    #[arg(long, value_parser = receiver::read_secret)]
    secret: Option<SigningSecret>,
    /// Answer so many events with 500 before the first is acknowledged
    #[arg(long, default_value_t = 0, value_name = "N")]
    fail: u64,
    /// Print one JSON object a line
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("start the runtime")?;
    runtime.block_on(listen(args))?;
    Ok(ExitCode::SUCCESS)
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

fn as_json(received: &Received) -> String {
    serde_json::to_string(received).unwrap_or_default()
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
    // What a stranger has sent must not steer the terminal.
    line.chars()
        .map(|c| if c.is_control() { '\u{FFFD}' } else { c })
        .collect()
}
