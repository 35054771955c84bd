//! Digests by which packets of a video are known again in another run.

use ffmpeg_next::Packet;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// A packet from which decoding can begin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Start {
    pub(super) pts: i64,
    pub(super) dts: Option<i64>,
    pub(super) digest: u64,
}

impl Start {
    /// Whether a packet is this one.
    pub(super) fn is(&self, packet: &Packet) -> bool {
        packet.pts() == Some(self.pts) && packet.is_key() && content(packet) == self.digest
    }
}

/// A digest of packets, one after the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Running {
    pub(super) packets: u64,
    pub(super) digest: u64,
}

impl Running {
    /// Adds what [`mark`] gives.
    pub(super) const fn add(&mut self, mark: u64) {
        self.packets += 1;
        self.digest = mixed(self.digest ^ mark);
    }
}

/// What has to be the same of a packet in all runs.
pub(super) fn mark(packet: &Packet) -> u64 {
    let pts = packet.pts().unwrap_or(i64::MIN).cast_unsigned();
    mixed(mixed(pts) ^ packet.size() as u64) ^ u64::from(packet.is_key())
}

/// Spreads the bits of a number (the finaliser of SplitMix64). It finds accidents, not intent: who writes a file to mislead
/// its own processing gains nothing.
const fn mixed(number: u64) -> u64 {
    let number = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}

/// A digest of what is in a packet.
pub(super) fn content(packet: &Packet) -> u64 {
    digest(packet.data().unwrap_or_default())
}

/// A digest of some bytes.
pub(super) fn digest(bytes: &[u8]) -> u64 {
    let hash: [u8; 32] = Sha256::digest(bytes).into();
    let [a, b, c, d, e, f, g, h, ..] = hash;
    u64::from_le_bytes([a, b, c, d, e, f, g, h])
}
