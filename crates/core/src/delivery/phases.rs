//! Where the time of an attempt went.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// What stands between two phases where they are written.
const SEPARATOR: char = ',';

/// How long each phase of an attempt took, in microseconds. `None`: it was not reached, or a connection that was kept made it
/// needless.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PhaseTimes {
    /// Name resolution.
    pub dns_us: Option<u32>,
    /// TCP connection.
    pub connect_us: Option<u32>,
    /// TLS handshake.
    pub tls_us: Option<u32>,
    /// Until the answer's headers.
    pub headers_us: Option<u32>,
    /// The answer's body.
    pub body_us: Option<u32>,
}

impl PhaseTimes {
    /// The five phases in the order of time.
    pub const fn in_order(self) -> [Option<u32>; 5] {
        [
            self.dns_us,
            self.connect_us,
            self.tls_us,
            self.headers_us,
            self.body_us,
        ]
    }

    /// Whether none was reached, or nothing is known of them.
    pub fn is_empty(self) -> bool {
        self == Self::default()
    }
}

/// As databases keep it: five numbers parted by commas, with nothing for a phase that was not reached. One short column costs
/// the writer less than five.
impl fmt::Display for PhaseTimes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, phase) in self.in_order().into_iter().enumerate() {
            if number > 0 {
                write!(f, "{SEPARATOR}")?;
            }
            if let Some(us) = phase {
                write!(f, "{us}")?;
            }
        }
        Ok(())
    }
}

/// A text is not five numbers parted by commas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not the times of five phases")]
pub struct InvalidPhaseTimes;

impl FromStr for PhaseTimes {
    type Err = InvalidPhaseTimes;

    fn from_str(text: &str) -> Result<Self, InvalidPhaseTimes> {
        let mut parts = text.split(SEPARATOR);
        let mut phase = || match parts.next() {
            Some("") => Ok(None),
            Some(us) => us.parse().map(Some).map_err(|_| InvalidPhaseTimes),
            None => Err(InvalidPhaseTimes),
        };
        let times = Self {
            dns_us: phase()?,
            connect_us: phase()?,
            tls_us: phase()?,
            headers_us: phase()?,
            body_us: phase()?,
        };
        match parts.next() {
            None => Ok(times),
            Some(_) => Err(InvalidPhaseTimes),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let kept = PhaseTimes {
            headers_us: Some(30_100),
            body_us: Some(0),
            ..PhaseTimes::default()
        };
        let whole = PhaseTimes {
            dns_us: Some(1),
            connect_us: Some(u32::MAX),
            tls_us: Some(3),
            ..kept
        };
        for (times, text) in [
            (PhaseTimes::default(), ",,,,"),
            (kept, ",,,30100,0"),
            (whole, "1,4294967295,3,30100,0"),
        ] {
            assert_eq!(times.to_string(), text);
            assert_eq!(text.parse(), Ok(times));
        }
        for wrong in ["", "1,2,3,4", "1,2,3,4,5,6", "1,2,3,4,x", "1,2,3,4,4294967296"] {
            assert_eq!(wrong.parse::<PhaseTimes>(), Err(InvalidPhaseTimes), "{wrong}");
        }
    }
}
