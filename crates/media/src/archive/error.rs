//! Why an archive, or an entry of it, cannot be processed. Like [`PictureError`] these speak to the customer.

use std::io;

use sfumato_core::{FailureClass, MediaFormat, MediaKind};
use sfumato_media_client::protocol::Failure;
use thiserror::Error;

use super::name::NameError;
use crate::error::PictureError;

/// The names of all formats that an entry may have, for a message.
fn formats() -> String {
    MediaFormat::of_kind(MediaKind::Picture)
        .chain(MediaFormat::of_kind(MediaKind::Video))
        .map(|format| format.as_str().to_uppercase())
        .collect::<Vec<_>>()
        .join(", ")
}

/// An archive cannot be processed as a whole.
#[derive(Debug, Error)]
pub enum ArchiveError {
    /// There are no bytes.
    #[error("the file is empty")]
    Empty,
    /// The file breaks the rules of its format.
    #[error("the archive is damaged: {detail}")]
    Damaged {
        /// What is wrong.
        detail: &'static str,
    },
    /// It does not begin with an entry: self-extracting archives, for example.
    #[error(
        "the archive has other data in front of it, as self-extracting archives have; send it as a plain ZIP archive"
    )]
    DataInFront,
    /// It is one of several files.
    #[error("the archive is one part of several; send it as one file")]
    Split,
    /// There are more entries and folders than allowed.
    #[error("the archive has more than {entries_max} entries and folders, which is the limit")]
    TooManyEntries {
        /// The limit that is broken.
        entries_max: u32,
    },
    /// The names are longer than allowed.
    #[error("the names in the archive have more than {names_bytes_max} bytes together, which is the limit")]
    NamesTooLong {
        /// The limit that is broken.
        names_bytes_max: u64,
    },
    /// The entries are larger than allowed.
    #[error(
        "the entries of the archive have more than {bytes_max} bytes together when they are unpacked, which is the limit"
    )]
    TooManyBytes {
        /// The limit that is broken.
        bytes_max: u64,
    },
    /// There is nothing to do.
    #[error(
        "the archive holds no picture and no video in a supported format ({})",
        formats()
    )]
    NothingSupported,
    /// Nothing came of any entry.
    #[error("none of the {count} entries of the archive could be processed: {reasons}")]
    AllFailed {
        /// Entries that failed.
        count: u32,
        /// Names and reasons of the first ones.
        reasons: String,
    },
    /// The original could not be read.
    #[error("the archive could not be read")]
    Read(#[source] io::Error),
    /// The result could not be written: the disk is full, for example.
    #[error("the result could not be written")]
    Write(#[source] io::Error),
    /// A passing error of one entry. It says nothing about the entry, so that the whole archive is tried again.
    #[error("{}", .0.message)]
    Passing(Failure),
    /// A fault of ours.
    #[error("the archive could not be processed because of an internal error")]
    Internal {
        /// For the log, not for the customer.
        detail: String,
    },
}

impl ArchiveError {
    /// Whether another attempt can help.
    pub const fn class(&self) -> FailureClass {
        match self {
            Self::Read(_) | Self::Write(_) => FailureClass::Transient,
            Self::Passing(failure) => failure.class,
            Self::Internal { .. } => FailureClass::Internal,
            _ => FailureClass::Input,
        }
    }

    /// What the reader of the directory says.
    pub(super) fn of_directory(error: rawzip::Error) -> Self {
        use rawzip::ErrorKind::{IO, MissingEndOfCentralDirectory};
        match error.into_kind() {
            IO(error) if error.raw_os_error().is_some() => Self::Read(error),
            MissingEndOfCentralDirectory => Self::Damaged {
                detail: "its directory is missing, which stands at its end; it may have been cut off",
            },
            _ => Self::Damaged {
                detail: "its directory cannot be read",
            },
        }
    }
}

impl From<ArchiveError> for Failure {
    fn from(error: ArchiveError) -> Self {
        Self {
            class: error.class(),
            message: error.to_string(),
        }
    }
}

/// One entry cannot be processed.
#[derive(Debug, Error)]
pub enum EntryError {
    /// Its name is refused.
    #[error(transparent)]
    Name(#[from] NameError),
    /// An earlier entry has this name, or would have it where upper and lower case are the same.
    #[error("an earlier entry has the same name, or one that differs in case or in the form of letters only")]
    Duplicate,
    /// An earlier entry is a file where this one needs a folder, or the other way round.
    #[error("the name is that of a folder and of a file")]
    FolderAndFile,
    /// It is a link, a device, a pipe or a socket.
    #[error("links and devices are not supported")]
    NoFile,
    /// It is encrypted.
    #[error("encrypted entries are not supported; send the archive without a password")]
    Encrypted,
    /// The method of compression is not supported.
    #[error("the compression `{method}` is not supported; use `deflate` or none")]
    Method {
        /// Its name.
        method: String,
    },
    /// Its data reach into another entry.
    #[error("its data overlap with those of another entry")]
    Overlap,
    /// What stands in front of its data differs from what the directory says.
    #[error("the directory of the archive and the entry itself contradict each other: {what}")]
    Contradiction {
        /// What differs.
        what: &'static str,
    },
    /// The compressed data make no sense or end too early.
    #[error("its compressed data are damaged")]
    Damaged,
    /// The content has another checksum than it should have.
    #[error("its checksum is wrong: the content is damaged")]
    Checksum,
    /// The content has another size than it should have.
    #[error("its size is not what the directory of the archive says")]
    Size,
    /// It is larger than allowed.
    #[error("it has more than {entry_bytes_max} bytes when it is unpacked, which is the limit")]
    TooLarge {
        /// The limit that is broken.
        entry_bytes_max: u64,
    },
    /// It grows more than allowed.
    #[error("it becomes more than {ratio_max} times as large when it is unpacked, which is the limit")]
    Ratio {
        /// The limit that is broken.
        ratio_max: u32,
    },
    /// It is an archive.
    #[error("archives inside of archives are not supported")]
    Nested,
    /// It is neither picture nor video.
    #[error("the content is in none of the supported formats ({})", formats())]
    NoMedia,
    /// The picture cannot be processed.
    #[error(transparent)]
    Picture(#[from] PictureError),
    /// The video cannot be processed.
    #[error("{}", .0.message)]
    Video(Failure),
    /// The archive could not be read.
    #[error("the archive could not be read")]
    Read(#[source] io::Error),
    /// It could not be unpacked or its result could not be kept: the disk is full, for example.
    #[error("the entry could not be written")]
    Write(#[source] io::Error),
    /// All entries together are larger than allowed: that of the archive.
    #[error(
        "the entries have more than {bytes_max} bytes together when they are unpacked, which is the limit"
    )]
    TooManyBytes {
        /// The limit that is broken.
        bytes_max: u64,
    },
    /// A fault of ours.
    #[error("the entry could not be processed because of an internal error")]
    Fault,
}

impl EntryError {
    /// The error of the whole archive that this is; otherwise the entry alone has failed.
    pub(super) fn of_archive(self) -> Result<ArchiveError, Self> {
        match self {
            Self::Read(error) => Ok(ArchiveError::Read(error)),
            Self::Write(error) => Ok(ArchiveError::Write(error)),
            Self::TooManyBytes { bytes_max } => Ok(ArchiveError::TooManyBytes { bytes_max }),
            // There has been a second attempt with all memory for it alone.
            error @ Self::Picture(PictureError::Memory) => Err(error),
            Self::Picture(error) if error.class() == FailureClass::Transient => {
                Ok(ArchiveError::Passing(error.into()))
            }
            other => Err(other),
        }
    }
}
