//! Names of entries: which are the same.
//!
//! A result may be unpacked on systems where `A` and `a` are one file.

use std::collections::HashSet;

use icu_normalizer::ComposingNormalizerBorrowed;
use sha2::{Digest, Sha256};

use super::directory::Listed;
use super::error::{ArchiveError, EntryError};
use super::name::Name;

/// Stands for all names that are one on some system. The half of a hash: 100,000 names of any length take little memory.
type Key = [u8; 16];

fn key(path: &str) -> Key {
    let normalizer = ComposingNormalizerBorrowed::new_nfc();
    let mut hash = Sha256::new();
    for part in path.split('/') {
        let folded: String = normalizer
            .normalize(part.trim_end_matches(['.', ' ']))
            .chars()
            // Both ways, so that letters with several small forms become one.
            .flat_map(char::to_uppercase)
            .flat_map(char::to_lowercase)
            .collect();
        // Folding takes letters apart that have no capital, and what is left may compose again.
        hash.update(normalizer.normalize(&folded).as_bytes());
        hash.update(b"/");
    }
    let hash = hash.finalize();
    let mut key = Key::default();
    key.copy_from_slice(&hash[..16]);
    key
}

/// The names of an archive so far.
#[derive(Debug)]
pub(super) struct Names {
    files: HashSet<Key>,
    folders: HashSet<Key>,
    entries_max: u32,
}

impl Names {
    /// None yet. There may be as many folders as entries.
    pub(super) fn new(entries_max: u32) -> Self {
        Self {
            files: HashSet::new(),
            folders: HashSet::new(),
            entries_max,
        }
    }

    /// Judges the name of an entry, and takes it.
    ///
    /// # Errors
    /// [`EntryError`] where it is refused or taken already, [`ArchiveError`] where there are too many.
    pub(super) fn accept(&mut self, listed: &Listed) -> Result<Result<Name, EntryError>, ArchiveError> {
        match listed.name.clone().and_then(|text| Name::new(&text)) {
            Ok(name) => Ok(self.take(&name)?.map(|()| name)),
            Err(error) => Ok(Err(error.into())),
        }
    }

    /// Takes the name of a file.
    ///
    /// # Errors
    /// [`EntryError`] where it is taken, or where a folder of its path is a file.
    fn take(&mut self, name: &Name) -> Result<Result<(), EntryError>, ArchiveError> {
        let own = key(name.as_str());
        let folders: Vec<Key> = name.folders().map(key).collect();
        if self.files.contains(&own) {
            return Ok(Err(EntryError::Duplicate));
        }
        if self.folders.contains(&own) || folders.iter().any(|folder| self.files.contains(folder)) {
            return Ok(Err(EntryError::FolderAndFile));
        }
        self.files.insert(own);
        self.folders.extend(folders);
        let entries_max = self.entries_max;
        if self.folders.len() as u64 > u64::from(entries_max) {
            return Err(ArchiveError::TooManyEntries { entries_max });
        }
        Ok(Ok(()))
    }

    /// A name for a file at the root that no entry has: `report.json`, or `report-1.json` and so on.
    pub(super) fn free(&self, stem: &str, extension: &str) -> String {
        let numbered = (1_u32..).map(|number| format!("{stem}-{number}.{extension}"));
        std::iter::once(format!("{stem}.{extension}"))
            .chain(numbered)
            .find(|name| {
                let key = key(name);
                !self.files.contains(&key) && !self.folders.contains(&key)
            })
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_one_on_some_system_are_the_same() {
        for (a, b) in [
            ("A.JPG", "a.jpg"),
            ("stra\u{DF}e.jpg", "STRASSE.jpg"),
            ("caf\u{E9}.jpg", "cafe\u{301}.jpg"),
            ("CAF\u{C9}.jpg", "cafe\u{301}.jpg"),
            ("a.jpg.", "a.jpg"),
            ("folder. /a.jpg", "FOLDER/a.jpg"),
            ("\u{3C2}.jpg", "\u{3A3}.jpg"),
        ] {
            assert_eq!(key(a), key(b), "{a:?} and {b:?}");
        }
        assert_ne!(key("ab/c"), key("a/bc"));
        assert_ne!(key("a.jpg"), key("a.jpeg"));
    }

    #[test]
    fn a_file_is_no_folder() {
        let mut names = Names::new(10);
        let mut take = |text: &str| names.take(&Name::new(text).unwrap()).unwrap();
        assert!(take("a/b.jpg").is_ok());
        assert!(matches!(take("A"), Err(EntryError::FolderAndFile)));
        assert!(matches!(take("a/B.jpg/c.jpg"), Err(EntryError::FolderAndFile)));
        assert!(matches!(take("a/B.JPG"), Err(EntryError::Duplicate)));
        assert!(take("a/c.jpg").is_ok());
    }

    #[test]
    fn folders_count_for_the_limit_on_entries() {
        let mut names = Names::new(3);
        assert!(names.take(&Name::new("a/b/c/x").unwrap()).is_ok());
        assert!(matches!(
            names.take(&Name::new("d/x").unwrap()),
            Err(ArchiveError::TooManyEntries { entries_max: 3 })
        ));
    }

    #[test]
    fn the_report_has_a_name_of_its_own() {
        let mut names = Names::new(10);
        assert_eq!(names.free("report", "json"), "report.json");
        assert!(names.take(&Name::new("REPORT.json").unwrap()).is_ok());
        assert!(names.take(&Name::new("report-1.json/x").unwrap()).is_ok());
        assert_eq!(names.free("report", "json"), "report-2.json");
    }
}
