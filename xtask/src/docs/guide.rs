//! What readers are told to type, typed: every page with commands is run from top to bottom in an empty folder.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;

use anyhow::{Context, bail, ensure};

use super::markdown::{Block, Mark};
use super::{Page, markdown, pages, pictures, script};
use crate::process::{command, succeeds};
use crate::report::{duration, note};
use crate::{assets, python, workspace};

/// The folder of logs and of what the pages make, below that of builds.
const FOLDER: &str = "guide";
/// The picture that the pages speak of.
pub(super) const PICTURE: (&str, &str) = ("photo.jpg", "tests/fixtures/astronaut.jpg");
/// How long a page may take.
const PAGE_SECONDS_MAX: &str = "600";

/// Runs the commands of all pages against the binaries of the debug build.
///
/// # Errors
/// A command fails; the message names its page and the log.
pub(crate) fn run(root: &Path) -> anyhow::Result<()> {
    let target = workspace::target()?;
    let folder = target.join(FOLDER);
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("remove {}", folder.display()))?;
    }
    let mut failed = Vec::new();
    for page in pages(root)? {
        let name = page.path.display().to_string();
        let blocks = markdown::blocks(&page.text);
        check_syntax(&name, &blocks)?;
        let ports = [free_port()?, free_port()?];
        let Some(script) = script::of_page(&name, &blocks, ports)? else {
            continue;
        };
        let started = Instant::now();
        let place = Place::make(root, &target, &folder, &page)?;
        if place.run(&script, ports[0])? {
            note(&format!("{name} ({})", duration(started.elapsed())));
            if page.path == Path::new(pictures::PAGE) {
                pictures::check(root, &page, place.folder())?;
            }
        } else {
            note(&format!("{name} fails:\n{}", place.end_of_log()?));
            failed.push(name);
        }
    }
    if !failed.is_empty() {
        bail!(
            "commands fail on {}; the logs are in {}",
            failed.join(", "),
            folder.display()
        );
    }
    Ok(())
}

/// Lets bash read the commands that are not run.
fn check_syntax(page: &str, blocks: &[Block]) -> anyhow::Result<()> {
    for block in blocks {
        if block.language == "sh" && matches!(block.mark, Mark::NotRun(_)) {
            let mut bash = command("bash");
            bash.args(["-n", "-c", &block.body]);
            ensure!(succeeds(&mut bash), "{page}:{}: bash cannot read it", block.line);
        }
    }
    Ok(())
}

/// A free port of loopback. Whoever takes it before the page does makes the page fail, which says so.
fn free_port() -> anyhow::Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0").context("find a free port")?;
    Ok(listener.local_addr().context("find a free port")?.port())
}

/// Where one page is run.
pub(super) struct Place {
    folder: PathBuf,
    log: PathBuf,
    path: std::ffi::OsString,
    root: PathBuf,
}

impl Place {
    /// Makes the folder of a page below the one of all pages, with the picture in it.
    pub(super) fn make(root: &Path, target: &Path, folder: &Path, page: &Page) -> anyhow::Result<Self> {
        let name = page.path.display().to_string().replace('/', "-");
        let log = folder.join(format!("{name}.log"));
        let folder = folder.join(name);
        fs::create_dir_all(&folder).with_context(|| format!("make {}", folder.display()))?;
        let (picture, source) = PICTURE;
        fs::copy(root.join(source), folder.join(picture)).with_context(|| format!("copy {source}"))?;
        let first = [target.join("debug"), python::folder(root).join("bin")];
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths(first.into_iter().chain(std::env::split_paths(&path)))
            .context("extend the search path")?;
        Ok(Self {
            folder,
            log,
            path,
            root: root.to_owned(),
        })
    }

    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Whether all of the script succeeds; its server listens on the port.
    pub(super) fn run(&self, script: &str, port: u16) -> anyhow::Result<bool> {
        let file = self.folder.join(".script");
        fs::write(&file, script).with_context(|| format!("write {}", file.display()))?;
        let log = fs::File::create(&self.log).with_context(|| format!("make {}", self.log.display()))?;
        let errors = log.try_clone().context("write both streams into one file")?;
        let mut bash = command("timeout");
        bash.args(["--kill-after=10", PAGE_SECONDS_MAX, "bash", ".script"])
            .current_dir(&self.folder)
            .env("PATH", &self.path)
            .env("DOCS", self.root.join("docs"))
            .env("SFUMATO_LISTEN", format!("127.0.0.1:{port}"))
            .env("SFUMATO_ASSETS_DIR", self.root.join(assets::FOLDER))
            .env("NO_COLOR", "1")
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors);
        let status = bash.status().context("start bash")?;
        Ok(status.success())
    }

    pub(super) fn end_of_log(&self) -> anyhow::Result<String> {
        const LINES_MAX: usize = 40;
        let log = fs::read_to_string(&self.log).with_context(|| format!("read {}", self.log.display()))?;
        let lines: Vec<_> = log.lines().collect();
        Ok(lines[lines.len().saturating_sub(LINES_MAX)..].join("\n"))
    }
}
