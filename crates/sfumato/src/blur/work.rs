//! One file: read, anonymized by a media process, written whole or not at all.

use std::fs::Permissions;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use sfumato_core::detection::{Class, DetectionsDocument};
use sfumato_core::time::random;
use sfumato_core::{AnonymizeOptions, MediaFormat};
use sfumato_engine::system::SystemEntropy;
use sfumato_media_client::protocol::{Goal, MediaLimits, Task};
use sfumato_media_client::{MediaError, MediaPool};
use thiserror::Error;

use super::plan::{Planned, sniff, unsupported};

/// Why one file could not be done. Fragments that fit after "failed to".
#[derive(Debug, Error)]
pub(crate) enum FileError {
    /// The input.
    #[error("read it")]
    Input(#[source] io::Error),
    /// It is no media any more.
    #[error("read it: {}", unsupported())]
    Unsupported,
    /// The media process.
    #[error(transparent)]
    Media(#[from] MediaError),
    /// The output is there already.
    #[error("write {}: it exists already; --overwrite replaces it", path.display())]
    Exists {
        /// It.
        path: PathBuf,
    },
    /// The output.
    #[error("write {}", path.display())]
    Output {
        /// It.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

/// What came of one file.
pub(crate) struct Done {
    /// What was found.
    pub(crate) document: DetectionsDocument,
    /// What its owner should know.
    pub(crate) warnings: Vec<String>,
}

impl Done {
    /// How many of a class are hidden now.
    pub(crate) fn hidden(&self, class: Class) -> usize {
        let hidden =
            |found: &&sfumato_core::detection::DocumentedDetection| found.class == class && found.hidden;
        self.document.detections.iter().filter(hidden).count()
    }
}

/// What is the same for all files.
pub(crate) struct Job {
    pub(crate) pool: MediaPool,
    pub(crate) options: AnonymizeOptions,
    pub(crate) limits: MediaLimits,
    pub(crate) overwrite: bool,
}

impl Job {
    /// Does one file; `progress` hears fractions of it.
    pub(crate) async fn anonymize(
        &self,
        file: &Planned,
        progress: impl FnMut(f32) + Send,
    ) -> Result<Done, FileError> {
        if !self.overwrite && file.output.symlink_metadata().is_ok() {
            // Said before the work, not after it.
            return Err(FileError::Exists {
                path: file.output.clone(),
            });
        }
        let format: MediaFormat = sniff(&file.input)
            .map_err(FileError::Input)?
            .ok_or(FileError::Unsupported)?;
        let mut original = tokio::fs::File::open(&file.input)
            .await
            .map_err(FileError::Input)?;
        let bytes = original.metadata().await.map_err(FileError::Input)?.len();
        let task = Task {
            format,
            bytes,
            goal: Goal::Anonymize,
            options: self.options.clone(),
            limits: self.limits,
            seed: random(&SystemEntropy),
        };
        let finished = self
            .pool
            .run(task, &mut original, progress, std::future::pending())
            .await?;
        let (path, overwrite, mut output) = (file.output.clone(), self.overwrite, finished.output);
        tokio::task::spawn_blocking(move || publish(&path, &mut output, overwrite))
            .await
            .map_err(|error| FileError::Output {
                path: file.output.clone(),
                source: io::Error::other(error),
            })??;
        Ok(Done {
            document: finished.report.document,
            warnings: finished.report.warnings,
        })
    }
}

/// Writes a file under another name and renames it when it is whole. Makes the folder where it is missing.
///
/// # Errors
/// [`FileError::Exists`], [`FileError::Output`].
pub(crate) fn publish(path: &Path, content: &mut impl Read, overwrite: bool) -> Result<(), FileError> {
    let wrong = |source| FileError::Output {
        path: path.to_owned(),
        source,
    };
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    std::fs::create_dir_all(folder).map_err(wrong)?;
    let mut temporary = tempfile::Builder::new()
        .prefix(".sfumato-")
        // The umask takes away what it takes away from every other new file.
        .permissions(Permissions::from_mode(0o666))
        .tempfile_in(folder)
        .map_err(wrong)?;
    io::copy(content, &mut temporary).map_err(wrong)?;
    let persisted = if overwrite {
        temporary.persist(path)
    } else {
        temporary.persist_noclobber(path)
    };
    match persisted {
        Ok(_) => Ok(()),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Err(FileError::Exists {
            path: path.to_owned(),
        }),
        Err(error) => Err(wrong(error.error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_only_on_request_and_leaves_nothing_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("new/out.json");
        publish(&path, &mut &b"one"[..], false).unwrap();
        assert!(matches!(
            publish(&path, &mut &b"two"[..], false),
            Err(FileError::Exists { .. })
        ));
        assert_eq!(std::fs::read(&path).unwrap(), b"one");
        publish(&path, &mut &b"three"[..], true).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"three");
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }
}
