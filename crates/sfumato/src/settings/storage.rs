//! Values of the section `storage`.

use std::path::PathBuf;
use std::time::Duration;

use sfumato_engine::blobs::{Encrypted, PART_BYTES_MIN, S3Location};

use super::options::Settings;
use super::values::SettingValue;

/// S3 takes no larger part than 5 GiB; what is gathered in memory should be far less.
const PART_BYTES_MAX: u64 = 1 << 30;

/// The most that S3 signs an address for.
const REDIRECT_LIFETIME_MAX: Duration = Duration::from_secs(7 * 24 * 60 * 60);

/// What has to hold of the section: the setting, whether it does, and the rule.
pub(super) fn rules(settings: &Settings) -> [(&'static str, bool, &'static str); 4] {
    let plain = settings
        .storage_endpoint
        .as_ref()
        .is_some_and(HttpEndpoint::is_plain);
    [
        (
            "storage.part_bytes",
            (PART_BYTES_MIN..=PART_BYTES_MAX).contains(&settings.storage_part_bytes.0),
            "must be from 5MiB to 1GiB",
        ),
        (
            "storage.timeout",
            settings.storage_timeout >= Duration::from_secs(1),
            "must be at least 1s",
        ),
        (
            "storage.redirect_lifetime",
            (Duration::from_secs(1)..=REDIRECT_LIFETIME_MAX).contains(&settings.storage_redirect_lifetime),
            "must be from 1s to 7d",
        ),
        (
            "storage.endpoint",
            settings.storage_allow_http || !plain,
            "must begin with https:, or `storage.allow_http` must be true",
        ),
    ]
}

/// Where originals and results lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum StorageLocation {
    /// In the data folder.
    DataFolder,
    /// In a folder elsewhere.
    Folder(PathBuf),
    /// In a bucket.
    S3(S3Location),
}

impl SettingValue for StorageLocation {
    const EXPECTED: &'static str = "a folder such as \"/mnt/media\", a place in S3 such as \"s3://bucket/prefix\" (letters, digits and !-_.*'()= in the prefix), or \"\" for the data folder";

    fn from_text(text: &str) -> Option<Self> {
        if text.is_empty() {
            Some(Self::DataFolder)
        } else if text.contains("://") {
            text.parse().ok().map(Self::S3)
        } else {
            Some(Self::Folder(text.into()))
        }
    }

    fn to_toml(&self) -> toml::Value {
        match self {
            Self::DataFolder => String::new(),
            Self::Folder(path) => path.display().to_string(),
            Self::S3(location) => location.to_string(),
        }
        .into()
    }
}

impl SettingValue for Option<HttpEndpoint> {
    const EXPECTED: &'static str =
        "an http or https address such as \"https://s3.example.com\", or \"\" for that of AWS";

    fn from_text(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(None);
        }
        let url = url::Url::parse(text).ok()?;
        let usable = matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && url.username().is_empty()
            && url.password().is_none();
        usable.then(|| Some(HttpEndpoint(text.to_owned())))
    }

    fn to_toml(&self) -> toml::Value {
        self.as_ref()
            .map(|endpoint| endpoint.0.clone())
            .unwrap_or_default()
            .into()
    }
}

/// The address of a service, without credentials in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct HttpEndpoint(pub(crate) String);

impl HttpEndpoint {
    /// Whether it is reached without TLS.
    fn is_plain(&self) -> bool {
        self.0.starts_with("http:")
    }
}

/// A word that another service gives a meaning to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Word(pub(crate) String);

impl Word {
    /// `None` where nothing is said.
    pub(crate) fn get(&self) -> Option<String> {
        (!self.0.is_empty()).then(|| self.0.clone())
    }
}

impl SettingValue for Word {
    const EXPECTED: &'static str = "a word without spaces, or \"\"";

    fn from_text(text: &str) -> Option<Self> {
        text.bytes()
            .all(|byte| byte.is_ascii_graphic())
            .then(|| Self(text.to_owned()))
    }

    fn to_toml(&self) -> toml::Value {
        self.0.clone().into()
    }
}

/// Whether an S3-compatible store is asked to encrypt what it keeps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StoreEncryption {
    /// As the bucket says.
    None,
    /// With keys of the store.
    Aes256,
    /// With a key of AWS KMS.
    Kms,
}

impl SettingValue for StoreEncryption {
    const EXPECTED: &'static str = "\"none\", \"AES256\" or \"aws:kms\"";

    fn from_text(text: &str) -> Option<Self> {
        match text {
            "none" => Some(Self::None),
            "AES256" => Some(Self::Aes256),
            "aws:kms" => Some(Self::Kms),
            _ => None,
        }
    }

    fn to_toml(&self) -> toml::Value {
        match self {
            Self::None => "none",
            Self::Aes256 => "AES256",
            Self::Kms => "aws:kms",
        }
        .into()
    }
}

impl SettingValue for Encrypted {
    const EXPECTED: &'static str = "\"nothing\", \"originals\" or \"everything\"";

    fn from_text(text: &str) -> Option<Self> {
        match text {
            "nothing" => Some(Self::Nothing),
            "originals" => Some(Self::Originals),
            "everything" => Some(Self::Everything),
            _ => None,
        }
    }

    fn to_toml(&self) -> toml::Value {
        match self {
            Self::Nothing => "nothing",
            Self::Originals => "originals",
            Self::Everything => "everything",
        }
        .into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_folder_or_a_bucket_and_nothing_in_between() {
        for (text, expected) in [
            ("", Some(StorageLocation::DataFolder)),
            ("/mnt/s3", Some(StorageLocation::Folder("/mnt/s3".into()))),
            (
                "s3://bucket/a",
                "s3://bucket/a".parse().ok().map(StorageLocation::S3),
            ),
            ("s3://Bucket", None),
            ("gs://bucket", None),
        ] {
            assert_eq!(StorageLocation::from_text(text), expected, "{text}");
            if let Some(place) = expected {
                assert_eq!(place.to_toml(), toml::Value::from(text));
            }
        }
    }

    #[test]
    fn an_endpoint_holds_no_credentials() {
        let read = Option::<HttpEndpoint>::from_text;
        assert!(read("https://s3.example.com:9000").is_some_and(|endpoint| endpoint.is_some()));
        for text in [
            "s3.example.com",
            "https://key:secret@s3.example.com",
            "ftp://s3.example.com",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
