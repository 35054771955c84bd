//! What is in a backup: every file with its size and hash. It is written last, so that a backup without one is incomplete.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context, bail, ensure};
use serde::{Deserialize, Serialize};
use sfumato_core::Timestamp;
use sfumato_engine::ownership::hand_over;
use sha2::{Digest, Sha256};

/// The name of the file in the folder of a backup.
const NAME: &str = "manifest.json";

/// The form of backups that this version writes and reads.
const FORMAT: u32 = 1;

/// Bytes that are read at a time.
const BUFFER: usize = 1024 * 1024;

/// What a backup says of itself.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Manifest {
    format: u32,
    /// The version that wrote it.
    pub(super) version: String,
    /// Seconds since 1970 UTC.
    pub(super) made_at: i64,
    /// Whether the installation's keys are in it.
    pub(super) with_keys: bool,
    /// Whether originals and results are in it.
    pub(super) with_files: bool,
    pub(super) files: Vec<Entry>,
}

/// One file.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Entry {
    /// Where it lies in the backup, and in the data folder.
    path: String,
    bytes: u64,
    /// In hexadecimal digits.
    sha256: String,
}

impl Manifest {
    /// Lists what lies in a folder, with hashes.
    ///
    /// # Errors
    /// A file cannot be read.
    pub(super) fn of(
        folder: &Path,
        made_at: Timestamp,
        with_keys: bool,
        with_files: bool,
    ) -> anyhow::Result<Self> {
        let mut files = Vec::new();
        for entry in walkdir::WalkDir::new(folder).sort_by_file_name() {
            let entry = entry.with_context(|| format!("list {}", folder.display()))?;
            if entry.file_type().is_dir() {
                continue;
            }
            let path = entry.path();
            let inside = path.strip_prefix(folder).unwrap_or(path);
            let name = inside.to_str().context("list a file whose name is no text")?;
            let (bytes, sha256) = measure(path, io::sink())?;
            files.push(Entry {
                path: name.to_owned(),
                bytes,
                sha256,
            });
        }
        Ok(Self {
            format: FORMAT,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            made_at: made_at.as_seconds(),
            with_keys,
            with_files,
            files,
        })
    }

    /// Writes it into the folder: from here on the backup is whole.
    ///
    /// # Errors
    /// The file cannot be written.
    pub(super) fn write(&self, folder: &Path) -> anyhow::Result<()> {
        let path = folder.join(NAME);
        let text = serde_json::to_vec_pretty(self).context("write the manifest")?;
        let mut file = private(folder, &path)?;
        file.write_all(&text)
            .and_then(|()| file.sync_all())
            .and_then(|()| File::open(folder)?.sync_all())
            .with_context(|| format!("write {}", path.display()))
    }

    /// Reads that of a backup.
    ///
    /// # Errors
    /// There is none, or it is not one that this version reads.
    pub(super) fn read(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join(NAME);
        let text = std::fs::read(&path).with_context(|| {
            format!(
                "read {}: without it the folder is no backup, or one that was not completed",
                path.display()
            )
        })?;
        let manifest: Self = serde_json::from_slice(&text)
            .with_context(|| format!("read {}: it is damaged, or of another version", path.display()))?;
        ensure!(
            manifest.format == FORMAT,
            "read the backup: it has the form {}, and this version reads {FORMAT}; use version {} or a newer one",
            manifest.format,
            manifest.version
        );
        manifest
            .files
            .iter()
            .try_for_each(|entry| entry.inside().map(drop))?;
        Ok(manifest)
    }

    /// Bytes of all files.
    pub(super) fn bytes(&self) -> u64 {
        self.files.iter().map(|entry| entry.bytes).sum()
    }

    /// Whether there is a file of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.files.iter().any(|entry| entry.path == name)
    }
}

impl Entry {
    /// The path, which leads nowhere outside.
    ///
    /// # Errors
    /// It does.
    pub(super) fn inside(&self) -> anyhow::Result<PathBuf> {
        let path = PathBuf::from(&self.path);
        let plain = path.components().all(|part| matches!(part, Component::Normal(_)));
        if !plain || self.path.is_empty() {
            bail!("read the manifest: {} leads out of the folder", self.path);
        }
        Ok(path)
    }

    /// Reads the file below a folder, writes it to `copy`, and compares it with what is listed.
    ///
    /// # Errors
    /// It is missing or is something else.
    pub(super) fn verify(&self, folder: &Path, copy: impl Write) -> anyhow::Result<()> {
        let path = folder.join(self.inside()?);
        let (bytes, sha256) = measure(&path, copy)?;
        ensure!(
            bytes == self.bytes && sha256 == self.sha256,
            "use the backup: {} is damaged; it has {bytes} bytes with the SHA-256 {sha256}, and {} with {} were written",
            path.display(),
            self.bytes,
            self.sha256
        );
        Ok(())
    }
}

/// Makes a file in a folder that only the owner of the folder can read.
///
/// # Errors
/// It exists, or cannot be made, or does not lie in the folder.
pub(super) fn private(folder: &Path, path: &Path) -> anyhow::Result<File> {
    let making = || format!("make {}", path.display());
    let file = File::options()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .with_context(making)?;
    let inside = path.strip_prefix(folder).with_context(making)?;
    hand_over(folder, inside).with_context(making)?;
    Ok(file)
}

/// Copies a file, and says its size and hash.
fn measure(path: &Path, mut copy: impl Write) -> anyhow::Result<(u64, String)> {
    let reading = || format!("read {}", path.display());
    let mut file = File::open(path).with_context(reading)?;
    let (mut hash, mut bytes, mut buffer) = (Sha256::new(), 0, vec![0; BUFFER]);
    loop {
        let read = file.read(&mut buffer).with_context(reading)?;
        if read == 0 {
            break;
        }
        let chunk = buffer.get(..read).unwrap_or_default();
        hash.update(chunk);
        copy.write_all(chunk)
            .with_context(|| format!("copy {}", path.display()))?;
        bytes += read as u64;
    }
    let digits = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok((bytes, digits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_reads_back_and_finds_every_change() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("blobs")).unwrap();
        let path = folder.path().join("blobs/a");
        std::fs::write(&path, b"content").unwrap();
        let manifest = Manifest::of(folder.path(), Timestamp::from_seconds(7), false, true).unwrap();
        manifest.write(folder.path()).unwrap();
        assert_eq!(Manifest::read(folder.path()).unwrap(), manifest);
        assert!(manifest.has("blobs/a") && manifest.bytes() == 7);
        let mut copy = Vec::new();
        manifest.files[0].verify(folder.path(), &mut copy).unwrap();
        assert_eq!(copy, b"content");
        for change in [&b"contend"[..], b"conten", b"content "] {
            std::fs::write(&path, change).unwrap();
            let refused = manifest.files[0].verify(folder.path(), io::sink()).unwrap_err();
            assert!(refused.to_string().contains("is damaged"), "{refused}");
        }
        std::fs::remove_file(&path).unwrap();
        assert!(manifest.files[0].verify(folder.path(), io::sink()).is_err());
    }

    #[test]
    fn no_path_leads_out_of_the_folder() {
        for path in ["../a", "/etc/passwd", "a/../../b", "", "./a"] {
            let entry = Entry {
                path: path.to_owned(),
                bytes: 0,
                sha256: String::new(),
            };
            assert!(entry.inside().is_err(), "{path}");
        }
    }

    #[test]
    fn a_folder_without_a_manifest_is_no_backup() {
        let folder = tempfile::tempdir().unwrap();
        let refused = format!("{:#}", Manifest::read(folder.path()).unwrap_err());
        assert!(refused.contains("not completed"), "{refused}");
    }
}
