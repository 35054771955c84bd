//! What root makes in a folder of another user is that user's.
//!
//! Commands are given as root beside a server of another user. A key, a database or a blob that only root can read would lock the
//! server out of its own folder.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Component, Path};

use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, chownat, fstat, openat};
use rustix::process::{Gid, Uid, geteuid};

/// Gives what lies at `inside` below `folder`, with the folders on the way to it, to the owner and the group of `folder`, where
/// root has made it and `folder` is another user's. For any other process than root's there is nothing to do.
///
/// Only what is root's changes hands, no link is followed, and a file with a second name stays as it is: whoever can write into
/// the folder gets nothing by it that lies elsewhere. Safe beside a database that is open: nothing is opened for reading, so that
/// no lock is lost.
///
/// # Errors
/// Something on the way does not exist, is a link, or cannot be given away.
pub fn hand_over(folder: &Path, inside: &Path) -> io::Result<()> {
    if !geteuid().is_root() {
        return Ok(());
    }
    let mut at = OwnedFd::from(File::open(folder)?);
    let owner = fstat(&at)?;
    if Uid::from_raw(owner.st_uid).is_root() {
        return Ok(());
    }
    for component in inside.components() {
        let Component::Normal(name) = component else {
            return Err(io::ErrorKind::InvalidInput.into());
        };
        at = openat(
            &at,
            name,
            OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC,
            Mode::empty(),
        )?;
        if is_roots_alone(&fstat(&at)?) {
            give(&at, &owner)?;
        }
    }
    Ok(())
}

fn is_roots_alone(found: &Stat) -> bool {
    let has_one_name = match FileType::from_raw_mode(found.st_mode) {
        FileType::Directory => true,
        FileType::RegularFile => found.st_nlink == 1,
        _ => false,
    };
    has_one_name && Uid::from_raw(found.st_uid).is_root()
}

fn give(what: impl AsFd, to: &Stat) -> io::Result<()> {
    let (user, group) = (Uid::from_raw(to.st_uid), Gid::from_raw(to.st_gid));
    Ok(chownat(what, "", Some(user), Some(group), AtFlags::EMPTY_PATH)?)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt, chown, symlink};

    use super::*;

    const USER: u32 = 65_534;

    /// A folder that belongs to another user where this process is root, and otherwise to its own.
    fn folder() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        if geteuid().is_root() {
            chown(folder.path(), Some(USER), Some(USER)).unwrap();
        }
        folder
    }

    fn owner(path: &Path) -> u32 {
        std::fs::symlink_metadata(path).unwrap().uid()
    }

    #[test]
    fn what_is_made_in_a_folder_has_the_owner_of_the_folder() {
        let folder = folder();
        std::fs::create_dir_all(folder.path().join("a/b")).unwrap();
        std::fs::write(folder.path().join("a/b/c"), "").unwrap();
        std::fs::write(folder.path().join("a/beside"), "").unwrap();
        hand_over(folder.path(), Path::new("a/b/c")).unwrap();
        for made in ["a", "a/b", "a/b/c"] {
            assert_eq!(owner(&folder.path().join(made)), owner(folder.path()), "{made}");
        }
        assert_eq!(owner(&folder.path().join("a/beside")), geteuid().as_raw());
    }

    #[test]
    fn nothing_is_given_away_by_a_link_or_a_second_name() {
        let (folder, elsewhere) = (folder(), tempfile::tempdir().unwrap());
        let secret = elsewhere.path().join("secret");
        std::fs::write(&secret, "").unwrap();
        std::fs::hard_link(&secret, folder.path().join("second-name")).unwrap();
        symlink(elsewhere.path(), folder.path().join("link")).unwrap();
        hand_over(folder.path(), Path::new("second-name")).unwrap();
        let through = hand_over(folder.path(), Path::new("link/secret"));
        assert_eq!(through.is_err(), geteuid().is_root());
        assert!(!geteuid().is_root() || hand_over(folder.path(), Path::new("../secret")).is_err());
        assert_eq!(owner(&secret), geteuid().as_raw());
    }
}
