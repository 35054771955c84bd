//! The licences of everything that is handed out: of each crate that is linked, of the C sources that some of them bring
//! along, of the models, the inference engine, and a word on what is not handed out but used.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde::Deserialize;

use super::PROGRAMS;
use crate::manifest::Manifest;
use crate::process::{cargo, output};

/// How names of files begin that say what may be done with what lies beside them.
const NAMES: [&str; 6] = [
    "licen",
    "copying",
    "copyright",
    "notice",
    "unlicense",
    "readme.ijg",
];
/// What lies below these is not linked.
const ASIDE: [&str; 6] = ["tests", "test", "testdata", "examples", "benches", "fuzz"];
/// Deeper, nobody keeps the licence of something that is linked.
const DEPTH_MAX: usize = 4;

const HEAD: &str = "\
Sfumato is under the Apache License 2.0, which stands in the file LICENSE. It is made with the work of others; their licences
follow, each text once, with all whose it is.

This software is based in part on the work of the Independent JPEG Group.
";
const FFMPEG: &str = "\
FFmpeg (https://ffmpeg.org) is not part of this distribution. sfumato-media is linked to libavformat, libavcodec, libavutil and
libswscale of the system at the time it runs. They are under the GNU Lesser General Public License 2.1 or later; as most
distributions build them, with parts under the GNU General Public License 2 or later. Whoever hands out sfumato-media together with
such a build does so under the GNU General Public License 3, with which the Apache License 2.0 goes together. The sources come from
the distribution: `apt-get source ffmpeg`.
";
/// The text of <https://spdx.org/licenses/MIT.html> for those who name the licence and leave out its text.
const MIT: &str = "\
Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated documentation files
(the \"Software\"), to deal in the Software without restriction, including without limitation the rights to use, copy, modify, merge,
publish, distribute, sublicense, and/or sell copies of the Software, and to permit persons to whom the Software is furnished to do
so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED \"AS IS\", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF
MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR
ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH
THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.";

#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Debug, Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    repository: Option<String>,
    authors: Vec<String>,
    manifest_path: PathBuf,
    /// Absent for what is in the workspace.
    source: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Debug, Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Debug, Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<Kind>,
}

/// For what a dependency is there: `None` is to be linked.
#[derive(Debug, Deserialize)]
struct Kind {
    kind: Option<String>,
}

/// Texts, and for each whose it is.
type Texts = BTreeMap<String, BTreeSet<String>>;

/// The whole file.
///
/// # Errors
/// Cargo does not answer, or somebody's licence is not known.
pub(super) fn text(root: &Path, manifest: &Manifest) -> anyhow::Result<String> {
    let platform = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let arguments = [
        "metadata",
        "--locked",
        "--format-version=1",
        "--filter-platform",
        &platform,
    ];
    let answer = output(cargo(root).args(arguments))?;
    let metadata: Metadata = serde_json::from_slice(&answer).context("read what cargo says of the crates")?;
    let mut packages: Vec<_> = linked(&metadata)
        .into_iter()
        .filter(|package| package.source.is_some())
        .collect();
    packages.sort_by(|one, other| (&one.name, &one.version).cmp(&(&other.name, &other.version)));
    let mut texts = Texts::new();
    let mut list = String::new();
    for package in packages {
        let name = format!("{} {}", package.name, package.version);
        let licence = package
            .license
            .as_deref()
            .with_context(|| format!("{name} names no licence"))?;
        let place = package.repository.as_deref().unwrap_or("https://crates.io");
        writeln!(list, "{name}: {licence} ({place})")?;
        for text in texts_of(package, licence)? {
            texts.entry(text).or_default().insert(name.clone());
        }
    }
    for asset in manifest
        .assets
        .iter()
        .filter(|asset| asset.file.starts_with("models/") || asset.file.starts_with("lib/"))
    {
        writeln!(list, "{}: {} ({})", asset.file, asset.licence, asset.origin)?;
    }
    let mut whole = format!("{HEAD}\n{FFMPEG}\nWhat is inside:\n\n{list}");
    write!(
        whole,
        "\nThe licences of models and inference engine are in assets/licences. Where none is there, it is the text of the MIT \
                   licence, or the file LICENSE for the Apache License, with the names above.\n\n{MIT}\n"
    )?;
    for (text, owners) in texts {
        let owners = owners.into_iter().collect::<Vec<_>>().join(", ");
        write!(whole, "\n{}\n{owners}\n\n{text}\n", "-".repeat(100))?;
    }
    Ok(whole)
}

/// Everything that the programs are linked of, themselves among it.
fn linked(metadata: &Metadata) -> Vec<&Package> {
    let nodes: BTreeMap<_, _> = metadata
        .resolve
        .nodes
        .iter()
        .map(|node| (&node.id, node))
        .collect();
    let is_program = |package: &&Package| package.source.is_none() && is_built(&package.name);
    let mut next: Vec<&String> = metadata
        .packages
        .iter()
        .filter(is_program)
        .map(|package| &package.id)
        .collect();
    let mut seen = BTreeSet::new();
    while let Some(id) = next.pop() {
        let is_new = seen.insert(id);
        let Some(node) = nodes.get(id).filter(|_| is_new) else {
            continue;
        };
        let is_linked =
            |dependency: &&Dependency| dependency.dep_kinds.iter().any(|kind| kind.kind.is_none());
        next.extend(
            node.deps
                .iter()
                .filter(is_linked)
                .map(|dependency| &dependency.pkg),
        );
    }
    metadata
        .packages
        .iter()
        .filter(|package| seen.contains(&package.id))
        .collect()
}

fn is_built(name: &str) -> bool {
    PROGRAMS.contains(&name)
}

/// What a crate's files say; a text of the standard where they say nothing.
fn texts_of(package: &Package, licence: &str) -> anyhow::Result<Vec<String>> {
    let folder = package
        .manifest_path
        .parent()
        .context("a manifest lies in a folder")?;
    let mut files = Vec::new();
    collect(folder, 0, &mut files)?;
    files.sort();
    let mut texts = Vec::new();
    for file in files {
        let bytes = fs::read(&file).with_context(|| format!("read {}", file.display()))?;
        texts.push(
            String::from_utf8_lossy(&bytes)
                .replace('\r', "")
                .trim()
                .to_owned(),
        );
    }
    texts.retain(|text| !text.is_empty());
    if !texts.is_empty() {
        return Ok(texts);
    }
    let names = if package.authors.is_empty() {
        format!("the authors of {}", package.name)
    } else {
        package.authors.join(", ")
    };
    match licence {
        alternatives if alternatives.contains("Apache-2.0") => Ok(vec![
            "The Apache License 2.0, which stands in the file LICENSE.".to_owned(),
        ]),
        alternatives if alternatives.contains("MIT") => Ok(vec![format!("Copyright (c) {names}\n\n{MIT}")]),
        // It asks for nothing, not even to be told.
        "WTFPL" => Ok(Vec::new()),
        other => bail!("{} is under {other} and brings no text of it", package.name),
    }
}

fn collect(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("list {}", folder.display()))? {
        let entry = entry.with_context(|| format!("list {}", folder.display()))?;
        let name = entry.file_name().to_string_lossy().to_lowercase();
        let path = entry.path();
        if path.is_dir() {
            if depth < DEPTH_MAX && !ASIDE.contains(&name.as_str()) {
                collect(&path, depth + 1, files)?;
            }
        } else if NAMES.iter().any(|known| name.starts_with(known)) && !is_source(&name) {
            files.push(path);
        }
    }
    Ok(())
}

/// Whether a file that is called like a licence is code about licences.
fn is_source(name: &str) -> bool {
    [".rs", ".c", ".h", ".py", ".sh", ".go"]
        .iter()
        .any(|end| name.ends_with(end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_whose_work_is_linked_is_named_with_the_texts_that_they_ask_for() {
        let root = crate::workspace::root();
        let manifest = crate::assets::manifest(&root).unwrap();
        let text = text(&root, &manifest).unwrap();
        for name in [
            "tokio 1.",
            "mozjpeg-sys 2.",
            "aws-lc-sys 0.",
            "models/centerface.onnx: MIT",
            "lib/libonnxruntime.so: MIT",
            "Independent JPEG Group",
            "GNU Lesser General Public License",
            "Copyright (c) Tokio Contributors",
        ] {
            assert!(text.contains(name), "{name}");
        }
        // Tests and builds alone need these.
        for name in ["\nproptest ", "\nbindgen "] {
            assert!(!text.contains(name), "{name}");
        }
    }
}
