//! The result: a container of the original's kind, with its tracks in their order.

use std::fs::File;
use std::sync::Arc;

use ffmpeg_next::{self as libav, Dictionary, Packet, Rational, ffi};

use super::container::Container;
use super::encode::Encoder;
use super::error::VideoError;
use super::io::Writer;
use super::side_data::TrackData;
use super::source::{CopiedTrack, VideoTrack};

/// The largest clock of a whole MP4 or MOV file, in ticks a second: some readers compute with 32 bits.
const MOVIE_TIMESCALE_MAX: u64 = 1_000_000;

/// How many microseconds tracks may lie apart before packets are written out of order: the video is held back while it is
/// looked at, and slow videos are held back for long.
const INTERLEAVE_US_MAX: i64 = 60_000_000;

/// The header of Opus (RFC 7845, section 5.1), of which bytes 10 and 11 count the samples that are left out at the
/// beginning, 48,000 a second.
const OPUS_HEAD_BYTES: i32 = 19;
const OPUS_RATE: i64 = 48_000;

/// How a track of the original is numbered in the result, and in which time base its packets come.
#[derive(Clone, Copy, Debug)]
struct Place {
    from: usize,
    to: usize,
    time_base: Rational,
    /// What the container takes off every time stamp when it is read, in microseconds.
    delay_us: i64,
}

/// A result whose header is written.
pub(super) struct Sink {
    writer: Writer,
    places: Vec<Place>,
    container: Container,
    /// The track of an AVI file that has not begun yet, and may begin later than the file.
    not_begun: Option<usize>,
}

impl Sink {
    /// Whether codecs put their headers into the container instead of the stream.
    pub(super) fn wants_global_header(container: Container) -> bool {
        container != Container::Avi
    }

    /// Writes the header.
    ///
    /// # Errors
    /// [`VideoError::Write`], or a track that does not go into the container.
    pub(super) fn open(
        file: Arc<File>,
        container: Container,
        video: &VideoTrack,
        data: &TrackData,
        encoder: &Encoder,
        copied: &[CopiedTrack],
    ) -> Result<Self, VideoError> {
        let mut sink = Self {
            writer: Writer::open(file, container)?,
            places: vec![],
            container,
            not_begun: (container == Container::Avi).then_some(video.index),
        };
        let first_video = copied
            .iter()
            .take_while(|track| track.index < video.index)
            .count();
        for track in &copied[..first_video] {
            sink.add_copied(track)?;
        }
        sink.add_video(video, data, encoder)?;
        for track in &copied[first_video..] {
            sink.add_copied(track)?;
        }
        let mut settings = vec![];
        if container.has_boxes() {
            let can_move = sink.writer.can_reread();
            settings.push(("movflags", if can_move { "faststart" } else { "0" }.to_owned()));
            settings.push(("movie_timescale", movie_timescale(video, copied).to_string()));
            // It would be a track of its own.
            settings.push(("write_tmcd", "0".to_owned()));
        } else {
            // Packets of the encoder may be due before time 0; they must not take everything else with them.
            settings.push(("avoid_negative_ts", "disabled".to_owned()));
        }
        settings.push(("max_interleave_delta", INTERLEAVE_US_MAX.to_string()));
        let settings = Dictionary::from_iter(settings.iter().map(|(key, value)| (*key, value.as_str())));
        sink.writer
            .output()
            .write_header_with(settings)
            .map_err(|error| match error {
                libav::Error::Other {
                    errno: libav::error::EINVAL,
                }
                | libav::Error::InvalidData => VideoError::Damaged {
                    container,
                    detail: "its tracks do not go into a file of this kind".to_owned(),
                },
                error => VideoError::writing(error),
            })?;
        Ok(sink)
    }

    #[expect(unsafe_code, reason = "the safe interface has no setters for these")]
    fn add_video(
        &mut self,
        track: &VideoTrack,
        data: &TrackData,
        encoder: &Encoder,
    ) -> Result<(), VideoError> {
        let output = self.writer.output();
        let mut stream = output
            .add_stream_with(encoder.context())
            .map_err(|error| VideoError::internal("add the video track", error))?;
        stream.set_time_base(track.time_base);
        stream.set_avg_frame_rate(track.frame_rate);
        let to = stream.index();
        // SAFETY: the stream belongs to the open output, whose header is not written yet.
        unsafe {
            let pointer = stream.as_mut_ptr();
            (*pointer).disposition = track.disposition.bits();
            (*pointer).sample_aspect_ratio = (*(*pointer).codecpar).sample_aspect_ratio;
            if (*(*pointer).codecpar).codec_id == ffi::AVCodecID::AV_CODEC_ID_H264
                && self.container == Container::Mov
            {
                // Otherwise the muxer calls 4:2:2 with 10 bits by the name of a camera's format, whose headers readers then
                // take for granted: see `Writer::open`.
                (*(*pointer).codecpar).codec_tag = u32::from_le_bytes(*b"avc1");
            }
            data.write(pointer)?;
        }
        set_language(&mut stream, track.language.as_deref());
        self.places.push(Place {
            from: track.index,
            to,
            time_base: track.time_base,
            delay_us: 0,
        });
        Ok(())
    }

    #[expect(unsafe_code, reason = "the safe interface has no setters for these")]
    fn add_copied(&mut self, track: &CopiedTrack) -> Result<(), VideoError> {
        let output = self.writer.output();
        let mut stream = output
            .add_stream(ffmpeg_codec_none())
            .map_err(|error| VideoError::internal("add a track", error))?;
        stream.set_time_base(track.time_base);
        stream.set_parameters(track.parameters.clone());
        let to = stream.index();
        // SAFETY: the stream belongs to the open output, whose header is not written yet. The muxer's table of tags is null
        // or valid, which is all that the function asks for.
        unsafe {
            let pointer = stream.as_mut_ptr();
            let parameters = (*pointer).codecpar;
            let tags = (*(*self.writer.output().as_mut_ptr()).oformat).codec_tag;
            // A tag is kept where it means the same in the result; otherwise the muxer chooses one.
            if !tags.is_null()
                && ffi::av_codec_get_id(tags, (*parameters).codec_tag) != (*parameters).codec_id
            {
                (*parameters).codec_tag = 0;
            }
            (*pointer).disposition = track.disposition.bits();
        }
        let output = self.writer.output();
        if let Some(mut stream) = output.stream_mut(to) {
            set_language(&mut stream, track.language.as_deref());
        }
        // Matroska counts samples that are left out at the beginning; its reader takes them off, and its writer does not
        // put them on.
        let is_matroska = matches!(self.container, Container::Mkv | Container::Webm);
        self.places.push(Place {
            from: track.index,
            to,
            time_base: track.time_base,
            delay_us: if is_matroska {
                opus_delay_us(&track.parameters)
            } else {
                0
            },
        });
        Ok(())
    }

    /// Writes a packet of a track of the original. Whether it could be: a packet that makes no sense, as damaged files have
    /// them, is left out.
    ///
    /// # Errors
    /// [`VideoError::Write`].
    pub(super) fn write(&mut self, track: usize, mut packet: Packet) -> Result<bool, VideoError> {
        let Some(place) = self.places.iter().find(|place| place.from == track).copied() else {
            return Ok(true);
        };
        if packet.size() == 0 {
            return Ok(false);
        }
        let output = self.writer.output();
        let time_base = output
            .stream(place.to)
            .map_or(place.time_base, |stream| stream.time_base());
        packet.rescale_ts(place.time_base, time_base);
        if place.delay_us != 0 {
            let per_us = f64::from(time_base).recip() / 1e6;
            let delay = (place.delay_us as f64 * per_us).round() as i64;
            packet.set_pts(packet.pts().map(|pts| pts.saturating_add(delay)));
            packet.set_dts(packet.dts().map(|dts| dts.saturating_add(delay)));
        }
        packet.set_stream(place.to);
        packet.set_position(-1);
        if self.not_begun == Some(track) {
            self.not_begun = None;
            if packet.dts().is_some_and(|dts| dts > 0) {
                self.write_nothing(place.to)?;
            }
        }
        match packet.write_interleaved(self.writer.output()) {
            Ok(()) => Ok(true),
            Err(
                libav::Error::InvalidData
                | libav::Error::Other {
                    errno: libav::error::EINVAL,
                },
            ) => Ok(false),
            Err(error) => Err(VideoError::writing(error)),
        }
    }

    /// Writes an empty packet at time 0. AVI has no time stamps: packets follow each other, and its muxer fills every gap
    /// with empty ones but the first.
    #[expect(unsafe_code, reason = "the safe interface refuses empty packets")]
    fn write_nothing(&mut self, to: usize) -> Result<(), VideoError> {
        let mut packet = Packet::new(0);
        packet.set_stream(to);
        packet.set_pts(Some(0));
        packet.set_dts(Some(0));
        // SAFETY: the header is written, and the packet is one of an existing stream.
        let code = unsafe {
            use libav::codec::packet::Mut;
            ffi::av_interleaved_write_frame(self.writer.output().as_mut_ptr(), packet.as_mut_ptr())
        };
        if code < 0 {
            Err(VideoError::writing(code.into()))
        } else {
            Ok(())
        }
    }

    /// Writes what is left, and the index.
    ///
    /// # Errors
    /// [`VideoError::Write`].
    #[expect(
        unsafe_code,
        reason = "the safe interface hides what was lost on the way to the file"
    )]
    pub(super) fn finish(mut self) -> Result<(), VideoError> {
        let output = self.writer.output();
        output.write_trailer().map_err(VideoError::writing)?;
        // SAFETY: the context is open, and has the I/O context that it was given.
        let code = unsafe {
            let io = (*output.as_mut_ptr()).pb;
            ffi::avio_flush(io);
            (*io).error
        };
        if code < 0 {
            return Err(VideoError::writing(code.into()));
        }
        Ok(())
    }
}

/// How much of the beginning of a track in Opus is left out, in microseconds; 0 for other codecs.
#[expect(unsafe_code, reason = "the safe interface has no accessor for extradata")]
fn opus_delay_us(parameters: &libav::codec::Parameters) -> i64 {
    if parameters.id() != libav::codec::Id::OPUS {
        return 0;
    }
    // SAFETY: the parameters are valid, and have as many bytes of extradata as they say.
    let samples = unsafe {
        let parameters = parameters.as_ptr();
        if (*parameters).extradata.is_null() || (*parameters).extradata_size < OPUS_HEAD_BYTES {
            return 0;
        }
        let head = (*parameters).extradata;
        u16::from_le_bytes([*head.add(10), *head.add(11)])
    };
    i64::from(samples) * 1_000_000 / OPUS_RATE
}

/// No encoder: the packets are there already.
fn ffmpeg_codec_none() -> Option<libav::Codec> {
    None
}

fn set_language(stream: &mut libav::StreamMut<'_>, language: Option<&str>) {
    if let Some(code) = language {
        stream.set_metadata(Dictionary::from_iter([("language", code)]));
    }
}

/// Edit lists count in the clock of the whole file: one in which every track's start can be said exactly.
fn movie_timescale(video: &VideoTrack, copied: &[CopiedTrack]) -> u64 {
    let own = |time_base: Rational| u64::try_from(time_base.denominator()).unwrap_or(1).max(1);
    copied
        .iter()
        .map(|track| own(track.time_base))
        .fold(own(video.time_base), |all, one| {
            Some(lcm(all, one))
                .filter(|common| *common <= MOVIE_TIMESCALE_MAX)
                .unwrap_or(all)
        })
}

fn lcm(a: u64, b: u64) -> u64 {
    let (mut x, mut y) = (a, b);
    while y != 0 {
        (x, y) = (y, x % y);
    }
    (a / x).saturating_mul(b)
}
