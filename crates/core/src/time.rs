//! Time and randomness, and the two doors through which they enter.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// An instant: microseconds since the Unix epoch, UTC. Stored as a 64-bit integer in every database, so that ordering
/// and meaning are the same everywhere; shown to the outside as RFC 3339 with milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// From microseconds since the Unix epoch.
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    /// From whole seconds since the Unix epoch.
    pub const fn from_seconds(seconds: i64) -> Self {
        Self(seconds.saturating_mul(1_000_000))
    }

    /// Microseconds since the Unix epoch.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Milliseconds since the Unix epoch, rounded down.
    pub const fn as_millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// Seconds since the Unix epoch, rounded down.
    pub const fn as_seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    /// The hour that it lies in, counted from the Unix epoch.
    pub const fn hour(self) -> i64 {
        self.as_seconds().div_euclid(3600)
    }

    /// The hour with which its day begins, at 00:00 UTC; counted as [`Timestamp::hour`] is.
    pub const fn first_hour_of_day(self) -> i64 {
        self.hour().div_euclid(24) * 24
    }

    /// This instant moved into the future; saturates at the end of the range.
    #[must_use]
    pub fn after(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_add(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)),
        )
    }

    /// This instant moved into the past; saturates at the start of the range.
    #[must_use]
    pub fn before(self, duration: Duration) -> Self {
        Self(
            self.0
                .saturating_sub(i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)),
        )
    }

    /// Time that passed since `earlier`; zero where `earlier` is not earlier (clocks jump).
    pub fn since(self, earlier: Timestamp) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339, UTC, milliseconds: `2024-06-04T10:29:10.656Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.as_millis().saturating_mul(1_000)) {
            Ok(instant) => write!(f, "{instant:.3}"),
            Err(_) => write!(f, "{}us", self.0),
        }
    }
}

impl FromStr for Timestamp {
    type Err = jiff::Error;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<jiff::Timestamp>()
            .map(|instant| Self(instant.as_microsecond()))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The wall clock. One implementation reads the system's, another is moved by a simulator.
pub trait Clock: Send + Sync + 'static {
    /// The present instant. May jump in both directions, as real clocks do.
    fn now(&self) -> Timestamp;
}

/// Random bytes fit for secrets. One implementation asks the operating system, another is seeded by a simulator.
pub trait Entropy: Send + Sync + 'static {
    /// Fills `bytes` with random bytes.
    fn fill(&self, bytes: &mut [u8]);
}

/// Random bytes as an array.
pub fn random<const N: usize>(entropy: &dyn Entropy) -> [u8; N] {
    let mut bytes = [0; N];
    entropy.fill(&mut bytes);
    bytes
}

/// The characters of random texts and the digits of public identifiers, whose values their order is.
pub(crate) const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A random text of `length` characters `0-9A-Za-z`, each drawn with equal chance (5.95 bits a character).
pub fn random_alphanumeric(entropy: &dyn Entropy, length: usize) -> String {
    let mut text = String::with_capacity(length);
    while text.len() < length {
        for byte in random::<32>(entropy) {
            // 248 is the largest multiple of 62 in a byte: what lies above would make early letters likelier.
            if byte < 248 && text.len() < length {
                text.push(char::from(BASE62[usize::from(byte % 62)]));
            }
        }
    }
    text
}

/// A clock that is set back by less makes nothing late that anybody would notice.
const SET_BACK_MIN: Duration = Duration::from_secs(2);

/// The time at the last look of a process: tells whether its wall clock was set back since.
#[derive(Debug)]
pub struct LastLook(AtomicI64);

impl Default for LastLook {
    fn default() -> Self {
        Self(AtomicI64::new(i64::MIN))
    }
}

impl LastLook {
    /// Whether the clock was set back since the last look.
    pub fn was_set_back(&self, now: Timestamp) -> bool {
        let last = self.0.swap(now.as_micros(), Ordering::Relaxed);
        now.after(SET_BACK_MIN).as_micros() < last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timestamp_is_shown_with_milliseconds_and_read_back() {
        let instant = Timestamp::from_micros(1_717_496_950_656_789);
        assert_eq!(instant.to_string(), "2024-06-04T10:29:10.656Z");
        assert_eq!(
            "2024-06-04T10:29:10.656Z"
                .parse::<Timestamp>()
                .unwrap()
                .as_millis(),
            instant.as_millis()
        );
        assert_eq!(Timestamp::from_seconds(0).to_string(), "1970-01-01T00:00:00.000Z");
    }

    #[test]
    fn arithmetic_saturates_instead_of_wrapping() {
        let end = Timestamp::from_micros(i64::MAX);
        assert_eq!(end.after(Duration::from_secs(1)), end);
        assert_eq!(
            Timestamp::from_seconds(5).since(Timestamp::from_seconds(9)),
            Duration::ZERO
        );
    }

    struct Counting(std::sync::atomic::AtomicU8);
    impl Entropy for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            for byte in bytes {
                *byte = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            }
        }
    }

    #[test]
    fn every_letter_of_a_random_text_is_equally_likely() {
        let text = random_alphanumeric(&Counting(0.into()), 248);
        for letter in BASE62 {
            assert_eq!(text.bytes().filter(|b| b == letter).count(), 4);
        }
    }
}
