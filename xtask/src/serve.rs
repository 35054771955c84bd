//! A server for tasks that need one.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use serde::Deserialize;

use crate::assets;
use crate::process::{command, output};
use crate::program::{Interrupt, Program, Stream};
use crate::report::note;

/// How long a program may take until it listens.
pub(crate) const START_DEADLINE: Duration = Duration::from_secs(60);

/// A running server. It is stopped when this is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) program: Program,
    /// Base URL of its API.
    pub(crate) url: String,
}

/// What a client is known by, as `sfumato client create --json` prints it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Credentials {
    pub(crate) client_id: String,
    pub(crate) secret_id: String,
}

/// Starts a server that may call webhooks on this machine; port 0 takes a free one.
///
/// # Errors
/// It does not come up; its log says why.
pub(crate) fn start(
    executable: &Path,
    root: &Path,
    data: &Path,
    port: u16,
    log: &Path,
    interrupt: &Interrupt,
) -> anyhow::Result<Server> {
    let mut serve = command(executable);
    serve
        .args(["serve", "--listen", &format!("127.0.0.1:{port}")])
        .arg("--data-dir")
        .arg(data)
        .arg("--assets-dir")
        .arg(root.join(assets::FOLDER))
        .args([
            "--allow-private-webhooks",
            "--log-format",
            "text",
            "--log-level",
            "info",
        ])
        .env("NO_COLOR", "1");
    let mut program = Program::start("the server", &mut serve, Stream::Errors, log, interrupt)?;
    let url = program
        .wait_for("its address", START_DEADLINE, bound_address)
        .with_context(|| format!("start the server; its log is {}", log.display()))?;
    note(&format!("listening on {url}"));
    Ok(Server { program, url })
}

/// Makes a client.
///
/// # Errors
/// The command fails, or prints something else.
pub(crate) fn create_client(executable: &Path, data: &Path, name: &str) -> anyhow::Result<Credentials> {
    let mut create = command(executable);
    create
        .args(["client", "create", "--name", name, "--json", "--data-dir"])
        .arg(data);
    let credentials: Credentials =
        serde_json::from_slice(&output(&mut create)?).context("read the credentials")?;
    note(&credentials.client_id);
    Ok(credentials)
}

/// The address in the line that the server logs once it listens.
pub(crate) fn bound_address(line: &str) -> Option<String> {
    let (_, address) = line.split_once("listening on ")?;
    let end = |c: char| c.is_whitespace() || c == '"' || c == '\u{1b}';
    let address = address.split(end).next()?;
    address.starts_with("http://").then(|| address.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_is_found_in_both_forms_of_the_log() {
        for line in [
            "2026-01-02T03:04:05Z  INFO sfumato::server: listening on http://127.0.0.1:41234 version=\"0.1.0\"",
            r#"{"level":"INFO","message":"listening on http://127.0.0.1:41234","version":"0.1.0"}"#,
            "INFO listening on http://127.0.0.1:41234",
        ] {
            assert_eq!(
                bound_address(line).as_deref(),
                Some("http://127.0.0.1:41234"),
                "{line}"
            );
        }
        assert_eq!(bound_address("not listening on anything"), None);
    }
}
