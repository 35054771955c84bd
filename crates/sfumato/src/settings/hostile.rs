//! Replays the corpus of settings files (`fuzz/README.md`): each is read or refused with a reason, as its name says.

use std::path::Path;

use super::{Loaded, SettingsError, Sources, text};

fn load(path: &Path) -> Result<Loaded, SettingsError> {
    let sources = Sources {
        config: Some(path.to_owned()),
        ..Sources::default()
    };
    sources.load()
}

#[test]
fn hostile_files_are_read_or_refused_with_a_reason() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/config");
    let dir = tempfile::tempdir().unwrap();
    let printed = dir.path().join("printed.toml");
    let mut replayed = 0;
    for entry in std::fs::read_dir(corpus).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let loaded = load(&entry.path());
        if name.starts_with("ok-") {
            let loaded = loaded.unwrap_or_else(|error| panic!("{name}: {error}"));
            std::fs::write(&printed, text(&loaded)).unwrap();
            let again = load(&printed).unwrap_or_else(|error| panic!("{name}, printed: {error}"));
            assert_eq!(again.settings, loaded.settings, "{name}");
        } else {
            let error = loaded.expect_err(&name).to_string();
            assert!(error.len() > 10, "{name}: {error}");
        }
        replayed += 1;
    }
    assert!(replayed > 30, "{replayed} files");
}
