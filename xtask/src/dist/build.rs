//! The release build: the same bytes, wherever and whenever a commit is built by the same tools. What would differ is where the
//! sources lie, which ends up in messages and debugging information, and the time.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::version;
use crate::process::{cargo, output, run};
use crate::report::note;

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

/// What was built differs, or does not.
///
/// # Errors
/// A program differs, or a step fails.
pub(crate) fn twice(packages: &[String]) -> anyhow::Result<()> {
    let root = crate::workspace::root();
    let origin = Origin::of(&root)?;
    let packages: Vec<&str> = match packages {
        [] => super::PROGRAMS.to_vec(),
        named => named.iter().map(String::as_str).collect(),
    };
    let place = crate::workspace::target()?.join("reproducible");
    // Once for both: what is committed while the first is built is not in the second.
    let archive = sources(&root, &place)?;
    let mut sums = Vec::new();
    for name in ["one", "another-with-a-longer-name"] {
        let folder = place.join(name);
        note(&format!("building in {}", folder.display()));
        sums.push(built(&archive, &folder, &packages, &origin)?);
    }
    let (first, second) = (&sums[0], &sums[1]);
    let mut same = true;
    for ((name, one), (_, other)) in first.iter().zip(second) {
        if one == other {
            note(&format!("{name} is the same both times: {one}"));
        } else {
            same = false;
            note(&format!("{name} differs: {one} and {other}"));
        }
    }
    anyhow::ensure!(
        same,
        "build the same bytes twice: see which program differs above"
    );
    Ok(())
}

/// What is committed, in an archive in `place`.
fn sources(root: &Path, place: &Path) -> anyhow::Result<PathBuf> {
    std::fs::create_dir_all(place).with_context(|| format!("make {}", place.display()))?;
    let archive = place.join("sources.tar");
    run(crate::process::command("git")
        .args(["archive", "--format=tar", "HEAD", "--output"])
        .arg(&archive)
        .current_dir(root))?;
    Ok(archive)
}

/// Builds an archive of sources in a folder of its own, and says what the programs hash to.
fn built(
    archive: &Path,
    folder: &Path,
    packages: &[&str],
    origin: &Origin,
) -> anyhow::Result<Vec<(String, String)>> {
    use crate::process::command;
    if folder.exists() {
        std::fs::remove_dir_all(folder).with_context(|| format!("remove {}", folder.display()))?;
    }
    std::fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    let sources = folder.join("sources");
    std::fs::create_dir(&sources).context("make a folder for the sources")?;
    run(command("tar")
        .arg("--extract")
        .arg("--file")
        .arg(archive)
        .arg("--directory")
        .arg(&sources))?;
    let target = folder.join("target");
    release(&sources, &target, packages, origin)?;
    let mut sums = Vec::new();
    for package in packages {
        let program = target.join("release").join(package);
        run(command("strip").arg("--strip-debug").arg(&program))?;
        let said = output(command("sha256sum").arg(&program))?;
        let said = String::from_utf8(said).context("read a hash")?;
        let sum = said.split_whitespace().next().context("find a hash")?;
        sums.push(((*package).to_owned(), sum.to_owned()));
    }
    // Some gigabytes that nobody needs again.
    std::fs::remove_dir_all(&target).with_context(|| format!("remove {}", target.display()))?;
    Ok(sums)
}
