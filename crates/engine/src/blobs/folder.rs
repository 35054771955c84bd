//! Blobs in a folder of the local file system.

use std::io;
use std::path::{Path as FsPath, PathBuf};

use sfumato_core::Timestamp;

/// Removes the half-written files under `root` that were last written to before `before`.
pub(super) fn remove_half_written(root: &FsPath, before: Timestamp) -> io::Result<usize> {
    let mut removed = 0;
    for file in half_written_files(root)? {
        let written = file.metadata()?.modified()?.duration_since(std::time::UNIX_EPOCH);
        let written = written.map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(i64::MAX));
        if written < before.as_micros() {
            std::fs::remove_file(&file)?;
            removed += 1;
        }
    }
    Ok(removed)
}

/// The local file system's object store writes to `name#1` and renames at the end.
fn half_written_files(root: &FsPath) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else if entry
                .file_name()
                .to_string_lossy()
                .rsplit_once('#')
                .is_some_and(|(_, suffix)| suffix.bytes().all(|b| b.is_ascii_digit()))
            {
                found.push(entry.path());
            }
        }
    }
    Ok(found)
}
