//! Parts of the toolchain, cargo's helpers and other programs that the checks need.

use std::path::Path;

use anyhow::bail;

use crate::process::{cargo, command, run, succeeds};
use crate::report::note;

/// A program that cargo installs from its sources.
#[derive(Debug)]
struct Tool {
    package: &'static str,
    /// What answers if it is there.
    probe: &'static [&'static str],
    version: &'static str,
    /// What is built of it, where that is not all.
    features: &'static [&'static str],
    purpose: &'static str,
}

const TOOLS: [Tool; 4] = [
    Tool {
        package: "cargo-nextest",
        probe: &["cargo", "nextest", "--version"],
        version: "0.9.143",
        features: &[],
        purpose: "runs the tests in parallel, each in a process of its own",
    },
    Tool {
        package: "cargo-deny",
        probe: &["cargo", "deny", "--version"],
        version: "0.20.2",
        features: &[],
        purpose: "checks licences, bans and sources of all dependencies",
    },
    Tool {
        package: "mdbook",
        probe: &["mdbook", "--version"],
        version: "0.5.4",
        features: &["--no-default-features", "--features", "search"],
        purpose: "makes a book of the documentation",
    },
    // Never a member of the workspace: its dependencies are none of the product's.
    Tool {
        package: "s3s-fs",
        probe: &["s3s-fs", "--version"],
        version: "0.14.1",
        features: &["--features", "binary"],
        purpose: "is the S3-compatible server that the tests of the storage speak to",
    },
];

/// No part of the checks: the corpora are replayed by ordinary tests.
const FUZZER: Tool = Tool {
    package: "cargo-fuzz",
    probe: &["cargo", "fuzz", "--version"],
    version: "0.13.2",
    features: &[],
    purpose: "builds the fuzz targets and runs them",
};

/// For a check that needs a database from outside, hence none of every run.
const AUDITOR: Tool = Tool {
    package: "cargo-audit",
    probe: &["cargo", "audit", "--version"],
    version: "0.22.2",
    // Without the part that reads executables.
    features: &["--no-default-features"],
    purpose: "compares every locked package with the advisories of RustSec",
};

/// A server for a check that only somebody who asks for it runs. Never a member of the workspace, like the others.
const GARAGE: Tool = Tool {
    package: "garage",
    probe: &["garage", "--version"],
    version: "2.5.0",
    features: &["--no-default-features", "--features", "bundled-libs,sqlite"],
    purpose: "is an S3-compatible server that people run in production",
};

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
    TOOLS.iter().try_for_each(|tool| tool.install_if_missing(root))
}

/// Installs what runs the fuzz targets, if it is missing.
///
/// # Errors
/// It cannot be installed.
pub(crate) fn install_fuzzer(root: &Path) -> anyhow::Result<()> {
    FUZZER.install_if_missing(root)
}

/// Installs what compares packages with advisories, if it is missing.
///
/// # Errors
/// It cannot be installed.
pub(crate) fn install_auditor(root: &Path) -> anyhow::Result<()> {
    AUDITOR.install_if_missing(root)
}

/// Installs Garage where it is missing.
///
/// # Errors
/// It cannot be built.
pub(crate) fn install_garage(root: &Path) -> anyhow::Result<()> {
    GARAGE.install_if_missing(root)
}

impl Tool {
    fn install_if_missing(&self, root: &Path) -> anyhow::Result<()> {
        if self.is_present(root) {
            note(&format!("{} is here", self.package));
            return Ok(());
        }
        note(&format!(
            "building {} {}: it {}; this takes minutes, once",
            self.package, self.version, self.purpose
        ));
        run(&mut install(self))
    }

    fn is_present(&self, root: &Path) -> bool {
        match self.probe {
            ["cargo", arguments @ ..] => succeeds(cargo(root).args(arguments)),
            [program, arguments @ ..] => succeeds(command(program).args(arguments)),
            [] => false,
        }
    }
}

/// Optimised less than a release, because the build of the tool would take longer than all of its work here.
fn install(tool: &Tool) -> std::process::Command {
    let mut install = command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    install
        .args(["install", "--locked", tool.package, "--version", tool.version])
        .args(tool.features)
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1")
        .env("CARGO_PROFILE_RELEASE_DEBUG", "0");
    install
}
