//! Durations and sizes: a whole number and a unit.

use std::time::Duration;

use super::values::{Raw, SettingValue, WrongValue, whole_number};

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

/// Reads a number of bytes that is a flag of its own and no setting.
pub(crate) fn read_bytes(text: &str) -> Result<ByteSize, WrongValue> {
    ByteSize::read(Raw::Text(text))
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
}
