//! Media work: executable, models, the sandbox that the kernel grants, and a picture that goes through all of it.

use std::fmt::Write;
use std::io;
use std::path::Path;
use std::time::Instant;

use serde::Deserialize;
use sfumato_core::{AnonymizeOptions, MediaFormat};
use sfumato_media_client::protocol::{Goal, Task};
use sfumato_media_client::sandbox::{Landlock, Layers, SandboxMode};
use sfumato_media_client::{MediaPool, MediaPoolConfig};
use sha2::{Digest, Sha256};

use super::{Check, State};
use crate::settings::Settings;
use crate::{locate, sandbox};

/// What the set-up leaves beside the models: which files there should be.
const MANIFEST: &str = "assets.toml";

/// Eight by eight grey pixels, as PNG.
const TRIAL_PICTURE: &[u8] = b"\
    \x89PNG\x0d\x0a\x1a\x0a\x00\x00\x00\x0dIHDR\x00\x00\x00\x08\x00\x00\x00\x08\x08\x00\x00\x00\x00\
    \xe1d\xe1W\x00\x00\x00\x0eIDATx\xdach\x80\x02\x06\xca\x18\x00\x80\x84 \x01\x10\xe8j\x17\x00\x00\
    \x00\x00IEND\xaeB`\x82";

pub(super) async fn examine(settings: &Settings) -> Vec<Check> {
    let locations = match locate::locate(settings) {
        Ok(locations) => locations,
        Err(error) => return vec![Check::failed("media program", format!("failed to {error}"))],
    };
    let mut checks = vec![
        Check::ok("media program", locations.program.display().to_string()),
        files(&locations.assets_dir),
    ];
    let scratch = match tempfile::tempdir() {
        Ok(scratch) => scratch,
        Err(error) => {
            checks.push(Check::failed(
                "scratch files",
                format!("failed to make them: {error}"),
            ));
            return checks;
        }
    };
    let mut config = MediaPoolConfig::new(locations.program, locations.assets_dir, scratch.path().to_owned());
    config.children_max = 1;
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
        Check::failed(name, detail)
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
    let missing = match mode {
        SandboxMode::Require => State::Failed,
        SandboxMode::Prefer | SandboxMode::Off => State::Warning,
    };
    let simple = |name, holds, what: &str, advice: &str| {
        if holds {
            Check::ok(name, what)
        } else {
            Check::new(name, missing, advice)
        }
    };
    let mut checks = vec![
        simple(
            "resource limits",
            layers.rlimits,
            "memory, CPU time, file size, descriptors, processes, core dumps",
            "not granted",
        ),
        simple(
            "no-new-privileges",
            layers.no_new_privs,
            "on",
            "not granted: the kernel is older than 3.5",
        ),
        match layers.landlock {
            Landlock::Full { abi } => {
                Check::ok("landlock", format!("ABI {abi}: no file, no network, no signal"))
            }
            Landlock::Partial { abi } => Check::ok(
                "landlock",
                format!("ABI {abi}, in part: this kernel knows less than all of it; seccomp covers the rest"),
            ),
            Landlock::None => Check::new(
                "landlock",
                missing,
                "not granted: it takes Linux 5.13 with `landlock` among `lsm=` on the kernel's command line, and a container that \
                 allows the call",
            ),
        },
        simple(
            "seccomp",
            layers.seccomp,
            "a list of system calls; any other ends the process",
            "not granted: the kernel lacks CONFIG_SECCOMP_FILTER, or the container forbids the call",
        ),
    ];
    if mode == SandboxMode::Off {
        let detail = "`media.sandbox = \"off\"`: a server would not use any of it";
        checks.push(Check::warning("sandbox", detail));
    } else {
        checks.push(Check::ok("sandbox", format!("`media.sandbox = \"{mode}\"`")));
    }
    checks
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
    let name = "models";
    let manifest = assets_dir.join(MANIFEST);
    let text = match std::fs::read_to_string(&manifest) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let detail = format!(
                "{} has no {MANIFEST}: not compared with what they should be",
                assets_dir.display()
            );
            return Check::warning(name, detail);
        }
        Err(error) => return Check::failed(name, format!("failed to read {}: {error}", manifest.display())),
    };
    let manifest: Manifest = match toml::from_str(&text) {
        Ok(manifest) => manifest,
        Err(error) => {
            let detail = format!("failed to read {}: {}", manifest.display(), error.message());
            return Check::failed(name, detail);
        }
    };
    let mut right = 0;
    for asset in &manifest.assets {
        let bytes = match std::fs::read(assets_dir.join(&asset.file)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Check::failed(name, format!("failed to read {}: {error}", asset.file)),
        };
        let hash = hexadecimal(&Sha256::digest(&bytes));
        if !asset.variants.iter().any(|variant| variant.file_sha256 == hash) {
            let detail = format!(
                "{} is not the file that it should be; `cargo xtask setup` replaces it",
                asset.file
            );
            return Check::failed(name, detail);
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
