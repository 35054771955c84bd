//! Which models a media executable works with, and whether their files are what they should be.
//!
//! `sfumato-media models list` and `sfumato-media models verify` write a [`ModelList`] as JSON to their standard output:
//! models are opened where they are used, and the server links nothing that could.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use sfumato_core::detection::Class;
use sfumato_core::options::Profile;
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::child::{absolute, bare_command, model_packs};
use crate::error::MediaError;

/// What is read of the answer and of the log at most.
const OUTPUT_BYTES_MAX: u64 = 4 * 1024 * 1024;

/// How long loading every model may take, on a busy machine.
const DEADLINE: Duration = Duration::from_secs(120);

/// All models, the built-in ones first.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelList {
    /// In the order in which they are loaded.
    pub models: Vec<ModelInfo>,
}

impl ModelList {
    /// Writes the list as the answer that [`models`] reads.
    ///
    /// # Errors
    /// The reader has gone away.
    pub fn write(&self, mut to: impl Write) -> io::Result<()> {
        serde_json::to_writer(&mut to, self)?;
        to.write_all(b"\n")?;
        to.flush()
    }
}

/// One model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelInfo {
    /// The name that detections bear.
    pub name: String,
    /// What it finds.
    pub class: Class,
    /// How its outputs are read, e.g. `yunet`.
    pub family: String,
    /// The pack that it comes from.
    pub pack: String,
    /// The version of the pack.
    pub version: String,
    /// Under which licence it may be used.
    pub licence: String,
    /// Where it comes from.
    pub source: String,
    /// Its file.
    pub file: PathBuf,
    /// Size of the file in bytes; absent where it cannot be read.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub bytes: Option<u64>,
    /// The SHA-256 that the file should have, in hexadecimal digits.
    pub sha256: String,
    /// The profiles in which it looks.
    pub profiles: Vec<Profile>,
    /// The built-in model that is not used beside it.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub replaces: Option<String>,
    /// What is wrong with it; absent where it is as it should be.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub problem: Option<String>,
}

/// What is asked of the models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ModelCheck {
    /// That the files have the hashes that they should have.
    Files,
    /// That each can be loaded, too.
    Loading,
}

/// Where models are looked for, and by which executable.
#[derive(Clone, Debug)]
pub struct ModelSources {
    /// The executable `sfumato-media`.
    pub program: PathBuf,
    /// The folder with the built-in models and ONNX Runtime.
    pub assets_dir: PathBuf,
    /// Folders with models of the operator.
    pub model_packs: Vec<PathBuf>,
}

/// Asks the executable for its models. A model that is not what it should be is no error but has a
/// [`ModelInfo::problem`].
///
/// # Errors
/// [`MediaError::Spawn`]; [`MediaError::Models`] where it gives no list, because a pack cannot be read for example.
pub async fn models(sources: &ModelSources, check: ModelCheck) -> Result<ModelList, MediaError> {
    let spawn_error = |source| MediaError::Spawn {
        program: sources.program.display().to_string(),
        source,
    };
    let wrong = |reason: String| MediaError::Models { reason };
    let mut command = bare_command(&sources.program);
    command
        .arg("models")
        .arg(match check {
            ModelCheck::Files => "list",
            ModelCheck::Loading => "verify",
        })
        .arg("--assets")
        .arg(absolute(&sources.assets_dir))
        .args(model_packs(&sources.model_packs))
        .stdin(Stdio::null());
    let mut process = command.spawn().map_err(spawn_error)?;
    let (stdout, stderr) = (process.stdout.take(), process.stderr.take());
    let ended = tokio::time::timeout(DEADLINE, async {
        tokio::join!(read(stdout), read(stderr), process.wait())
    });
    // Dropping the process kills it.
    let (answer, said, status) = ended
        .await
        .map_err(|_| wrong(format!("it took longer than {} seconds", DEADLINE.as_secs())))?;
    let status = status.map_err(|error| wrong(error.to_string()))?;
    if !status.success() {
        let said = String::from_utf8_lossy(&said);
        let last = said.lines().rfind(|line| !line.trim().is_empty());
        let reason = last.map(|line| line.trim_start_matches("error: failed to ").to_owned());
        return Err(wrong(reason.unwrap_or_else(|| status.to_string())));
    }
    serde_json::from_slice(&answer).map_err(|error| wrong(format!("it gave no list: {error}")))
}

/// Everything up to the limit. A pipe that breaks ends it as its end does: the exit status tells more than the error.
async fn read(pipe: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let mut bytes = vec![];
    if let Some(pipe) = pipe {
        let _broken = pipe.take(OUTPUT_BYTES_MAX).read_to_end(&mut bytes).await;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    async fn ask(script: &str) -> Result<ModelList, MediaError> {
        let dir = tempfile::tempdir().unwrap();
        let program = dir.path().join("media");
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let sources = ModelSources {
            program,
            assets_dir: "/a".into(),
            model_packs: vec!["/p".into(), "/q".into()],
        };
        models(&sources, ModelCheck::Loading).await
    }

    #[tokio::test]
    async fn the_executable_is_asked_with_every_folder() {
        // The script says its arguments where a version belongs.
        let list = ask(
            r#"echo '{"models":[{"name":"n","class":"face","family":"f","pack":"p","version":"'"$*"'","licence":"l",
            "source":"s","file":"m","sha256":"00","profiles":["fast"],"problem":"it is gone"}]}'"#,
        );
        let model = list.await.unwrap().models.remove(0);
        assert_eq!(
            model.version,
            "models verify --assets /a --model-pack /p --model-pack /q"
        );
        assert_eq!((model.profiles, model.bytes), (vec![Profile::Fast], None));
    }

    #[tokio::test]
    async fn an_executable_that_fails_or_gives_no_list_is_quoted() {
        let reason = |outcome: Result<ModelList, MediaError>| outcome.unwrap_err().to_string();
        let failed = ask("echo 'error: failed to read /p/pack.toml: gone' >&2; exit 1").await;
        assert_eq!(reason(failed), "list the models: read /p/pack.toml: gone");
        assert!(reason(ask("exit 3").await).contains("exit status: 3"));
        assert!(reason(ask("echo hello").await).contains("it gave no list"));
        // More than is read.
        let endless = ask("yes").await;
        assert!(matches!(endless, Err(MediaError::Models { .. })), "{endless:?}");
    }
}
