//! Media work: executable, models, the sandbox that the kernel grants, and a picture that goes through all of it.

use std::fmt::Write;
use std::io;
use std::path::Path;
use std::time::Instant;

use serde::Deserialize;
use sfumato_core::{AnonymizeOptions, MediaFormat};
use sfumato_media_client::models::{ModelCheck, ModelSources, models};
use sfumato_media_client::protocol::{Goal, Task};
use sfumato_media_client::sandbox::{Landlock, Layers, SandboxMode};
use sfumato_media_client::{MediaPool, MediaPoolConfig};
use sha2::{Digest, Sha256};

use super::Check;
use crate::settings::{Role, Settings};
use crate::{locate, sandbox};

/// What the set-up leaves beside the models: which files there should be.
const MANIFEST: &str = "assets.toml";

/// Eight by eight grey pixels, as PNG.
const TRIAL_PICTURE: &[u8] = b"\
    \x89PNG\x0d\x0a\x1a\x0a\x00\x00\x00\x0dIHDR\x00\x00\x00\x08\x00\x00\x00\x08\x08\x00\x00\x00\x00\
    \xe1d\xe1W\x00\x00\x00\x0eIDATx\xdach\x80\x02\x06\xca\x18\x00\x80\x84 \x01\x10\xe8j\x17\x00\x00\
    \x00\x00IEND\xaeB`\x82";

pub(super) async fn examine(settings: &Settings) -> Vec<Check> {
    if !settings.roles.include(Role::Worker) {
        return vec![Check::ok("media program", "not needed without the role `worker`")];
    }
    let locations = match locate::locate(settings) {
        Ok(locations) => locations,
        Err(error) => {
            let mend = "name them by --media-program and --assets-dir, or install the package anew";
            return vec![Check::failed("media program", format!("failed to {error}"), mend)];
        }
    };
    let mut checks = vec![
        Check::ok("media program", locations.program.display().to_string()),
        files(&locations.assets_dir),
        hashes(settings, &locations).await,
    ];
    let scratch = match tempfile::tempdir() {
        Ok(scratch) => scratch,
        Err(error) => {
            checks.push(Check::failed(
                "scratch files",
                format!("failed to make them: {error}"),
                "name a folder that can be written by the variable TMPDIR",
            ));
            return checks;
        }
    };
    let mut config = MediaPoolConfig::new(locations.program, locations.assets_dir, scratch.path().to_owned());
    config.children_max = 1;
    config.model_packs = settings.model_packs.0.clone();
    config.threads_per_child = settings.threads_per_job.get();
    sandbox::configure(&mut config, settings);
    // It is to say what the kernel grants, also where that is not enough.
    config.sandbox = SandboxMode::Prefer;
    checks.extend(process(config, settings).await);
    checks
}

async fn process(config: MediaPoolConfig, settings: &Settings) -> Vec<Check> {
    let failed = |name, error| {
        let detail = format!("failed to {:#}", anyhow::Error::new(error));
        let mend = "`sfumato models verify` says which model is at fault; models, ONNX Runtime and `sfumato-media` must be of one \
                    version: install the package anew";
        Check::failed(name, detail, mend)
    };
    let bounds = config.bounds();
    let pool = match MediaPool::new(config) {
        Ok(pool) => pool,
        Err(error) => return vec![failed("media process", error)],
    };
    let warm = match pool.warm_up().await {
        Ok(warm) => warm,
        Err(error) => return vec![failed("media process", error)],
    };
    let mut checks = vec![Check::ok(
        "media process",
        format!(
            "ready with {}; at most {} MB of memory",
            warm.models.join(", "),
            bounds.memory_bytes_max / 1_000_000
        ),
    )];
    checks.extend(layers(&warm.layers, settings.sandbox));
    let begun = Instant::now();
    let task = Task {
        format: MediaFormat::Png,
        bytes: TRIAL_PICTURE.len() as u64,
        goal: Goal::Anonymize,
        options: AnonymizeOptions::default(),
        limits: crate::server::media_limits(settings),
        given: None,
        seed: [0; 32],
    };
    let mut original = TRIAL_PICTURE;
    let outcome = pool
        .run(task, &mut original, |_| (), std::future::pending())
        .await;
    checks.push(match outcome {
        Ok(_) => Check::ok(
            "trial picture",
            format!("done in {} ms", begun.elapsed().as_millis()),
        ),
        Err(error) => failed("trial picture", error),
    });
    pool.shutdown().await;
    checks
}

/// One check a layer; what is missing weighs as much as the settings say.
fn layers(layers: &Layers, mode: SandboxMode) -> Vec<Check> {
    let judged = |name, holds, what: String, mend: &str| match (holds, mode) {
        (true, _) => Check::ok(name, what),
        (false, SandboxMode::Require) => Check::failed(name, "not granted", mend),
        (false, SandboxMode::Prefer | SandboxMode::Off) => Check::warning(name, "not granted", mend),
    };
    let landlock = match layers.landlock {
        Landlock::Full { abi } => format!("ABI {abi}: no file, no network, no signal"),
        Landlock::Partial { abi } => {
            format!("ABI {abi}, in part: this kernel knows less than all of it; seccomp covers the rest")
        }
        Landlock::None => String::new(),
    };
    let mut checks = vec![
        judged(
            "resource limits",
            layers.rlimits,
            "memory, CPU time, file size, descriptors, processes, core dumps".to_owned(),
            "let the user lower its own limits: a container's profile or a unit's `SystemCallFilter=` forbids `prlimit64`",
        ),
        judged(
            "no-new-privileges",
            layers.no_new_privs,
            "on".to_owned(),
            "run a kernel of 3.5 or later",
        ),
        judged(
            "landlock",
            layers.landlock != Landlock::None,
            landlock,
            "it takes Linux 5.13 with `landlock` among `lsm=` on the kernel's command line, and a container that allows the call",
        ),
        judged(
            "seccomp",
            layers.seccomp,
            "a list of system calls; any other ends the process".to_owned(),
            "it takes a kernel with CONFIG_SECCOMP_FILTER, and a container that allows the call",
        ),
    ];
    checks.push(if mode == SandboxMode::Off {
        let detail = "`media.sandbox = \"off\"`: a server would not use any of it";
        Check::warning(
            "sandbox",
            detail,
            "set it to `require`, or to `prefer` where a layer is missing",
        )
    } else {
        Check::ok("sandbox", format!("`media.sandbox = \"{mode}\"`"))
    });
    checks
}

/// Whether every model, built in or of a pack, has the hash that its manifest or its `pack.toml` says.
async fn hashes(settings: &Settings, locations: &locate::Locations) -> Check {
    let name = "models' hashes";
    let sources = ModelSources {
        program: locations.program.clone(),
        assets_dir: locations.assets_dir.clone(),
        model_packs: settings.model_packs.0.clone(),
    };
    let mend = "fetch the file of the pack's version anew, or install the package anew; `sfumato models verify` shows all";
    match models(&sources, ModelCheck::Files).await {
        Ok(list) => {
            let problem = |model: &sfumato_media_client::models::ModelInfo| {
                let problem = model.problem.as_ref()?;
                Some(format!("{}: {problem}", model.name))
            };
            let wrong: Vec<_> = list.models.iter().filter_map(problem).collect();
            if wrong.is_empty() {
                Check::ok(name, format!("{} models are the right ones", list.models.len()))
            } else {
                Check::failed(name, wrong.join("; "), mend)
            }
        }
        Err(error) => Check::failed(name, format!("failed to {:#}", anyhow::Error::new(error)), mend),
    }
}

/// The part of the set-up's manifest that says which files are right.
#[derive(Deserialize)]
struct Manifest {
    #[serde(rename = "asset")]
    assets: Vec<Asset>,
}

#[derive(Deserialize)]
struct Asset {
    file: String,
    #[serde(rename = "wheel", default)]
    variants: Vec<Variant>,
}

#[derive(Deserialize)]
struct Variant {
    file_sha256: String,
}

/// Whether the files are those that the manifest lists. An asset may be missing, unless the media process misses it.
fn files(assets_dir: &Path) -> Check {
    let (name, mend) = (
        "models",
        "`cargo xtask setup` fetches them in a checkout; elsewhere install the package anew",
    );
    let manifest = assets_dir.join(MANIFEST);
    let text = match std::fs::read_to_string(&manifest) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let detail = format!(
                "{} has no {MANIFEST}: not compared with what they should be",
                assets_dir.display()
            );
            return Check::warning(name, detail, mend);
        }
        Err(error) => {
            let detail = format!("failed to read {}: {error}", manifest.display());
            return Check::failed(name, detail, mend);
        }
    };
    let manifest: Manifest = match toml::from_str(&text) {
        Ok(manifest) => manifest,
        Err(error) => {
            let detail = format!("failed to read {}: {}", manifest.display(), error.message());
            return Check::failed(name, detail, mend);
        }
    };
    let mut right = 0;
    for asset in &manifest.assets {
        let bytes = match std::fs::read(assets_dir.join(&asset.file)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => {
                let detail = format!("failed to read {}: {error}", asset.file);
                return Check::failed(name, detail, mend);
            }
        };
        let hash = hexadecimal(&Sha256::digest(&bytes));
        if !asset.variants.iter().any(|variant| variant.file_sha256 == hash) {
            let detail = format!("{} is not the file that it should be", asset.file);
            return Check::failed(name, detail, mend);
        }
        right += 1;
    }
    Check::ok(
        name,
        format!("{right} files in {} are the right ones", assets_dir.display()),
    )
}

fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // Writing into a string cannot fail.
        let _infallible = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    const ALL: Layers = Layers {
        rlimits: true,
        no_new_privs: true,
        landlock: Landlock::Full { abi: 7 },
        seccomp: true,
    };

    fn state(layers_found: Layers, mode: SandboxMode) -> State {
        let checks = layers(&layers_found, mode);
        let states = checks.into_iter().map(|check| check.state);
        states.max_by_key(|state| *state as u8).unwrap()
    }

    #[test]
    fn a_missing_layer_fails_where_the_sandbox_is_required_and_warns_elsewhere() {
        let without_landlock = Layers {
            landlock: Landlock::None,
            ..ALL
        };
        let without_seccomp = Layers {
            seccomp: false,
            ..ALL
        };
        for missing in [without_landlock, without_seccomp, Layers::default()] {
            assert_eq!(state(missing, SandboxMode::Require), State::Failed);
            assert_eq!(state(missing, SandboxMode::Prefer), State::Warning);
        }
        assert_eq!(state(ALL, SandboxMode::Require), State::Ok);
        assert_eq!(state(ALL, SandboxMode::Off), State::Warning);
    }

    #[test]
    fn files_are_compared_with_the_manifest() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        assert_eq!(files(dir.path()).state, State::Warning);
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        write(
            MANIFEST,
            &format!(
                "python = '3.12'\n[[asset]]\nfile = 'm.onnx'\n[[asset.wheel]]\nfile_sha256 = '{empty}'\n[[asset]]\nfile = 'absent'\n"
            ),
        );
        write("m.onnx", "");
        let right = files(dir.path());
        assert!(
            right.state == State::Ok && right.detail.starts_with("1 files"),
            "{right:?}"
        );
        write("m.onnx", "other");
        assert_eq!(files(dir.path()).state, State::Failed);
        write(MANIFEST, "nonsense");
        assert_eq!(files(dir.path()).state, State::Failed);
    }
}
