//! Files of a data folder, and who has them open.

use std::path::{Path, PathBuf};

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
