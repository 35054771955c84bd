//! That one process uses a data folder at a time, and what it says to others.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rustix::fs::OFlags;

use super::{DataDir, DataDirError};

/// Held by the process that uses the folder; its number stands in it, and below it what links to it begin with.
const LOCK_FILE: &str = "lock";

/// The right to use a data folder.
#[derive(Debug)]
pub(crate) struct Lock {
    file: File,
}

impl Lock {
    /// Says to commands beside this process what links to it begin with. Where that cannot be written, they go by their own
    /// settings.
    pub(crate) fn tell_base_url(&mut self, url: &str) {
        if let Err(error) = writeln!(self.file, "{url}") {
            tracing::debug!(
                error = sfumato_core::chain(&error),
                "the lock does not name the address"
            );
        }
    }
}

impl DataDir {
    /// Takes the folder for this process, until the lock is dropped or the process ends, however it ends.
    ///
    /// # Errors
    /// [`DataDirError::InUse`], [`DataDirError::Io`].
    pub(crate) fn lock(&self) -> Result<Lock, DataDirError> {
        let path = self.root.join(LOCK_FILE);
        let wrong = |source| DataDirError::of("lock", &path, source);
        // A link is not followed: the process writes into what it opens, and may be root in the folder of another user.
        let flags = i32::try_from(OFlags::NOFOLLOW.bits()).expect("flags of open are numbers of 32 bits");
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(flags)
            .open(&path)
            .map_err(wrong)?;
        self.leave_to_owner(Path::new(LOCK_FILE))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut told = String::new();
                // The number only helps to find the other process; without it the message is still right.
                let _unreadable = file.read_to_string(&mut told);
                return Err(DataDirError::InUse {
                    path: self.root.clone(),
                    pid: told.lines().next().unwrap_or_default().to_owned(),
                });
            }
            Err(TryLockError::Error(source)) => return Err(wrong(source)),
        }
        file.set_len(0).map_err(wrong)?;
        writeln!(file, "{}", std::process::id()).map_err(wrong)?;
        Ok(Lock { file })
    }

    /// What the server that has taken the folder says of where it is reached ([`Lock::tell_base_url`]).
    pub(crate) fn base_url_of_server(&self) -> Option<String> {
        if !self.is_locked() {
            return None;
        }
        let told = std::fs::read_to_string(self.root.join(LOCK_FILE)).ok()?;
        told.lines().nth(1).map(str::to_owned)
    }

    /// Whether a process has taken the folder. Neither the folder nor the file of the lock is made or changed.
    pub(crate) fn is_locked(&self) -> bool {
        let file = File::open(self.root.join(LOCK_FILE));
        file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holder_at_a_time_and_the_second_is_told_who_it_is() {
        let parent = tempfile::tempdir().unwrap();
        let dir = DataDir::open_or_create(parent.path()).unwrap();
        assert!(!dir.is_locked());
        let mut lock = dir.lock().unwrap();
        assert!(dir.is_locked());
        let refusal = dir.lock().unwrap_err();
        let pid = std::process::id();
        assert!(
            refusal.to_string().contains(&format!("(process {pid})")),
            "{refusal}"
        );
        assert_eq!(dir.base_url_of_server(), None);
        lock.tell_base_url("http://127.0.0.1:8080");
        assert_eq!(dir.base_url_of_server().as_deref(), Some("http://127.0.0.1:8080"));
        let refusal = dir.lock().unwrap_err();
        assert!(
            refusal.to_string().contains(&format!("(process {pid})")),
            "{refusal}"
        );
        drop(lock);
        assert_eq!(dir.base_url_of_server(), None, "nobody is there any more");
        dir.lock().unwrap();
    }
}
