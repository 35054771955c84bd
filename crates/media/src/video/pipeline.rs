//! The three stages and what passes between them.

use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use super::decode::{Counts, Decoded, Decoder};
use super::error::VideoError;
use super::given::{self, Given};
use super::look::{Extent, Looking, Taken};
use super::options::{Damaged, VideoLimits};
use super::report::{VideoReport, VideoTimings, thread_time};
use super::source::Source;
use super::tracks::OnTrack;
use super::write::{self, Plan, Written};
use super::{FindInFrame, VideoTask};
use crate::positioned::size_of;
use sfumato_detect::Stopwatch;

/// Frames and packets that wait between two stages. Another one is in the hands of the stage before, which is enough for all
/// of them to be busy.
pub(super) const QUEUE: usize = 1;

/// How much of a video may be missing at its end before it is worth a word, in seconds.
const MISSING_S_MIN: f64 = 0.25;

/// What the first stage has to say in the end.
pub(super) struct Ended {
    pub(super) counts: Counts,
    pub(super) broken: u32,
    pub(super) missing_s: Option<f64>,
    pub(super) end: Option<i64>,
    pub(super) time: Duration,
}

/// See [`super::anonymize`].
pub(super) fn run(
    task: VideoTask<'_>,
    find: &mut FindInFrame<'_>,
    on_track: &mut OnTrack<'_>,
    on_progress: &mut dyn FnMut(f32),
) -> Result<VideoReport, VideoError> {
    let mut stopwatch = Stopwatch::start();
    let VideoTask {
        input,
        output,
        options,
        given,
        video: asked,
        limits,
        seed,
    } = task;
    let (source, tracks) = Source::open(input, &asked, &limits)?;
    let container = source.container();
    let decoder = Decoder::open(&tracks.video, &asked, &limits)?;
    let mut looking = Looking::new(options, &tracks.video, Extent::default(), on_track);
    looking.given = given.map(|given| Given::new(given, 0));
    let frame_rate = tracks.video.frame_rate();
    let index = tracks.video.index;
    let copied: Vec<usize> = tracks.copied.iter().map(|track| track.index).collect();
    let plan = output
        .map(|output| {
            let kept = Arc::clone(&output);
            let plan = Plan {
                output,
                container,
                video: tracks.video,
                copied: tracks.copied,
                options: asked,
                mask: options.mask,
                seed,
            };
            Ok::<_, VideoError>((plan, kept))
        })
        .transpose()?;
    let (plan, kept) = plan.unzip();
    let (to_look, from_decode) = sync_channel(QUEUE);
    let (to_write, from_look) = sync_channel(QUEUE);
    let (ended, looked, written) = thread::scope(|scope| {
        let decoding = scope.spawn(move || decode(source, decoder, index, &copied, &to_look));
        let writing = scope.spawn(move || match plan {
            Some(plan) => write::run(plan, &from_look),
            None => {
                from_look.into_iter().for_each(drop);
                Ok(Written::default())
            }
        });
        let looked = looking.run(from_decode, &to_write, find, on_progress);
        drop(to_write);
        (join(decoding), looked, join(writing))
    });
    // The first stage knows best what is wrong with a file.
    let ended = ended?;
    looked?;
    let written = written?;
    given::check(given, looking.shown, looking.frames)?;
    let mut warnings = tracks.warnings;
    warnings.extend(written.warnings);
    let duration_s = looking.duration_s(ended.end);
    check_complete(
        &ended,
        &limits,
        duration_s / f64::from(looking.frames.max(1)),
        &mut warnings,
    )?;
    on_progress(1.0);
    let bytes = kept
        .map_or(Ok(0), |file| size_of(&file))
        .map_err(VideoError::Read)?;
    let mut timings = VideoTimings {
        decode: ended.time,
        mask: written.mask,
        ..looking.timings
    };
    let known = timings.decode + timings.preview + timings.inference + timings.mask;
    timings.encode = stopwatch.lap().saturating_sub(known);
    Ok(VideoReport {
        container,
        source: given::source(given),
        shown: looking.shown,
        orientation: looking.orientation.value(),
        frames: looking.frames,
        duration_s,
        frame_rate,
        bytes,
        tracks: looking.pieces.tracks,
        hidden: looking.pieces.hidden,
        warnings,
        timings,
    })
}

/// What a stage has to say.
pub(super) fn join<T>(handle: thread::ScopedJoinHandle<'_, Result<T, VideoError>>) -> Result<T, VideoError> {
    // A panic is a fault of ours: the thread that waits has it too, and whoever called catches it.
    handle
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// The first stage: reads packets and decodes those of one track.
fn decode(
    mut source: Source,
    mut decoder: Decoder,
    index: usize,
    copied: &[usize],
    to_look: &SyncSender<Taken>,
) -> Result<Ended, VideoError> {
    let start = thread_time();
    let mut progress = 0.0f32;
    // Where nobody listens any more, the other stages have failed, and say why.
    let mut is_heard = true;
    while is_heard && let Some(packet) = source.next()? {
        progress = source.progress(&packet).unwrap_or(progress).max(progress);
        let track = packet.stream();
        if track == index {
            decoder.send(Some(&packet))?;
            drop(packet);
            while let Some(frame) = decoder.next() {
                is_heard &= to_look.send(Taken::Frame(frame, progress)).is_ok();
            }
        } else if copied.contains(&track) {
            is_heard &= to_look.send(Taken::Packet(track, packet)).is_ok();
        }
    }
    if is_heard {
        decoder.send(None)?;
        while let Some(frame) = decoder.next() {
            is_heard &= to_look.send(Taken::Frame(frame, 1.0)).is_ok();
        }
    }
    let counts = decoder.counts();
    if is_heard && counts.decoded == 0 {
        return Err(no_frames(counts));
    }
    Ok(Ended {
        counts,
        broken: source.broken(),
        missing_s: source.missing_s(),
        end: decoder.end(),
        time: thread_time().saturating_sub(start),
    })
}

/// That nothing came out of the decoder.
pub(super) fn no_frames(counts: Counts) -> VideoError {
    VideoError::NoFrames {
        detail: match counts.expected {
            0 => "there are none in the file".to_owned(),
            expected => format!("there are {expected} in the file, all of them damaged"),
        },
    }
}

/// The first frame of a video, which is read from its beginning.
pub(super) fn first_frame(
    source: &mut Source,
    mut decoder: Decoder,
    index: usize,
) -> Result<Decoded, VideoError> {
    while let Some(packet) = source.next()? {
        if packet.stream() == index {
            decoder.send(Some(&packet))?;
            if let Some(frame) = decoder.next() {
                return Ok(frame);
            }
        }
    }
    decoder.send(None)?;
    decoder.next().ok_or_else(|| no_frames(decoder.counts()))
}

/// Says what is missing, or fails for it.
pub(super) fn check_complete(
    ended: &Ended,
    limits: &VideoLimits,
    frame_s: f64,
    warnings: &mut Vec<String>,
) -> Result<(), VideoError> {
    let counts = ended.counts;
    let mut faults = vec![];
    if counts.decoded < counts.expected {
        let missing = counts.expected - counts.decoded;
        faults.push(format!(
            "{missing} of {} frames cannot be decoded",
            counts.expected
        ));
    }
    if counts.damaged > 0 {
        faults.push(format!("{} frames are damaged", counts.damaged));
    }
    if ended.broken > 0 {
        faults.push(format!("{} parts of the file cannot be read", ended.broken));
    }
    let tolerance = MISSING_S_MIN.max(2.0 * frame_s);
    if let Some(missing) = ended.missing_s.filter(|missing| *missing > tolerance) {
        faults.push(format!("it ends {missing:.1} seconds before it should"));
    }
    if faults.is_empty() {
        return Ok(());
    }
    let detail = faults.join(", ");
    match limits.damaged {
        Damaged::Fail => Err(VideoError::FramesMissing { detail }),
        Damaged::Warn => {
            warnings.push(format!("the video is damaged: {detail}"));
            Ok(())
        }
    }
}
