//! One file: read, anonymized or only looked at by a media process; what comes of it is written whole or not at all.

use std::fs::{File, Permissions};
use std::io::{self, Cursor, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::value::RawValue;
use sfumato_core::detection::DetectionsDocument;
use sfumato_core::detection::given::GivenDetections;
use sfumato_core::time::random;
use sfumato_core::{AnonymizeOptions, MediaFormat, MediaKind};
use sfumato_engine::system::SystemEntropy;
use sfumato_media_client::limits::MediaLimits;
use sfumato_media_client::protocol::{Document, Goal, Hidden, Task, Timings};
use sfumato_media_client::{Finished, MediaError, MediaPool};
use thiserror::Error;

use super::plan::{Planned, sniff, unsupported};
use crate::printed::printed;

/// Why one file could not be done. Fragments that fit after "failed to".
#[derive(Debug, Error)]
pub(crate) enum FileError {
    /// The input.
    #[error("read it")]
    Input(#[source] io::Error),
    /// It is no media any more.
    #[error("read it: {}", unsupported())]
    Unsupported,
    /// What is to be hidden was found elsewhere.
    #[error("use the detections: they are of a {given}, and it is a {original}")]
    OtherKind {
        /// What they are of.
        given: MediaKind,
        /// What it is.
        original: MediaKind,
    },
    /// The media process.
    #[error(transparent)]
    Media(#[from] MediaError),
    /// The detections document.
    #[error("read what was found")]
    Document(#[source] io::Error),
    /// The output is there already.
    #[error("write {}: it exists already; --overwrite replaces it", printed(path))]
    Exists {
        /// It.
        path: PathBuf,
    },
    /// The output.
    #[error("write {}", printed(path))]
    Output {
        /// It.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
}

/// The detections document of one file.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Found {
    /// Of a picture.
    Picture(DetectionsDocument),
    /// Of a video or an archive, as the media process wrote it.
    Written(Box<RawValue>),
}

/// What came of one file.
pub(crate) struct Done {
    /// How much is hidden.
    pub(crate) hidden: Hidden,
    /// What was found.
    pub(crate) document: Found,
    /// What its owner should know.
    pub(crate) warnings: Vec<String>,
    /// CPU time by stage.
    pub(crate) timings: Timings,
}

impl Done {
    /// Takes the report apart, and the document out of its file where it has one. Gives the result too.
    ///
    /// # Errors
    /// The file of the document cannot be read, or holds none.
    fn of(finished: Finished) -> io::Result<(Self, File)> {
        let Finished {
            report,
            output,
            document,
        } = finished;
        let document = match (report.document, document) {
            (Document::Picture(document), _) => Found::Picture(document),
            (Document::Written { .. }, Some(mut file)) => {
                let mut text = String::new();
                file.read_to_string(&mut text)?;
                Found::Written(RawValue::from_string(text)?)
            }
            (Document::Written { .. }, None) => return Err(io::ErrorKind::UnexpectedEof.into()),
        };
        let done = Self {
            hidden: report.hidden,
            document,
            warnings: report.warnings,
            timings: report.timings,
        };
        Ok((done, output))
    }
}

/// What is the same for all files.
pub(crate) struct Job {
    pub(crate) pool: MediaPool,
    pub(crate) options: AnonymizeOptions,
    pub(crate) given: Option<GivenDetections>,
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
        self.check_absent(&file.output)?;
        let finished = self.run(&file.input, Goal::Anonymize, progress).await?;
        let (done, result) = Done::of(finished).map_err(FileError::Document)?;
        self.write(&file.output, result).await?;
        Ok(done)
    }

    /// Looks at one file; writes the document where there is a place for it.
    pub(crate) async fn detect(
        &self,
        file: &Planned,
        progress: impl FnMut(f32) + Send,
    ) -> Result<Done, FileError> {
        let writes = !file.output.as_os_str().is_empty();
        if writes {
            self.check_absent(&file.output)?;
        }
        let finished = self.run(&file.input, Goal::Detect, progress).await?;
        let (done, _) = Done::of(finished).map_err(FileError::Document)?;
        if writes {
            let mut text = serde_json::to_vec_pretty(&done.document).map_err(|source| FileError::Output {
                path: file.output.clone(),
                source: source.into(),
            })?;
            text.push(b'\n');
            self.write(&file.output, Cursor::new(text)).await?;
        }
        Ok(done)
    }

    /// An output that is there already is said before the work, not after it.
    fn check_absent(&self, output: &Path) -> Result<(), FileError> {
        if !self.overwrite && output.symlink_metadata().is_ok() {
            return Err(FileError::Exists {
                path: output.to_owned(),
            });
        }
        Ok(())
    }

    async fn run(
        &self,
        input: &Path,
        goal: Goal,
        progress: impl FnMut(f32) + Send,
    ) -> Result<Finished, FileError> {
        let format: MediaFormat = sniff(input)
            .map_err(FileError::Input)?
            .ok_or(FileError::Unsupported)?;
        if let Some(given) = self.given.as_ref().map(GivenDetections::kind)
            && given != format.kind()
        {
            let original = format.kind();
            return Err(FileError::OtherKind { given, original });
        }
        let mut original = tokio::fs::File::open(input).await.map_err(FileError::Input)?;
        let bytes = original.metadata().await.map_err(FileError::Input)?.len();
        let task = Task {
            format,
            bytes,
            goal,
            options: self.options.clone(),
            limits: self.limits,
            given: self.given.clone(),
            seed: random(&SystemEntropy),
        };
        let never = std::future::pending();
        Ok(self.pool.run(task, &mut original, progress, never).await?)
    }

    async fn write(&self, output: &Path, mut content: impl Read + Send + 'static) -> Result<(), FileError> {
        let (path, overwrite) = (output.to_owned(), self.overwrite);
        tokio::task::spawn_blocking(move || publish(&path, &mut content, overwrite))
            .await
            .map_err(|error| FileError::Output {
                path: output.to_owned(),
                source: io::Error::other(error),
            })?
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
