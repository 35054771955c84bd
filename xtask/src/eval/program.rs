//! Runs `sfumato detect` over collections.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, ensure};

use crate::process::{cargo, command, output, shell_line};
use crate::{assets, workspace};

use super::{Collection, Looked, Looking, parse};

/// Files for one call: far below what a command line may hold.
const FILES_AT_ONCE: usize = 500;

/// Builds both executables in release mode and returns the path of `sfumato`. What cargo says goes to standard error, so
/// that standard output stays the caller's.
///
/// # Errors
/// The build fails.
pub(crate) fn build() -> anyhow::Result<PathBuf> {
    let root = workspace::root();
    output(
        cargo(&root)
            .args(["build", "--release", "--locked", "--bins"])
            .args(["--package", "sfumato", "--package", "sfumato-media"]),
    )?;
    Ok(workspace::target()?.join("release/sfumato"))
}

/// Looks at all pictures of all collections.
///
/// # Errors
/// The program cannot be run, or prints something else than it should.
pub(crate) fn look(
    program: &Path,
    looking: &Looking,
    collections: &[Collection],
) -> anyhow::Result<HashMap<String, Looked>> {
    let files: Vec<_> = collections
        .iter()
        .flat_map(|collection| {
            collection
                .pictures
                .iter()
                .map(|picture| collection.path(&picture.name))
        })
        .collect();
    let mut all = HashMap::new();
    for files in files.chunks(FILES_AT_ONCE) {
        all.extend(parse(&detect(program, looking, files)?)?);
    }
    Ok(all)
}

fn detect(program: &Path, looking: &Looking, files: &[PathBuf]) -> anyhow::Result<String> {
    let mut detect = command(program);
    detect
        .arg("detect")
        .args(["--jobs", &looking.jobs.unwrap_or(1).to_string()])
        // Several threads for a picture wait for one another on the CPU, so that its time says little.
        .args(["--threads", "1"])
        .arg("--assets-dir")
        .arg(workspace::root().join(assets::FOLDER));
    if let Some(profile) = &looking.profile {
        detect.args(["--profile", profile]);
    }
    for (flag, threshold) in [
        ("--face-threshold", looking.face_threshold),
        ("--plate-threshold", looking.plate_threshold),
    ] {
        if let Some(threshold) = threshold {
            detect.args([flag, &threshold.to_string()]);
        }
    }
    for pack in &looking.model_pack {
        detect.arg("--model-pack").arg(pack);
    }
    let line = shell_line(&detect);
    // It ends with 1 if a single picture cannot be read; its line then says why, and the picture counts as missed.
    let ended = detect
        .args(files)
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("start `{line} …`"))?;
    ensure!(
        ended.status.success() || (ended.status.code() == Some(1) && !ended.stdout.is_empty()),
        "`{line} …` ended with {}",
        ended.status
    );
    String::from_utf8(ended.stdout).with_context(|| format!("read what `{line} …` prints"))
}
