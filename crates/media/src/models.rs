//! `sfumato-media models`: which models there are and whether they are what they should be, as JSON.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;
use sfumato_detect::ModelPack;
use sfumato_detect::pack::{self, Verified};
use sfumato_media::log;
use sfumato_media_client::models::{ModelInfo, ModelList};

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
    let (Command::List(sources) | Command::Verify(sources)) = command;
    let packs = read_packs(&sources.model_pack)?;
    let models = match command {
        Command::List(_) => pack::list(&sources.assets, &packs).map_err(|error| failed(&error)),
        Command::Verify(_) => pack::verify(&sources.assets, &packs).map_err(|error| failed(&error)),
    }?;
    let models = models.into_iter().map(info).collect();
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

fn info(Verified { model, problem }: Verified) -> ModelInfo {
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
