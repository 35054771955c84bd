//! `cargo xtask test api-fuzz`: schemathesis reads the description of the API and sends a server what fits it, what nearly
//! does and what does not, one after the other and in the order of the links between operations.

use std::fs;
use std::path::Path;

use anyhow::{Context, ensure};

use crate::api::Api;
use crate::process::{command, run};
use crate::program::Interrupt;
use crate::{python, serve, workspace};

const DESCRIPTION: &str = "docs/openapi.json";
const SECONDS: &str = "90";
/// Where the examples lead webhooks to, and where they lead instead: nobody is called who did not ask for it.
const ELSEWHERE: (&str, &str) = ("https://example.com", "http://127.0.0.1:59999");
/// What is not asked for: that everything is accepted which a schema allows, since no schema says that one time lies before
/// another; and that everything else is refused, since empty fields count as absent for the sake of old clients.
const UNCHECKED: &str = "positive_data_acceptance,negative_data_rejection";
/// It would end the login that all others use.
const LEFT_OUT: &str = "/logout";

/// Tries the server of the debug build for a minute and a half.
///
/// # Errors
/// An answer is not as described, or the server has logged an error; the output has the line that repeats it.
pub(crate) fn test(root: &Path) -> anyhow::Result<()> {
    let executable = workspace::target()?.join("debug/sfumato");
    let place = tempfile::tempdir().context("make a folder for the server")?;
    let data = place.path().join("data");
    let log = workspace::target()?.join("api-fuzz.log");
    let interrupt = Interrupt::watch()?;
    let server = serve::start(&executable, root, &data, 0, &log, &interrupt)?;
    let credentials = serve::create_client(&executable, &data, "fuzzer")?;
    let api = Api::log_in(&server.url, &credentials)?;
    let description = fs::read_to_string(root.join(DESCRIPTION)).context("read the description")?;
    let copy = place.path().join("openapi.json");
    fs::write(&copy, description.replace(ELSEWHERE.0, ELSEWHERE.1)).context("write the description")?;
    run(command(python::program(root, "schemathesis"))
        .args(["run", "--no-color", "--continue-on-failure", "--warnings=off"])
        .args([
            "--max-time",
            SECONDS,
            "--request-timeout=30",
            "--generation-database=none",
        ])
        .args(["--exclude-checks", UNCHECKED, "--exclude-path", LEFT_OUT])
        .args(["--url", &server.url, "--header"])
        .arg(format!("Authorization: Bearer {}", api.token()))
        .arg(&copy)
        .current_dir(place.path()))?;
    server.program.stop()?;
    let said = fs::read_to_string(&log).context("read the server's log")?;
    let errors: Vec<_> = said.lines().filter(|line| line.contains(" ERROR ")).collect();
    ensure!(
        errors.is_empty(),
        "the server has logged errors: {}",
        errors.join("\n")
    );
    Ok(())
}
