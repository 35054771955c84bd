//! `cargo xtask test dist`: the release on a machine that has never seen Rust. A Debian is made from nothing, the package is
//! installed by its own tools, and the main job is done with it; then the archive, and then all of it is removed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use serde_json::from_slice;

use super::{PROGRAMS, Release};
use crate::api::{Api, Job};
use crate::assets;
use crate::demo::picture::{Detections, compare};
use crate::process::{command, output, run as run_command, succeeds};
use crate::program::{Interrupt, Program, Stream};
use crate::report::{Steps, note};
use crate::serve::{START_DEADLINE, bound_address};
use crate::workspace;

const PICTURE: &str = "pictures/astronaut.png";
const UNIT: &str = "usr/lib/systemd/system/sfumato.service";
const DATA: &str = "/var/lib/sfumato";
const JOB_DEADLINE: Duration = Duration::from_secs(120);
/// How often a job is asked for.
const GLANCE: Duration = Duration::from_millis(200);

/// Makes the release and tries it out, unless this machine cannot; it is set up.
///
/// # Errors
/// A step fails; the message says which and why.
pub(crate) fn run(steps: &mut Steps) -> anyhow::Result<()> {
    if !rustix::process::geteuid().is_root() {
        note("only root can make a Debian from nothing: the release is not tried out");
        return Ok(());
    }
    let root = workspace::root();
    let release = super::make(&root, steps)?;
    let machine = steps.run("Make a Debian", || Machine::make(&release))?;
    steps.run("Install the package", || machine.install(&release))?;
    steps.run("Do the main job with the package", || machine.serve(&root))?;
    steps.run("Do the main job with the archive", || {
        machine.unpack(&release, &root)
    })?;
    steps.run("Remove the package", || machine.purge())
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
        let mut doctor = self.command_of_the_user(&["sfumato", "doctor", "--data-dir", DATA]);
        run_command(&mut doctor)
    }

    /// The archive needs the libraries of the system alone, which the package has brought.
    fn unpack(&self, release: &Release, root: &Path) -> anyhow::Result<()> {
        let archive = self.give(&release.archive)?;
        let picture = self.give(&root.join(assets::FOLDER).join(PICTURE))?;
        self.run(&["tar", "--extract", "--directory", "/opt", "--file", &archive])?;
        let name = release
            .tree
            .file_name()
            .context("the tree has a name")?
            .to_string_lossy();
        let program = format!("/opt/{name}/{}", PROGRAMS[0]);
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
    fn a_value_is_found_with_and_without_quotes() {
        let text = "PRETTY=\"a b\"\nUser=sfumato\nUserless=x\n";
        assert_eq!(value_of(text, "PRETTY"), Some("a b"));
        assert_eq!(value_of(text, "User"), Some("sfumato"));
        assert_eq!(value_of(text, "Group"), None);
    }
}
