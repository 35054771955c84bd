//! The settings file, read as the server reads it.

use std::path::PathBuf;
use std::sync::LazyLock;

use settings::{Loaded, SettingsError, Sources};

// The executable has no library, and what reads its settings needs nothing of the rest of it.
#[path = "../../crates/sfumato/src/settings/mod.rs"]
#[allow(dead_code, unused_imports)]
mod settings;

/// One file for all inputs. Several processes of one target have a folder each.
static FILE: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("there is a temporary folder").keep();
    folder.join("sfumato.toml")
});

fn load(content: &[u8]) -> Result<Loaded, SettingsError> {
    std::fs::write(&*FILE, content).expect("the folder is there");
    let sources = Sources {
        config: Some(FILE.clone()),
        ..Sources::default()
    };
    sources.load()
}

/// A settings file. What `config print` says of it must be a file with the same settings.
pub fn config(bytes: &[u8]) {
    match load(bytes) {
        Ok(loaded) => {
            let printed = settings::text(&loaded);
            let again = load(printed.as_bytes()).unwrap_or_else(|error| panic!("{error}: {printed}"));
            assert_eq!(again.settings, loaded.settings, "{printed}");
            assert_eq!(settings::lines(&loaded).len(), settings::lines(&again).len());
        }
        Err(error) => assert!(error.to_string().len() > 10, "{error}"),
    }
}
