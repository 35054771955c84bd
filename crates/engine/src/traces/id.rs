//! Identifiers of traces and spans: derived, never drawn.

use std::fmt;
use std::str::FromStr;

use sfumato_core::id::{AttemptId, JobId};
use sfumato_core::job::FencingToken;
use sfumato_core::{EventStatus, Timestamp};
use sha2::{Digest, Sha256};
use thiserror::Error;

/// Names a trace: W3C Trace Context, 16 bytes that are not all zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceId([u8; 16]);

/// Names a span within its trace: 8 bytes that are not all zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SpanId([u8; 8]);

/// The first bytes of a hash over what something is and which one it is. Identifiers of jobs hold the time and are no evenly
/// distributed numbers, which samplers take the end of a trace's identifier for.
fn derived<const N: usize>(what: &str, which: &[&[u8]]) -> [u8; N] {
    let mut hash = Sha256::new();
    for part in [b"sfumato trace", what.as_bytes()].iter().chain(which) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    let hash: [u8; 32] = hash.finalize().into();
    let mut bytes = [0; N];
    bytes.copy_from_slice(&hash[..N]);
    bytes
}

impl TraceId {
    /// The trace of a job.
    pub fn of_job(job: JobId) -> Self {
        Self(derived("trace", &[job.as_uuid().as_bytes()]))
    }

    /// The bytes, as they are sent.
    pub const fn bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Whether a part of all traces holds this one: as the samplers of OpenTelemetry decide by ratio, so that others agree.
    pub(super) fn is_sampled(&self, ratio: f64) -> bool {
        let [.., a, b, c, d, e, f, g, h] = self.0;
        let number = u64::from_be_bytes([a, b, c, d, e, f, g, h]) >> 1;
        // A ratio of 1 is 2^63, above every number; a float is clamped when it is cast.
        number < (ratio.clamp(0.0, 1.0) * (1_u64 << 63) as f64) as u64
    }
}

impl SpanId {
    /// The span that everything in the trace of a job hangs from: its upload.
    pub fn root_of(job: JobId) -> Self {
        Self::part_of(job, "root")
    }

    /// A span of which a job has one.
    pub(super) fn part_of(job: JobId, what: &str) -> Self {
        Self(derived(what, &[job.as_uuid().as_bytes()]))
    }

    /// A span of which each claim of a job has one.
    pub(super) fn part_of_claim(job: JobId, claim: FencingToken, what: &str) -> Self {
        Self(derived(what, &[job.as_uuid().as_bytes(), &claim.0.to_be_bytes()]))
    }

    /// A stretch of parts that another worker does, by the first of them and its claim.
    pub(super) fn of_help(job: JobId, part: u32, claim: FencingToken) -> Self {
        let which = [part.to_be_bytes(), claim.0.to_be_bytes()].concat();
        Self(derived("help", &[job.as_uuid().as_bytes(), &which]))
    }

    /// A status of a job of which the outside is told.
    pub(super) fn of_event(job: JobId, status: EventStatus) -> Self {
        Self(derived(
            "event",
            &[job.as_uuid().as_bytes(), status.as_str().as_bytes()],
        ))
    }

    /// One POST of a delivery.
    pub(super) fn of_attempt(attempt: AttemptId) -> Self {
        Self(derived("attempt at a delivery", &[attempt.as_uuid().as_bytes()]))
    }

    /// The request that made a job.
    pub(super) fn of_request(request: &str, at: Timestamp) -> Self {
        Self(derived(
            "request",
            &[request.as_bytes(), &at.as_micros().to_be_bytes()],
        ))
    }

    /// The bytes, as they are sent.
    pub const fn bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

fn hex(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(&self.0, f)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        hex(&self.0, f)
    }
}

/// A span of somebody else's, as a request names it in the header `traceparent` (W3C Trace Context).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RemoteSpan {
    /// Its trace.
    pub trace: TraceId,
    /// The span that the request was sent in.
    pub span: SpanId,
    /// Whether whoever sent it records the trace.
    pub sampled: bool,
}

/// A text is no `traceparent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("not a valid traceparent")]
pub struct InvalidTraceContext;

/// Lower-case hexadecimal digits of exactly so many bytes, not all zero where they are an identifier.
fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digits = text.as_bytes();
    let lower = |digit: &u8| matches!(digit, b'0'..=b'9' | b'a'..=b'f');
    if digits.len() != 2 * N || !digits.iter().all(lower) {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, at) in bytes.iter_mut().zip((0..digits.len()).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
    }
    Some(bytes)
}

fn identifier<const N: usize>(text: &str) -> Option<[u8; N]> {
    unhex(text).filter(|bytes| bytes.iter().any(|byte| *byte != 0))
}

impl FromStr for RemoteSpan {
    type Err = InvalidTraceContext;

    /// Of version 0, or of a later one as far as this one goes.
    fn from_str(text: &str) -> Result<Self, InvalidTraceContext> {
        let mut parts = text.trim().split('-');
        let mut next = || parts.next().ok_or(InvalidTraceContext);
        let (version, trace, span, flags) = (next()?, next()?, next()?, next()?);
        let [version] = unhex(version).ok_or(InvalidTraceContext)?;
        if version == 0xff || (version == 0 && parts.next().is_some()) {
            return Err(InvalidTraceContext);
        }
        let [flags] = unhex(flags).ok_or(InvalidTraceContext)?;
        Ok(Self {
            trace: TraceId(identifier(trace).ok_or(InvalidTraceContext)?),
            span: SpanId(identifier(span).ok_or(InvalidTraceContext)?),
            sampled: flags & 1 == 1,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    fn job(number: u128) -> JobId {
        JobId::from_uuid(Uuid::from_u128(number))
    }

    #[test]
    fn what_is_derived_stays_the_same_in_every_version() {
        // Processes of different versions write into one trace during an update.
        let job = job(0x018f_e2a4_5d1c_7b3a_9e1f_3c5d_7e9f_b1a2);
        assert_eq!(
            TraceId::of_job(job).to_string(),
            "c570f61204c46bb653acecb14323e3ae"
        );
        assert_eq!(SpanId::root_of(job).to_string(), "bcd2ad72f5d51418");
    }

    #[test]
    fn a_ratio_takes_its_part_of_jobs_that_follow_each_other() {
        let taken = |ratio| {
            let first = 0x018f_e2a4_5d1c_7b3a_9e1f_3c5d_0000_0000;
            let traces = (0..2000).map(|n| TraceId::of_job(job(first + n)));
            traces.filter(|trace| trace.is_sampled(ratio)).count()
        };
        assert_eq!((taken(0.0), taken(1.0)), (0, 2000));
        assert!((400..600).contains(&taken(0.25)), "{}", taken(0.25));
    }

    #[test]
    fn a_traceparent_is_read_as_the_standard_says() {
        let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        let read: RemoteSpan = good.parse().unwrap();
        assert_eq!(read.trace.to_string(), "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(read.span.to_string(), "b7ad6b7169203331");
        assert!(read.sampled);
        let later = "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00-what-comes";
        assert!(!later.parse::<RemoteSpan>().unwrap().sampled);
        for bad in [
            "",
            "00",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-01",
        ] {
            assert_eq!(bad.parse::<RemoteSpan>(), Err(InvalidTraceContext), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "\\PC{0,80}") {
            let _ = text.parse::<RemoteSpan>();
        }
    }
}
