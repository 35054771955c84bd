//! `sfumato-media models`: which models there are and whether they are what they should be, as JSON.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use sfumato_detect::{ModelPack, pack};
use sfumato_media::log;
use sfumato_media_client::models::{ModelInfo, ModelList};
use sha2::{Digest, Sha256};

use crate::Sources;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Compares the hash of each file with the one that it should have.
    List(Sources),
    /// Loads each model, too.
    Verify(Sources),
}

/// Writes the list.
pub(crate) fn run(command: &Command) -> Result<ExitCode, String> {
    let failed = |error: &dyn std::error::Error| format!("failed to {}", log::chain(error));
    let models = match command {
        Command::List(sources) => pack::list(&sources.assets, &read_packs(&sources.model_pack)?)
            .map_err(|error| failed(&error))?
            .into_iter()
            .map(|model| {
                let problem = problem_of(&model);
                info(model, problem)
            })
            .collect(),
        Command::Verify(sources) => pack::verify(&sources.assets, &read_packs(&sources.model_pack)?)
            .map_err(|error| failed(&error))?
            .into_iter()
            .map(|verified| info(verified.model, verified.problem))
            .collect(),
    };
    ModelList { models }
        .write(io::stdout().lock())
        .map_err(|error| format!("failed to write the list: {error}"))?;
    Ok(ExitCode::SUCCESS)
}

/// Reads the manifests of packs.
pub(crate) fn read_packs(dirs: &[PathBuf]) -> Result<Vec<ModelPack>, String> {
    let read =
        |dir: &PathBuf| ModelPack::read(dir).map_err(|error| format!("failed to {}", log::chain(&error)));
    dirs.iter().map(read).collect()
}

fn problem_of(model: &pack::ModelInfo) -> Option<String> {
    match std::fs::read(&model.file) {
        Ok(content) => {
            let actual: String = Sha256::digest(&content)
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            let expected = &model.sha256;
            (actual != *expected).then(|| format!("its sha256 is {actual}, not {expected}"))
        }
        Err(error) => Some(format!("failed to read {}: {error}", model.file.display())),
    }
}

fn info(model: pack::ModelInfo, problem: Option<String>) -> ModelInfo {
    ModelInfo {
        name: model.name,
        class: model.class,
        family: model.family.to_string(),
        pack: model.pack,
        version: model.pack_version,
        licence: model.licence,
        source: model.source,
        file: model.file,
        bytes: model.size_bytes,
        sha256: model.sha256,
        profiles: model.profiles,
        replaces: model.replaces,
        problem,
    }
}
