//! Files of a data folder, who has them open, and what a storage holds.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What lies in a storage, as a file or as an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Where, from the folder on that holds everything.
    pub name: String,
    /// When it was written.
    pub modified: SystemTime,
}

/// What the folder of a storage holds below one of its folders, in the order of names.
pub fn stored_below(storage: &Path, folder: &str) -> Vec<Stored> {
    let files = below(&storage.join(folder)).into_iter();
    let stored = files.filter_map(|file| {
        // One that was deleted meanwhile is not there.
        let modified = file.metadata().ok()?.modified().ok()?;
        let name = file.strip_prefix(storage).ok()?.to_str()?.to_owned();
        Some(Stored { name, modified })
    });
    stored.collect()
}

/// All files below a folder; none where there is no such folder.
pub fn below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

/// The processes that have a file below a folder open, named or nameless, in words. Those that end meanwhile have none.
pub fn in_use_below(folder: &Path) -> Vec<String> {
    let mut users = Vec::new();
    for process in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let descriptors = std::fs::read_dir(process.path().join("fd"));
        let open = descriptors
            .into_iter()
            .flatten()
            .flatten()
            .find_map(|descriptor| {
                let target = std::fs::read_link(descriptor.path()).ok()?;
                target.starts_with(folder).then_some(target)
            });
        if let Some(target) = open {
            let name = std::fs::read_to_string(process.path().join("comm")).unwrap_or_default();
            let id = process.file_name();
            users.push(format!(
                "process {} ({}) has {} open",
                id.display(),
                name.trim(),
                target.display()
            ));
        }
    }
    users
}
