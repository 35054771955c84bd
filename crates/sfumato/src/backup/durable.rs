//! Making what was written outlive the power.

use std::fs::File;
use std::path::Path;

use anyhow::Context;

/// Waits until a folder with everything in it, and its own name, are on the disk: every file, then the folder that names it.
/// Neither a database that writes a copy of itself nor a new folder does that by itself.
///
/// # Errors
/// Something cannot be read, or the disk does not take it.
pub(super) fn sync(folder: &Path) -> anyhow::Result<()> {
    for entry in walkdir::WalkDir::new(folder).contents_first(true) {
        let entry = entry.with_context(|| format!("list {}", folder.display()))?;
        sync_one(entry.path())?;
    }
    let whole = std::path::absolute(folder).with_context(|| format!("find {}", folder.display()))?;
    whole.parent().map_or(Ok(()), sync_one)
}

fn sync_one(path: &Path) -> anyhow::Result<()> {
    File::open(path)
        .and_then(|file| file.sync_all())
        .with_context(|| format!("write {} to the disk", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_synchronised_with_what_is_in_it_and_one_that_cannot_be_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("a/b")).unwrap();
        std::fs::write(folder.path().join("a/b/c"), b"content").unwrap();
        sync(folder.path()).unwrap();
        std::os::unix::fs::symlink("nowhere", folder.path().join("a/b/d")).unwrap();
        let refused = sync(folder.path()).unwrap_err().to_string();
        assert!(refused.contains("a/b/d"), "{refused}");
        assert!(sync(&folder.path().join("z")).is_err());
    }
}
