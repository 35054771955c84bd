//! Model packs: folders with models and a manifest, `pack.toml`, that says what they are and when they look.
//!
//! The models that come with Sfumato are described by a manifest of the same kind, so that they are listed, verified,
//! planned with and loaded like those of an operator. See `docs/decisions/0007-detection-profiles-and-packs.md`.

pub(crate) mod manifest;
mod report;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use manifest::{Manifest, ModelEntry, Sha256};

pub use report::{ModelInfo, Verified, list, verify};

/// The name of the manifest in the folder of a pack.
pub const MANIFEST: &str = "pack.toml";

/// The size of a manifest at most.
const MANIFEST_BYTES_MAX: u64 = 64 * 1024;

/// The size of a model at most.
const MODEL_BYTES_MAX: u64 = 512 * 1024 * 1024;

/// A pack whose manifest was read and is sound. Its models were not looked at yet.
#[derive(Clone, Debug)]
pub struct ModelPack {
    dir: PathBuf,
    manifest: Manifest,
}

/// Why a pack or one of its models cannot be used; fits "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum PackError {
    /// A file could not be read.
    #[error("read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A file is larger than it may be.
    #[error("read {path}: it has more than {bytes_max} bytes")]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The bytes that it may have.
        bytes_max: u64,
    },
    /// The manifest is not TOML, or a member is missing, unknown or not what it should be.
    #[error("understand {path}")]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// What is wrong, and where.
        #[source]
        source: Box<toml::de::Error>,
    },
    /// The file of a model is a link that leads out of the folder.
    #[error("read {path}: it leads out of the folder of the pack")]
    Escapes {
        /// The file.
        path: PathBuf,
    },
    /// The file of a model is not the one that the manifest speaks of.
    #[error("trust {path}: its sha256 is {actual}, not {expected}")]
    Hash {
        /// The file.
        path: PathBuf,
        /// The hash in the manifest.
        expected: String,
        /// The hash of the file.
        actual: String,
    },
    /// Two models bear one name.
    #[error("use {path}: there is a model {model} already")]
    NameTaken {
        /// The manifest of the later pack.
        path: PathBuf,
        /// The name.
        model: String,
    },
    /// A model replaces what is not there.
    #[error(
        "use {path}: {model} replaces {replaced}, which is no built-in model of its class or is replaced already"
    )]
    ReplacesNothing {
        /// The manifest of the pack.
        path: PathBuf,
        /// The name of the model.
        model: String,
        /// The name of the model that it would replace.
        replaced: String,
    },
}

impl ModelPack {
    /// Reads and checks the manifest in the folder of a pack.
    ///
    /// # Errors
    /// [`PackError`] names the file and what is wrong with it.
    pub fn read(dir: &Path) -> Result<Self, PackError> {
        let path = dir.join(MANIFEST);
        let bytes = read_file(&path, MANIFEST_BYTES_MAX)?;
        let text = String::from_utf8(bytes).map_err(|source| PackError::Read {
            path: path.clone(),
            source: io::Error::new(io::ErrorKind::InvalidData, source),
        })?;
        let manifest = Manifest::parse(&text).map_err(|source| PackError::Manifest {
            path,
            source: Box::new(source),
        })?;
        Ok(Self {
            dir: dir.to_owned(),
            manifest,
        })
    }

    /// The models that come with Sfumato, in the assets folder.
    pub fn builtin(assets: &Path) -> Self {
        Self {
            dir: assets.to_owned(),
            manifest: Manifest::parse(include_str!("builtin.toml"))
                .expect("the manifest in the executable is sound; a test reads it"),
        }
    }

    /// The name of the pack.
    pub fn name(&self) -> &str {
        self.manifest.name.as_str()
    }

    pub(crate) fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    pub(crate) fn manifest_path(&self) -> PathBuf {
        self.dir.join(MANIFEST)
    }

    /// Where the file of a model should be.
    pub(crate) fn path_of(&self, model: &ModelEntry) -> PathBuf {
        self.dir.join(model.file.as_path())
    }

    /// The file of a model, which is the one that the manifest speaks of.
    pub(crate) fn read_model(&self, model: &ModelEntry) -> Result<Vec<u8>, PackError> {
        let path = self.path_of(model);
        let real = |path: &Path| {
            path.canonicalize().map_err(|source| PackError::Read {
                path: path.to_owned(),
                source,
            })
        };
        if !real(&path)?.starts_with(real(&self.dir)?) {
            return Err(PackError::Escapes { path });
        }
        let bytes = read_file(&path, MODEL_BYTES_MAX)?;
        let actual = Sha256::of(&bytes);
        if actual == model.sha256 {
            Ok(bytes)
        } else {
            Err(PackError::Hash {
                path,
                expected: model.sha256.to_string(),
                actual: actual.to_string(),
            })
        }
    }
}

/// A whole file, unless it is larger than it may be.
fn read_file(path: &Path, bytes_max: u64) -> Result<Vec<u8>, PackError> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(bytes_max + 1).read_to_end(&mut bytes));
    match read {
        Ok(count) if count as u64 > bytes_max => Err(PackError::TooLarge {
            path: path.to_owned(),
            bytes_max,
        }),
        Ok(_) => Ok(bytes),
        Err(source) => Err(PackError::Read {
            path: path.to_owned(),
            source,
        }),
    }
}
