//! How each kind of value is written in a file, in a variable and in a flag, and read back.
//!
//! Reading is strict: a number without a unit is not a duration, and nothing is rounded or guessed. What is refused is
//! refused with an example of what is allowed.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use sfumato_http::PublicUrl;
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
    const EXPECTED: &'static str = "a path, or \"\" to have it searched";

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

/// How many jobs run at the same time: one a core, or a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum JobsAtOnce {
    /// One a core of the machine.
    Auto,
    /// So many.
    Exactly(Count),
}

impl JobsAtOnce {
    /// The number on this machine.
    pub(crate) fn resolve(self) -> usize {
        match self {
            Self::Auto => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            Self::Exactly(count) => count.get(),
        }
    }
}

impl SettingValue for JobsAtOnce {
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

const DURATION_UNITS: [(&str, u64); 5] = [
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// Ten years: what is longer is a slip of the keyboard.
const DURATION_MS_MAX: u64 = 3_650 * 86_400_000;

/// A whole number and a unit; up to ten years.
impl SettingValue for Duration {
    const EXPECTED: &'static str =
        "a whole number with a unit (ms, s, m, h, d), such as \"15s\" or \"7d\", up to 3650d";

    fn from_text(text: &str) -> Option<Self> {
        let millis = with_unit(text, &DURATION_UNITS)?;
        (millis <= DURATION_MS_MAX).then(|| Self::from_millis(millis))
    }

    fn to_toml(&self) -> toml::Value {
        let millis = u64::try_from(self.as_millis()).unwrap_or(u64::MAX);
        in_largest_unit(millis, &DURATION_UNITS, "s").into()
    }
}

/// Reads a duration that is a flag of its own and no setting.
pub(crate) fn read_duration(text: &str) -> Result<Duration, WrongValue> {
    Duration::read(Raw::Text(text))
}

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ByteSize(pub(crate) u64);

const SIZE_UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("TB", 1_000_000_000_000),
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("kB", 1_000),
    ("B", 1),
];

impl SettingValue for ByteSize {
    const EXPECTED: &'static str =
        "a whole number with a unit (B, kB, MB, GB, TB, KiB, MiB, GiB, TiB), such as \"8GB\"";

    fn from_text(text: &str) -> Option<Self> {
        with_unit(text, &SIZE_UNITS).map(Self)
    }

    fn to_toml(&self) -> toml::Value {
        in_largest_unit(self.0, &SIZE_UNITS, "B").into()
    }
}

/// Digits only: `u64::from_str` would take a sign as well.
fn whole_number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// A TOML integer in decimal digits; TOML also has hexadecimal ones and underscores.
fn decimal(value: &DeValue<'_>) -> Option<String> {
    let integer = value.as_integer()?;
    let number = i64::from_str_radix(integer.as_str(), integer.radix()).ok()?;
    Some(number.to_string())
}

fn with_unit(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let (digits, unit) = text.split_at(end);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    whole_number(digits)?.checked_mul(*factor)
}

/// Writes a number in the largest unit that divides it; zero in the unit that people write zero in.
fn in_largest_unit(number: u64, units: &[(&str, u64)], unit_of_zero: &str) -> String {
    let fitting = units
        .iter()
        .filter(|(_, factor)| number > 0 && number.is_multiple_of(*factor))
        .max_by_key(|(_, factor)| *factor);
    match fitting {
        Some((unit, factor)) => format!("{}{unit}", number / factor),
        None => format!("{number}{unit_of_zero}"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text_of(value: &impl SettingValue) -> String {
        value.to_toml().as_str().unwrap().to_owned()
    }

    proptest! {
        #[test]
        fn a_duration_is_read_back_as_it_is_written(millis in 0..=DURATION_MS_MAX) {
            let duration = Duration::from_millis(millis);
            prop_assert_eq!(Duration::from_text(&text_of(&duration)), Some(duration));
        }

        #[test]
        fn a_size_is_read_back_as_it_is_written(bytes: u64) {
            let size = ByteSize(bytes);
            prop_assert_eq!(ByteSize::from_text(&text_of(&size)), Some(size));
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in "\\PC*") {
            let duration = Duration::from_text(&text);
            let size = ByteSize::from_text(&text);
            // No text is both, but for numbers of no unit, which are neither.
            prop_assert!(duration.is_none() || size.is_none());
        }

        #[test]
        fn a_number_without_a_unit_is_neither_a_duration_nor_a_size(number: u64) {
            let text = number.to_string();
            prop_assert_eq!(Duration::from_text(&text), None);
            prop_assert_eq!(ByteSize::from_text(&text), None);
        }
    }

    #[test]
    fn durations_are_a_whole_number_and_a_unit() {
        for (text, millis) in [
            ("0s", 0),
            ("250ms", 250),
            ("15s", 15_000),
            ("2m", 120_000),
            ("1h", 3_600_000),
            ("7d", 604_800_000),
        ] {
            assert_eq!(
                Duration::from_text(text),
                Some(Duration::from_millis(millis)),
                "{text}"
            );
        }
        for text in [
            "",
            "15",
            "s",
            "1.5s",
            "-1s",
            "+1s",
            " 1s",
            "1 s",
            "1S",
            "1h30m",
            "3651d",
            "99999999999999999999s",
        ] {
            assert_eq!(Duration::from_text(text), None, "{text}");
        }
    }

    #[test]
    fn sizes_know_decimal_and_binary_units() {
        for (text, bytes) in [
            ("0B", 0),
            ("8GB", 8_000_000_000),
            ("8GiB", 8_589_934_592),
            ("1kB", 1_000),
            ("1KiB", 1_024),
        ] {
            assert_eq!(ByteSize::from_text(text), Some(ByteSize(bytes)), "{text}");
        }
        for text in ["", "8", "8gb", "8G", "8 GB", "0.5GB", "-1B", "99999999TiB"] {
            assert_eq!(ByteSize::from_text(text), None, "{text}");
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
