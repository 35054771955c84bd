//! One part of a video: the three stages of the [`pipeline`], from some frames before it to some after it.

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use ffmpeg_next::Packet;
use sfumato_core::AnonymizeOptions;
use sfumato_core::options::Mask;
use sfumato_detect::Stopwatch;
use sfumato_media_client::protocol::Goal;
use sha2::{Digest, Sha256};

use super::decode::{Decoded, Decoder};
use super::encode::Encoder;
use super::error::VideoError;
use super::given::Given;
use super::look::{Extent, Looking, Taken};
use super::options::VideoOptions;
use super::packet_marks::{Running, mark};
use super::pipeline::{self, QUEUE};
use super::plan::{self, LEAD_FRAMES, SegmentPlan, Span};
use super::report::{SegmentReport, TrackPiece, VideoTimings, thread_time};
use super::segment_file::{Header, SegmentWriter};
use super::source::{Source, VideoTrack};
use super::write::{self, Item};
use super::{FindInFrame, SegmentTask};
use crate::positioned::size_of;

const CHANGED: VideoError = VideoError::PlanDoesNotHold {
    detail: "its packets are not those that were planned with",
};

/// What tells apart results that cannot be joined: all that they depend on beside the original and the plan. How many
/// threads worked on them is not among it.
pub(super) fn settings_digest(options: &AnonymizeOptions, video: &VideoOptions, goal: Goal) -> [u8; 32] {
    let VideoOptions {
        codec,
        quality,
        subtitles,
        ..
    } = video;
    let text = format!("{options:?} {codec:?} {quality:?} {subtitles:?} {goal:?}");
    Sha256::digest(text).into()
}

/// See [`super::segment()`].
pub(super) fn run(
    task: SegmentTask<'_>,
    plan: &SegmentPlan,
    number: usize,
    find: &mut FindInFrame<'_>,
    on_progress: &mut dyn FnMut(f32),
) -> Result<SegmentReport, VideoError> {
    let mut stopwatch = Stopwatch::start();
    let span = plan.spans().get(number).ok_or(VideoError::PlanDoesNotHold {
        detail: "it has no such part",
    })?;
    let Begun {
        source,
        decoder,
        begin,
        first,
        track,
    } = Begun::new(&task, plan, span)?;
    let container = source.container();
    let header = Header {
        plan: plan.id(),
        number,
        settings: settings_digest(task.options, &task.video, task.goal),
    };
    let out = Mutex::new(SegmentWriter::new(task.output, &header)?);
    let restart_pts = plan.spans().get(number + 1).and_then(|next| next.look_pts);
    let extent = Extent {
        first_pts: span.first_pts,
        next_pts: span.next_pts,
        restart_pts,
    };
    let mut on_track = |piece: TrackPiece| lock(&out).piece(&piece);
    let mut looking = Looking::new(task.options, &track, extent, &mut on_track);
    let frames_before = plan.spans().iter().take(number).map(|span| span.frames).sum();
    looking.given = task.given.map(|given| Given::new(given, frames_before));
    let (to_look, from_decode) = sync_channel(QUEUE);
    let (to_write, from_look) = sync_channel(QUEUE);
    let (index, video) = (track.index, task.video);
    let drawing = Drawing {
        mask: task.options.mask,
        seed: task.seed,
        spent: Duration::ZERO,
    };
    let is_planned = plan.spans().len() > 1;
    let (ended, looked, written) = thread::scope(|scope| {
        let out = &out;
        let decoding = scope.spawn(move || {
            let decoding = Decoding {
                span,
                is_planned,
                to_look,
                read: Running::default(),
                given: 0,
                ended: Ended::default(),
                frames_wanted: span.frames.max(1),
            };
            decoding.run(source, decoder, index, begin)
        });
        let writing = scope.spawn(move || match task.goal {
            Goal::Anonymize => {
                let (encoder, ..) = write::open_encoder(&track, &first, container, &video)?;
                drop(first);
                drawing.run(encoder, &from_look, out)
            }
            Goal::Detect => {
                from_look.into_iter().for_each(drop);
                Ok(Duration::ZERO)
            }
        });
        let looked = looking.run(from_decode, &to_write, find, on_progress);
        drop(to_write);
        (pipeline::join(decoding), looked, pipeline::join(writing))
    });
    let ended = ended?;
    looked?;
    let masking = written?;
    if task.given.is_some() && is_planned && ended.frames != span.frames {
        return Err(VideoError::PlanDoesNotHold {
            detail: "frames are missing, after which the given boxes would be a little early",
        });
    }
    if is_planned && looking.reach() > LEAD_FRAMES {
        return Err(VideoError::PlanDoesNotHold {
            detail: "its parts are looked at in steps that are too large",
        });
    }
    on_progress(1.0);
    let (shown, timings) = (looking.shown, looking.timings);
    drop(looking);
    let report = ended.report(shown, timings, masking, stopwatch.lap());
    let out = out.into_inner().unwrap_or_else(PoisonError::into_inner);
    let bytes = out.finish(&report)?;
    Ok(SegmentReport { bytes, ..report })
}

/// All that is open before the first stage begins.
struct Begun {
    source: Source,
    decoder: Decoder,
    /// The packet with which decoding begins; `None`: the next one of the source.
    begin: Option<Packet>,
    /// The first frame of the video, which says how all of its parts are encoded.
    first: Decoded,
    track: VideoTrack,
}

impl Begun {
    fn new(task: &SegmentTask<'_>, plan: &SegmentPlan, span: &Span) -> Result<Self, VideoError> {
        let bytes = size_of(&task.input).map_err(VideoError::Read)?;
        let (mut source, tracks) = Source::open(Arc::clone(&task.input), &task.video, &task.limits)?;
        let track = tracks.video;
        plan::check_original(plan, bytes, &track)?;
        let open_decoder = || Decoder::open(&track, &task.video, &task.limits);
        let first = pipeline::first_frame(&mut source, open_decoder()?, track.index)?;
        let mut decoder = open_decoder()?;
        decoder.follow(&first);
        let begin = match &span.start {
            Some(start) => Some(source.seek(track.index, start)?.ok_or(CHANGED)?),
            None => {
                source = Source::open(Arc::clone(&task.input), &task.video, &task.limits)?.0;
                None
            }
        };
        Ok(Self {
            source,
            decoder,
            begin,
            first,
            track,
        })
    }
}

/// Whoever panicked while writing has ended the whole work.
fn lock<T>(out: &Mutex<T>) -> MutexGuard<'_, T> {
    out.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How masks are drawn, and the time that it has taken.
struct Drawing {
    mask: Mask,
    seed: [u8; 32],
    spent: Duration,
}

impl Drawing {
    /// The last stage: masks, encoder, file. The time that the masks take.
    fn run(
        mut self,
        mut encoder: Encoder,
        items: &Receiver<Item>,
        out: &Mutex<SegmentWriter>,
    ) -> Result<Duration, VideoError> {
        lock(out).description(&encoder.description())?;
        for item in items {
            if let Item::Frame(decoded, hidden) = item {
                write::mask_and_encode(
                    &mut encoder,
                    decoded,
                    &hidden,
                    self.mask,
                    self.seed,
                    &mut self.spent,
                )?;
                pass_on(&mut encoder, out)?;
            }
        }
        encoder.send(None)?;
        pass_on(&mut encoder, out)?;
        Ok(self.spent)
    }
}

fn pass_on(encoder: &mut Encoder, out: &Mutex<SegmentWriter>) -> Result<(), VideoError> {
    while let Some(packet) = encoder.receive()? {
        lock(out).packet(&packet)?;
    }
    Ok(())
}

/// What the first stage has to say in the end.
#[derive(Default)]
struct Ended {
    lead_frames: u32,
    frames: u32,
    expected: u64,
    damaged: u64,
    first_pts: Option<i64>,
    end_pts: Option<i64>,
    time: Duration,
}

impl Ended {
    /// What came of the part; the size of its file is not known yet.
    fn report(
        self,
        shown: (u32, u32),
        looking: VideoTimings,
        mask: Duration,
        all: Duration,
    ) -> SegmentReport {
        let known = self.time + looking.preview + looking.inference + mask;
        SegmentReport {
            frames: self.frames,
            expected: self.expected,
            damaged: self.damaged,
            bytes: 0,
            lead_frames: self.lead_frames,
            shown,
            first_pts: self.first_pts,
            end_pts: self.end_pts,
            timings: VideoTimings {
                decode: self.time,
                mask,
                encode: all.saturating_sub(known),
                ..looking
            },
        }
    }
}

/// The first stage: reads packets from where decoding begins, and passes frames on from the first one that is looked at.
struct Decoding<'a> {
    span: &'a Span,
    /// Whether the video is cut, and its time stamps are therefore proven.
    is_planned: bool,
    to_look: SyncSender<Taken>,
    /// The packets of the plan.
    read: Running,
    /// Frames that were passed on.
    given: u32,
    ended: Ended,
    /// Frames of the part, for the progress.
    frames_wanted: u32,
}

impl Decoding<'_> {
    fn run(
        mut self,
        mut source: Source,
        mut decoder: Decoder,
        index: usize,
        begin: Option<Packet>,
    ) -> Result<Ended, VideoError> {
        let start = thread_time();
        let mut is_heard = true;
        let mut next = begin;
        while is_heard {
            let Some(packet) = next
                .take()
                .map_or_else(|| source.next(), |packet| Ok(Some(packet)))?
            else {
                break;
            };
            if packet.stream() != index {
                continue;
            }
            if self.read.packets < self.span.packets {
                self.read.add(mark(&packet));
            }
            decoder.send(Some(&packet))?;
            drop(packet);
            is_heard = self.pass_on(&mut decoder)?;
        }
        if is_heard {
            decoder.send(None)?;
            self.pass_on(&mut decoder)?;
        }
        let expected = Running {
            packets: self.span.packets,
            digest: self.span.digest,
        };
        let counts = decoder.counts();
        self.ended.time = thread_time().saturating_sub(start);
        if !self.is_planned {
            self.ended.expected = counts.expected;
            self.ended.damaged = counts.damaged;
            return Ok(self.ended);
        }
        self.ended.expected = self.span.frames.into();
        // Where nobody listened, the part is complete, or the other stages have failed and say why.
        let is_left = !is_heard && self.read.packets < self.span.packets;
        if self.read != expected && !is_left {
            return Err(CHANGED);
        }
        Ok(self.ended)
    }

    /// Passes on what has come out of the decoder; whether anybody listens.
    fn pass_on(&mut self, decoder: &mut Decoder) -> Result<bool, VideoError> {
        while let Some(frame) = decoder.next() {
            if !self.frame(frame)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn frame(&mut self, mut decoded: Decoded) -> Result<bool, VideoError> {
        if self.is_planned && decoded.frame.pts() != Some(decoded.pts) {
            return Err(VideoError::PlanDoesNotHold {
                detail: "its frames are not displayed in the order of their time stamps",
            });
        }
        // Frames before it may lack what they depend on.
        if self.span.look_pts.is_some_and(|look| decoded.pts < look) {
            return Ok(true);
        }
        let is_before = self.span.first_pts.is_some_and(|first| decoded.pts < first);
        let is_after = self.span.next_pts.is_some_and(|next| decoded.pts >= next);
        let ended = &mut self.ended;
        if is_before {
            ended.lead_frames += 1;
        } else if !is_after {
            ended.frames += 1;
            ended.first_pts.get_or_insert(decoded.pts);
            ended.end_pts = Some(decoded.pts.saturating_add(decoded.duration));
            ended.damaged += u64::from(decoded.frame.is_corrupt() || decoded.frame.has_decode_errors());
        }
        decoded.number = self.given;
        self.given += 1;
        let progress = (self.given as f32 / self.frames_wanted as f32).min(1.0);
        Ok(self.to_look.send(Taken::Frame(decoded, progress)).is_ok())
    }
}

impl std::ops::AddAssign for VideoTimings {
    fn add_assign(&mut self, other: Self) {
        self.decode += other.decode;
        self.preview += other.preview;
        self.inference += other.inference;
        self.mask += other.mask;
        self.encode += other.encode;
    }
}
