//! Values of the section `storage`.

use std::path::PathBuf;

use sfumato_engine::blobs::{Encrypted, S3Location};

use super::values::SettingValue;

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
    pub(super) fn is_plain(&self) -> bool {
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
