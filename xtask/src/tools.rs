//! Parts of the toolchain, cargo's helpers and the server that the checks need.

use std::path::{Path, PathBuf};

use anyhow::bail;

use crate::process::{cargo, command, run, succeeds};
use crate::report::note;

/// How a tool is asked whether it is there.
#[derive(Debug)]
enum Called {
    /// As a subcommand of cargo.
    Subcommand(&'static str),
    /// By its own name, in the folder of cargo's tools.
    Program(&'static str),
}

/// A tool that is installed from its sources.
#[derive(Debug)]
struct Tool {
    package: &'static str,
    called: Called,
    features: &'static [&'static str],
    version: &'static str,
    purpose: &'static str,
}

const TOOLS: [Tool; 3] = [
    Tool {
        package: "cargo-nextest",
        called: Called::Subcommand("nextest"),
        features: &[],
        version: "0.9.143",
        purpose: "runs the tests in parallel, each in a process of its own",
    },
    Tool {
        package: "cargo-deny",
        called: Called::Subcommand("deny"),
        features: &[],
        version: "0.20.2",
        purpose: "checks licences, bans and sources of all dependencies",
    },
    // Never a member of the workspace: its dependencies are none of the product's.
    Tool {
        package: "s3s-fs",
        called: Called::Program("s3s-fs"),
        features: &["binary"],
        version: "0.14.1",
        purpose: "is the S3-compatible server that the tests of the storage speak to",
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
        if is_here(root, tool) {
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

fn is_here(root: &Path, tool: &Tool) -> bool {
    match tool.called {
        Called::Subcommand(name) => succeeds(cargo(root).args([name, "--version"])),
        Called::Program(name) => {
            let home = std::env::var_os("CARGO_HOME")
                .map(PathBuf::from)
                .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".cargo")));
            home.is_some_and(|home| home.join("bin").join(name).is_file())
        }
    }
}

/// Optimised less than a release, because the build of the tool would take longer than all of its work here.
fn install(tool: &Tool) -> std::process::Command {
    let mut install = command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    install
        .args(["install", "--locked", tool.package, "--version", tool.version])
        .args(tool.features.iter().flat_map(|feature| ["--features", feature]))
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
        .env("CARGO_PROFILE_RELEASE_DEBUG", "0");
    install
}
