//! Parts of the toolchain and cargo's helpers that the checks need.

use std::path::Path;

use anyhow::bail;

use crate::process::{cargo, command, run, succeeds};
use crate::report::note;

/// A cargo subcommand that is installed from its sources.
#[derive(Debug)]
struct Tool {
    package: &'static str,
    subcommand: &'static str,
    version: &'static str,
    purpose: &'static str,
}

const TOOLS: [Tool; 2] = [
    Tool {
        package: "cargo-nextest",
        subcommand: "nextest",
        version: "0.9.143",
        purpose: "runs the tests in parallel, each in a process of its own",
    },
    Tool {
        package: "cargo-deny",
        subcommand: "deny",
        version: "0.20.2",
        purpose: "checks licences, bans and sources of all dependencies",
    },
];

/// Parts of the toolchain: how rustup calls them, and the cargo subcommand that answers if they are there.
const COMPONENTS: [(&str, &str); 2] = [("rustfmt", "fmt"), ("clippy", "clippy")];

/// Checks the toolchain and installs the tools that are missing.
///
/// # Errors
/// A component is missing, or a tool cannot be installed.
pub(crate) fn install_missing(root: &Path) -> anyhow::Result<()> {
    for (component, subcommand) in COMPONENTS {
        if !succeeds(cargo(root).args([subcommand, "--version"])) {
            bail!("the toolchain has no {component}; run `rustup component add {component}` and try again");
        }
    }
    for tool in &TOOLS {
        if succeeds(cargo(root).args([tool.subcommand, "--version"])) {
            note(&format!("{} is here", tool.package));
            continue;
        }
        note(&format!(
            "building {} {}: it {}; this takes minutes, once",
            tool.package, tool.version, tool.purpose
        ));
        run(&mut install(tool))?;
    }
    Ok(())
}

/// Optimised less than a release, because the build of the tool would take longer than all of its work here.
fn install(tool: &Tool) -> std::process::Command {
    let mut install = command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    install
        .args(["install", "--locked", tool.package, "--version", tool.version])
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
        .env("CARGO_PROFILE_RELEASE_DEBUG", "0");
    install
}
