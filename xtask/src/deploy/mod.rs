//! What deploys, judged by its own tools, since there is no engine here that would run it: hadolint for the Dockerfile, the
//! schemas of Compose and Kubernetes, Prometheus' own tool for alerts and queries, Grafana's own types for the dashboard, systemd's
//! own `verify` and `security`, and `sfumato doctor` under the unit's filter of system calls. What the files say to `sfumato` is
//! compared with what it understands.

mod dashboard;
mod words;

use std::path::Path;

use anyhow::{Context, bail};

use crate::process::{command, run, succeeds};
use crate::report::note;
use crate::{assets, python, workspace};

pub(crate) use dashboard::TYPES as DASHBOARD_TYPES;

const DOCKERFILE: &str = "deploy/Dockerfile";
const COMPOSE: [&str; 2] = ["deploy/compose.yaml", "deploy/compose.scaled.yaml"];
/// The manifests of each installation.
const INSTALLATIONS: [&[&str]; 2] = [
    &["deploy/kubernetes/single/sfumato.yaml"],
    &[
        "deploy/kubernetes/scaled/sfumato.yaml",
        "deploy/kubernetes/scaled/migrate.yaml",
        "deploy/kubernetes/scaled/secret.example.yaml",
    ],
];
/// The oldest and the newest that the manifests are for.
const KUBERNETES_VERSIONS: [&str; 2] = ["1.29", "1.35"];
const ALERTS: &str = "deploy/prometheus";
const UNIT: &str = "deploy/systemd/sfumato.service";
/// What `systemd-analyze security` may find at most, times ten: 1.4 is what is left of a service that needs a network.
const EXPOSURE_MAX: &str = "15";
const REFERENCES: &str = "xtask/src/deploy/references.py";
const RUN_IN_UNIT: &str = "xtask/src/deploy/run_in_unit.py";

/// Runs the linters.
///
/// # Errors
/// One of them finds something, or is not installed.
pub(crate) fn lint(root: &Path) -> anyhow::Result<()> {
    words::check(root)?;
    let tool = |name: &str| {
        let mut tool = command(python::program(root, name));
        tool.current_dir(root);
        tool
    };
    run(tool("hadolint").arg(DOCKERFILE))?;
    run(tool("check-jsonschema")
        .args(["--builtin-schema", "vendor.compose-spec"])
        .args(COMPOSE))?;
    for version in KUBERNETES_VERSIONS {
        run(tool("kubernetes-validate")
            .args(["--strict", "--quiet", "-k", version])
            .args(INSTALLATIONS.concat()))?;
    }
    for manifests in INSTALLATIONS {
        run(tool("python").arg(REFERENCES).args(manifests))?;
    }
    lint_alerts(root)?;
    lint_unit(root)
}

/// Prometheus' own tool reads the alerts, lives through the series of their tests, and the dashboard is read.
fn lint_alerts(root: &Path) -> anyhow::Result<()> {
    for arguments in [
        ["check", "rules", "alerts.yml"],
        ["test", "rules", "alerts_test.yml"],
    ] {
        run(command("promtool").current_dir(root.join(ALERTS)).args(arguments))?;
    }
    dashboard::check(root)
}

fn lint_unit(root: &Path) -> anyhow::Result<()> {
    if !succeeds(command("systemd-analyze").arg("--version")) {
        note("there is no systemd here: the unit is not checked");
        return Ok(());
    }
    let target = workspace::target()?;
    let executable = target.join("debug/sfumato");
    let text = std::fs::read_to_string(root.join(UNIT)).with_context(|| format!("read {UNIT}"))?;
    // The executable is looked for, and lies elsewhere before it is installed.
    let installed = text.replace("/opt/sfumato/sfumato", &executable.display().to_string());
    if installed == text {
        bail!("{UNIT} does not start /opt/sfumato/sfumato");
    }
    let place = tempfile::tempdir().context("make a folder for the unit")?;
    let unit = place.path().join("sfumato.service");
    std::fs::write(&unit, installed).with_context(|| format!("write {}", unit.display()))?;
    let analyze = |arguments: &[&str]| run(command("systemd-analyze").args(arguments).arg(&unit));
    analyze(&["verify", "--man=no"])?;
    analyze(&[
        "security",
        "--offline=true",
        "--no-pager",
        "--threshold",
        EXPOSURE_MAX,
    ])?;
    run(command(python::program(root, "python"))
        .arg(RUN_IN_UNIT)
        .arg(&unit)
        .arg(&executable)
        .args(["doctor", "--sandbox", "require", "--data-dir"])
        .arg(place.path().join("data"))
        .env("SFUMATO_ASSETS_DIR", root.join(assets::FOLDER))
        .current_dir(root))
}
