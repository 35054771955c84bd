//! `cargo xtask dist`: what is handed out. An archive that is unpacked anywhere and a package for Debian, both of the same
//! files, with the licences of everything in them, bills of
//! materials, and the hashes of all.

mod build;
mod debian;
mod licences;
mod trial;
mod version;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

use crate::process::{command, output, run as run_command};
use crate::report::{Steps, note};
use crate::{assets, sbom, setup, workspace};

pub(crate) use build::twice;
pub(crate) use trial::run as try_out;

/// Where it lies, below the folder of builds.
const FOLDER: &str = "dist";
const PROGRAMS: [&str; 2] = ["sfumato", "sfumato-media"];
/// Files of the repository that go along, and where they lie among what is handed out.
const FILES: [(&str, &str); 4] = [
    ("LICENSE", "LICENSE"),
    ("CHANGELOG.md", "CHANGELOG.md"),
    ("config.example.toml", "config.example.toml"),
    ("deploy/systemd/sfumato.service", "systemd/sfumato.service"),
];
/// Shells, and how each calls the file that completes commands in it.
const COMPLETIONS: [(&str, &str); 3] = [
    ("bash", "sfumato.bash"),
    ("zsh", "_sfumato"),
    ("fish", "sfumato.fish"),
];
/// The hashes of all that is handed out, as `sha256sum` writes them.
const SUMS: &str = "SHA256SUMS";
const LICENCES: &str = "THIRD-PARTY-LICENCES.txt";
/// Where in what is handed out its bills of materials lie.
const SBOM: &str = "sbom";
/// What begins the names of assets that only the demo and the tests need.
const PICTURES: &str = "pictures/";

/// What has been made.
#[derive(Debug)]
pub(crate) struct Release {
    version: String,
    /// The files as they are unpacked.
    tree: PathBuf,
    archive: PathBuf,
    package: PathBuf,
    /// What each program is made of; copies lie in the tree.
    bills: Vec<PathBuf>,
}

impl Release {
    /// Everything that somebody may take.
    fn files(&self) -> impl Iterator<Item = &PathBuf> {
        [&self.archive, &self.package].into_iter().chain(&self.bills)
    }
}

/// Sets up, builds and packs.
///
/// # Errors
/// A step fails; the message says which and why.
pub(crate) fn run() -> anyhow::Result<()> {
    let root = workspace::root();
    let mut steps = Steps::default();
    steps.run("Set-up", || setup::run(setup::For::Building))?;
    let release = make(&root, &mut steps)?;
    steps.print();
    note(&format!("version {}", release.version));
    for file in release.files() {
        note(&file.display().to_string());
    }
    Ok(())
}

/// Builds and packs.
///
/// # Errors
/// A step fails; the message says which and why.
pub(crate) fn make(root: &Path, steps: &mut Steps) -> anyhow::Result<Release> {
    let version = version::of_this_tree(root)?;
    let target = workspace::target()?;
    steps.run("Build in release mode", || {
        build::release(root, &target, &PROGRAMS, &build::Origin::of(root)?)
    })?;
    let folder = target.join(FOLDER);
    // What an earlier build has left would be taken for this one's.
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("remove {}", folder.display()))?;
    }
    let name = format!("sfumato-{version}-linux-{}", std::env::consts::ARCH);
    let tree = folder.join(&name);
    steps.run("Gather", || gather(root, &target.join("release"), &tree))?;
    let bills = steps.run("Bills of materials", || {
        let said = sbom::write_into(root, &tree.join(SBOM))?;
        said.iter()
            .map(|file| {
                let name = file.file_name().context("a bill has a name")?;
                let beside = folder.join(name);
                place(file, &beside, "0644")?;
                Ok(beside)
            })
            .collect::<anyhow::Result<Vec<_>>>()
    })?;
    let archive = folder.join(format!("{name}.tar.gz"));
    steps.run("Archive", || pack(root, &tree, &archive))?;
    let package = steps.run("Package for Debian", || {
        debian::build(root, &tree, &version, &folder)
    })?;
    let release = Release {
        version,
        tree,
        archive,
        package,
        bills,
    };
    steps.run("Hashes", || {
        let names = release.files().filter_map(|path| path.file_name());
        let sums = output(command("sha256sum").args(names).current_dir(&folder))?;
        fs::write(folder.join(SUMS), sums).with_context(|| format!("write {SUMS}"))
    })?;
    Ok(release)
}

/// Puts everything in its place below `tree`.
fn gather(root: &Path, built: &Path, tree: &Path) -> anyhow::Result<()> {
    for name in PROGRAMS {
        // Names of functions stay for traces; what libraries bring along of debugging information does not.
        let to = tree.join(name);
        place(&built.join(name), &to, "0755")?;
        run_command(command("strip").arg("--strip-debug").arg(&to))?;
    }
    let manifest = assets::manifest(root)?;
    let handed_out = tree.join(assets::FOLDER);
    for asset in manifest
        .assets
        .iter()
        .filter(|asset| !asset.file.starts_with(PICTURES))
    {
        let from = root.join(assets::FOLDER).join(&asset.file);
        place(&from, &handed_out.join(&asset.file), "0644")?;
    }
    // By it `sfumato doctor` knows the right files, the inference engine among them, wherever they are installed.
    let list = fs::read_to_string(root.join(assets::MANIFEST)).context("read the manifest of the assets")?;
    let list = assets::without(&list, PICTURES)?;
    fs::write(handed_out.join(assets::MANIFEST), list).context("write the manifest of the assets")?;
    for (from, to) in FILES {
        place(&root.join(from), &tree.join(to), "0644")?;
    }
    let program = tree.join(PROGRAMS[0]);
    run_command(command(&program).arg("man").arg(tree.join("man")))?;
    let completions = tree.join("completions");
    fs::create_dir_all(&completions).with_context(|| format!("make {}", completions.display()))?;
    for (shell, name) in COMPLETIONS {
        let script = output(command(&program).args(["completions", shell]))?;
        fs::write(completions.join(name), script).with_context(|| format!("write {name}"))?;
    }
    let text = licences::text(root, &manifest)?;
    fs::write(tree.join(LICENCES), text).with_context(|| format!("write {LICENCES}"))
}

/// Copies a file, whatever folders that needs.
fn place(from: &Path, to: &Path, mode: &str) -> anyhow::Result<()> {
    ensure!(from.is_file(), "{} is missing", from.display());
    run_command(command("install").args(["-D", "--mode", mode]).args([from, to]))
}

/// An archive that is the same to the byte whenever and by whomever the same files are packed.
fn pack(root: &Path, tree: &Path, archive: &Path) -> anyhow::Result<()> {
    let (folder, name) = (tree.parent(), tree.file_name());
    let (folder, name) = folder.zip(name).context("the tree lies in a folder")?;
    run_command(
        command("tar")
            .args(["--create", "--gzip", "--sort=name", "--format=gnu"])
            .args(["--owner=0", "--group=0", "--numeric-owner"])
            .args([
                "--mode=go+u,go-w",
                &format!("--mtime=@{}", version::moment(root)?),
            ])
            .arg("--file")
            .arg(archive)
            .arg("--directory")
            .args([folder, Path::new(name)]),
    )
}
