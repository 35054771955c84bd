//! Flags that override settings. Several commands share them; each is a text that the settings read and check.

use std::path::PathBuf;

use clap::{Args, ValueHint};
use sfumato_core::options::Profile;

use crate::settings::{
    FlagValue, Folders, Loaded, SettingValue, SettingsError, Sources, variables_of_process,
};

/// Which settings file.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct ConfigFlag {
    /// TOML file with settings [variable: SFUMATO_CONFIG]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) config: Option<PathBuf>,
}

/// Where the data lies.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct DataFlag {
    /// Folder that holds database, originals, results and keys [default: sfumato-data]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) data_dir: Option<String>,
    /// PostgreSQL database of an installation of several processes [default: SQLite in the data folder]
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    pub(crate) database_url: Option<String>,
}

/// Where originals and results lie.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct StorageFlag {
    /// Folder or s3://bucket/prefix that holds originals and results [default: blobs in the data folder]
    #[arg(long, value_name = "PLACE", value_hint = ValueHint::AnyPath)]
    pub(crate) storage: Option<String>,
}

/// Where models and the media executable are.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct MediaFlags {
    /// Folder with the models and ONNX Runtime [default: searched]
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) assets_dir: Option<String>,
    /// The executable that does all media work [default: sfumato-media beside this one]
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) media_program: Option<String>,
    /// Folder with models of your own and a pack.toml; may be given several times
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(crate) model_pack: Vec<PathBuf>,
    /// Whether to work where the kernel does not grant every layer of the sandbox: require, prefer (with a warning), or off [default: prefer]
    #[arg(long, value_name = "MODE")]
    pub(crate) sandbox: Option<String>,
}

/// How hard is looked.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct ProfileFlag {
    /// How hard is looked where nobody says: time against misses [default: balanced]
    #[arg(long, value_name = "PROFILE", value_parser = Profile::ALL.map(Profile::as_str))]
    pub(crate) profile: Option<String>,
}

/// What a picture with several frames may be at most.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct FrameFlags {
    /// Most frames of an animation or pages of a TIFF file [default: 1000]
    #[arg(long, value_name = "N")]
    pub(crate) frames_max: Option<String>,
    /// Most pixels of all frames or pages together [default: 1073741824]
    #[arg(long, value_name = "N")]
    pub(crate) frames_pixels_max: Option<String>,
}

/// What is logged and how.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct LogFlags {
    /// Form of the log on standard error: text or json [default: text]
    #[arg(long, value_name = "FORMAT")]
    pub(crate) log_format: Option<String>,
    /// What is logged: error, warn, info, debug, trace, or levels by module [default: info]
    #[arg(long, value_name = "LEVEL")]
    pub(crate) log_level: Option<String>,
}

/// Everything that `serve` takes.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct ServeFlags {
    #[command(flatten)]
    pub(crate) config: ConfigFlag,
    /// Address and port of the API; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) listen: Option<String>,
    #[command(flatten)]
    pub(crate) data: DataFlag,
    /// What this process does: api, worker, courier, janitor, parted by commas [default: all]
    #[arg(long, value_name = "ROLES")]
    pub(crate) roles: Option<String>,
    #[command(flatten)]
    pub(crate) storage: StorageFlag,
    /// Address under which clients reach the API [default: the host that each request names]
    #[arg(long, value_name = "URL", value_hint = ValueHint::Url)]
    pub(crate) public_url: Option<String>,
    /// Let webhooks reach this machine and private networks; for development only
    #[arg(long)]
    pub(crate) allow_private_webhooks: bool,
    /// Jobs that run at the same time: a number, or auto for one a core [default: auto]
    #[arg(long, value_name = "N")]
    pub(crate) jobs_at_once: Option<String>,
    #[command(flatten)]
    pub(crate) profile: ProfileFlag,
    #[command(flatten)]
    pub(crate) frames: FrameFlags,
    #[command(flatten)]
    pub(crate) media: MediaFlags,
    #[command(flatten)]
    pub(crate) log: LogFlags,
}

/// Flags that name values of settings.
pub(crate) trait Overrides {
    /// The flags that were given.
    fn overrides(&self) -> Vec<FlagValue>;
}

/// The flag as it was given, where it was.
pub(crate) fn given(flag: &'static str, key: &'static str, value: Option<&String>) -> Option<FlagValue> {
    value.map(|value| FlagValue {
        flag,
        key,
        value: value.clone(),
    })
}

impl Overrides for DataFlag {
    fn overrides(&self) -> Vec<FlagValue> {
        let database = self.database_url.as_ref();
        [
            given("--data-dir", "data_dir", self.data_dir.as_ref()),
            given("--database-url", "database_url", database),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

impl Overrides for StorageFlag {
    fn overrides(&self) -> Vec<FlagValue> {
        given("--storage", "storage.location", self.storage.as_ref())
            .into_iter()
            .collect()
    }
}

impl Overrides for MediaFlags {
    fn overrides(&self) -> Vec<FlagValue> {
        // As a TOML list, which also holds folders with a colon in their name.
        let packs =
            (!self.model_pack.is_empty()).then(|| Folders(self.model_pack.clone()).to_toml().to_string());
        [
            given("--assets-dir", "assets_dir", self.assets_dir.as_ref()),
            given("--media-program", "media_program", self.media_program.as_ref()),
            given("--model-pack", "media.model_packs", packs.as_ref()),
            given("--sandbox", "media.sandbox", self.sandbox.as_ref()),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

impl Overrides for ProfileFlag {
    fn overrides(&self) -> Vec<FlagValue> {
        given("--profile", "detection.profile", self.profile.as_ref())
            .into_iter()
            .collect()
    }
}

impl Overrides for FrameFlags {
    fn overrides(&self) -> Vec<FlagValue> {
        let (frames, pixels) = (self.frames_max.as_ref(), self.frames_pixels_max.as_ref());
        [
            given("--frames-max", "pictures.frames_max", frames),
            given("--frames-pixels-max", "pictures.frames_pixels_max", pixels),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

impl Overrides for LogFlags {
    fn overrides(&self) -> Vec<FlagValue> {
        [
            given("--log-format", "log.format", self.log_format.as_ref()),
            given("--log-level", "log.level", self.log_level.as_ref()),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

impl Overrides for ServeFlags {
    fn overrides(&self) -> Vec<FlagValue> {
        let private = self.allow_private_webhooks.then(|| "true".to_owned());
        let own = [
            given("--listen", "listen", self.listen.as_ref()),
            given("--roles", "roles", self.roles.as_ref()),
            given("--public-url", "public_url", self.public_url.as_ref()),
            given(
                "--allow-private-webhooks",
                "webhooks.allow_private",
                private.as_ref(),
            ),
            given(
                "--jobs-at-once",
                "worker.jobs_at_once",
                self.jobs_at_once.as_ref(),
            ),
        ];
        own.into_iter()
            .flatten()
            .chain(self.data.overrides())
            .chain(self.storage.overrides())
            .chain(self.profile.overrides())
            .chain(self.frames.overrides())
            .chain(self.media.overrides())
            .chain(self.log.overrides())
            .collect()
    }
}

/// Reads defaults, file, variables and the given flags.
///
/// # Errors
/// [`SettingsError`].
pub(crate) fn load(config: &ConfigFlag, overrides: &[&dyn Overrides]) -> Result<Loaded, SettingsError> {
    let sources = Sources {
        config: config.config.clone(),
        variables: variables_of_process(),
        flags: overrides.iter().flat_map(|flags| flags.overrides()).collect(),
    };
    sources.load()
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::settings::{OPTIONS, Sources};

    #[test]
    fn every_flag_of_serve_reaches_its_setting() {
        let text = |value: &str| Some(value.to_owned());
        let flags = ServeFlags {
            config: ConfigFlag::default(),
            listen: text("127.0.0.1:1"),
            data: DataFlag {
                data_dir: text("d"),
                database_url: text("postgres://h/d"),
            },
            storage: StorageFlag {
                storage: text("s3://bucket/p"),
            },
            roles: text("api"),
            public_url: text("https://example.com"),
            allow_private_webhooks: true,
            jobs_at_once: text("3"),
            profile: ProfileFlag {
                profile: text("fast"),
            },
            frames: FrameFlags {
                frames_max: text("7"),
                frames_pixels_max: text("8"),
            },
            media: MediaFlags {
                assets_dir: text("a"),
                media_program: text("m"),
                model_pack: vec!["p:q".into(), "r".into()],
                sandbox: text("require"),
            },
            log: LogFlags {
                log_format: text("json"),
                log_level: text("debug"),
            },
        };
        let overrides = flags.overrides();
        let command = crate::cli::Cli::command();
        let serve = command.find_subcommand("serve").unwrap();
        let declared = serve
            .get_arguments()
            .filter(|arg| arg.get_id() != "config")
            .count();
        assert_eq!(overrides.len(), declared);
        for flag in &overrides {
            assert!(
                OPTIONS.iter().any(|option| option.key == flag.key),
                "{}",
                flag.key
            );
            let name = flag.flag.trim_start_matches("--");
            assert!(
                serve.get_arguments().any(|arg| arg.get_long() == Some(name)),
                "{name}"
            );
        }
        let sources = Sources {
            flags: overrides.clone(),
            ..Sources::default()
        };
        let loaded = sources.load().unwrap();
        for flag in overrides {
            assert_eq!(loaded.origin(flag.key).to_string(), flag.flag);
        }
        let settings = loaded.settings;
        assert!(settings.allow_private_webhooks);
        assert_eq!(settings.model_packs.0, [PathBuf::from("p:q"), "r".into()]);
        assert_eq!(settings.detection_profile, Profile::Fast);
    }
}
