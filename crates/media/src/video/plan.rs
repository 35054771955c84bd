//! Which parts a long video is processed in, each for itself.
//!
//! A part begins with a key frame and ends before another one. Whether a video can be cut there is proven on its packets,
//! which are all read and none decoded: time stamps of all frames, that nothing displayed later lies before the key frame in
//! the file, that decoding can begin there (see [`random_access`]), that it can be found by seeking.
//! Where a proof fails, the video is one part.

use std::collections::BTreeSet;
use std::fs::File;
use std::num::NonZeroU32;
use std::sync::Arc;

use ffmpeg_next::Packet;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::error::VideoError;
use super::options::{VideoLimits, VideoOptions};
use super::packet_marks::{Running, Start, content, digest, mark};
use super::random_access::{self, Packaging};
use super::source::{self, Source, VideoTrack};
use crate::positioned::size_of;

/// How many frames before its first one a part is looked at, so that tracks are known and settled there. More than a tracker
/// looks back and ahead.
pub(super) const LEAD_FRAMES: u32 = 48;

/// How many packets after a key frame can hold frames that are displayed before it. No codec holds back more than 16 frames.
const LEADING_PACKETS_MAX: usize = 32;

/// How short the last part may be, as a fraction of the wanted length.
const LAST_PART_MIN: f64 = 0.25;

/// What may be read of a file to find a packet by seeking. A file without an index is read from its beginning, each time.
const SEEK_BYTES_MAX: u64 = 64 << 20;

/// The parts of a video. Two plans are of the same video, cut at the same places, if they are equal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SegmentPlan {
    /// Size of the original in bytes.
    bytes: u64,
    /// In which time stamps count, as a fraction of a second.
    time_base: (i32, i32),
    spans: Vec<Span>,
    whole_because: Option<String>,
}

/// One of the parts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// When its first frame is displayed, in the time base of the plan; `None`: it is the first one of the video.
    pub first_pts: Option<i64>,
    /// When the first frame of the next part is; `None`: there is none.
    pub next_pts: Option<i64>,
    /// Frames, as far as none of them is damaged.
    pub frames: u32,
    /// Where decoding begins; `None`: with the file.
    pub(super) start: Option<Start>,
    /// The first frame that is looked at; `None`: the first one of the video.
    pub(super) look_pts: Option<i64>,
    /// How many packets hold its frames, from where decoding begins, and a digest of their sizes and time stamps.
    pub(super) packets: u64,
    pub(super) digest: u64,
}

impl SegmentPlan {
    /// The parts, in their order; at least one.
    pub fn spans(&self) -> &[Span] {
        &self.spans
    }

    /// Why it is one part only, for the log; `None` where it was not cut because it is short, or was cut.
    pub fn whole_because(&self) -> Option<&str> {
        self.whole_because.as_deref()
    }

    /// What tells this plan from others: results of segments belong together if their plans have the same.
    pub fn id(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(self.bytes.to_le_bytes());
        hash.update(self.time_base.0.to_le_bytes());
        hash.update(self.time_base.1.to_le_bytes());
        for span in &self.spans {
            let optional = |hash: &mut Sha256, pts: Option<i64>| {
                hash.update([u8::from(pts.is_some())]);
                hash.update(pts.unwrap_or(0).to_le_bytes());
            };
            optional(&mut hash, span.first_pts);
            optional(&mut hash, span.next_pts);
            optional(&mut hash, span.look_pts);
            optional(&mut hash, span.start.as_ref().map(|start| start.pts));
            hash.update(span.frames.to_le_bytes());
            hash.update(span.packets.to_le_bytes());
            hash.update(span.digest.to_le_bytes());
        }
        hash.finalize().into()
    }
}

/// Whether the plan speaks of this original.
pub(super) fn check_original(plan: &SegmentPlan, bytes: u64, track: &VideoTrack) -> Result<(), VideoError> {
    let time_base = (track.time_base.numerator(), track.time_base.denominator());
    if (plan.bytes, plan.time_base) == (bytes, time_base) {
        return Ok(());
    }
    Err(VideoError::PlanDoesNotHold {
        detail: "it is of another video",
    })
}

/// See [`super::plan()`].
pub(super) fn plan(
    input: Arc<File>,
    options: &VideoOptions,
    limits: &VideoLimits,
    segment_length_s: NonZeroU32,
) -> Result<SegmentPlan, VideoError> {
    let again = Arc::clone(&input);
    let bytes = size_of(&input).map_err(VideoError::Read)?;
    let (mut source, tracks) = Source::open(input, options, limits)?;
    let track = tracks.video;
    let mut survey = Survey::new(&track, limits);
    while let Some(packet) = source.next()? {
        if packet.stream() == track.index {
            survey.take(&packet)?;
        }
    }
    survey.check_end(&source);
    let seconds = f64::from(track.time_base);
    let (spans, mut whole_because) = survey.cut(f64::from(segment_length_s.get()), seconds, limits)?;
    drop(source);
    let mut plan = SegmentPlan {
        bytes,
        time_base: (track.time_base.numerator(), track.time_base.denominator()),
        spans,
        whole_because: None,
    };
    if whole_because.is_none() && plan.spans.len() > 1 && !can_seek(again, &plan, options, limits)? {
        whole_because = Some("its key frames cannot be found by seeking");
    }
    if let Some(reason) = whole_because {
        plan.spans = vec![survey.whole()];
        plan.whole_because = Some(reason.to_owned());
    }
    Ok(plan)
}

/// Whether the file can be read from where each of the parts begins. The last one comes first: what is known of a file that
/// has been read from its beginning is no proof.
fn can_seek(
    input: Arc<File>,
    plan: &SegmentPlan,
    options: &VideoOptions,
    limits: &VideoLimits,
) -> Result<bool, VideoError> {
    let (mut source, tracks) = Source::open(input, options, limits)?;
    for start in plan.spans.iter().rev().filter_map(|span| span.start.as_ref()) {
        let before = source.bytes_read();
        if source.seek(tracks.video.index, start)?.is_none() || source.bytes_read() - before > SEEK_BYTES_MAX
        {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A packet of the video track, in the order of the file.
#[derive(Clone, Copy)]
struct Seen {
    /// When its frame is displayed; `None` where it has none.
    pts: Option<i64>,
    mark: u64,
}

/// A key frame at which it can be cut, as far as the packets before it say.
struct Candidate {
    place: usize,
    start: Start,
}

/// What is known of all packets.
struct Survey {
    packaging: Packaging,
    codec: ffmpeg_next::codec::Id,
    frames_max: u32,
    /// Digests of the parameter sets that the container describes, and of those that every key frame brings along.
    described: BTreeSet<u64>,
    brought: Option<Vec<u64>>,
    seen: Vec<Seen>,
    candidates: Vec<Candidate>,
    frames: u32,
    pts_max: Option<i64>,
    last_dts: Option<i64>,
    doubt: Option<&'static str>,
}

impl Survey {
    fn new(track: &VideoTrack, limits: &VideoLimits) -> Self {
        let description = source::description(&track.parameters);
        let described = random_access::described_sets(track.codec, &description);
        Self {
            packaging: Packaging::of(track.codec, &description),
            codec: track.codec,
            frames_max: limits.frames_max,
            described: described.into_iter().map(digest).collect(),
            brought: None,
            seen: vec![],
            candidates: vec![],
            frames: 0,
            pts_max: None,
            last_dts: None,
            doubt: None,
        }
    }

    fn doubt(&mut self, reason: &'static str) {
        self.doubt.get_or_insert(reason);
    }

    fn take(&mut self, packet: &Packet) -> Result<(), VideoError> {
        let data = packet.data().unwrap_or_default();
        let is_displayed = source::is_displayed(packet, self.codec);
        if is_displayed {
            self.frames += 1;
            if self.frames > self.frames_max {
                return Err(VideoError::TooManyFrames {
                    frames_max: self.frames_max,
                });
            }
        }
        if source::is_corrupt(packet) || source::brings_description(packet) {
            self.doubt("packets are damaged, or change how the rest is decoded");
        }
        if let (Some(last), Some(dts)) = (self.last_dts, packet.dts())
            && dts < last
        {
            self.doubt("its time stamps go backwards");
        }
        self.last_dts = packet.dts().or(self.last_dts);
        if is_displayed && packet.pts().is_none() {
            self.doubt("it has frames without time stamps");
        }
        if self.packaging.is_packed(data) {
            self.doubt("it has several frames in a packet");
        }
        // Packets without frames are at most as many as frames with them, or this is no video to be cut.
        if self.seen.len() > 2 * self.frames as usize + LEADING_PACKETS_MAX {
            self.doubt("it has more packets than frames");
        }
        if self.doubt.is_some() {
            return Ok(());
        }
        let is_random_access = packet.is_key() && self.packaging.is_random_access(data);
        let sets: Vec<u64> = self
            .packaging
            .parameter_sets(data)
            .into_iter()
            .map(digest)
            .filter(|set| !self.described.contains(set))
            .collect();
        let are_known = if is_random_access {
            *self.brought.get_or_insert_with(|| sets.clone()) == sets
        } else {
            sets.is_empty()
        };
        if !are_known {
            self.doubt("what its decoder has to know changes");
            return Ok(());
        }
        let pts = packet.pts().filter(|_| is_displayed);
        if let Some(pts) = packet.pts()
            && is_random_access
            && self.pts_max.is_none_or(|max| max < pts)
        {
            self.candidates.push(Candidate {
                place: self.seen.len(),
                start: Start {
                    pts,
                    dts: packet.dts(),
                    digest: content(packet),
                },
            });
        }
        self.pts_max = self.pts_max.max(pts);
        self.seen.push(Seen {
            pts,
            mark: mark(packet),
        });
        Ok(())
    }

    fn check_end(&mut self, source: &Source) {
        if source.broken() > 0 {
            self.doubt("parts of the file cannot be read");
        }
        if source.missing_s().is_some_and(|missing| missing > 1.0) {
            self.doubt("it ends before it should");
        }
    }

    /// The video in one part.
    fn whole(&self) -> Span {
        Span {
            first_pts: None,
            next_pts: None,
            frames: self.frames,
            start: None,
            look_pts: None,
            packets: 0,
            digest: 0,
        }
    }

    /// The parts, and why there is only one.
    fn cut(
        &self,
        length_s: f64,
        seconds: f64,
        limits: &VideoLimits,
    ) -> Result<(Vec<Span>, Option<&'static str>), VideoError> {
        let whole = vec![self.whole()];
        if self.doubt.is_some() {
            return Ok((whole, self.doubt));
        }
        let mut times: Vec<i64> = self.seen.iter().filter_map(|seen| seen.pts).collect();
        times.sort_unstable();
        let (Some(first), Some(last)) = (times.first().copied(), times.last().copied()) else {
            return Ok((whole, Some("it has no frames")));
        };
        let since = |from: i64, to: i64| to.saturating_sub(from) as f64 * seconds;
        if since(first, last) > f64::from(limits.duration_s_max) {
            return Err(VideoError::TooLong {
                duration_s_max: limits.duration_s_max,
            });
        }
        if times.windows(2).any(|pair| pair[0] == pair[1]) {
            return Ok((whole, Some("it has two frames at the same time")));
        }
        let usable = self.usable();
        let mut begins = vec![];
        let mut from = first;
        for candidate in &usable {
            let pts = candidate.start.pts;
            if since(from, pts) >= length_s
                && since(pts, last) >= length_s * LAST_PART_MIN
                && self.seen[candidate.place].pts.is_some()
            {
                begins.push(pts);
                from = pts;
            }
        }
        let is_long = since(first, last) >= 2.0 * length_s;
        let reason = (begins.is_empty() && is_long).then_some("it has no key frames at which it can be cut");
        let spans = (0..=begins.len())
            .map(|n| {
                let first_pts = n.checked_sub(1).map(|before| begins[before]);
                self.span(first_pts, begins.get(n).copied(), &times, &usable)
            })
            .collect();
        Ok((spans, reason))
    }

    /// The candidates after which all frames are displayed later, but for those that follow at once.
    fn usable(&self) -> Vec<&Candidate> {
        let mut earliest_after = vec![i64::MAX; self.seen.len() + 1];
        for (place, seen) in self.seen.iter().enumerate().rev() {
            earliest_after[place] = earliest_after[place + 1].min(seen.pts.unwrap_or(i64::MAX));
        }
        self.candidates
            .iter()
            .filter(|candidate| {
                let after = (candidate.place + LEADING_PACKETS_MAX).min(self.seen.len());
                earliest_after[after] >= candidate.start.pts
            })
            .collect()
    }

    fn span(
        &self,
        first_pts: Option<i64>,
        next_pts: Option<i64>,
        times: &[i64],
        usable: &[&Candidate],
    ) -> Span {
        let rank = |pts: i64| times.partition_point(|time| *time < pts);
        let first = first_pts.map_or(0, rank);
        let next = next_pts.map_or(times.len(), rank);
        let look_pts = first
            .checked_sub(LEAD_FRAMES as usize)
            .filter(|_| first_pts.is_some())
            .map(|look| times[look]);
        let start = look_pts.and_then(|look| {
            usable
                .iter()
                .take_while(|candidate| candidate.start.pts <= look)
                .last()
        });
        let begin = start.map_or(0, |candidate| candidate.place);
        let is_in = |seen: &Seen| seen.pts.is_some_and(|pts| next_pts.is_none_or(|next| pts < next));
        let end = self.seen.iter().rposition(is_in).map_or(begin, |last| last + 1);
        let packets = &self.seen[begin..end.max(begin)];
        let mut running = Running::default();
        packets.iter().for_each(|seen| running.add(seen.mark));
        Span {
            first_pts,
            next_pts,
            // Counted with 32 bits above.
            frames: u32::try_from(next - first).unwrap_or(u32::MAX),
            start: start.map(|candidate| candidate.start.clone()),
            look_pts,
            packets: packets.len() as u64,
            digest: running.digest,
        }
    }
}
