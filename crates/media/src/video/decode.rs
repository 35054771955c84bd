//! Packets of the video track to frames.

use std::collections::VecDeque;

use ffmpeg_next::codec::decoder::Opened;
use ffmpeg_next::{self as libav, Dictionary, Packet, codec, frame};

use super::error::VideoError;
use super::io;
use super::options::{VideoLimits, VideoOptions};
use super::source::{self, VideoTrack};

/// A decoder gets one in so many of the threads: it is quicker than the encoder, and each of its threads holds frames of its
/// own, some 60 MB at 1920x1080.
const DECODER_SHARE: u32 = 2;

/// What came out of the decoder, and what did not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Frames that the packets should have yielded.
    pub(super) expected: u64,
    /// Frames that came out.
    pub(super) decoded: u64,
    /// Packets that the decoder refused.
    pub(super) refused: u64,
    /// Frames that came out damaged.
    pub(super) damaged: u64,
}

/// A frame with its place in time, in the time base of its track.
pub(super) struct Decoded {
    pub(super) frame: frame::Video,
    /// When it is displayed. Rises from frame to frame.
    pub(super) pts: i64,
    /// For how long, as the container says; 0 where it does not.
    pub(super) duration: i64,
    /// Its number, from 0.
    pub(super) number: u32,
}

/// The decoder of the video track.
pub(super) struct Decoder {
    decoder: Opened,
    codec: codec::Id,
    limits: VideoLimits,
    seconds: f64,
    geometry: Option<(libav::format::Pixel, u32, u32)>,
    first_pts: Option<i64>,
    last: Option<(i64, i64)>,
    counts: Counts,
    ready: VecDeque<Decoded>,
}

/// The decoder of libav for a codec, among those that the probe may use too.
const fn name(codec: codec::Id) -> Option<&'static str> {
    Some(match codec {
        codec::Id::H264 => "h264",
        codec::Id::HEVC => "hevc",
        codec::Id::MPEG4 => "mpeg4",
        codec::Id::MJPEG => "mjpeg",
        codec::Id::VP8 => "vp8",
        codec::Id::VP9 => "vp9",
        codec::Id::PRORES => "prores",
        codec::Id::AV1 => "libdav1d",
        _ => return None,
    })
}

impl Decoder {
    /// Opens the decoder.
    ///
    /// # Errors
    /// [`VideoError::UnsupportedCodec`], or no memory.
    pub(super) fn open(
        track: &VideoTrack,
        options: &VideoOptions,
        limits: &VideoLimits,
    ) -> Result<Self, VideoError> {
        let found = name(track.codec).and_then(codec::decoder::find_by_name);
        let Some(found) = found else {
            return Err(VideoError::UnsupportedCodec {
                codec: track.codec.name().to_owned(),
            });
        };
        let failed = |error| VideoError::internal("open the decoder", error);
        let context = codec::Context::from_parameters(track.parameters.clone()).map_err(failed)?;
        let mut decoder = context.decoder();
        decoder.set_packet_time_base(track.time_base);
        let (threads, pixels_max) = (
            (options.threads.get() / DECODER_SHARE).max(1).to_string(),
            limits.frame_pixels_max.to_string(),
        );
        let settings =
            Dictionary::from_iter([("threads", threads.as_str()), ("max_pixels", pixels_max.as_str())]);
        let decoder = decoder.open_as_with(found, settings).map_err(failed)?;
        Ok(Self {
            decoder,
            codec: track.codec,
            limits: *limits,
            seconds: f64::from(track.time_base),
            geometry: None,
            first_pts: None,
            last: None,
            counts: Counts::default(),
            ready: VecDeque::new(),
        })
    }

    /// Has frames be compared with the first one of the video, where decoding begins later.
    pub(super) fn follow(&mut self, first: &Decoded) {
        let frame = &first.frame;
        self.first_pts = Some(first.pts);
        self.geometry = Some((frame.format(), frame.width(), frame.height()));
    }

    /// Takes a packet; `None` is the end. What it yields is then in [`Self::next`].
    ///
    /// # Errors
    /// A limit is broken, or frames change. Packets that cannot be decoded are counted.
    pub(super) fn send(&mut self, packet: Option<&Packet>) -> Result<(), VideoError> {
        if let Some(packet) = packet
            && source::is_displayed(packet, self.codec)
        {
            self.counts.expected += 1;
            if source::is_corrupt(packet) {
                self.counts.damaged += 1;
            }
        }
        loop {
            let sent = match packet {
                Some(packet) => self.decoder.send_packet(packet),
                None => self.decoder.send_eof(),
            };
            // A decoder that is full takes the packet after its frames are fetched.
            let is_full = sent
                == Err(libav::Error::Other {
                    errno: libav::error::EAGAIN,
                });
            let fetched = self.receive()?;
            match sent {
                _ if is_full && fetched => {}
                Ok(()) | Err(libav::Error::Eof) => return Ok(()),
                Err(libav::Error::Other {
                    errno: libav::error::ENOMEM,
                }) => return Err(VideoError::Memory),
                Err(_) => {
                    self.counts.refused += 1;
                    return Ok(());
                }
            }
        }
    }

    /// Fetches what is there; whether there was anything.
    fn receive(&mut self) -> Result<bool, VideoError> {
        let mut any = false;
        let mut refused_in_a_row = 0;
        loop {
            let mut frame = frame::Video::empty();
            match self.decoder.receive_frame(&mut frame) {
                Ok(()) => {
                    any = true;
                    self.take(frame)?;
                }
                Err(libav::Error::Eof) => return Ok(any),
                Err(libav::Error::Other {
                    errno: libav::error::EAGAIN,
                }) => return Ok(any),
                Err(libav::Error::Other {
                    errno: libav::error::ENOMEM,
                }) => return Err(VideoError::Memory),
                Err(_) => {
                    self.counts.refused += 1;
                    refused_in_a_row += 1;
                    if refused_in_a_row > 100 {
                        return Ok(any);
                    }
                }
            }
        }
    }

    fn take(&mut self, frame: frame::Video) -> Result<(), VideoError> {
        let number = u32::try_from(self.counts.decoded).unwrap_or(u32::MAX);
        if number >= self.limits.frames_max {
            return Err(VideoError::TooManyFrames {
                frames_max: self.limits.frames_max,
            });
        }
        let duration = frame.packet().duration.max(0);
        let guess = self
            .last
            .map_or(0, |(pts, duration)| pts.saturating_add(duration.max(1)));
        let pts = frame.timestamp().or_else(|| frame.pts()).unwrap_or(guess);
        // Encoders and containers want time to pass.
        let pts = match self.last {
            Some((last, _)) if pts <= last => {
                self.counts.damaged += 1;
                last.saturating_add(1)
            }
            _ => pts,
        };
        let first = *self.first_pts.get_or_insert(pts);
        let at_s = pts.saturating_sub(first) as f64 * self.seconds;
        if at_s > f64::from(self.limits.duration_s_max) {
            return Err(VideoError::TooLong {
                duration_s_max: self.limits.duration_s_max,
            });
        }
        io::check_size(frame.width(), frame.height(), &self.limits)?;
        let geometry = (frame.format(), frame.width(), frame.height());
        if *self.geometry.get_or_insert(geometry) != geometry {
            return Err(VideoError::FrameChanges { at_s });
        }
        if frame.is_corrupt() || frame.has_decode_errors() {
            self.counts.damaged += 1;
        }
        self.counts.decoded += 1;
        self.last = Some((pts, duration));
        self.ready.push_back(Decoded {
            frame,
            pts,
            duration,
            number,
        });
        Ok(())
    }

    /// The next frame that is there.
    pub(super) fn next(&mut self) -> Option<Decoded> {
        self.ready.pop_front()
    }

    /// What came out so far, and what did not.
    pub(super) const fn counts(&self) -> Counts {
        self.counts
    }

    /// When the last frame ends, in the time base of the track.
    pub(super) fn end(&self) -> Option<i64> {
        self.last.map(|(pts, duration)| pts.saturating_add(duration))
    }
}
