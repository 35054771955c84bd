//! The machine: kernel, data folder, libraries for video.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{Check, space};
use crate::data_dir::DataDir;
use crate::settings::Settings;

/// Where systems keep libraries; those of a processor lie in a folder below.
const LIBRARY_DIRS: [&str; 4] = ["/usr/lib", "/usr/lib64", "/usr/local/lib", "/lib"];

/// The libraries that video needs.
const LIBAV: [&str; 3] = ["libavcodec.so.", "libavformat.so.", "libavutil.so."];

pub(super) fn kernel() -> Check {
    match std::fs::read_to_string("/proc/sys/kernel/osrelease") {
        Ok(release) => Check::ok("kernel", format!("Linux {}", release.trim())),
        Err(error) => Check::warning(
            "kernel",
            format!("unknown: {error}"),
            "mount /proc: media processes need it",
        ),
    }
}

/// The data folder and the disk that it lies on.
pub(super) fn data_dir(settings: &Settings) -> Vec<Check> {
    let path = &settings.data_dir;
    // The folder is made by the server; until then its nearest ancestor decides.
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.clone());
    let Some(existing) = absolute.ancestors().find(|path| path.exists()) else {
        return vec![Check::failed(
            "data folder",
            format!("{} cannot be", path.display()),
            "name another one by --data-dir",
        )];
    };
    let folder = if let Err(error) = tempfile::tempfile_in(existing) {
        let detail = format!("{} cannot be written: {error}", existing.display());
        let mend = "give it to the user of this server (`chown`), or name another one by --data-dir";
        Check::failed("data folder", detail, mend)
    } else if existing != absolute {
        let detail = format!("{} does not exist yet and can be made", path.display());
        Check::ok("data folder", detail)
    } else {
        opened(path)
    };
    let mut checks = vec![folder];
    checks.extend(space::examine(settings, existing));
    checks
}

fn opened(path: &Path) -> Check {
    let name = "data folder";
    match DataDir::open_or_create(path) {
        Ok(dir) if dir.is_open_to_others() => {
            let detail = format!("{}: other users of this machine can look into it", path.display());
            Check::warning(name, detail, "`chmod 700` closes it")
        }
        Ok(_) => Check::ok(name, format!("{} can be written", path.display())),
        Err(error) => Check::failed(
            name,
            format!("failed to {:#}", anyhow::Error::new(error)),
            "name another one by --data-dir",
        ),
    }
}

pub(super) fn libav() -> Check {
    let found = libav_in(&LIBRARY_DIRS.map(PathBuf::from));
    if found.is_empty() {
        Check::ok("libav", "not found; only videos need it")
    } else {
        Check::ok("libav", Vec::from_iter(found).join(", "))
    }
}

/// Names with their major versions, each once.
fn libav_in(dirs: &[PathBuf]) -> BTreeSet<String> {
    let entries = |dir: &Path| std::fs::read_dir(dir).into_iter().flatten().flatten();
    let below = dirs.iter().flat_map(|dir| {
        let folders =
            entries(dir).filter(|entry| entry.file_name().to_string_lossy().ends_with("-linux-gnu"));
        folders.map(|entry| entry.path())
    });
    let all: Vec<PathBuf> = dirs.iter().cloned().chain(below).collect();
    let names = all.iter().flat_map(|dir| entries(dir));
    names
        .filter_map(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            let library = LIBAV.iter().find(|library| name.starts_with(*library))?;
            let major = name[library.len()..].split('.').next()?;
            Some(format!("{} {major}", library.trim_end_matches(".so.")))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn libraries_are_found_in_the_folder_of_the_processor_once_each() {
        let root = tempfile::tempdir().unwrap();
        let below = root.path().join("x86_64-linux-gnu");
        std::fs::create_dir(&below).unwrap();
        for name in [
            "libavcodec.so.59",
            "libavcodec.so.59.37.100",
            "libavutil.so.57",
            "libz.so.1",
        ] {
            std::fs::write(below.join(name), "").unwrap();
        }
        let found = Vec::from_iter(libav_in(&[root.path().to_owned()]));
        assert_eq!(found, ["libavcodec 59", "libavutil 57"]);
    }

    #[test]
    fn a_data_folder_is_examined_without_being_made() {
        let root = tempfile::tempdir().unwrap();
        let settings = Settings {
            data_dir: root.path().join("a/b"),
            ..Settings::default()
        };
        let checks = data_dir(&settings);
        assert_eq!(checks[0].state, State::Ok, "{checks:?}");
        assert!(checks[0].detail.contains("does not exist yet"), "{checks:?}");
        assert!(!root.path().join("a").exists());
        std::fs::write(root.path().join("a"), "no folder").unwrap();
        assert_eq!(data_dir(&settings)[0].state, State::Failed);
    }
}
