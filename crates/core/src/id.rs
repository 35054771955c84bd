//! Identifiers: UUID version 7 newtypes (RFC 9562), so that one kind is never taken for another and rows sort by age.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;
use uuid::Uuid;

use crate::time::{BASE62, Clock, Entropy, Timestamp, random};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new identifier: 48 bits of the time in milliseconds, 74 random bits.
            pub fn new(clock: &dyn Clock, entropy: &dyn Entropy) -> Self {
                let millis = u64::try_from(clock.now().as_millis()).unwrap_or(0);
                Self(uuid::Builder::from_unix_timestamp_millis(millis, &random(entropy)).into_uuid())
            }

            /// The lowest identifier that is made in the millisecond of `at`: bounds the identifiers of a time.
            pub fn first_at(at: Timestamp) -> Self {
                let millis = u64::try_from(at.as_millis()).unwrap_or(0);
                Self(uuid::Builder::from_unix_timestamp_millis(millis, &[0; 10]).into_uuid())
            }

            /// Takes a UUID that is known to name this kind of thing (read from the database or from a request).
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The UUID.
            pub const fn as_uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Uuid::try_parse(text).map(Self).map_err(|_| InvalidId)
            }
        }
    )*};
}

ids! {
    /// A client: one customer account of the API.
    ClientId;
    /// One login of a client: the family of access and refresh tokens that began at one `POST /login`.
    LoginId;
    /// A person who signs in to the Manager.
    UserId;
    /// A session: one browser in which a person has signed in.
    SessionId;
    /// A job. The outside knows it as [`PublicJobId`].
    JobId;
    /// An upload: names the original's blob.
    UploadId;
    /// A result: the `<uuid>` of the result's file name. Differs from the job's, so that an identifier that webhooks
    /// spread is not a download name.
    ResultId;
    /// A webhook endpoint.
    EndpointId;
    /// An event: one status change of one job.
    EventId;
    /// A delivery: one event on its way to one endpoint. It is the `webhook-id` of every attempt.
    DeliveryId;
    /// An attempt: one POST of one delivery.
    AttemptId;
    /// A replay: many events to one endpoint again.
    ReplayId;
    /// An entry of the audit log.
    AuditId;
    /// A worker or courier: one run of one process. A restart is a new one.
    WorkerId;
    /// An installation: everything that works on one database.
    InstallationId;
}

/// A text is not an identifier of the expected form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not a valid identifier")]
pub struct InvalidId;

/// The name under which clients know a job: `<client uuid>-SRV_ANONYMIZATION-<22 alphanumerics>`.
///
/// The last part is the [`JobId`] in base 62, so that both directions are pure and no second key has to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PublicJobId {
    /// The client that owns the job.
    pub client: ClientId,
    /// The job.
    pub job: JobId,
}

const SERVICE: &str = "-SRV_ANONYMIZATION-";
const BASE62_LENGTH: usize = 22;

impl fmt::Display for PublicJobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.job.as_uuid().as_u128();
        let mut digits = [b'0'; BASE62_LENGTH];
        for digit in digits.iter_mut().rev() {
            *digit = BASE62[usize::try_from(rest % 62).unwrap_or(0)];
            rest /= 62;
        }
        let digits = std::str::from_utf8(&digits).map_err(|_| fmt::Error)?;
        write!(f, "{}{SERVICE}{digits}", self.client)
    }
}

impl FromStr for PublicJobId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let (client, digits) = text.split_once(SERVICE).ok_or(InvalidId)?;
        if digits.len() != BASE62_LENGTH {
            return Err(InvalidId);
        }
        let mut number: u128 = 0;
        for byte in digits.bytes() {
            let value = BASE62.iter().position(|b| *b == byte).ok_or(InvalidId)?;
            let value = u128::try_from(value).map_err(|_| InvalidId)?;
            number = number
                .checked_mul(62)
                .and_then(|n| n.checked_add(value))
                .ok_or(InvalidId)?;
        }
        let id = Self {
            client: client.parse()?,
            job: JobId::from_uuid(Uuid::from_u128(number)),
        };
        // UUIDs have several spellings (braces, upper case); a job has one name.
        if id.to_string() == text {
            Ok(id)
        } else {
            Err(InvalidId)
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_public_job_id_round_trips(client: u128, job: u128) {
            let id = PublicJobId {
                client: ClientId::from_uuid(Uuid::from_u128(client)),
                job: JobId::from_uuid(Uuid::from_u128(job)),
            };
            let text = id.to_string();
            prop_assert_eq!(text.parse::<PublicJobId>(), Ok(id));
            prop_assert_eq!(text.len(), 36 + SERVICE.len() + BASE62_LENGTH);
        }

        #[test]
        fn any_text_is_read_without_a_panic(text in ".*") {
            if let Ok(id) = text.parse::<PublicJobId>() {
                prop_assert_eq!(id.to_string(), text);
            }
        }
    }

    #[test]
    fn the_first_identifier_of_a_time_bounds_those_that_are_made_then() {
        struct At(i64);
        impl Clock for At {
            fn now(&self) -> Timestamp {
                Timestamp::from_micros(self.0)
            }
        }
        struct Same(u8);
        impl Entropy for Same {
            fn fill(&self, bytes: &mut [u8]) {
                bytes.fill(self.0);
            }
        }
        let first = |micros| JobId::first_at(Timestamp::from_micros(micros));
        for bits in [0, 0xFF] {
            let made = JobId::new(&At(1_767_225_600_000_999), &Same(bits));
            assert!(first(1_767_225_600_000_000) <= made);
            assert!(made < first(1_767_225_600_001_000));
        }
        assert_eq!(first(-5), first(0), "before 1970 nothing was made");
    }

    #[test]
    fn a_number_beyond_128_bits_is_refused() {
        let text = format!("{}{SERVICE}{}", Uuid::nil(), "z".repeat(22));
        assert_eq!(text.parse::<PublicJobId>(), Err(InvalidId));
    }
}
