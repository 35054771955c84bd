//! Files, network and other processes, by landlock.
//!
//! A ruleset applies to the thread that asks for it and to the threads that this one starts later. Hence two of them: the
//! first one, before any thread, still lets models and libraries be read; the second one takes that away too, on all
//! threads where the kernel knows how (ABI 8), otherwise on the thread that works on the pictures. The helpers of the
//! inference engine keep the right to open files for reading then, without a system call to do so.

use landlock::{
    ABI, Access, AccessFs, AccessNet, LandlockStatus, PathBeneath, PathFd, RestrictSelfAttr,
    RestrictionStatus, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetStatus, Scope,
};
use sfumato_media_client::sandbox::Landlock;

use super::limits;

/// The newest interface that this was tested with. Older kernels grant less, and newer ones no more than this.
const TESTED: ABI = ABI::V7;

/// The first interface that knows signals and abstract sockets, the last thing that is asked for.
const WHOLE: ABI = ABI::V6;

/// Why landlock does not hold; the text is a fragment.
#[derive(Debug, thiserror::Error)]
pub(super) enum FilesError {
    /// The kernel has none.
    #[error("the kernel was built without it or is older than 5.13")]
    NotImplemented,
    /// The kernel has it and does not use it.
    #[error("the kernel has it and does not use it; `lsm=landlock,…` on its command line switches it on")]
    NotEnabled,
    /// It knows landlock and enforces nothing.
    #[error("the kernel enforces none of it")]
    NotEnforced,
    /// The root of the file system cannot be named.
    #[error("{0}")]
    Root(#[from] landlock::PathFdError),
    /// The kernel refuses.
    #[error("{0}")]
    Refused(#[from] landlock::RulesetError),
}

/// Takes everything but reading and executing.
pub(super) fn allow_reading_only() -> Result<Landlock, FilesError> {
    let everything = PathBeneath::new(PathFd::new("/")?, AccessFs::from_read(TESTED));
    let status = ruleset()?.create()?.add_rule(everything)?.restrict_self()?;
    judge(&status, true)
}

/// Takes everything.
pub(super) fn allow_nothing() -> Result<Landlock, FilesError> {
    let alone = limits::thread_count() == Some(1);
    let mut created = ruleset()?.create()?;
    if !alone {
        created = created.all_threads(true)?;
    }
    let status = created.restrict_self()?;
    judge(&status, alone || status.all_threads)
}

fn ruleset() -> Result<Ruleset, FilesError> {
    Ok(Ruleset::default()
        .handle_access(AccessFs::from_all(TESTED))?
        .handle_access(AccessNet::from_all(TESTED))?
        .scope(Scope::from_all(TESTED))?)
}

fn judge(status: &RestrictionStatus, on_all_threads: bool) -> Result<Landlock, FilesError> {
    let abi = match status.landlock {
        LandlockStatus::NotImplemented => return Err(FilesError::NotImplemented),
        LandlockStatus::NotEnabled => return Err(FilesError::NotEnabled),
        LandlockStatus::Available { effective_abi, .. } => effective_abi,
    };
    if status.ruleset == RulesetStatus::NotEnforced {
        return Err(FilesError::NotEnforced);
    }
    let number = abi as i32;
    Ok(if abi >= WHOLE && on_all_threads {
        Landlock::Full { abi: number }
    } else {
        Landlock::Partial { abi: number }
    })
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::{self, ErrorKind, Read};

    use super::*;

    #[test]
    fn without_a_rule_nothing_can_be_opened_and_what_is_open_stays_readable() {
        let mut open = tempfile::tempfile().unwrap();
        // A thread of its own keeps what it gives up from the other tests of this process.
        let thread = std::thread::spawn(move || {
            let status = ruleset().unwrap().create().unwrap().restrict_self().unwrap();
            let landlock = judge(&status, true);
            let opened = File::open("/proc/self/exe").map_err(|error| error.kind());
            let listed = std::fs::read_dir("/").map_err(|error| error.kind());
            let read = open.read_to_end(&mut vec![]);
            (landlock, opened.err(), listed.err(), read)
        });
        let (landlock, opened, listed, read): (_, _, _, io::Result<usize>) = thread.join().unwrap();
        assert_eq!(read.unwrap(), 0);
        match landlock {
            Ok(_) => assert_eq!(
                (opened, listed),
                (
                    Some(ErrorKind::PermissionDenied),
                    Some(ErrorKind::PermissionDenied)
                )
            ),
            Err(error) => assert!(
                matches!(error, FilesError::NotImplemented | FilesError::NotEnabled),
                "{error}"
            ),
        }
    }
}
