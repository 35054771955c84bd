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
use super::encode::{Encoder, Losses};
use super::error::VideoError;
use super::mask_yuv;
use super::options::{Audio, VideoOptions};
use super::planes::Planes;
use super::report::thread_time;
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
    /// `None` where the packets are there already.
    encoder: Option<Encoder>,
    sink: Sink,
}

/// A result that is being written.
pub(super) struct Writing {
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
pub(super) fn run(plan: Plan, items: &Receiver<Item>) -> Result<Written, VideoError> {
    let mut writing = Writing::new(plan)?;
    for item in items {
        match item {
            Item::Packet(track, packet) => writing.packet(track, packet)?,
            Item::Frame(decoded, hidden) => writing.frame(decoded, &hidden)?,
        }
    }
    writing.finish()
}

/// The encoder of a result whose first frame is known, how the result differs, and what is said of its track.
pub(super) fn open_encoder(
    video: &VideoTrack,
    first: &Decoded,
    container: Container,
    options: &VideoOptions,
) -> Result<(Encoder, Losses, TrackData), VideoError> {
    let mut data: TrackData = video.data.clone();
    data.add_from(&first.frame);
    let global_header = Sink::wants_global_header(container);
    let (encoder, losses) = Encoder::open(video, &data, &first.frame, container, global_header, options)?;
    Ok((encoder, losses, data))
}

/// Draws the masks of a frame, and gives it to the encoder. `spent` grows by the time that the masks take.
pub(super) fn mask_and_encode(
    encoder: &mut Encoder,
    decoded: Decoded,
    hidden: &[(u32, Detection)],
    mask: Mask,
    seed: [u8; 32],
    spent: &mut Duration,
) -> Result<(), VideoError> {
    let mut frame = encoder.convert(decoded.frame)?;
    if !hidden.is_empty() {
        let start = thread_time();
        let mut planes = Planes::of(&mut frame)?;
        for (track, detection) in hidden {
            mask_yuv::draw(&mut planes, detection, mask, seed, u64::from(*track));
        }
        *spent += thread_time().saturating_sub(start);
    }
    encoder.send(Some((frame, decoded.pts, decoded.duration)))
}

impl Writing {
    /// Nothing is written before the first frame is known.
    ///
    /// # Errors
    /// What the encoders of silence say.
    pub(super) fn new(mut plan: Plan) -> Result<Self, VideoError> {
        let mut silences = vec![];
        if plan.options.audio == Audio::Mute {
            for track in &mut plan.copied {
                silences.extend(Silence::replace(track, plan.container)?);
            }
        }
        Ok(Self {
            plan,
            silences,
            waiting: vec![],
            waiting_bytes: 0,
            open: None,
            lost: 0,
            written: Written::default(),
        })
    }

    /// Begins a result whose packets are encoded already, as an encoder for this first frame would have it. The description
    /// that this encoder gives its packets.
    ///
    /// # Errors
    /// As for results that are encoded.
    pub(super) fn begin_encoded(&mut self, first: &Decoded) -> Result<Vec<u8>, VideoError> {
        let mut open = Open::new(&self.plan, first, &mut self.written)?;
        let description = open.encoder.take().map(|encoder| encoder.description());
        self.open = Some(open);
        Ok(description.unwrap_or_default())
    }

    /// Writes a packet of the video that is encoded already.
    ///
    /// # Errors
    /// [`VideoError::Write`], or the container does not take it.
    pub(super) fn encoded(&mut self, packet: Packet) -> Result<(), VideoError> {
        match &mut self.open {
            Some(open) => open.write(&self.plan, packet),
            None => Ok(()),
        }
    }

    /// Writes a packet of another track.
    ///
    /// # Errors
    /// [`VideoError::Write`], or what the encoder of silence says.
    pub(super) fn packet(&mut self, track: usize, packet: Packet) -> Result<(), VideoError> {
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

    /// Writes what is left.
    ///
    /// # Errors
    /// [`VideoError::Write`], or what the encoder says.
    pub(super) fn finish(mut self) -> Result<Written, VideoError> {
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
        let (encoder, losses, data) = open_encoder(&plan.video, first, plan.container, &plan.options)?;
        written.warnings.extend(losses.warnings);
        let output = Arc::clone(&plan.output);
        let sink = Sink::open(output, plan.container, &plan.video, &data, &encoder, &plan.copied)?;
        Ok(Self {
            encoder: Some(encoder),
            sink,
        })
    }

    fn frame(
        &mut self,
        plan: &Plan,
        decoded: Decoded,
        hidden: &[(u32, Detection)],
        written: &mut Written,
    ) -> Result<(), VideoError> {
        let Some(encoder) = &mut self.encoder else {
            return Ok(());
        };
        mask_and_encode(encoder, decoded, hidden, plan.mask, plan.seed, &mut written.mask)?;
        self.pass_on(plan)
    }

    fn pass_on(&mut self, plan: &Plan) -> Result<(), VideoError> {
        while let Some(packet) = self.encoder.as_mut().map_or(Ok(None), Encoder::receive)? {
            self.write(plan, packet)?;
        }
        Ok(())
    }

    fn write(&mut self, plan: &Plan, packet: Packet) -> Result<(), VideoError> {
        if self.sink.write(plan.video.index, packet)? {
            return Ok(());
        }
        Err(VideoError::Internal {
            detail: "the container does not take a packet of the encoder".to_owned(),
        })
    }

    fn finish(mut self, plan: &Plan) -> Result<(), VideoError> {
        if let Some(encoder) = &mut self.encoder {
            encoder.send(None)?;
        }
        self.pass_on(plan)?;
        self.sink.finish()
    }
}
