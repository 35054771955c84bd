//! The last stage: masks, encoder, container.

use std::fs::File;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use ffmpeg_next::Packet;
use sfumato_core::detection::Detection;
use sfumato_core::options::Mask;

use super::container::Container;
use super::decode::Decoded;
use super::encode::Encoder;
use super::error::VideoError;
use super::mask_yuv;
use super::options::{Audio, VideoOptions};
use super::pipeline::thread_time;
use super::planes::Planes;
use super::side_data::TrackData;
use super::silence::Silence;
use super::sink::Sink;
use super::source::{CopiedTrack, VideoTrack};

/// Packets of other tracks, in bytes, that are kept until the first frame comes.
const WAITING_BYTES_MAX: usize = 64 << 20;

/// What the last stage is given.
pub(super) enum Item {
    /// A frame, and what is hidden in it: the number of a track, and a detection in the stored grid.
    Frame(Decoded, Vec<(u32, Detection)>),
    /// A packet of a track that is copied.
    Packet(usize, Packet),
}

/// What the last stage has to say in the end.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub(super) warnings: Vec<String>,
    pub(super) mask: Duration,
}

/// The tracks of a result that is still to be opened.
pub(super) struct Plan {
    pub(super) output: Arc<File>,
    pub(super) container: Container,
    pub(super) video: VideoTrack,
    pub(super) copied: Vec<CopiedTrack>,
    pub(super) options: VideoOptions,
    pub(super) mask: Mask,
    pub(super) seed: [u8; 32],
}

/// What is open from the first frame on.
struct Open {
    encoder: Encoder,
    sink: Sink,
}

/// A result that is being written.
struct Writing {
    plan: Plan,
    silences: Vec<Silence>,
    /// Packets of other tracks that came before the first frame.
    waiting: Vec<(usize, Packet)>,
    waiting_bytes: usize,
    open: Option<Open>,
    /// Packets that no muxer takes.
    lost: u64,
    written: Written,
}

/// Writes all that comes, and finishes the result when no more does.
///
/// # Errors
/// What the encoder or the disk says.
pub(super) fn run(mut plan: Plan, items: &Receiver<Item>) -> Result<Written, VideoError> {
    let mut silences = vec![];
    if plan.options.audio == Audio::Mute {
        for track in &mut plan.copied {
            silences.extend(Silence::replace(track, plan.container)?);
        }
    }
    let mut writing = Writing {
        plan,
        silences,
        waiting: vec![],
        waiting_bytes: 0,
        open: None,
        lost: 0,
        written: Written::default(),
    };
    for item in items {
        match item {
            Item::Packet(track, packet) => writing.packet(track, packet)?,
            Item::Frame(decoded, hidden) => writing.frame(decoded, &hidden)?,
        }
    }
    writing.finish()
}

impl Writing {
    fn packet(&mut self, track: usize, packet: Packet) -> Result<(), VideoError> {
        let silence = self.silences.iter_mut().find(|silence| silence.track == track);
        let packets = match silence {
            Some(silence) => silence.instead_of(packet)?,
            None => vec![packet],
        };
        for packet in packets {
            self.copy(track, packet)?;
        }
        Ok(())
    }

    fn copy(&mut self, track: usize, packet: Packet) -> Result<(), VideoError> {
        match &mut self.open {
            Some(open) => self.lost += u64::from(!open.sink.write(track, packet)?),
            None => {
                self.waiting_bytes += packet.size();
                if self.waiting_bytes > WAITING_BYTES_MAX {
                    return Err(VideoError::NoFrames {
                        detail: "the sound begins long before it".to_owned(),
                    });
                }
                self.waiting.push((track, packet));
            }
        }
        Ok(())
    }

    fn frame(&mut self, decoded: Decoded, hidden: &[(u32, Detection)]) -> Result<(), VideoError> {
        let mut open = match self.open.take() {
            Some(open) => open,
            None => {
                let mut open = Open::new(&self.plan, &decoded, &mut self.written)?;
                for (track, packet) in self.waiting.drain(..) {
                    self.lost += u64::from(!open.sink.write(track, packet)?);
                }
                open
            }
        };
        open.frame(&self.plan, decoded, hidden, &mut self.written)?;
        self.open = Some(open);
        Ok(())
    }

    fn finish(mut self) -> Result<Written, VideoError> {
        if let Some(mut open) = self.open {
            for silence in &mut self.silences {
                for packet in silence.finish()? {
                    open.sink.write(silence.track, packet)?;
                }
            }
            open.finish(&self.plan)?;
        }
        if self.lost > 0 {
            let lost = self.lost;
            self.written.warnings.push(format!(
                "{lost} packets of other tracks are damaged and were left out"
            ));
        }
        Ok(self.written)
    }
}

impl Open {
    fn new(plan: &Plan, first: &Decoded, written: &mut Written) -> Result<Self, VideoError> {
        let mut data: TrackData = plan.video.data.clone();
        data.add_from(&first.frame);
        let global_header = Sink::wants_global_header(plan.container);
        let (encoder, losses) = Encoder::open(
            &plan.video,
            &data,
            &first.frame,
            plan.container,
            global_header,
            &plan.options,
        )?;
        written.warnings.extend(losses.warnings);
        let output = Arc::clone(&plan.output);
        let sink = Sink::open(output, plan.container, &plan.video, &data, &encoder, &plan.copied)?;
        Ok(Self { encoder, sink })
    }

    fn frame(
        &mut self,
        plan: &Plan,
        decoded: Decoded,
        hidden: &[(u32, Detection)],
        written: &mut Written,
    ) -> Result<(), VideoError> {
        let mut frame = self.encoder.convert(decoded.frame)?;
        if !hidden.is_empty() {
            let start = thread_time();
            let mut planes = Planes::of(&mut frame)?;
            for (track, detection) in hidden {
                mask_yuv::draw(&mut planes, detection, plan.mask, plan.seed, u64::from(*track));
            }
            written.mask += thread_time().saturating_sub(start);
        }
        self.encoder.send(Some((frame, decoded.pts, decoded.duration)))?;
        self.pass_on(plan)
    }

    fn pass_on(&mut self, plan: &Plan) -> Result<(), VideoError> {
        while let Some(packet) = self.encoder.receive()? {
            if !self.sink.write(plan.video.index, packet)? {
                return Err(VideoError::Internal {
                    detail: "the container does not take a packet of the encoder".to_owned(),
                });
            }
        }
        Ok(())
    }

    fn finish(mut self, plan: &Plan) -> Result<(), VideoError> {
        self.encoder.send(None)?;
        self.pass_on(plan)?;
        self.sink.finish()
    }
}
