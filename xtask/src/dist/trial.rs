//! `cargo xtask test dist`: the release on a machine that has never seen Rust. A Debian is made from nothing, the package is
//! installed by its own tools, the main job is done with it, and all of it is removed; then the same with the archive on another
//! one that has libav alone.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde::Deserialize;
use serde_json::from_slice;

use super::{PROGRAMS, Release};
use crate::api::{Api, Job};
use crate::demo::picture::{Detections, compare};
use crate::process::{command, output, run as run_command, succeeds};
use crate::program::{Interrupt, Program, Stream};
use crate::report::{Steps, note};
use crate::serve::{START_DEADLINE, bound_address};
use crate::{assets, sbom, workspace};

const PICTURE: &str = "pictures/astronaut.png";
const UNIT: &str = "usr/lib/systemd/system/sfumato.service";
const DATA: &str = "/var/lib/sfumato";
const JOB_DEADLINE: Duration = Duration::from_secs(120);
/// How often a job is asked for.
const GLANCE: Duration = Duration::from_millis(200);

/// What `sfumato doctor` may warn of on the fresh machine: it has as much of a disk as builds leave, and no `/etc/hosts` by
/// which `localhost` would be found. All else is a mistake of ours.
const WARNINGS: [&str; 2] = ["free disk", "DNS"];

/// Makes the release and tries it out; the machine is set up. Who is not root cannot, and has to say that he knows.
///
/// # Errors
/// A step fails; the message says which and why.
pub(crate) fn run(without: bool, steps: &mut Steps) -> anyhow::Result<()> {
    if without {
        note("the release is not tried out, as you say");
        return Ok(());
    }
    ensure!(
        rustix::process::geteuid().is_root(),
        "try the release out: only root can make a Debian from nothing; say `--without-dist` to go without"
    );
    let root = workspace::root();
    let release = super::make(&root, steps)?;
    steps.run("Check the bills of materials", || {
        sbom::check(&root, &release.bills, &release.tree.join(assets::FOLDER))
    })?;
    let machine = steps.run("Make a Debian", || Machine::make(&release))?;
    let other = steps.run("Make another", || machine.copy())?;
    steps.run("Install the package", || machine.install(&release))?;
    steps.run("Do the main job with the package", || machine.serve(&root))?;
    steps.run("Remove the package", || machine.purge())?;
    steps.run("Do the main job with the archive", || {
        other.unpack(&release, &root)
    })
}

/// A Debian in a folder, which goes when this is dropped.
struct Machine {
    place: tempfile::TempDir,
}

impl Machine {
    fn make(release: &Release) -> anyhow::Result<Self> {
        let system = fs::read_to_string("/etc/os-release").context("read /etc/os-release")?;
        let suite = value_of(&system, "VERSION_CODENAME").context("find which Debian this is")?;
        // Beside the release: temporary folders may lie where no devices and no programs may be.
        let folder = release.archive.parent().context("the release lies in a folder")?;
        let place = tempfile::Builder::new()
            .prefix("machine")
            .tempdir_in(folder)
            .context("make a folder for the machine")?;
        run_command(
            command("mmdebstrap")
                .args(["--quiet", "--mode=root", "--variant=minbase"])
                .arg(suite)
                .arg(place.path().join("root")),
        )?;
        Ok(Self { place })
    }

    /// The same machine once more, as it is.
    fn copy(&self) -> anyhow::Result<Self> {
        let folder = self
            .place
            .path()
            .parent()
            .context("the machine lies in a folder")?;
        let place = tempfile::Builder::new()
            .prefix("machine")
            .tempdir_in(folder)
            .context("make a folder for the machine")?;
        run_command(
            command("cp")
                .args(["--archive", "--reflink=auto"])
                .arg(self.root())
                .arg(place.path()),
        )?;
        Ok(Self { place })
    }

    fn root(&self) -> PathBuf {
        self.place.path().join("root")
    }

    /// A command on the machine, with its processes to see and nothing else of this one but the network.
    fn command(&self, words: &[&str]) -> Command {
        let mut inside = command("unshare");
        inside
            .arg("--mount")
            .arg("--mount-proc")
            .arg("--root")
            .arg(self.root())
            .args(["--wd", "/"])
            .args(words)
            .env_clear()
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .env("LC_ALL", "C.UTF-8");
        inside
    }

    /// A command of the user that the package has made.
    fn command_of_the_user(&self, words: &[&str]) -> Command {
        let user = [
            "setpriv",
            "--reuid=sfumato",
            "--regid=sfumato",
            "--init-groups",
            "--no-new-privs",
        ];
        self.command(&[&user, words].concat())
    }

    fn run(&self, words: &[&str]) -> anyhow::Result<()> {
        run_command(&mut self.command(words))
    }

    /// Says nothing of what goes well; there is no terminal that it could show its progress on.
    fn apt(&self, words: &[&str]) -> anyhow::Result<()> {
        let apt = ["apt-get", "-qq", "--option=Dpkg::Use-Pty=0"];
        output(&mut self.command(&[&apt, words].concat()))?;
        Ok(())
    }

    /// Copies a file to the machine and returns where it lies there.
    fn give(&self, file: &Path) -> anyhow::Result<String> {
        let name = file.file_name().context("it has a name")?;
        fs::copy(file, self.root().join("tmp").join(name))
            .with_context(|| format!("copy {}", file.display()))?;
        Ok(format!("/tmp/{}", name.to_string_lossy()))
    }

    fn install(&self, release: &Release) -> anyhow::Result<()> {
        for program in ["cargo", "rustc", "cc", "ffmpeg"] {
            ensure!(
                !succeeds(&mut self.command(&["sh", "-c", &format!("command -v {program}")])),
                "there is a {program} on the fresh machine"
            );
        }
        let package = self.give(&release.package)?;
        self.apt(&["update"])?;
        self.apt(&["install", "--yes", "--no-install-recommends", &package])?;
        self.run(&["dpkg", "--verify", "sfumato"])?;
        let owner = output(&mut self.command(&["stat", "--format=%U %G %a", DATA]))?;
        let owner = String::from_utf8_lossy(&owner).trim().to_owned();
        ensure!(owner == "sfumato sfumato 700", "{DATA} is {owner}");
        let said = output(&mut self.command(&["sfumato", "--version"]))?;
        note(String::from_utf8_lossy(&said).trim());
        for file in [
            "usr/share/man/man1/sfumato-serve.1.gz",
            "usr/share/bash-completion/completions/sfumato",
        ] {
            ensure!(self.root().join(file).is_file(), "{file} is missing");
        }
        Ok(())
    }

    /// Starts the service as its unit says, makes a client, and lets it hide a face.
    fn serve(&self, root: &Path) -> anyhow::Result<()> {
        let unit = fs::read_to_string(self.root().join(UNIT)).context("read the installed unit")?;
        ensure!(
            value_of(&unit, "User") == Some("sfumato"),
            "the unit names another user"
        );
        let start = value_of(&unit, "ExecStart").context("find out how the unit starts")?;
        let mut words: Vec<_> = unit
            .lines()
            .filter_map(|line| line.strip_prefix("Environment="))
            .collect();
        words.insert(0, "env");
        words.extend(start.split(' '));
        // Any port that is free, as this machine's network is the only thing that is shared.
        words.extend(["--listen", "127.0.0.1:0"]);
        let interrupt = Interrupt::watch()?;
        let log = workspace::target()?.join("dist-server.log");
        let mut serve = self.command_of_the_user(&words);
        let mut program = Program::start("the service", &mut serve, Stream::Errors, &log, &interrupt)?;
        let url = program.wait_for("its address", START_DEADLINE, bound_address)?;
        note(&format!("listening on {url}"));
        let create = [
            "sfumato",
            "client",
            "create",
            "--name",
            "first",
            "--json",
            "--data-dir",
            DATA,
        ];
        let made = output(&mut self.command_of_the_user(&create))?;
        let credentials = from_slice(&made).context("read the credentials")?;
        let api = Api::log_in(&url, &credentials)?;
        let before = fs::read(root.join(assets::FOLDER).join(PICTURE)).context("read the picture")?;
        let id = api.upload("astronaut.png", &before)?;
        let job = finished(&api, &id, &interrupt)?;
        let (Some(media), Some(json)) = (job.output_media, job.output_json) else {
            bail!(
                "the job has ended as {} without a result: {:?}",
                job.status,
                job.error
            );
        };
        let detections = Detections::parse(&api.download(&json)?)?;
        for line in compare(&before, &api.download(&media)?, &detections)? {
            note(&line);
        }
        self.doctor()?;
        program.stop()
    }

    /// What the product itself says of the machine, beside a server that runs.
    fn doctor(&self) -> anyhow::Result<()> {
        let words = ["sfumato", "doctor", "--json", "--data-dir", DATA];
        let said = output(&mut self.command_of_the_user(&words))?;
        judge(&from_slice(&said).context("read what the doctor says")?)
    }

    /// The archive needs libav of the system, and nothing else that is not on every machine.
    fn unpack(&self, release: &Release, root: &Path) -> anyhow::Result<()> {
        self.apt(&["update"])?;
        let libav = libav(&release.package)?;
        let libav: Vec<_> = libav.iter().map(String::as_str).collect();
        note(&format!("with {}", libav.join(", ")));
        self.apt(&[&["install", "--yes", "--no-install-recommends"][..], &libav].concat())?;
        let archive = self.give(&release.archive)?;
        let picture = self.give(&root.join(assets::FOLDER).join(PICTURE))?;
        self.run(&["tar", "--extract", "--directory", "/opt", "--file", &archive])?;
        let name = release
            .tree
            .file_name()
            .context("the tree has a name")?
            .to_string_lossy();
        let program = format!("/opt/{name}/{}", PROGRAMS[0]);
        ensure!(
            !succeeds(&mut self.command(&["dpkg", "--status", "sfumato"])),
            "the package is on the machine on which the archive is tried"
        );
        self.run(&[&program, "models", "verify"])?;
        self.run(&[&program, "blur", &picture, "-o", "/tmp/hidden.png"])?;
        let hidden = fs::read(self.root().join("tmp/hidden.png")).context("read the result")?;
        let before = fs::read(root.join(assets::FOLDER).join(PICTURE)).context("read the picture")?;
        ensure!(
            hidden.starts_with(b"\x89PNG") && hidden != before,
            "the picture came back as it was"
        );
        Ok(())
    }

    fn purge(&self) -> anyhow::Result<()> {
        self.apt(&["purge", "--yes", "sfumato"])?;
        for left in [
            "var/lib/sfumato",
            "usr/lib/sfumato",
            "etc/sfumato",
            "usr/bin/sfumato",
            UNIT,
        ] {
            let path = self.root().join(left);
            ensure!(fs::symlink_metadata(&path).is_err(), "/{left} is still there");
        }
        Ok(())
    }
}

/// The packages of libav among what the package depends on, which is all that the archive needs besides.
fn libav(package: &Path) -> anyhow::Result<Vec<String>> {
    let depends = output(command("dpkg-deb").arg("--field").arg(package).arg("Depends"))?;
    let depends = String::from_utf8(depends).context("read what the package depends on")?;
    let names = depends.split(',').filter_map(|one| one.split_whitespace().next());
    let names: Vec<_> = names
        .filter(|name| name.starts_with("libav") || name.starts_with("libsw"))
        .map(str::to_owned)
        .collect();
    ensure!(
        !names.is_empty(),
        "the package does not depend on libav: {depends}"
    );
    Ok(names)
}

/// What the doctor says of one thing.
#[derive(Deserialize)]
struct Check {
    name: String,
    state: String,
    detail: String,
}

#[derive(Deserialize)]
struct Findings {
    checks: Vec<Check>,
}

/// Refuses what has failed, and warnings that the fresh machine does not explain.
fn judge(findings: &Findings) -> anyhow::Result<()> {
    ensure!(!findings.checks.is_empty(), "the doctor has looked at nothing");
    let mut refused = Vec::new();
    for check in &findings.checks {
        let line = format!("{} {}: {}", check.state, check.name, check.detail);
        let is_fine = match check.state.as_str() {
            "ok" => true,
            "warning" => WARNINGS.contains(&check.name.as_str()),
            _ => false,
        };
        if !is_fine {
            refused.push(line);
        } else if check.state != "ok" {
            note(&line);
        }
    }
    ensure!(
        refused.is_empty(),
        "the doctor finds fault with the fresh machine:\n{}",
        refused.join("\n")
    );
    Ok(())
}

/// The value of the first line `name=value`.
fn value_of<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let value = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix('='))?;
    Some(value.trim_matches('"'))
}

fn finished(api: &Api, id: &str, interrupt: &Interrupt) -> anyhow::Result<Job> {
    let deadline = Instant::now() + JOB_DEADLINE;
    loop {
        let job = api.job(id)?;
        if ["Succeeded", "Failed"].contains(&job.status.as_str()) {
            return Ok(job);
        }
        ensure!(!interrupt.is_set(), "interrupted");
        ensure!(
            Instant::now() < deadline,
            "the job is still {} after two minutes",
            job.status
        );
        std::thread::sleep(GLANCE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_and_warnings_that_nothing_explains_are_refused() {
        let findings = |state: &str| Findings {
            checks: vec![Check {
                name: "models".to_owned(),
                state: state.to_owned(),
                detail: "why".to_owned(),
            }],
        };
        assert!(judge(&findings("ok")).is_ok());
        for state in ["warning", "failed", "what"] {
            assert!(judge(&findings(state)).is_err(), "{state}");
        }
        let explained = |state: &str| {
            let mut findings = findings(state);
            findings.checks[0].name = WARNINGS[0].to_owned();
            judge(&findings)
        };
        assert!(explained("warning").is_ok() && explained("failed").is_err());
        assert!(judge(&Findings { checks: vec![] }).is_err());
    }

    #[test]
    fn a_value_is_found_with_and_without_quotes() {
        let text = "PRETTY=\"a b\"\nUser=sfumato\nUserless=x\n";
        assert_eq!(value_of(text, "PRETTY"), Some("a b"));
        assert_eq!(value_of(text, "User"), Some("sfumato"));
        assert_eq!(value_of(text, "Group"), None);
    }
}
