//! Where the models and the media executable are.

use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::settings::Settings;

/// The name of the executable that does all media work.
const MEDIA_PROGRAM: &str = "sfumato-media";

/// The folder within the assets that tells them from any other folder of the name.
const MODELS: &str = "models";

/// Something that media work needs is not there.
#[derive(Debug, Error)]
pub(crate) enum NotFound {
    /// The folder that was named.
    #[error("find the models: {} is no folder (from the setting `assets_dir`)", path.display())]
    NamedAssets {
        /// It.
        path: PathBuf,
    },
    /// Any of the usual folders.
    #[error(
        "find the models: they are in none of {}; run `cargo xtask setup` in the checkout, or name the folder with --assets-dir",
        list(searched)
    )]
    Assets {
        /// Where was looked.
        searched: Vec<PathBuf>,
    },
    /// The executable.
    #[error(
        "find the media executable: there is no {}; build it with `cargo build --release`, or name it with --media-program",
        path.display()
    )]
    Program {
        /// Where it should be.
        path: PathBuf,
    },
    /// The path of this executable is unknown.
    #[error("find the path of this executable")]
    Myself(#[source] std::io::Error),
}

fn list(paths: &[PathBuf]) -> String {
    let shown: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
    shown.join(", ")
}

/// What media work needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Locations {
    /// The executable.
    pub(crate) program: PathBuf,
    /// The folder with the models.
    pub(crate) assets_dir: PathBuf,
}

/// Finds both, as named by the settings or in the usual places.
///
/// # Errors
/// [`NotFound`].
pub(crate) fn locate(settings: &Settings) -> Result<Locations, NotFound> {
    let executable = std::env::current_exe().map_err(NotFound::Myself)?;
    let beside = executable.parent().unwrap_or(Path::new("/"));
    locate_beside(settings, beside)
}

fn locate_beside(settings: &Settings, beside: &Path) -> Result<Locations, NotFound> {
    let program = settings
        .media_program
        .clone()
        .unwrap_or_else(|| beside.join(MEDIA_PROGRAM));
    if !program.is_file() {
        return Err(NotFound::Program { path: program });
    }
    let assets_dir = match &settings.assets_dir {
        Some(path) if path.is_dir() => path.clone(),
        Some(path) => return Err(NotFound::NamedAssets { path: path.clone() }),
        None => search(beside)?,
    };
    Ok(Locations { program, assets_dir })
}

fn search(beside: &Path) -> Result<PathBuf, NotFound> {
    // Beside the executable as in an archive, in the system's share folder, in a checkout whose build is in `target`.
    let mut candidates = vec![beside.join("assets")];
    let up = |levels: usize| beside.ancestors().nth(levels);
    candidates.extend(up(1).map(|dir| dir.join("share/sfumato")));
    candidates.extend(up(2).map(|dir| dir.join("assets")));
    candidates.push("assets".into());
    match candidates.iter().find(|path| path.join(MODELS).is_dir()) {
        Some(path) => Ok(path.clone()),
        None => Err(NotFound::Assets { searched: candidates }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkout_an_archive_and_an_installation_are_recognised() {
        for (beside, assets) in [
            ("target/release", "assets"),
            ("sfumato", "sfumato/assets"),
            ("usr/bin", "usr/share/sfumato"),
        ] {
            let root = tempfile::tempdir().unwrap();
            let beside = root.path().join(beside);
            std::fs::create_dir_all(&beside).unwrap();
            std::fs::write(beside.join("sfumato-media"), "").unwrap();
            std::fs::create_dir_all(root.path().join(assets).join(MODELS)).unwrap();
            let found = locate_beside(&Settings::default(), &beside).unwrap();
            assert_eq!(found.assets_dir, root.path().join(assets));
            assert_eq!(found.program, beside.join("sfumato-media"));
        }
    }

    #[test]
    fn what_is_missing_is_named_with_what_to_do() {
        let root = tempfile::tempdir().unwrap();
        let beside = root.path().join("a/b");
        std::fs::create_dir_all(&beside).unwrap();
        let text = locate_beside(&Settings::default(), &beside)
            .unwrap_err()
            .to_string();
        assert!(text.contains("--media-program"), "{text}");
        std::fs::write(beside.join("sfumato-media"), "").unwrap();
        let text = locate_beside(&Settings::default(), &beside)
            .unwrap_err()
            .to_string();
        assert!(
            text.contains("cargo xtask setup") && text.contains("a/b/assets"),
            "{text}"
        );
        let settings = Settings {
            assets_dir: Some(root.path().join("absent")),
            ..Settings::default()
        };
        let text = locate_beside(&settings, &beside).unwrap_err().to_string();
        assert!(text.contains("absent is no folder"), "{text}");
    }
}
