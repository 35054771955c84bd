//! Lists and verifies models.

use std::path::{Path, PathBuf};

use ort::environment::Environment;
use serde::{Deserialize, Serialize};
use sfumato_core::detection::Class;
use sfumato_core::options::Profile;

use super::{ModelPack, PackError};
use crate::catalogue::{Catalogue, Listed};
use crate::error::DetectError;
use crate::family::Family;
use crate::session::{Network, runtime};
use crate::tensor::Tensor;

/// What is known of a model without reading its file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelInfo {
    /// The name by which detections and logs call it.
    pub name: String,
    /// What it finds.
    pub class: Class,
    /// How it is fed and read.
    pub family: Family,
    /// Its file.
    pub file: PathBuf,
    /// The hash that the file has to have, 64 hexadecimal digits.
    pub sha256: String,
    /// The size of the file in bytes; none where there is no such file.
    pub size_bytes: Option<u64>,
    /// Its licence.
    pub licence: String,
    /// Where it comes from.
    pub source: String,
    /// The profiles in which it looks.
    pub profiles: Vec<Profile>,
    /// The pack that it comes from.
    pub pack: String,
    /// The version of the pack.
    pub pack_version: String,
    /// Whether it comes with Sfumato.
    pub builtin: bool,
    /// The built-in model that is not used beside it.
    pub replaces: Option<String>,
}

/// A model, and whether it can be used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Verified {
    /// The model.
    pub model: ModelInfo,
    /// Why it cannot be used, on one line; none where its hash is right and, if that was asked for, its graph loads and its
    /// outputs are those of its family.
    pub problem: Option<String>,
}

/// The models that look at pictures, in the order in which their boxes are preferred, each with its file read and its hash
/// compared.
///
/// # Errors
/// [`PackError`] where packs do not fit together. What is wrong with one model stands in the result.
pub fn list(assets: &Path, packs: &[ModelPack]) -> Result<Vec<Verified>, PackError> {
    let catalogue = Catalogue::new(&ModelPack::builtin(assets), packs)?;
    let read = |model: &Listed| model.pack.read_model(&model.entry).map(drop);
    Ok(catalogue
        .models()
        .iter()
        .map(|model| verified(model, read(model)))
        .collect())
}

/// Checks every model that looks at pictures: its hash, that its graph loads, and that its outputs have the sizes that its
/// family implies.
///
/// # Errors
/// [`DetectError`] where packs do not fit together or ONNX Runtime does not start. What is wrong with one model stands in
/// the result.
pub fn verify(assets: &Path, packs: &[ModelPack]) -> Result<Vec<Verified>, DetectError> {
    let catalogue = Catalogue::new(&ModelPack::builtin(assets), packs).map_err(DetectError::Pack)?;
    let runtime = runtime(assets)?;
    let models = catalogue.models().iter();
    Ok(models
        .map(|model| verified(model, check(&runtime, model)))
        .collect())
}

fn verified<E: std::error::Error>(model: &Listed, outcome: Result<(), E>) -> Verified {
    Verified {
        model: info(model),
        problem: outcome.err().map(|error| one_line(&error)),
    }
}

fn info(
    Listed {
        pack,
        entry,
        is_builtin,
    }: &Listed,
) -> ModelInfo {
    let manifest = pack.manifest();
    let file = pack.path_of(entry);
    ModelInfo {
        name: entry.name.to_string(),
        class: entry.class,
        family: entry.family,
        size_bytes: file.metadata().ok().map(|metadata| metadata.len()),
        file,
        sha256: entry.sha256.to_string(),
        licence: entry
            .licence
            .as_ref()
            .unwrap_or(&manifest.licence)
            .as_str()
            .to_owned(),
        source: entry
            .source
            .as_ref()
            .unwrap_or(&manifest.source)
            .as_str()
            .to_owned(),
        profiles: entry.profiles(),
        pack: manifest.name.to_string(),
        pack_version: manifest.version.as_str().to_owned(),
        builtin: *is_builtin,
        replaces: entry.replaces.as_ref().map(ToString::to_string),
    }
}

fn check(runtime: &Environment, model: &Listed) -> Result<(), DetectError> {
    let file = model.pack.read_model(&model.entry).map_err(DetectError::Pack)?;
    let mut network = Network::load(runtime, &model.entry, &file, 1)?;
    // Two sizes, one of them wide and one high: a network with a built-in size takes one of them at most.
    for (width, height) in [(320, 192), (128, 256)] {
        network.look(&Tensor::grey(width, height), 0.0)?;
    }
    Ok(())
}

/// An error and what caused it, as `sfumato models verify` prints it.
fn one_line(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    let texts: Vec<String> = causes.map(ToString::to_string).collect();
    texts.join(": ").split_whitespace().collect::<Vec<_>>().join(" ")
}
