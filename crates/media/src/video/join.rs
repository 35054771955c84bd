//! All parts of a video to one result.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use ffmpeg_next::{Packet, codec};
use sfumato_detect::Stopwatch;
use sfumato_media_client::protocol::{Goal, Hidden};

use super::VideoTask;
use super::decode::{Counts, Decoder};
use super::error::VideoError;
use super::given;
use super::pipeline::{self, Ended};
use super::plan::{self, LEAD_FRAMES, SegmentPlan};
use super::report::{SegmentReport, TrackPiece, VideoReport, VideoTimings};
use super::seam::Tracks;
use super::segment::settings_digest;
use super::segment_file::{Header, PacketRecord, Record, Records, SegmentData};
use super::source::{self, Source};
use super::tracks::OnTrack;
use super::write::{self, Writing};
use crate::positioned::size_of;

const FOREIGN: VideoError = VideoError::PlanDoesNotHold {
    detail: "its parts do not belong together",
};

/// See [`super::join()`].
pub(super) fn run(
    task: VideoTask<'_>,
    plan: &SegmentPlan,
    parts: &[SegmentData<'_>],
    on_track: &mut OnTrack<'_>,
    on_progress: &mut dyn FnMut(f32),
) -> Result<VideoReport, VideoError> {
    let mut stopwatch = Stopwatch::start();
    let goal = match task.output {
        Some(_) => Goal::Anonymize,
        None => Goal::Detect,
    };
    let belongs = Belongs {
        plan: plan.id(),
        parts: plan.spans().len(),
        settings: settings_digest(task.options, &task.video, goal),
    };
    let (reports, description) = belongs.check(parts)?;
    let again = Arc::clone(&task.input);
    let bytes = size_of(&task.input).map_err(VideoError::Read)?;
    let (mut source, tracks) = Source::open(task.input, &task.video, &task.limits)?;
    plan::check_original(plan, bytes, &tracks.video)?;
    let container = source.container();
    let (frame_rate, orientation) = (tracks.video.frame_rate(), tracks.video.orientation.value());
    let seconds = f64::from(tracks.video.time_base);
    let video = (tracks.video.index, tracks.video.codec);
    let copied: Vec<usize> = tracks.copied.iter().map(|track| track.index).collect();
    let kept = task.output.clone();
    let writing = match task.output {
        Some(output) => {
            let decoder = Decoder::open(&tracks.video, &task.video, &task.limits)?;
            let first = pipeline::first_frame(&mut source, decoder, video.0)?;
            source = Source::open(again, &task.video, &task.limits)?.0;
            let mut writing = Writing::new(write::Plan {
                output,
                container,
                video: tracks.video,
                copied: tracks.copied,
                options: task.video,
                mask: task.options.mask,
                seed: task.seed,
            })?;
            if writing.begin_encoded(&first)? != description {
                return Err(FOREIGN);
            }
            Some(writing)
        }
        None => None,
    };
    let mut warnings = tracks.warnings;
    warnings.extend(copy(&mut source, writing, parts, video, &copied, on_progress)?);
    let (tracks, hidden) = join_tracks(parts, &reports, task.given.is_some(), on_track)?;
    let ended = ended(&reports, &source);
    let Sums {
        frames,
        duration_s,
        shown,
        mut timings,
    } = sums(&reports, &ended, seconds)?;
    given::check(task.given, shown, frames)?;
    pipeline::check_complete(
        &ended,
        &task.limits,
        duration_s / f64::from(frames),
        &mut warnings,
    )?;
    on_progress(1.0);
    timings.encode += stopwatch.lap();
    let bytes = kept
        .map_or(Ok(0), |file| size_of(&file))
        .map_err(VideoError::Read)?;
    Ok(VideoReport {
        container,
        source: given::source(task.given),
        shown,
        orientation,
        frames,
        duration_s,
        frame_rate,
        bytes,
        tracks,
        hidden,
        warnings,
        timings,
    })
}

/// Writes the packets of all parts among those of the other tracks, which follow each other as in the original; what should
/// be known about the result. Without a result the original is read nevertheless: only its end tells whether it is complete.
fn copy(
    source: &mut Source,
    mut writing: Option<Writing>,
    parts: &[SegmentData<'_>],
    (video, codec): (usize, codec::Id),
    copied: &[usize],
    on_progress: &mut dyn FnMut(f32),
) -> Result<Vec<String>, VideoError> {
    let mut packets = Packets::new(parts);
    let mut progress = 0.0f32;
    while let Some(packet) = source.next()? {
        if let Some(reached) = source.progress(&packet).filter(|reached| *reached > progress) {
            progress = reached;
            on_progress(progress);
        }
        let Some(writing) = &mut writing else { continue };
        if packet.stream() == video {
            if source::is_displayed(&packet, codec)
                && let Some(packet) = packets.next()?
            {
                writing.encoded(packet)?;
            }
        } else if copied.contains(&packet.stream()) {
            writing.packet(packet.stream(), packet)?;
        }
    }
    let Some(mut writing) = writing else {
        return Ok(vec![]);
    };
    while let Some(packet) = packets.next()? {
        writing.encoded(packet)?;
    }
    Ok(writing.finish()?.warnings)
}

/// What the parts say of the whole.
struct Sums {
    frames: u32,
    duration_s: f64,
    shown: (u32, u32),
    timings: VideoTimings,
}

fn sums(reports: &[SegmentReport], ended: &Ended, seconds: f64) -> Result<Sums, VideoError> {
    let frames = reports.iter().map(|report| report.frames).sum::<u32>();
    if frames == 0 {
        return Err(pipeline::no_frames(ended.counts));
    }
    let first_pts = reports.iter().find_map(|report| report.first_pts);
    let mut timings = VideoTimings::default();
    reports.iter().for_each(|report| timings += report.timings);
    Ok(Sums {
        frames,
        duration_s: match (first_pts, ended.end) {
            (Some(first), Some(end)) => end.saturating_sub(first) as f64 * seconds,
            _ => 0.0,
        },
        // Parts without frames do not know it.
        shown: reports
            .iter()
            .map(|report| report.shown)
            .max()
            .unwrap_or_default(),
        timings,
    })
}

/// What the first stage would have said of the whole video.
fn ended(reports: &[SegmentReport], source: &Source) -> Ended {
    Ended {
        counts: Counts {
            expected: reports.iter().map(|report| report.expected).sum(),
            decoded: reports.iter().map(|report| u64::from(report.frames)).sum(),
            refused: 0,
            damaged: reports.iter().map(|report| report.damaged).sum(),
        },
        broken: source.broken(),
        missing_s: source.missing_s(),
        end: reports.iter().rev().find_map(|report| report.end_pts),
        time: Duration::ZERO,
    }
}

/// What all parts have in common.
struct Belongs {
    plan: [u8; 32],
    parts: usize,
    settings: [u8; 32],
}

impl Belongs {
    /// What came of the parts, and the description of their packets.
    fn check(&self, parts: &[SegmentData<'_>]) -> Result<(Vec<SegmentReport>, Vec<u8>), VideoError> {
        if parts.len() != self.parts {
            return Err(FOREIGN);
        }
        let mut reports = vec![];
        let mut described: Option<Vec<u8>> = None;
        let mut is_alike = true;
        for (number, part) in parts.iter().enumerate() {
            let mut records = Records::new(*part);
            let Some(Record::Header(header)) = records.next()? else {
                return Err(FOREIGN);
            };
            let Header {
                plan,
                number: own,
                settings,
            } = header;
            let mut last = None;
            while let Some(record) = records.next()? {
                if let Record::Description(description) = &record {
                    is_alike &= described.get_or_insert_with(|| description.clone()) == description;
                }
                last = Some(record);
            }
            if !is_alike || (plan, own, settings) != (self.plan, number, self.settings) {
                return Err(FOREIGN);
            }
            let Some(Record::End(report)) = last else {
                return Err(FOREIGN);
            };
            reports.push(*report);
        }
        Ok((reports, described.unwrap_or_default()))
    }
}

/// The packets of all parts. Each part was encoded for itself, and its packets are due for decoding as if nothing had come
/// before; where time passes unevenly, this goes back at a seam. Therefore those of all parts but the first are due when an
/// encoder of the whole would have had them: as many frames before they are displayed as the first part has.
struct Packets<'a> {
    parts: VecDeque<SegmentData<'a>>,
    /// What is being read, and when each of its packets is due; `None`: as it says itself.
    part: Option<(Records<'a>, Option<VecDeque<i64>>)>,
    /// The last time stamps, in the order of display, of the parts before; as many as frames are decoded ahead. `None`
    /// before the first part.
    ahead: Option<Vec<i64>>,
}

impl<'a> Packets<'a> {
    fn new(parts: &[SegmentData<'a>]) -> Self {
        Self {
            parts: parts.iter().copied().collect(),
            part: None,
            ahead: None,
        }
    }

    fn next(&mut self) -> Result<Option<Packet>, VideoError> {
        loop {
            let Some((records, due)) = &mut self.part else {
                let Some(part) = self.parts.pop_front() else {
                    return Ok(None);
                };
                let due = self.due(part)?;
                self.part = Some((Records::new(part), due));
                continue;
            };
            let Some(record) = records.next()? else {
                self.part = None;
                continue;
            };
            let Record::Packet(record) = record else { continue };
            let mut packet = records.content(&record)?;
            if let Some(due) = due {
                let dts = due.pop_front().filter(|dts| *dts <= record.pts).ok_or(FOREIGN)?;
                packet.set_dts(Some(dts));
            }
            return Ok(Some(packet));
        }
    }

    /// When the packets of a part are due.
    fn due(&mut self, part: SegmentData<'_>) -> Result<Option<VecDeque<i64>>, VideoError> {
        let mut packets: Vec<PacketRecord> = vec![];
        let mut records = Records::new(part);
        while let Some(record) = records.next()? {
            if let Record::Packet(record) = record {
                packets.push(record);
            }
        }
        let mut displayed: Vec<i64> = packets.iter().map(|packet| packet.pts).collect();
        displayed.sort_unstable();
        let Some(ahead) = &mut self.ahead else {
            let first = displayed.first().copied().unwrap_or(0);
            let count = packets.iter().filter(|packet| packet.dts < first).count();
            self.ahead = Some(displayed.split_off(displayed.len().saturating_sub(count)));
            return Ok(None);
        };
        let count = ahead.len();
        let mut all = std::mem::take(ahead);
        all.extend(displayed);
        *ahead = all.split_off(all.len() - count);
        Ok(Some(all.into()))
    }
}

/// Hands over the tracks of all parts, those that go on under one number; how many there are, and how many are hidden. Given
/// ones have the same number in all parts from the beginning.
fn join_tracks(
    parts: &[SegmentData<'_>],
    reports: &[SegmentReport],
    are_given: bool,
    on_track: &mut OnTrack<'_>,
) -> Result<(u32, Hidden), VideoError> {
    let mut tracks = 0u32;
    let mut hidden = Hidden::default();
    let mut are_hidden = BTreeSet::new();
    let mut given = BTreeSet::new();
    let mut before = Tracks::default();
    let mut frames = 0u32;
    for (part, report) in parts.iter().zip(reports) {
        let lead = report.lead_frames;
        let mut head = Tracks::default();
        each_piece(*part, |piece| {
            head.add(piece.number, &piece, |found| found.frame < lead);
            Ok(())
        })?;
        let mut numbers: BTreeMap<u32, u32> = before.go_on_in(&head);
        let mut tail = Tracks::default();
        let tail_from = (lead + report.frames).saturating_sub(LEAD_FRAMES).max(lead);
        each_piece(*part, |mut piece| {
            piece.boxes.retain(|found| found.frame >= lead);
            if piece.boxes.is_empty() {
                return Ok(());
            }
            let number = if are_given {
                tracks += u32::from(given.insert(piece.number));
                piece.number
            } else {
                *numbers.entry(piece.number).or_insert_with(|| {
                    tracks += 1;
                    tracks - 1
                })
            };
            tail.add(number, &piece, |found| found.frame >= tail_from);
            piece.number = number;
            for found in &mut piece.boxes {
                found.frame = found.frame - lead + frames;
                if found.hides(report.shown) && are_hidden.insert(number) {
                    hidden.add(piece.class);
                }
            }
            on_track(piece)
        })?;
        before = tail;
        frames += report.frames;
    }
    Ok((tracks, hidden))
}

fn each_piece(
    part: SegmentData<'_>,
    mut take: impl FnMut(TrackPiece) -> Result<(), VideoError>,
) -> Result<(), VideoError> {
    let mut records = Records::new(part);
    while let Some(record) = records.next()? {
        if let Record::Piece(piece) = record {
            take(piece)?;
        }
    }
    Ok(())
}
