//! What lies in folders and is not done.

use std::path::{Path, PathBuf};

use super::report::counted;
use crate::printed::printed;

/// Names that are told one by one.
const NAMED_MAX: usize = 5;

/// Extensions by which a person takes a file for a picture, a video or an archive of them, supported or not.
const MEDIA_EXTENSIONS: [&str; 35] = [
    "3gp", "apng", "avi", "avif", "bmp", "dib", "dng", "flv", "gif", "heic", "heif", "jfif", "jp2", "jpe",
    "jpeg", "jpg", "jxl", "m2ts", "m4v", "mkv", "mov", "mp4", "mpeg", "mpg", "mts", "ogv", "png", "psd",
    "svg", "tif", "tiff", "webm", "webp", "wmv", "zip",
];

/// What was found in folders and is not done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Skipped {
    /// Files that are no media.
    pub(crate) files: usize,
    /// Those of them whose names say otherwise; the first few.
    named: Vec<PathBuf>,
    /// How many names say otherwise.
    media_names: usize,
    /// What is neither file nor folder: pipes, sockets, links that lead nowhere or to a folder.
    pub(crate) others: usize,
}

impl Skipped {
    /// A file whose content is no media.
    pub(crate) fn file(&mut self, path: &Path) {
        self.files += 1;
        let extension = path.extension().unwrap_or_default().to_string_lossy();
        if MEDIA_EXTENSIONS.contains(&extension.to_ascii_lowercase().as_str()) {
            self.media_names += 1;
            if self.named.len() < NAMED_MAX {
                self.named.push(path.to_owned());
            }
        }
    }

    /// Something else.
    pub(super) fn other(&mut self) {
        self.others += 1;
    }

    /// Lines for a person: what was probably meant to be done.
    pub(crate) fn notes(&self) -> Vec<String> {
        let named = self.named.iter();
        let mut notes: Vec<_> = named
            .map(|path| {
                format!(
                    "skipped: {}: the content is of no supported format",
                    printed(path)
                )
            })
            .collect();
        let more = self.media_names - self.named.len();
        if more > 0 {
            notes.push(format!(
                "skipped: {} with names of pictures, videos or archives",
                counted(more, "more file")
            ));
        }
        notes
    }

    /// The end of a summary; empty where nothing was skipped.
    pub(crate) fn summary(&self) -> String {
        let mut text = String::new();
        if self.files > 0 {
            text.push_str(&format!("; {} skipped: no media", counted(self.files, "file")));
        }
        if self.others > 0 {
            text.push_str(&format!("; {} skipped: neither file nor folder", self.others));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_names_that_say_otherwise_are_told_and_the_rest_is_counted() {
        let mut skipped = Skipped::default();
        assert!(skipped.notes().is_empty() && skipped.summary().is_empty());
        skipped.file(Path::new("notes.txt"));
        assert!(skipped.notes().is_empty());
        for number in 0..7 {
            skipped.file(Path::new(&format!("{number}.GIF")));
        }
        skipped.other();
        let notes = skipped.notes();
        assert_eq!(notes.len(), 6);
        assert_eq!(notes[0], "skipped: 0.GIF: the content is of no supported format");
        assert_eq!(
            notes[5],
            "skipped: 2 more files with names of pictures, videos or archives"
        );
        assert_eq!(
            skipped.summary(),
            "; 8 files skipped: no media; 1 skipped: neither file nor folder"
        );
    }
}
