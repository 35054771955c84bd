//! What is measured: the product with a profile, or deface with a size.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::assets;
use crate::eval::Timings;
use crate::process::command;
use crate::workspace;

use super::deface::Deface;

/// The size at which deface is told to look, to be like `fast`.
pub(super) const SMALL: &str = "640x360";

/// Who does the work, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Subject {
    /// The product.
    Ours {
        profile: &'static str,
        /// Without plates, as deface does not know them.
        faces_only: bool,
    },
    /// deface, which knows faces only.
    Deface {
        /// The size in which it looks; the picture's own if absent.
        scale: Option<&'static str>,
        /// Threads of ONNX Runtime; one a core if absent.
        threads: Option<u32>,
    },
}

/// The product's profiles, the quickest first.
pub(super) const PROFILES: [&str; 3] = ["fast", "balanced", "thorough"];

impl Subject {
    /// The product in all profiles, and without plates where it is compared.
    pub(super) fn ours() -> Vec<Self> {
        let with_plates = PROFILES.map(|profile| Self::Ours {
            profile,
            faces_only: false,
        });
        let without = ["fast", "balanced"].map(|profile| Self::Ours {
            profile,
            faces_only: true,
        });
        with_plates.into_iter().chain(without).collect()
    }

    /// deface small and as it comes, on one thread and with its own number.
    pub(super) fn theirs() -> Vec<Self> {
        let scales = [Some(SMALL), None];
        let both = |scale| [Some(1), None].map(|threads| Self::Deface { scale, threads });
        scales.into_iter().flat_map(both).collect()
    }

    pub(super) fn name(self) -> String {
        match self {
            Self::Ours { profile, .. } => format!("sfumato {profile}"),
            Self::Deface { scale, threads } => {
                let scale = scale.map_or_else(String::new, |scale| format!(" --scale {scale}"));
                let threads = threads.map_or("its own threads", |_| "1 thread");
                format!("deface{scale}, {threads}")
            }
        }
    }

    /// What it looks for.
    pub(super) const fn classes(self) -> &'static str {
        match self {
            Self::Ours {
                faces_only: false, ..
            } => "faces, plates",
            _ => "faces",
        }
    }

    /// The memory of one worker in MiB, from the peaks of all processes by name: deface is one process, whatever Python is
    /// called; of ours it is the media process.
    pub(super) fn worker_memory(self, peaks: &BTreeMap<String, f64>) -> Option<f64> {
        match self {
            Self::Ours { .. } => peaks.get("sfumato-media").copied(),
            Self::Deface { .. } => peaks.values().copied().reduce(f64::max),
        }
    }
}

/// The programs.
#[derive(Debug)]
pub(super) struct Programs {
    /// The path of `sfumato`.
    pub(super) sfumato: PathBuf,
    pub(super) deface: Option<Deface>,
}

impl Programs {
    /// The command that hides what is in some files. The results go into the folder `to`, or lie beside the files. `jobs` is how many
    /// pictures the product works on at the same time; one a core if absent.
    ///
    /// None if the program is not there.
    pub(super) fn blur(
        &self,
        subject: Subject,
        files: &[PathBuf],
        to: &Path,
        jobs: Option<usize>,
    ) -> Option<Command> {
        match subject {
            Subject::Ours { profile, faces_only } => {
                let mut blur = command(&self.sfumato);
                // One thread for each picture: so the server works, and so CPU times can be compared.
                blur.args(["blur", "--json", "--overwrite", "--threads", "1"])
                    .args(["--profile", profile])
                    .arg("--assets-dir")
                    .arg(workspace::root().join(assets::FOLDER))
                    .arg("--output")
                    .arg(to);
                if faces_only {
                    blur.arg("--no-plates");
                }
                if let Some(jobs) = jobs {
                    blur.args(["--jobs", &jobs.to_string()]);
                }
                blur.args(files);
                Some(blur)
            }
            Subject::Deface { scale, threads } => Some(self.deface.as_ref()?.blur(scale, threads, files)),
        }
    }
}

/// The times of all pictures in what `sfumato blur --json` prints: one object a line, or one with all files in it.
pub(super) fn timings(output: &[u8]) -> Vec<Timings> {
    let values = serde_json::Deserializer::from_slice(output).into_iter::<Value>();
    let mut all = Vec::new();
    for value in values.map_while(Result::ok) {
        let files = match value.get("files") {
            Some(Value::Array(files)) => files.clone(),
            _ => vec![value],
        };
        all.extend(
            files
                .iter()
                .filter_map(|file| serde_json::from_value::<Timings>(file.get("timings")?.clone()).ok()),
        );
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_from_lines_and_from_a_summary() {
        let one = r#"{"input": "a", "timings": {"decode_ms": 1, "resize_ms": 2, "inference_ms": 3, "mask_ms": 4, "encode_ms": 5}}"#;
        let lines = format!("{one}\n{{\"input\": \"b\", \"error\": \"no picture\"}}\n{one}\n");
        let summary = format!("{{\"files\": [{one}, {one}], \"failed\": 0}}");
        for text in [lines, summary] {
            let timings = timings(text.as_bytes());
            assert_eq!(timings.len(), 2);
            assert_eq!(timings[0].total_ms(), 15.0);
        }
        assert!(timings(b"3 done").is_empty());
    }

    #[test]
    fn the_commands_differ_in_what_is_compared() {
        let programs = Programs {
            sfumato: "sfumato".into(),
            deface: None,
        };
        let files = [PathBuf::from("a.jpg")];
        let line = |subject| {
            let command = programs.blur(subject, &files, Path::new("out"), Some(1))?;
            Some(crate::process::shell_line(&command))
        };
        let ours = line(Subject::Ours {
            profile: "fast",
            faces_only: true,
        })
        .unwrap();
        assert!(
            ours.contains("--profile fast") && ours.contains("--no-plates"),
            "{ours}"
        );
        assert!(
            ours.contains("--threads 1") && ours.contains("--jobs 1") && ours.ends_with("a.jpg"),
            "{ours}"
        );
        assert!(
            Subject::theirs()
                .into_iter()
                .all(|subject| line(subject).is_none())
        );
        let names: Vec<_> = Subject::theirs().into_iter().map(Subject::name).collect();
        assert_eq!(names[0], "deface --scale 640x360, 1 thread");
        assert_eq!(names[3], "deface, its own threads");
    }
}
