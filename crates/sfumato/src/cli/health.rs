//! `sfumato health`: the question of a supervisor, asked by the executable itself, so that an image needs no other program.

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, bail, ensure};

use super::flags::{ConfigFlag, Overrides, given, load};
use crate::base_url::reachable;
use crate::output;
use crate::settings::FlagValue;

/// An answer that takes longer is none: supervisors ask every few seconds.
const DEADLINE: Duration = Duration::from_secs(5);

/// Ask a server on this machine whether it lives, or is ready: for health checks of containers
///
/// Reads the same settings as `serve`, and asks the address that it listens on.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  sfumato health                         does the process live?
  sfumato health --ready                 do database and storage answer, too?
  sfumato health --listen 127.0.0.1:9090

Exit codes: 0 yes, 1 no or no answer within 5 seconds, 2 the command or the
settings are wrong.")]
pub(crate) struct Args {
    /// Ask whether it can do its work, not only whether it lives
    #[arg(long)]
    ready: bool,
    #[command(flatten)]
    config: ConfigFlag,
    #[command(flatten)]
    listen: ListenFlag,
}

/// Where the server is.
#[derive(clap::Args, Debug)]
struct ListenFlag {
    /// Address and port that the server listens on [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR:PORT")]
    listen: Option<String>,
}

impl Overrides for ListenFlag {
    fn overrides(&self) -> Vec<FlagValue> {
        given("--listen", "listen", self.listen.as_ref())
            .into_iter()
            .collect()
    }
}

pub(crate) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let loaded = load(&args.config, &[&args.listen as &dyn Overrides])?;
    let path = if args.ready { "/readyz" } else { "/healthz" };
    let address = reachable(loaded.settings.listen);
    ask(address, path).with_context(|| format!("ask http://{address}{path}"))?;
    output::line(if args.ready { "ready" } else { "ok" })?;
    Ok(ExitCode::SUCCESS)
}

fn ask(address: SocketAddr, path: &str) -> anyhow::Result<()> {
    let mut stream = TcpStream::connect_timeout(&address, DEADLINE).context("connect")?;
    stream
        .set_read_timeout(Some(DEADLINE))
        .context("set a deadline")?;
    stream
        .set_write_timeout(Some(DEADLINE))
        .context("set a deadline")?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream
        .write_all(request.as_bytes())
        .context("send the question")?;
    let mut first = String::new();
    BufReader::new(stream)
        .read_line(&mut first)
        .context("read the answer")?;
    let Some(status) = first.trim_end().strip_prefix("HTTP/1.1 ") else {
        bail!("what answers is no server of this kind");
    };
    ensure!(status.starts_with("200"), "the server answers {status}");
    Ok(())
}
