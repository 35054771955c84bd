//! How each kind of value is written in a file, in a variable and in a flag, and read back.
//!
//! Reading is strict: a number without a unit is not a duration, and nothing is rounded or guessed. What is refused is
//! refused with an example of what is allowed.

use std::net::SocketAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use sfumato_core::options::Profile;
use sfumato_http::{AllowedOrigins, PublicUrl};
use sfumato_media_client::limits::Damaged;
use sfumato_media_client::sandbox::SandboxMode;
use thiserror::Error;
use toml::de::DeValue;
use tracing_subscriber::EnvFilter;

/// A value in one of the places where settings are written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Raw<'a> {
    /// The text of a variable, a flag or a built-in default.
    Text(&'a str),
    /// A value of a TOML file.
    Toml(&'a DeValue<'a>),
}

/// A value is not one of its kind. The message fits after "the value": "must be …".
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("must be {expected}, not {found}")]
pub(crate) struct WrongValue {
    /// What is allowed, with an example.
    pub(crate) expected: String,
    /// What was found.
    pub(crate) found: String,
}

impl WrongValue {
    fn new(expected: impl Into<String>, found: &str) -> Self {
        Self {
            expected: expected.into(),
            found: format!("`{found}`"),
        }
    }
}

/// A kind of value.
pub(crate) trait SettingValue: Sized {
    /// What is allowed, with an example.
    const EXPECTED: &'static str;

    /// Reads the text of a variable, a flag or a string in a TOML file.
    fn from_text(text: &str) -> Option<Self>;

    /// Reads a TOML value. Strings only, unless the kind has a TOML type of its own.
    fn from_toml(value: &DeValue<'_>) -> Option<Self> {
        value.as_str().and_then(Self::from_text)
    }

    /// The value as a TOML literal.
    fn to_toml(&self) -> toml::Value;

    /// Reads a value from any place.
    fn read(raw: Raw<'_>) -> Result<Self, WrongValue> {
        match raw {
            Raw::Text(text) => Self::from_text(text).ok_or_else(|| WrongValue::new(Self::EXPECTED, text)),
            Raw::Toml(value) => Self::from_toml(value).ok_or_else(|| match value {
                DeValue::String(text) => WrongValue::new(Self::EXPECTED, text),
                other => WrongValue {
                    expected: Self::EXPECTED.into(),
                    found: format!("the {} that stands there", other.type_str()),
                },
            }),
        }
    }
}

impl SettingValue for SocketAddr {
    const EXPECTED: &'static str = "an IP address and a port such as \"127.0.0.1:8080\" or \"[::1]:8080\"";

    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn to_toml(&self) -> toml::Value {
        self.to_string().into()
    }
}

impl SettingValue for Option<SocketAddr> {
    const EXPECTED: &'static str = "an IP address and a port such as \"127.0.0.1:9464\", or \"\" for none";

    fn from_text(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(None);
        }
        text.parse().ok().map(Some)
    }

    fn to_toml(&self) -> toml::Value {
        self.map(|address| address.to_string()).unwrap_or_default().into()
    }
}

impl SettingValue for PathBuf {
    const EXPECTED: &'static str = "a path such as \"/var/lib/sfumato\"";

    fn from_text(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| text.into())
    }

    fn to_toml(&self) -> toml::Value {
        self.display().to_string().into()
    }
}

impl SettingValue for Option<PathBuf> {
    const EXPECTED: &'static str = "a path, or \"\" for none";

    fn from_text(text: &str) -> Option<Self> {
        Some((!text.is_empty()).then(|| text.into()))
    }

    fn to_toml(&self) -> toml::Value {
        self.as_ref()
            .map(|path| path.display().to_string())
            .unwrap_or_default()
            .into()
    }
}

impl SettingValue for Option<PublicUrl> {
    const EXPECTED: &'static str = "an http or https address such as \"https://blur.example.com\", or \"\" for the address of each request";

    fn from_text(text: &str) -> Option<Self> {
        if text.is_empty() {
            Some(None)
        } else {
            text.parse().ok().map(Some)
        }
    }

    fn to_toml(&self) -> toml::Value {
        self.as_ref().map(ToString::to_string).unwrap_or_default().into()
    }
}

/// Networks, such as those that webhooks may reach beside public addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Networks(pub(crate) Vec<IpNet>);

impl SettingValue for Networks {
    const EXPECTED: &'static str =
        "networks such as \"10.1.0.0/16\" or \"fd00::/8\" parted by commas, or \"\" for none";

    fn from_text(text: &str) -> Option<Self> {
        let networks = text
            .split(',')
            .map(str::trim)
            .filter(|network| !network.is_empty());
        networks
            .map(|network| network.parse().ok())
            .collect::<Option<_>>()
            .map(Self)
    }

    fn to_toml(&self) -> toml::Value {
        let texts: Vec<String> = self.0.iter().map(ToString::to_string).collect();
        texts.join(",").into()
    }
}

/// Folders, in the order in which they count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Folders(pub(crate) Vec<PathBuf>);

impl SettingValue for Folders {
    const EXPECTED: &'static str =
        "a list of folders such as [\"/opt/models/a\", \"/opt/models/b\"], or both parted by a colon";

    /// Folders parted by colons as in `PATH`, or a TOML list for folders with a colon in their name.
    fn from_text(text: &str) -> Option<Self> {
        if text.starts_with('[') {
            return Self::from_toml(DeValue::parse(text).ok()?.get_ref());
        }
        let folders = text.split(':').filter(|folder| !folder.is_empty());
        Some(Self(folders.map(PathBuf::from).collect()))
    }

    fn from_toml(value: &DeValue<'_>) -> Option<Self> {
        let Some(folders) = value.as_array() else {
            return Self::from_text(value.as_str().filter(|text| !text.starts_with('['))?);
        };
        let folder = |value: &toml::Spanned<DeValue<'_>>| PathBuf::from_text(value.get_ref().as_str()?);
        folders.iter().map(folder).collect::<Option<_>>().map(Self)
    }

    fn to_toml(&self) -> toml::Value {
        let texts = self.0.iter().map(|folder| folder.display().to_string());
        texts.collect::<Vec<_>>().into()
    }
}

impl SettingValue for Profile {
    const EXPECTED: &'static str = "\"fast\", \"balanced\" or \"thorough\"";

    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn to_toml(&self) -> toml::Value {
        self.as_str().into()
    }
}

impl SettingValue for AllowedOrigins {
    const EXPECTED: &'static str =
        "\"*\", or origins such as \"https://app.example.com\" parted by commas, or \"\" for none";

    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn to_toml(&self) -> toml::Value {
        self.to_string().into()
    }
}

impl SettingValue for SandboxMode {
    const EXPECTED: &'static str = "\"require\", \"prefer\" or \"off\"";

    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn to_toml(&self) -> toml::Value {
        self.name().into()
    }
}

impl SettingValue for Damaged {
    const EXPECTED: &'static str = "\"warn\" or \"fail\"";

    fn from_text(text: &str) -> Option<Self> {
        match text {
            "warn" => Some(Self::Warn),
            "fail" => Some(Self::Fail),
            _ => None,
        }
    }

    fn to_toml(&self) -> toml::Value {
        match self {
            Self::Warn => "warn".into(),
            Self::Fail => "fail".into(),
        }
    }
}

impl SettingValue for bool {
    const EXPECTED: &'static str = "true or false";

    fn from_text(text: &str) -> Option<Self> {
        match text {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    fn from_toml(value: &DeValue<'_>) -> Option<Self> {
        value.as_bool()
    }

    fn to_toml(&self) -> toml::Value {
        (*self).into()
    }
}

/// A whole number of at least 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Count(pub(crate) u32);

impl Count {
    /// For interfaces that count in `usize`.
    pub(crate) fn get(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl SettingValue for Count {
    const EXPECTED: &'static str = "a whole number from 1 to 4294967295";

    fn from_text(text: &str) -> Option<Self> {
        whole_number(text)
            .and_then(|number| u32::try_from(number).ok())
            .filter(|number| *number > 0)
            .map(Self)
    }

    fn from_toml(value: &DeValue<'_>) -> Option<Self> {
        Self::from_text(&decimal(value)?)
    }

    fn to_toml(&self) -> toml::Value {
        i64::from(self.0).into()
    }
}

/// A number, or what suits the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AutoCount {
    /// What suits the machine.
    Auto,
    /// So many.
    Exactly(Count),
}

impl AutoCount {
    /// The number, where `auto` turns the number of cores into what suits the machine.
    pub(crate) fn resolve(self, auto: impl FnOnce(usize) -> usize) -> usize {
        match self {
            Self::Auto => auto(cores()),
            Self::Exactly(count) => count.get(),
        }
    }
}

/// Cores that this process may use.
pub(crate) fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

impl SettingValue for AutoCount {
    const EXPECTED: &'static str = "\"auto\" or a whole number of at least 1";

    fn from_text(text: &str) -> Option<Self> {
        if text == "auto" {
            Some(Self::Auto)
        } else {
            Count::from_text(text).map(Self::Exactly)
        }
    }

    fn from_toml(value: &DeValue<'_>) -> Option<Self> {
        match value.as_str() {
            Some("auto") => Some(Self::Auto),
            Some(_) => None,
            None => Count::from_toml(value).map(Self::Exactly),
        }
    }

    fn to_toml(&self) -> toml::Value {
        match self {
            Self::Auto => "auto".into(),
            Self::Exactly(count) => count.to_toml(),
        }
    }
}

/// The form of the log on standard error.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

impl SettingValue for LogFormat {
    const EXPECTED: &'static str = "\"text\" or \"json\"";

    fn from_text(text: &str) -> Option<Self> {
        match text {
            "text" => Some(Self::Text),
            "json" => Some(Self::Json),
            _ => None,
        }
    }

    fn to_toml(&self) -> toml::Value {
        match self {
            Self::Text => "text",
            Self::Json => "json",
        }
        .into()
    }
}

/// What is logged: directives of `tracing_subscriber::EnvFilter`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LogLevel(pub(crate) String);

impl SettingValue for LogLevel {
    const EXPECTED: &'static str = "a level (error, warn, info, debug, trace), or levels by module such as \"info,sfumato_engine=debug\"";

    fn from_text(text: &str) -> Option<Self> {
        // The filter takes any word for the name of a module, which would hide a misspelt level.
        let plain = !text.contains(['=', '[', ',']);
        let level = ["error", "warn", "info", "debug", "trace", "off"].contains(&text);
        let readable = EnvFilter::builder().parse(text).is_ok();
        (readable && (level || !plain)).then(|| Self(text.to_owned()))
    }

    fn to_toml(&self) -> toml::Value {
        self.0.clone().into()
    }
}

/// Digits only: `u64::from_str` would take a sign as well.
pub(super) fn whole_number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// A TOML integer in decimal digits; TOML also has hexadecimal ones and underscores.
fn decimal(value: &DeValue<'_>) -> Option<String> {
    let integer = value.as_integer()?;
    let number = i64::from_str_radix(integer.as_str(), integer.radix()).ok()?;
    Some(number.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_read_in_both_notations_and_nothing_else_is() {
        for text in ["", "10.1.0.0/16", "10.1.0.0/16,fd00::/8"] {
            let networks = Networks::from_text(text).unwrap();
            assert_eq!(networks.to_toml(), toml::Value::from(text));
        }
        for text in ["10.1.0.0", "10.1.0.0/33", "example.com", "10.0.0.0/8;fd00::/8"] {
            assert_eq!(Networks::from_text(text), None, "{text}");
        }
    }

    #[test]
    fn folders_are_read_as_a_list_and_as_a_path_is_written() {
        let folders = |names: &[&str]| Some(Folders(names.iter().map(PathBuf::from).collect()));
        for (text, expected) in [
            ("", folders(&[])),
            ("/a", folders(&["/a"])),
            ("/a:b:", folders(&["/a", "b"])),
            ("[]", folders(&[])),
            ("['/a:b', \"c\"]", folders(&["/a:b", "c"])),
            ("['/a', '']", None),
            ("['/a', 1]", None),
            ("['/a'", None),
        ] {
            assert_eq!(Folders::from_text(text), expected, "{text}");
            if let Some(folders) = expected {
                let written = folders.to_toml().to_string();
                assert_eq!(Folders::from_text(&written), Some(folders));
            }
        }
    }

    #[test]
    fn a_misspelt_log_level_is_refused() {
        assert!(LogLevel::from_text("info").is_some());
        assert!(LogLevel::from_text("warn,sfumato_engine=debug").is_some());
        assert!(LogLevel::from_text("inof").is_none());
        assert!(LogLevel::from_text("sfumato=loud").is_none());
    }
}
