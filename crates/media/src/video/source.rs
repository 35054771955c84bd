//! The original: which of its tracks are used, and their packets.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use ffmpeg_next::codec::packet::Flags;
use ffmpeg_next::codec::{self, Parameters};
use ffmpeg_next::format::context::Input;
use ffmpeg_next::format::stream::Disposition;
use ffmpeg_next::{self as libav, Packet, Rational, ffi, media};
use sfumato_core::MediaFormat;

use super::container::Container;
use super::error::VideoError;
use super::io;
use super::options::{Audio, Subtitles, VideoLimits, VideoOptions};
use super::packet_marks::Start;
use super::side_data::TrackData;
use crate::orientation::Orientation;
use crate::positioned::size_of;

/// Packets in a row that cannot be read before the rest is given up.
const BROKEN_IN_A_ROW_MAX: u32 = 1000;

/// Packets that are displayed later than the one that is sought, before it is given up. It may follow some of them.
const LATER_PACKETS_MAX: u32 = 32;

/// The track whose frames are masked.
pub(super) struct VideoTrack {
    /// Its number in the original.
    pub(super) index: usize,
    /// In which its time stamps count.
    pub(super) time_base: Rational,
    /// Frames a second on average, as the container says; 0/0 or so where it does not.
    pub(super) frame_rate: Rational,
    /// How it is encoded.
    pub(super) parameters: Parameters,
    /// The codec.
    pub(super) codec: codec::Id,
    /// How frames are turned to be displayed, and more.
    pub(super) data: TrackData,
    /// See [`TrackData::orientation`].
    pub(super) orientation: Orientation,
    /// A three-letter language.
    pub(super) language: Option<String>,
    /// What it is for: default, forced and so on.
    pub(super) disposition: Disposition,
}

impl VideoTrack {
    /// Frames a second on average; `None` where the container does not say.
    pub(super) fn frame_rate(&self) -> Option<f64> {
        let rate = self.frame_rate;
        (rate.numerator() > 0 && rate.denominator() > 0).then(|| f64::from(rate))
    }
}

/// A track that is copied.
pub(super) struct CopiedTrack {
    /// Its number in the original.
    pub(super) index: usize,
    /// Sound or text.
    pub(super) kind: media::Type,
    /// In which its time stamps count.
    pub(super) time_base: Rational,
    /// How it is encoded.
    pub(super) parameters: Parameters,
    /// A three-letter language.
    pub(super) language: Option<String>,
    /// What it is for: default, forced and so on.
    pub(super) disposition: Disposition,
}

/// An original that is being read.
pub(super) struct Source {
    input: Input,
    bytes: u64,
    container: Container,
    broken: u32,
    /// When the last packet of any track ends, in seconds.
    end_s: Option<f64>,
}

/// What is known of an original before it is decoded.
pub(super) struct Tracks {
    /// The one that is masked.
    pub(super) video: VideoTrack,
    /// Those that are copied, in their order.
    pub(super) copied: Vec<CopiedTrack>,
    /// What the customer should know about those that are neither.
    pub(super) warnings: Vec<String>,
}

impl Source {
    /// Opens an original and chooses among its tracks.
    ///
    /// # Errors
    /// All that can be wrong with a file before its frames are decoded.
    pub(super) fn open(
        file: Arc<File>,
        options: &VideoOptions,
        limits: &VideoLimits,
    ) -> Result<(Self, Tracks), VideoError> {
        let bytes = size_of(&file).map_err(VideoError::Read)?;
        if bytes == 0 {
            return Err(VideoError::Empty);
        }
        let mut head = vec![0; MediaFormat::SNIFF_BYTES];
        let count = file.read_at(&mut head, 0).map_err(VideoError::Read)?;
        let container = Container::sniff(&head[..count]).ok_or(VideoError::UnknownContainer)?;
        if container.has_boxes() {
            super::boxes::check(&file, bytes, limits)?;
        }
        let input = io::open_input(file, container, limits)?;
        check_duration(&input, limits)?;
        let tracks = choose(&input, options, limits)?;
        let source = Self {
            input,
            bytes,
            container,
            broken: 0,
            end_s: None,
        };
        Ok((source, tracks))
    }

    /// Which container it is.
    pub(super) const fn container(&self) -> Container {
        self.container
    }

    /// The next packet of any track; `None` at the end.
    ///
    /// # Errors
    /// The file cannot be read any more. What is merely damaged is skipped and counted.
    pub(super) fn next(&mut self) -> Result<Option<Packet>, VideoError> {
        for _ in 0..BROKEN_IN_A_ROW_MAX {
            let mut packet = Packet::empty();
            match packet.read(&mut self.input) {
                Ok(()) => {
                    self.note_end(&packet);
                    return Ok(Some(packet));
                }
                Err(libav::Error::Eof) => return Ok(None),
                Err(libav::Error::Other {
                    errno: libav::error::ENOMEM,
                }) => return Err(VideoError::Memory),
                Err(libav::Error::Other {
                    errno: libav::error::EIO,
                }) => {
                    return Err(VideoError::Read(std::io::Error::from_raw_os_error(
                        libav::error::EIO,
                    )));
                }
                Err(libav::Error::InvalidData | libav::Error::Other { .. }) => self.broken += 1,
                Err(_) => {
                    self.broken += 1;
                    return Ok(None);
                }
            }
        }
        Ok(None)
    }

    fn note_end(&mut self, packet: &Packet) {
        let Some(stream) = self.input.stream(packet.stream()) else {
            return;
        };
        if let Some(start) = packet.pts().or_else(|| packet.dts()) {
            let end = start.saturating_add(packet.duration()) as f64 * f64::from(stream.time_base());
            self.end_s = Some(self.end_s.map_or(end, |last| last.max(end)));
        }
    }

    /// How many seconds are missing at the end, by what the container announces and what was read so far; `None` where it
    /// announces nothing.
    #[expect(unsafe_code, reason = "the safe interface has no accessor for these")]
    pub(super) fn missing_s(&self) -> Option<f64> {
        // SAFETY: the context is open.
        let (start, duration, method) = unsafe {
            let context = self.input.as_ptr();
            (
                (*context).start_time,
                (*context).duration,
                (*context).duration_estimation_method,
            )
        };
        if method == ffi::AVDurationEstimationMethod::AVFMT_DURATION_FROM_BITRATE
            || duration == ffi::AV_NOPTS_VALUE
        {
            return None;
        }
        let start = if start == ffi::AV_NOPTS_VALUE { 0 } else { start };
        let announced = start.saturating_add(duration) as f64 / f64::from(ffi::AV_TIME_BASE);
        Some(announced - self.end_s?)
    }

    /// How many packets could not be read so far.
    pub(super) const fn broken(&self) -> u32 {
        self.broken
    }

    /// How many bytes of the file were read so far.
    #[expect(unsafe_code, reason = "the safe interface has no accessor for it")]
    pub(super) fn bytes_read(&self) -> u64 {
        // SAFETY: the context is open, and has the I/O context that it was given.
        let count = unsafe { (*(*self.input.as_ptr()).pb).bytes_read };
        u64::try_from(count).unwrap_or(0)
    }

    /// Goes to a packet of a track, which is given and is not the next one any more; `None` if it is not found, and then
    /// it is unknown where the file is read next. All that ends with a position in the file is void from here on.
    ///
    /// # Errors
    /// As [`Self::next`].
    #[expect(unsafe_code, reason = "the safe interface seeks in no track of its own")]
    pub(super) fn seek(&mut self, track: usize, start: &Start) -> Result<Option<Packet>, VideoError> {
        let Ok(index) = i32::try_from(track) else {
            return Ok(None);
        };
        // Some containers are indexed by when frames are displayed, others by when they are decoded.
        for target in [Some(start.pts), start.dts].into_iter().flatten() {
            // SAFETY: the context is open, and the track is one of it.
            let code = unsafe {
                ffi::avformat_seek_file(self.input.as_mut_ptr(), index, i64::MIN, target, target, 0)
            };
            if code < 0 {
                continue;
            }
            let mut later = 0;
            while later < LATER_PACKETS_MAX
                && let Some(packet) = self.next()?
            {
                if packet.stream() != track {
                    continue;
                }
                if start.is(&packet) {
                    return Ok(Some(packet));
                }
                later += u32::from(packet.pts().is_none_or(|pts| pts > start.pts));
            }
        }
        Ok(None)
    }

    /// The part of the file before a packet, 0 to 1.
    pub(super) fn progress(&self, packet: &Packet) -> Option<f32> {
        let position = u64::try_from(packet.position()).ok()?;
        // A fraction for a progress bar loses nothing that matters.
        Some((position as f64 / self.bytes as f64).clamp(0.0, 1.0) as f32)
    }
}

/// Whether a packet yields a frame that is displayed. Packets outside of an edit list are decoded for the sake of others,
/// and VP8 has frames that nobody sees.
pub(super) fn is_displayed(packet: &Packet, codec: codec::Id) -> bool {
    let discarded = all_flags(packet) & ffi::AV_PKT_FLAG_DISCARD != 0;
    let Some(data) = packet.data().filter(|data| !data.is_empty()) else {
        return false;
    };
    // RFC 6386, section 9.1: the bit `show_frame`.
    let is_hidden = codec == codec::Id::VP8 && data[0] & 0x10 == 0;
    !discarded && !is_hidden
}

#[expect(unsafe_code, reason = "the safe interface leaves unknown flags out")]
fn all_flags(packet: &Packet) -> i32 {
    use libav::codec::packet::Ref;
    // SAFETY: the packet is borrowed and therefore initialised.
    unsafe { (*packet.as_ptr()).flags }
}

/// Whether a packet is known to be incomplete.
pub(super) fn is_corrupt(packet: &Packet) -> bool {
    packet.flags().contains(Flags::CORRUPT)
}

/// Whether a packet brings a new description of its track along.
pub(super) fn brings_description(packet: &Packet) -> bool {
    use libav::codec::packet::side_data::Type;
    packet
        .side_data()
        .any(|data| matches!(data.kind(), Type::NewExtraData | Type::ParamChange))
}

/// The description of a track, in the form of its container: what a decoder has to know before the first packet.
#[expect(unsafe_code, reason = "the safe interface has no accessor for extradata")]
pub(super) fn description(parameters: &Parameters) -> Vec<u8> {
    // SAFETY: the parameters are valid, and have as many bytes of extradata as they say.
    unsafe {
        let parameters = parameters.as_ptr();
        let count = usize::try_from((*parameters).extradata_size).unwrap_or(0);
        if (*parameters).extradata.is_null() || count == 0 {
            return vec![];
        }
        std::slice::from_raw_parts((*parameters).extradata, count).to_vec()
    }
}

fn check_duration(input: &Input, limits: &VideoLimits) -> Result<(), VideoError> {
    let duration_s_max = limits.duration_s_max;
    let too_long = |duration: i64, base: f64| duration as f64 * base > f64::from(duration_s_max);
    let long_track = input
        .streams()
        .any(|stream| too_long(stream.duration(), f64::from(stream.time_base())));
    if too_long(input.duration(), 1.0 / f64::from(ffi::AV_TIME_BASE)) || long_track {
        return Err(VideoError::TooLong { duration_s_max });
    }
    Ok(())
}

fn choose(input: &Input, options: &VideoOptions, limits: &VideoLimits) -> Result<Tracks, VideoError> {
    let mut video = None;
    let mut copied = vec![];
    let mut warnings = vec![];
    let mut more_videos = 0;
    let mut has_audio = false;
    for stream in input.streams() {
        let parameters = stream.parameters();
        let kind = parameters.medium();
        let is_picture = stream.disposition().contains(Disposition::ATTACHED_PIC);
        let wanted = match kind {
            media::Type::Video if is_picture => false,
            media::Type::Video if video.is_some() => {
                more_videos += 1;
                false
            }
            media::Type::Video => {
                video = Some(video_track(&stream, limits)?);
                false
            }
            media::Type::Audio => {
                has_audio = true;
                options.audio != Audio::Strip
            }
            media::Type::Subtitle => options.subtitles == Subtitles::Keep,
            _ => false,
        };
        if wanted {
            copied.push(CopiedTrack {
                index: stream.index(),
                kind,
                time_base: stream.time_base(),
                parameters: parameters.clone(),
                language: language(&stream),
                disposition: stream.disposition(),
            });
        }
    }
    if more_videos > 0 {
        warnings.push(format!(
            "only the first video track is in the result; {more_videos} more were left out"
        ));
    }
    let video = video.ok_or(VideoError::NoVideo { has_audio })?;
    Ok(Tracks {
        video,
        copied,
        warnings,
    })
}

fn video_track(stream: &libav::Stream<'_>, limits: &VideoLimits) -> Result<VideoTrack, VideoError> {
    let frames = u64::try_from(stream.frames()).unwrap_or(0);
    if frames > limits.frames_max.into() {
        return Err(VideoError::TooManyFrames {
            frames_max: limits.frames_max,
        });
    }
    let parameters = stream.parameters();
    let data = TrackData::of(stream);
    Ok(VideoTrack {
        index: stream.index(),
        time_base: stream.time_base(),
        frame_rate: stream.avg_frame_rate(),
        codec: parameters.id(),
        parameters: parameters.clone(),
        orientation: data.orientation(),
        data,
        language: language(stream),
        disposition: stream.disposition(),
    })
}

/// The language of a track, if it is nothing but a code (ISO 639-2) that says nothing more than that.
fn language(stream: &libav::Stream<'_>) -> Option<String> {
    let metadata = stream.metadata();
    let code = metadata.get("language")?;
    (code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_lowercase())).then(|| code.to_owned())
}
