//! The clients: what is generated is what the description of the API makes today, and all of them work against a server.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};

use crate::process::{command, run, succeeds};
use crate::program::Interrupt;
use crate::report::note;
use crate::serve::{self, Credentials};
use crate::{python, workspace};

const DESCRIPTION: &str = "docs/openapi.json";
const PICTURE: &str = "tests/fixtures/astronaut.jpg";

/// A generated part of a client, and how it is made.
struct Generated {
    /// Where it lies, below the workspace.
    path: &'static str,
    make: fn(root: &Path, into: &Path) -> anyhow::Result<()>,
}

const GENERATED: [Generated; 2] = [
    Generated {
        path: "clients/typescript/src/schema.d.ts",
        make: make_typescript,
    },
    Generated {
        path: "clients/python/src/sfumato_client/generated",
        make: make_python,
    },
];

/// Checks the generated parts, and runs the tests of all clients against the server of the debug build.
///
/// # Errors
/// A generated part is not what it should be, or a test fails.
pub(crate) fn test(root: &Path) -> anyhow::Result<()> {
    for part in &GENERATED {
        part.check(root)?;
    }
    let executable = workspace::target()?.join("debug/sfumato");
    let place = tempfile::tempdir().context("make a folder for the server")?;
    let interrupt = Interrupt::watch()?;
    let data = place.path().join("data");
    let log = workspace::target()?.join("clients.log");
    let server = serve::start(&executable, root, &data, 0, &log, &interrupt)?;
    let tests: [fn(&Path) -> std::process::Command; 3] = [typescript, python_tests, blurit];
    for test in tests {
        // Each has a client of its own, since five endpoints a client are the limit.
        let credentials = serve::create_client(&executable, &data, "client under test")?;
        run(with_server(&mut test(root), root, &server.url, &credentials))?;
    }
    server.program.stop()
}

fn typescript(root: &Path) -> std::process::Command {
    let mut test = command("npm");
    test.args(["--prefix", "clients/typescript", "test", "--silent"])
        .current_dir(root);
    test
}

fn python_tests(root: &Path) -> std::process::Command {
    let mut test = command(python::program(root, "python"));
    test.args([
        "-m",
        "pytest",
        "--quiet",
        "-p",
        "no:cacheprovider",
        "clients/python/tests",
    ])
    .env("PYTHONPATH", root.join("clients/python/src"))
    .env("PYTHONDONTWRITEBYTECODE", "1")
    .current_dir(root);
    test
}

fn blurit(root: &Path) -> std::process::Command {
    let mut test = command("node");
    test.args(["--test", "clients/blurit/"]).current_dir(root);
    test
}

fn with_server<'a>(
    test: &'a mut std::process::Command,
    root: &Path,
    url: &str,
    credentials: &Credentials,
) -> &'a mut std::process::Command {
    test.env("SFUMATO_URL", url)
        .env("SFUMATO_CLIENT_ID", &credentials.client_id)
        .env("SFUMATO_SECRET_ID", &credentials.secret_id)
        .env("SFUMATO_PICTURE", root.join(PICTURE))
}

impl Generated {
    /// Makes it again and compares; `SFUMATO_BLESS=1` puts it in its place instead.
    fn check(&self, root: &Path) -> anyhow::Result<()> {
        let folder = tempfile::tempdir().context("make a folder for what is generated")?;
        let name = Path::new(self.path)
            .file_name()
            .context("every part has a name")?;
        let made = folder.path().join(name);
        (self.make)(root, &made)?;
        let kept = root.join(self.path);
        if std::env::var_os("SFUMATO_BLESS").is_some_and(|value| value == "1") {
            return replace(&made, &kept);
        }
        ensure!(
            succeeds(
                command("diff")
                    .args(["--recursive", "--brief"])
                    .args([&kept, &made])
            ),
            "{} is not what {DESCRIPTION} makes; `SFUMATO_BLESS=1 cargo xtask test clients` writes it anew",
            self.path
        );
        note(&format!("{} is what {DESCRIPTION} makes", self.path));
        Ok(())
    }
}

fn replace(made: &Path, kept: &Path) -> anyhow::Result<()> {
    if kept.is_dir() {
        fs::remove_dir_all(kept).with_context(|| format!("remove {}", kept.display()))?;
    }
    if let Some(folder) = kept.parent() {
        fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    }
    run(command("cp").arg("--recursive").args([made, kept]))
}

fn make_typescript(root: &Path, into: &Path) -> anyhow::Result<()> {
    let generator = root.join("clients/typescript/node_modules/.bin/openapi-typescript");
    // Fields with a default may be left out of a request.
    run(command(generator)
        .args([DESCRIPTION, "--default-non-nullable=false", "--output"])
        .arg(into)
        .current_dir(root))
}

fn make_python(root: &Path, into: &Path) -> anyhow::Result<()> {
    // The generator looks for its formatter on the search path.
    let own: PathBuf = python::folder(root).join("bin");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths([own].into_iter().chain(std::env::split_paths(&path)))
        .context("extend the search path")?;
    run(command(python::program(root, "openapi-python-client"))
        .args([
            "generate",
            "--meta",
            "none",
            "--fail-on-warning",
            "--path",
            DESCRIPTION,
        ])
        .arg("--output-path")
        .arg(into)
        .args(["--config", "clients/python/generator.yaml"])
        .env("PATH", path)
        .current_dir(root))?;
    if !into.join("client.py").is_file() {
        bail!("the generator has made no client in {}", into.display());
    }
    Ok(())
}
