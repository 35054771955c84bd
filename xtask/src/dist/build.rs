//! The release build: the same bytes, wherever and whenever a commit is built by the same tools. What would differ is where the
//! sources lie, which ends up in messages and debugging information, and the time.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

use super::version;
use crate::process::{cargo, command, output, run};
use crate::report::note;
use crate::{assets, workspace};

/// What a build is told that does not lie in the sources.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    /// Seconds since 1970 that stand for the time of the build.
    moment: String,
    /// The commit, as `sfumato --version` says it.
    commit: String,
}

impl Origin {
    /// That of a checkout.
    ///
    /// # Errors
    /// Git does not answer.
    pub(super) fn of(root: &Path) -> anyhow::Result<Self> {
        Ok(Self {
            moment: version::moment(root)?,
            commit: version::commit(root)?,
        })
    }
}

/// Builds the executables of packages in release mode below `target`.
///
/// # Errors
/// The build fails.
pub(super) fn release(root: &Path, target: &Path, packages: &[&str], origin: &Origin) -> anyhow::Result<()> {
    let places = [
        (cargo_home()?, "/cargo"),
        (root.to_owned(), "/sfumato"),
        (target.to_owned(), "/sfumato/target"),
    ];
    let mut rust = std::env::var("RUSTFLAGS")
        .unwrap_or_default()
        .split_whitespace()
        .map(OsString::from)
        .collect::<Vec<_>>();
    let mut c = std::env::var_os("CFLAGS").unwrap_or_default();
    for (place, name) in &places {
        // Of several that fit the last one counts.
        rust.push(flag("--remap-path-prefix=", place, name));
        c.push(" ");
        c.push(flag("-ffile-prefix-map=", place, name));
    }
    run(cargo(root)
        .args(["build", "--release", "--locked", "--bins"])
        .args(packages.iter().map(|name| format!("--package={name}")))
        .env("CARGO_TARGET_DIR", target)
        .env("CARGO_ENCODED_RUSTFLAGS", rust.join("\u{1f}".as_ref()))
        .env_remove("RUSTFLAGS")
        .env("CFLAGS", &c)
        .env("CXXFLAGS", &c)
        // It would be stripped; but code that is generated into the folder of the build, and names files there, has other columns
        // in other folders, and by them the identifier of the build would be another one.
        .env("CARGO_PROFILE_RELEASE_DEBUG", "false")
        .env("SOURCE_DATE_EPOCH", &origin.moment)
        .env("SFUMATO_COMMIT", &origin.commit))
}

fn flag(name: &str, place: &Path, stands_for: &str) -> OsString {
    let mut flag = OsString::from(name);
    flag.push(place);
    flag.push("=");
    flag.push(stands_for);
    flag
}

fn cargo_home() -> anyhow::Result<PathBuf> {
    if let Some(home) = std::env::var_os("CARGO_HOME") {
        return Ok(home.into());
    }
    let home = std::env::var_os("HOME").context("find the home folder, in which cargo keeps its sources")?;
    Ok(Path::new(&home).join(".cargo"))
}

/// Makes everything that is handed out twice, of what is committed, and compares it bit for bit.
///
/// # Errors
/// A file differs, or a step fails.
pub(crate) fn twice() -> anyhow::Result<()> {
    let root = workspace::root();
    // Asked for once: what is committed while the first is built is not in the second.
    let commit = output(command("git").args(["rev-parse", "HEAD"]).current_dir(&root))?;
    let commit = String::from_utf8(commit).context("read the commit")?;
    let place = workspace::target()?.join("reproducible");
    let [first, second] = ["one", "another-with-a-longer-name"].map(|name| place.join(name));
    let sums = [&first, &second].map(|folder| made(&root, commit.trim(), folder));
    let [one, other] = sums;
    let (one, other) = (one?, other?);
    let names: BTreeSet<&String> = one.keys().chain(other.keys()).collect();
    ensure!(!names.is_empty(), "nothing was made");
    let mut differ = Vec::new();
    for name in names {
        match (one.get(name), other.get(name)) {
            (Some(sum), Some(again)) if sum == again => {
                note(&format!("{name} is the same both times: {sum}"));
            }
            _ => differ.push(name.as_str()),
        }
    }
    ensure!(
        differ.is_empty(),
        "{} came out differently; compare {} with {}",
        differ.join(", "),
        dist(&first).display(),
        dist(&second).display()
    );
    Ok(())
}

/// Where a clone in `folder` has what is handed out.
fn dist(folder: &Path) -> PathBuf {
    folder.join("target").join(super::FOLDER)
}

/// Hashes of all that is handed out, by name, made in a clone of its own in `folder`.
fn made(root: &Path, commit: &str, folder: &Path) -> anyhow::Result<BTreeMap<String, String>> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("remove {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    let (sources, target) = (folder.join("sources"), folder.join("target"));
    let clone = ["clone", "--quiet", "--no-checkout"];
    run(command("git").args(clone).args([root, &sources]))?;
    run(command("git")
        .args(["checkout", "--quiet", "--detach", commit])
        .current_dir(&sources))?;
    // Fetched once; the set-up of the clone compares their hashes.
    let own = assets::FOLDER;
    symlink(root.join(own), sources.join(own)).context("link the assets")?;
    run(cargo(&sources)
        .args(["xtask", "dist"])
        .env("CARGO_TARGET_DIR", &target))?;
    let sums = dist(folder).join(super::SUMS);
    let sums = fs::read_to_string(&sums).with_context(|| format!("read {}", sums.display()))?;
    // Some gigabytes that nobody needs again.
    for built in ["release", "debug"].map(|name| target.join(name)) {
        fs::remove_dir_all(&built).with_context(|| format!("remove {}", built.display()))?;
    }
    sums.lines()
        .map(|line| {
            let (sum, name) = line.split_once("  ").context("read a line of hashes")?;
            Ok((name.to_owned(), sum.to_owned()))
        })
        .collect()
}
