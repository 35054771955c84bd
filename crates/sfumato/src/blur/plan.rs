//! Which files are read and where each result goes, for `sfumato blur` and `sfumato detect`.
//!
//! All of it is decided before anything is written, so that two inputs that would become one output, or an output that is
//! an input, stop the command while nothing has happened.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use sfumato_core::MediaFormat;
use thiserror::Error;
use walkdir::WalkDir;

use super::skipped::Skipped;
use crate::printed::printed;

/// The inputs and the output do not go together.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum PlanError {
    /// Two inputs have one output.
    #[error(
        "plan the outputs: {} and {} would both become {}",
        printed(first),
        printed(second),
        printed(output)
    )]
    Collision {
        /// One input.
        first: PathBuf,
        /// Another.
        second: PathBuf,
        /// What both would become.
        output: PathBuf,
    },
    /// An output is an input.
    #[error(
        "plan the outputs: {} would overwrite an input; choose another --output",
        printed(output)
    )]
    OverwritesInput {
        /// It.
        output: PathBuf,
    },
    /// Results of which each has its own name go into a folder, and the output is a file.
    #[error("plan the outputs: {} is a file where a folder is needed", printed(output))]
    NotAFolder {
        /// It.
        output: PathBuf,
    },
    /// `-`, which elsewhere means what is piped in or out.
    #[error(
        "use `-` for {what}: nothing is read from standard input or written to standard output; name a file, or write ./- for one that is called so"
    )]
    Dash {
        /// For what it stands.
        what: &'static str,
    },
}

/// Whoever writes `-` means a pipe, and would find a file of that name.
///
/// # Errors
/// [`PlanError::Dash`].
pub(crate) fn refuse_dash(path: &Path, what: &'static str) -> Result<(), PlanError> {
    if path.as_os_str() == "-" {
        return Err(PlanError::Dash { what });
    }
    Ok(())
}

/// One file to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Planned {
    /// Its place among everything that was found, from 0.
    pub(crate) place: usize,
    /// What is read.
    pub(crate) input: PathBuf,
    /// What the content of that is, and of the result.
    pub(crate) format: MediaFormat,
    /// What is written.
    pub(crate) output: PathBuf,
}

impl Planned {
    /// What is to be said of the output's name: its extension promises another format than the result has. That of an input
    /// is nobody's choice here.
    pub(crate) fn misnamed(&self) -> Option<String> {
        let extension = |path: &Path| {
            let extension = path.extension()?.to_string_lossy().to_ascii_lowercase();
            Some(extension)
        };
        let chosen =
            extension(&self.output).filter(|chosen| extension(&self.input).as_ref() != Some(chosen))?;
        if extensions(self.format).contains(&chosen.as_str()) {
            return None;
        }
        Some(format!(
            "the result is {}, as the input is, whatever the name {} says; formats are not converted",
            self.format,
            printed(&self.output)
        ))
    }
}

/// The extensions that files of a format have.
const fn extensions(format: MediaFormat) -> &'static [&'static str] {
    match format {
        MediaFormat::Jpeg => &["jpg", "jpeg", "jpe", "jfif"],
        MediaFormat::Png => &["png", "apng"],
        MediaFormat::Webp => &["webp"],
        MediaFormat::Bmp => &["bmp", "dib"],
        MediaFormat::Tiff => &["tif", "tiff"],
        MediaFormat::Mp4 => &["mp4", "m4v"],
        MediaFormat::Mov => &["mov", "qt"],
        MediaFormat::Avi => &["avi"],
        MediaFormat::Mkv => &["mkv"],
        MediaFormat::Webm => &["webm"],
        MediaFormat::Zip => &["zip", "cbz"],
    }
}

/// An input that cannot be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// Its place among everything that was found, from 0.
    pub(crate) place: usize,
    /// What was named or found.
    pub(crate) input: PathBuf,
    /// What is wrong with it.
    pub(crate) reason: String,
}

/// Everything that is to be done.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Files to do, in the order of the inputs and by name within a folder.
    pub(crate) files: Vec<Planned>,
    /// What lies in folders and is not done.
    pub(crate) skipped: Skipped,
    /// Inputs that cannot be done.
    pub(crate) failures: Vec<Refused>,
    /// The one input is one file.
    pub(crate) single_file: bool,
}

impl Plan {
    /// Finds the files of `inputs` (files, folders, glob patterns) and names an output for each.
    ///
    /// One file may become a file of any name. Otherwise `output` is a folder: a file keeps its name, the only folder
    /// gives its tree, one of several inputs gives its tree under its own name, and a pattern gives the tree below its
    /// fixed part.
    ///
    /// # Errors
    /// [`PlanError`].
    pub(crate) fn new(inputs: &[PathBuf], output: &Path) -> Result<Self, PlanError> {
        refuse_dash(output, "the output")?;
        let mut plan = Self::default();
        refuse_dashes(inputs)?;
        if let [input] = inputs
            && input.is_file()
        {
            plan.single_file = true;
            let as_folder = output.is_dir() || output.as_os_str().as_encoded_bytes().ends_with(b"/");
            let output = if as_folder {
                output.join(input.file_name().unwrap_or_default())
            } else {
                output.to_owned()
            };
            plan.add_named(input.clone(), output);
        } else {
            if output.is_file() {
                return Err(PlanError::NotAFolder {
                    output: output.to_owned(),
                });
            }
            plan.add_inputs(inputs, output);
        }
        plan.check_outputs()?;
        Ok(plan)
    }

    /// The same for files that are only looked at. Where a folder for documents is named, each has the name of its picture
    /// with `.json` behind it, laid out as the results of [`Plan::new`]; otherwise outputs are empty and mean nothing.
    ///
    /// # Errors
    /// [`PlanError`].
    pub(crate) fn to_look_at(inputs: &[PathBuf], documents: Option<&Path>) -> Result<Self, PlanError> {
        refuse_dashes(inputs)?;
        let mut plan = Self::default();
        let Some(folder) = documents else {
            plan.add_inputs(inputs, Path::new(""));
            plan.files.iter_mut().for_each(|file| file.output.clear());
            return Ok(plan);
        };
        refuse_dash(folder, "the output")?;
        if folder.is_file() {
            return Err(PlanError::NotAFolder {
                output: folder.to_owned(),
            });
        }
        plan.add_inputs(inputs, folder);
        for file in &mut plan.files {
            file.output.as_mut_os_string().push(".json");
        }
        plan.check_outputs()?;
        Ok(plan)
    }

    fn add_inputs(&mut self, inputs: &[PathBuf], output: &Path) {
        let alone = inputs.len() == 1;
        for input in inputs {
            self.add_input(input, output, alone);
        }
    }

    fn add(&mut self, input: PathBuf, format: MediaFormat, output: PathBuf) {
        let place = self.found();
        self.files.push(Planned {
            place,
            input,
            format,
            output,
        });
    }

    fn refuse(&mut self, input: &Path, reason: impl Into<String>) {
        self.failures.push(Refused {
            place: self.found(),
            input: input.to_owned(),
            reason: reason.into(),
        });
    }

    fn found(&self) -> usize {
        self.files.len() + self.failures.len()
    }

    fn check_outputs(&self) -> Result<(), PlanError> {
        let outputs: Vec<_> = self.files.iter().map(|file| file.output.as_path()).collect();
        self.check(&outputs)
    }

    /// Checks that the detections document destroys nothing either.
    ///
    /// # Errors
    /// [`PlanError::Dash`], [`PlanError::OverwritesInput`], [`PlanError::Collision`].
    pub(crate) fn check_detections(&self, path: &Path) -> Result<(), PlanError> {
        refuse_dash(path, "the detections")?;
        let taken = self.files.iter().find(|file| same_name(&file.output, path));
        if let Some(file) = taken {
            return Err(PlanError::Collision {
                first: file.input.clone(),
                second: "the detections".into(),
                output: path.to_owned(),
            });
        }
        self.check(&[path])
    }

    fn add_input(&mut self, input: &Path, output: &Path, alone: bool) {
        if input.is_dir() {
            let target = match (alone, input.file_name()) {
                (false, Some(name)) => output.join(name),
                _ => output.to_owned(),
            };
            self.add_folder(input, &target, output);
        } else if input.exists() {
            let name = input.file_name().unwrap_or_default();
            self.add_named(input.to_owned(), output.join(name));
        } else if is_pattern(input) {
            self.add_pattern(input, output);
        } else {
            self.refuse(input, "there is no such file or folder");
        }
    }

    fn add_pattern(&mut self, pattern: &Path, output: &Path) {
        let base = fixed_part(pattern);
        let matches = match glob::glob(&pattern.to_string_lossy()) {
            Ok(matches) => matches,
            Err(error) => {
                self.refuse(pattern, format!("the pattern cannot be read: {error}"));
                return;
            }
        };
        let before = self.found();
        for found in matches {
            match found {
                // `**` matches folders as well as what is in them; only what a shell would hand over as a file counts.
                Ok(path) if path.is_dir() => {}
                Ok(path) => {
                    let below = path.strip_prefix(&base).unwrap_or(&path).to_owned();
                    self.add_named(path, output.join(below));
                }
                Err(error) => self.refuse(error.path(), error.error().to_string()),
            }
        }
        if self.found() == before {
            self.refuse(pattern, "no file matches");
        }
    }

    /// A file that somebody named: that it is no media is a failure.
    fn add_named(&mut self, input: PathBuf, output: PathBuf) {
        match sniff(&input) {
            Ok(Some(format)) => self.add(input, format, output),
            Ok(None) => self.refuse(&input, unsupported()),
            Err(error) => self.refuse(&input, format!("failed to read it: {error}")),
        }
    }

    /// A folder: what is no media in it is skipped. The results of an earlier run, where they lie within, are not done
    /// again.
    fn add_folder(&mut self, folder: &Path, target: &Path, output: &Path) {
        let results = std::fs::canonicalize(output).ok();
        let within_results = |path: &Path| results.is_some() && std::fs::canonicalize(path).ok() == results;
        let root = std::fs::canonicalize(folder).ok();
        let walk = WalkDir::new(folder).sort_by_file_name().into_iter();
        // A folder that is its own output is refused later, by name; here it would only seem empty.
        let walk = walk.filter_entry(|entry| {
            !entry.file_type().is_dir() || results == root || !within_results(entry.path())
        });
        for entry in walk {
            match entry {
                Ok(entry) if entry.path().is_file() => {
                    let below = entry.path().strip_prefix(folder).unwrap_or(entry.path());
                    let (input, output) = (entry.path().to_owned(), target.join(below));
                    match sniff(&input) {
                        Ok(Some(format)) => self.add(input, format, output),
                        Ok(None) => self.skipped.file(&input),
                        Err(error) => self.refuse(&input, format!("failed to read it: {error}")),
                    }
                }
                Ok(entry) if entry.file_type().is_dir() => {}
                Ok(_) => self.skipped.other(),
                Err(error) => {
                    let path = error.path().unwrap_or(folder).to_owned();
                    // Its own text has the name as it is.
                    let why = error
                        .io_error()
                        .map_or_else(|| "it leads back to itself".to_owned(), ToString::to_string);
                    self.refuse(&path, format!("failed to look into it: {why}"));
                }
            }
        }
    }

    fn check(&self, outputs: &[&Path]) -> Result<(), PlanError> {
        let inputs: BTreeSet<_> = self
            .files
            .iter()
            .filter_map(|file| identity(&file.input))
            .collect();
        let mut taken: BTreeMap<&Path, &Path> = BTreeMap::new();
        for (index, output) in outputs.iter().enumerate() {
            if identity(output).is_some_and(|identity| inputs.contains(&identity)) {
                return Err(PlanError::OverwritesInput {
                    output: output.to_path_buf(),
                });
            }
            let Some(file) = self.files.get(index) else {
                continue;
            };
            if let Some(first) = taken.insert(output, &file.input) {
                return Err(PlanError::Collision {
                    first: first.to_owned(),
                    second: file.input.clone(),
                    output: output.to_path_buf(),
                });
            }
        }
        Ok(())
    }
}

/// What is wrong with a file that is no media.
pub(crate) fn unsupported() -> String {
    let formats: Vec<_> = MediaFormat::ALL.iter().map(ToString::to_string).collect();
    format!("the content is of no supported format ({})", formats.join(", "))
}

fn refuse_dashes(inputs: &[PathBuf]) -> Result<(), PlanError> {
    inputs.iter().try_for_each(|input| refuse_dash(input, "an input"))
}

/// Recognises the format by the content, as the server does.
///
/// # Errors
/// It cannot be read, or is no regular file: a pipe would have nobody at its other end, and a device no end.
pub(crate) fn sniff(path: &Path) -> io::Result<Option<MediaFormat>> {
    if !std::fs::metadata(path)?.is_file() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "it is no regular file",
        ));
    }
    let mut first = vec![];
    let most = u64::try_from(MediaFormat::SNIFF_BYTES).unwrap_or(u64::MAX);
    File::open(path)?.take(most).read_to_end(&mut first)?;
    Ok(MediaFormat::sniff(&first))
}

/// Device and inode: the same for every name of one file.
fn identity(path: &Path) -> Option<(u64, u64)> {
    let metadata = std::fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

fn same_name(a: &Path, b: &Path) -> bool {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    absolute(a) == absolute(b)
}

fn is_pattern(path: &Path) -> bool {
    path.to_string_lossy().contains(['*', '?', '['])
}

/// The folders before the first component that is a pattern.
fn fixed_part(pattern: &Path) -> PathBuf {
    let fixed = |component: &Component<'_>| !is_pattern(component.as_os_str().as_ref());
    pattern.components().take_while(fixed).collect()
}

#[cfg(test)]
mod tests;
