//! Room on the disks, and what kind of file systems they are.

use std::path::{Path, PathBuf};

use super::Check;
use crate::settings::{Settings, StorageLocation};

/// With less than this a database cannot go on.
const FREE_BYTES_MIN: u64 = 64 << 20;

/// Fewer names than this are left soon: each job makes some files.
const FREE_NAMES_MIN: u64 = 10_000;

/// What an upload takes of the data folder's disk where its blobs lie there, in times of its size: the original, its copy for
/// the media process, and the result.
const COPIES_OF_AN_UPLOAD: u64 = 3;

/// The same where blobs lie elsewhere: the copies that the media process reads and writes.
const COPIES_FOR_MEDIA: u64 = 2;

/// What the kernel calls file systems of which the network is part, as `statfs(2)` lists them.
const OVER_THE_NETWORK: [(u32, &str); 12] = [
    (0x6969, "NFS"),
    (0x517b, "SMB"),
    (0xff53_4d42, "CIFS"),
    (0xfe53_4d42, "SMB2"),
    (0x564c, "NCP"),
    (0x5346_414f, "AFS"),
    (0x7375_7245, "Coda"),
    (0x00c3_6400, "Ceph"),
    (0x0102_1997, "9P"),
    (0x0bd0_0bd0, "Lustre"),
    (0x0116_1970, "GFS2"),
    (0x7461_636f, "OCFS2"),
];

/// Those that are empty after the next start of the machine.
const IN_MEMORY: [(u32, &str); 2] = [(0x0102_1994, "tmpfs"), (0x8584_58f6, "ramfs")];

/// The changes of a container's image: gone with the container.
const OVERLAY: u32 = 0x794c_7630;

/// File systems that a program provides, of which nobody knows what they do.
const FUSE: u32 = 0x6573_5546;

/// The disks of data folder, storage and temporary files.
pub(super) fn examine(settings: &Settings, data: &Path) -> Vec<Check> {
    let upload = settings.upload_bytes_max.0;
    let reserve = settings.storage_free_min.0.max(FREE_BYTES_MIN);
    let (copies, elsewhere) = match &settings.storage {
        StorageLocation::DataFolder => (COPIES_OF_AN_UPLOAD, None),
        StorageLocation::Folder(path) => (COPIES_FOR_MEDIA, Some(path)),
        StorageLocation::S3(_) => (COPIES_FOR_MEDIA, None),
    };
    let mut checks = free("free disk", data, reserve, upload.saturating_mul(copies));
    if let Some(path) = elsewhere {
        checks.extend(free(
            "storage's disk",
            path,
            FREE_BYTES_MIN,
            upload.saturating_mul(2),
        ));
    }
    let temporary = std::env::temp_dir();
    checks.extend(temporary_folder(&temporary));
    checks
}

fn free(name: &'static str, path: &Path, reserve: u64, wanted: u64) -> Vec<Check> {
    // A folder that is still to be made lies where its nearest ancestor does.
    let Some(existing) = nearest(path) else {
        return vec![];
    };
    match rustix::fs::statvfs(&existing) {
        Ok(disk) => {
            let bytes = disk.f_bavail.saturating_mul(disk.f_frsize);
            let mut checks = vec![judge(name, bytes, reserve, wanted)];
            // Some file systems have as many names as bytes, and say 0.
            if disk.f_files > 0 && disk.f_favail < FREE_NAMES_MIN {
                checks.push(Check::warning(
                    name,
                    format!("{} more files can be made: inodes run out", disk.f_favail),
                    "remove files that nobody needs, or make the file system anew with more inodes",
                ));
            }
            checks
        }
        Err(error) => vec![Check::warning(
            name,
            format!("unknown: {error}"),
            "give the user of this server the right to look at it",
        )],
    }
}

fn nearest(path: &Path) -> Option<PathBuf> {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    absolute
        .ancestors()
        .find(|path| path.exists())
        .map(Path::to_owned)
}

/// `reserve` is what uploads are refused below, `wanted` what the largest upload takes beside it.
fn judge(name: &'static str, bytes: u64, reserve: u64, wanted: u64) -> Check {
    let megabytes = |bytes: u64| bytes / 1_000_000;
    let mend = "make room, take a larger disk, shorten `retention.originals` and `retention.results`, or lower \
                `uploads.bytes_max` and `storage.free_min`";
    if bytes < reserve {
        let detail = format!(
            "{} MB, and uploads are refused with 507 below {} MB",
            megabytes(bytes),
            megabytes(reserve)
        );
        Check::failed(name, detail, mend)
    } else if bytes - reserve < wanted {
        let detail = format!(
            "{} MB; the largest upload that is accepted takes up to {} MB, and {} MB stay free",
            megabytes(bytes),
            megabytes(wanted),
            megabytes(reserve)
        );
        Check::warning(name, detail, mend)
    } else {
        Check::ok(name, format!("{} MB", megabytes(bytes)))
    }
}

/// Where commands keep files while they run; the server's own lie in the data folder.
fn temporary_folder(path: &Path) -> Vec<Check> {
    let name = "temporary folder";
    if let Err(error) = tempfile::tempfile_in(path) {
        return vec![Check::failed(
            name,
            format!("{} cannot be written: {error}", path.display()),
            "name one that can be by the variable TMPDIR",
        )];
    }
    free(name, path, FREE_BYTES_MIN, 0)
}

/// Whether a database may lie there; nothing where the kernel does not say.
pub(super) fn file_system(name: &'static str, path: &Path) -> Option<Check> {
    let kind = rustix::fs::statfs(path).ok()?.f_type;
    // A number of 32 bits, whatever the machine keeps it in.
    Some(judge_file_system(name, (kind as u64 & 0xffff_ffff) as u32, path))
}

fn judge_file_system(name: &'static str, kind: u32, path: &Path) -> Check {
    let named = |list: &[(u32, &'static str)]| {
        list.iter()
            .find(|(number, _)| *number == kind)
            .map(|(_, word)| *word)
    };
    let place = path.display();
    if let Some(word) = named(&OVER_THE_NETWORK) {
        return Check::failed(
            name,
            format!(
                "{place} lies on {word}: locks and shared memory do not work there as SQLite needs them, and the database is damaged"
            ),
            "put the data folder on a disk of this machine, or use PostgreSQL (`database_url`)",
        );
    }
    if let Some(word) = named(&IN_MEMORY) {
        return Check::warning(
            name,
            format!("{place} lies on {word}: everything is gone after the next start of the machine"),
            "put the data folder on a disk",
        );
    }
    match kind {
        OVERLAY => Check::warning(
            name,
            format!(
                "{place} lies on the changes of a container's image: everything is gone with the container"
            ),
            "mount a volume there",
        ),
        FUSE => Check::warning(
            name,
            format!(
                "{place} lies on a file system of FUSE: whether locks and syncing work is up to the program behind it"
            ),
            "put the data folder on a disk of this machine, or use PostgreSQL (`database_url`)",
        ),
        _ => Check::ok(name, format!("{place} is on this machine")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn less_than_the_reserve_fails_and_less_than_an_upload_warns() {
        let state = |bytes| judge("free disk", bytes, 100 << 20, 50 << 20).state;
        assert_eq!(state(99 << 20), State::Failed);
        assert_eq!(state(149 << 20), State::Warning);
        assert_eq!(state(150 << 20), State::Ok);
    }

    #[test]
    fn a_database_on_the_network_fails_and_one_that_is_gone_soon_warns() {
        let state = |kind| judge_file_system("disk", kind, Path::new("/data")).state;
        assert_eq!(state(0xef53), State::Ok, "ext4");
        assert_eq!(state(0x6969), State::Failed);
        assert_eq!(state(0xff53_4d42), State::Failed);
        for gone in [0x0102_1994, OVERLAY, FUSE] {
            assert_eq!(state(gone), State::Warning, "{gone:x}");
        }
    }

    #[test]
    fn a_real_tmpfs_is_recognised() {
        let memory = Path::new("/dev/shm");
        if let Some(check) = memory.is_dir().then(|| file_system("disk", memory)).flatten() {
            assert_eq!(check.state, State::Warning, "{check:?}");
        }
    }
}
