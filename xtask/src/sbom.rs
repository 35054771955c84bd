//! `cargo xtask sbom`: what an executable is made of, as a CycloneDX document.
//!
//! It is made of what cargo itself resolves for the shipped targets, without development and build dependencies, with the
//! checksums of the lock file, and of the files under `assets/`, which no tool for crates knows: models and ONNX Runtime. The
//! same sources give the same bytes: no time, no random serial number.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::manifest::{self, Manifest};
use crate::process::{self, cargo};
use crate::report::{heading, note};
use crate::{assets, python, workspace};

/// The executables, by their packages.
const PACKAGES: [&str; 2] = ["sfumato", "sfumato-media"];

/// Has bills read by the schema that they name.
const JUDGE: &str = "xtask/src/judge_sbom.py";

/// A crate that both programs are linked with.
const LINKED_EVERYWHERE: &str = "serde";

/// The package that loads models and ONNX Runtime.
const WITH_ASSETS: &str = "sfumato-media";

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    description: Option<String>,
    repository: Option<String>,
    source: Option<String>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<Kind>,
}

#[derive(Deserialize)]
struct Kind {
    /// `None` for what is linked, else `dev` or `build`.
    kind: Option<String>,
}

#[derive(Deserialize)]
struct Lock {
    package: Vec<Locked>,
}

#[derive(Deserialize)]
struct Locked {
    name: String,
    version: String,
    checksum: Option<String>,
}

/// Writes a document for each executable into the folder of builds.
///
/// # Errors
/// As of [`write_into`].
pub(crate) fn run() -> anyhow::Result<()> {
    let root = workspace::root();
    heading("Bills of materials");
    write_into(&root, &root.join("target/sbom"))?;
    Ok(())
}

/// Writes a document for each executable and returns their paths.
///
/// # Errors
/// Cargo cannot resolve the workspace, or a file cannot be written.
pub(crate) fn write_into(root: &Path, folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut metadata = cargo(root);
    metadata.args(["metadata", "--locked", "--format-version", "1"]);
    metadata.arg("--filter-platform");
    metadata.arg(format!("{}-unknown-linux-gnu", std::env::consts::ARCH));
    let metadata: Metadata =
        serde_json::from_slice(&process::output(&mut metadata)?).context("read what cargo resolves")?;
    let lock = std::fs::read_to_string(root.join("Cargo.lock")).context("read Cargo.lock")?;
    let lock: Lock = toml::from_str(&lock).context("read Cargo.lock")?;
    let assets = assets::manifest(root)?;
    std::fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    let mut written = Vec::new();
    for name in PACKAGES {
        let path = folder.join(format!("{name}.cdx.json"));
        write(&path, &document(name, &metadata, &lock, &assets)?)?;
        written.push(path);
    }
    Ok(written)
}

/// Has bills judged by the schema of CycloneDX, and sees that they name what they are for: the crates that are linked, and
/// every file of the assets beside which they lie with its hash.
///
/// # Errors
/// One of them is not as it should be.
pub(crate) fn check(root: &Path, bills: &[PathBuf], shipped: &Path) -> anyhow::Result<()> {
    ensure!(
        bills.len() == PACKAGES.len(),
        "{} bills of materials",
        bills.len()
    );
    process::run(
        process::command(python::program(root, "python"))
            .arg(JUDGE)
            .args(bills)
            .current_dir(root),
    )?;
    let mut hashes = BTreeSet::new();
    for bill in bills {
        let text = std::fs::read(bill).with_context(|| format!("read {}", bill.display()))?;
        let bill: Value =
            serde_json::from_slice(&text).with_context(|| format!("read {}", bill.display()))?;
        let components = bill["components"].as_array().context("find components")?;
        ensure!(
            components
                .iter()
                .any(|component| component["name"] == LINKED_EVERYWHERE),
            "a bill does not name {LINKED_EVERYWHERE}"
        );
        let said = components
            .iter()
            .filter_map(|component| component["hashes"][0]["content"].as_str());
        hashes.extend(said.map(str::to_owned));
    }
    for asset in assets::manifest(root)?.assets {
        if kind(&asset).is_none() {
            continue;
        }
        let path = shipped.join(&asset.file);
        let bytes = std::fs::read(&path).with_context(|| format!("read {}", path.display()))?;
        let hash = manifest::Hash::of(&bytes).to_string();
        ensure!(
            hashes.contains(&hash),
            "no bill names {} with its hash",
            asset.file
        );
    }
    Ok(())
}

fn write(path: &Path, document: &Value) -> anyhow::Result<()> {
    let count = document["components"].as_array().map_or(0, Vec::len);
    let text = serde_json::to_string_pretty(document)? + "\n";
    std::fs::write(path, text).with_context(|| format!("write {}", path.display()))?;
    note(&format!("{}: {count} components", path.display()));
    Ok(())
}

fn document(name: &str, metadata: &Metadata, lock: &Lock, assets: &Manifest) -> anyhow::Result<Value> {
    let packages: BTreeMap<&str, &Package> = metadata
        .packages
        .iter()
        .map(|package| (package.id.as_str(), package))
        .collect();
    let nodes: BTreeMap<&str, &Node> = metadata
        .resolve
        .nodes
        .iter()
        .map(|node| (node.id.as_str(), node))
        .collect();
    let main = metadata.packages.iter().find(|package| package.name == name);
    let main = main.with_context(|| format!("find the package {name}"))?;
    let linked = |id: &str| -> BTreeSet<&str> {
        let deps = nodes.get(id).map(|node| node.deps.as_slice()).unwrap_or_default();
        let linked = deps
            .iter()
            .filter(|dep| dep.dep_kinds.iter().any(|kind| kind.kind.is_none()));
        linked.map(|dep| dep.pkg.as_str()).collect()
    };
    let (mut reached, mut waiting) = (BTreeSet::new(), vec![main.id.as_str()]);
    while let Some(id) = waiting.pop() {
        if reached.insert(id) {
            waiting.extend(linked(id));
        }
    }
    let mut components: Vec<Value> = Vec::new();
    let mut dependencies: Vec<Value> = Vec::new();
    for id in &reached {
        let package = packages
            .get(id)
            .with_context(|| format!("find the package {id}"))?;
        let needs = linked(id);
        let needs = needs
            .iter()
            .filter_map(|id| packages.get(id))
            .map(|package| package.url());
        dependencies.push(json!({ "ref": package.url(), "dependsOn": needs.collect::<Vec<_>>() }));
        if package.id != main.id {
            components.push(package.component(lock));
        }
    }
    if name == WITH_ASSETS {
        components.extend(assets.assets.iter().flat_map(asset));
    }
    components.sort_by_key(|component| component["bom-ref"].to_string());
    dependencies.sort_by_key(|dependency| dependency["ref"].to_string());
    Ok(json!({
        "bomFormat": "CycloneDX",
        "specVersion": "1.5",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "bom-ref": main.url(),
                "name": main.name,
                "version": main.version,
                "licenses": [{ "expression": main.license }],
            },
        },
        "components": components,
        "dependencies": dependencies,
    }))
}

impl Package {
    /// The package URL, which names it in the document.
    fn url(&self) -> String {
        format!("pkg:cargo/{}@{}", self.name, self.version)
    }

    fn component(&self, lock: &Lock) -> Value {
        let mut component = json!({
            "type": "library",
            "bom-ref": self.url(),
            "name": self.name,
            "version": self.version,
            "purl": self.url(),
        });
        if let Some(expression) = &self.license {
            // What cargo accepts beside SPDX, from older manifests.
            let expression = expression.replace('/', " OR ");
            component["licenses"] = json!([{ "expression": expression }]);
        }
        if let Some(description) = &self.description {
            component["description"] = json!(description.split_whitespace().collect::<Vec<_>>().join(" "));
        }
        if let Some(url) = &self.repository {
            component["externalReferences"] = json!([{ "type": "vcs", "url": url }]);
        }
        let locked = lock
            .package
            .iter()
            .find(|locked| locked.name == self.name && locked.version == self.version);
        // The workspace's own crates have neither a source nor a checksum.
        if let Some(checksum) = locked.and_then(|locked| locked.checksum.as_ref())
            && self.source.is_some()
        {
            component["hashes"] = json!([{ "alg": "SHA-256", "content": checksum }]);
        }
        component
    }
}

/// What CycloneDX calls a file under `assets/`; `None` for pictures and texts, of which nothing is made.
fn kind(asset: &manifest::Asset) -> Option<&'static str> {
    match asset.file.split_once('/')? {
        ("models", _) => Some("machine-learning-model"),
        ("lib", _) => Some("library"),
        _ => None,
    }
}

/// A file under `assets/` that is shipped, once for each platform.
fn asset(asset: &manifest::Asset) -> Vec<Value> {
    let Some(kind) = kind(asset) else {
        return Vec::new();
    };
    let component = |wheel: &manifest::Wheel| {
        let purl = format!("pkg:pypi/{}@{}", asset.package, asset.version);
        json!({
            "type": kind,
            "bom-ref": format!("{purl}?platform={}#{}", wheel.platform, asset.file),
            "name": asset.file,
            "version": asset.version,
            "description": format!("{}; {}", asset.purpose, asset.origin),
            "licenses": [{ "expression": asset.licence }],
            "hashes": [{ "alg": "SHA-256", "content": wheel.file_sha256.to_string() }],
            "purl": purl,
        })
    };
    asset.wheels.iter().map(component).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(id: &str, source: Option<&str>) -> Package {
        Package {
            id: id.to_owned(),
            name: id.to_owned(),
            version: "1.0.0".to_owned(),
            license: Some("MIT/Apache-2.0".to_owned()),
            description: None,
            repository: None,
            source: source.map(str::to_owned),
        }
    }

    fn node(id: &str, deps: &[(&str, Option<&str>)]) -> Node {
        let kind = |kind: &Option<&str>| Kind {
            kind: kind.map(str::to_owned),
        };
        let deps = deps.iter().map(|(pkg, dep)| Dependency {
            pkg: (*pkg).to_owned(),
            dep_kinds: vec![kind(dep)],
        });
        Node {
            id: id.to_owned(),
            deps: deps.collect(),
        }
    }

    #[test]
    fn what_is_linked_is_listed_with_its_checksum_and_what_only_tests_or_builds_is_not() {
        let registry = Some("registry");
        let metadata = Metadata {
            packages: vec![
                package("sfumato", None),
                package("a", registry),
                package("b", registry),
                package("tests", registry),
                package("builds", registry),
            ],
            resolve: Resolve {
                nodes: vec![
                    node(
                        "sfumato",
                        &[("a", None), ("tests", Some("dev")), ("builds", Some("build"))],
                    ),
                    node("a", &[("b", None)]),
                    node("b", &[]),
                    node("tests", &[]),
                    node("builds", &[]),
                ],
            },
        };
        let lock = Lock {
            package: vec![Locked {
                name: "b".to_owned(),
                version: "1.0.0".to_owned(),
                checksum: Some("00".to_owned()),
            }],
        };
        let assets = Manifest {
            python: "3.12".to_owned(),
            assets: vec![],
        };
        let document = document("sfumato", &metadata, &lock, &assets).unwrap();
        let names: Vec<_> = document["components"]
            .as_array()
            .unwrap()
            .iter()
            .map(|c| &c["name"])
            .collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(document["components"][1]["hashes"][0]["content"], "00");
        assert_eq!(
            document["components"][0]["licenses"][0]["expression"],
            "MIT OR Apache-2.0"
        );
        assert_eq!(
            document["dependencies"][2]["dependsOn"],
            json!(["pkg:cargo/a@1.0.0"])
        );
    }
}
