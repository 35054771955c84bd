//! Values of the section `telemetry`.

use super::storage::HttpEndpoint;
use super::values::SettingValue;

/// A collector of traces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Collector(pub(crate) String);

impl SettingValue for Option<Collector> {
    const EXPECTED: &'static str = "an http or https address such as \"http://localhost:4318\", or \"\" for what the variables of OpenTelemetry say";

    fn from_text(text: &str) -> Option<Self> {
        let endpoint: Option<HttpEndpoint> = SettingValue::from_text(text)?;
        Some(endpoint.map(|endpoint| Collector(endpoint.0)))
    }

    fn to_toml(&self) -> toml::Value {
        self.as_ref()
            .map(|collector| collector.0.clone())
            .unwrap_or_default()
            .into()
    }
}

/// A part of a whole, 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Part(pub(crate) f64);

impl SettingValue for Part {
    const EXPECTED: &'static str = "a number from 0 to 1, such as 0.1";

    fn from_text(text: &str) -> Option<Self> {
        let part: f64 = text.parse().ok()?;
        (0.0..=1.0).contains(&part).then_some(Self(part))
    }

    fn from_toml(value: &toml::de::DeValue<'_>) -> Option<Self> {
        let number = value.as_float().map(|float| float.as_str().to_owned());
        Self::from_text(&number.or_else(|| Some(value.as_integer()?.as_str().to_owned()))?)
    }

    fn to_toml(&self) -> toml::Value {
        self.0.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_lies_between_nothing_and_all() {
        for (text, part) in [("0", 0.0), ("0.25", 0.25), ("1", 1.0), ("1.0", 1.0)] {
            assert_eq!(Part::from_text(text), Some(Part(part)), "{text}");
        }
        for text in ["", "-0.1", "1.01", "NaN", "half"] {
            assert_eq!(Part::from_text(text), None, "{text}");
        }
    }
}
