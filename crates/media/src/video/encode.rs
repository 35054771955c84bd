//! Frames to packets of the result: which encoder, and with which settings.

use std::collections::VecDeque;

use ffmpeg_next::codec::{self, Id};
use ffmpeg_next::format::Pixel;
use ffmpeg_next::{self as libav, Dictionary, Packet, Rational, encoder, ffi, frame};

use super::container::Container;
use super::convert::{self, Converter};
use super::error::VideoError;
use super::options::{VideoCodec, VideoOptions};
use super::planes::bits;
use super::side_data::TrackData;
use super::source::VideoTrack;

/// What the preset `superfast` of x264 leaves out and should not: with it a 1080p clip became half as large, at 0.037 instead
/// of 0.039 CPU seconds a frame and nearly the same quality. `veryfast` takes 0.061 for the same size. A thread of its own
/// for looking ahead makes no difference to the result, and holds 30 MB of frames. Threads share a frame instead of each
/// having its own, which saves another 20 MB for 0.8 % more bytes of the same quality. Frames between others are not themselves
/// referred to: that would hold two more frames with all that is interpolated of them, 23 MB, and makes no difference to
/// size and quality.
const X264_SETTINGS: [(&str, &str); 5] = [
    ("mbtree", "1"),
    ("rc-lookahead", "8"),
    ("sync-lookahead", "0"),
    ("sliced-threads", "1"),
    ("b-pyramid", "none"),
];

/// An encoder of libav.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    X264,
    X265,
    Vp8,
    Vp9,
}

impl Kind {
    /// What encodes a track of a container.
    fn choose(codec: Id, container: Container, wanted: VideoCodec) -> Result<Self, VideoError> {
        let refused = |codec| VideoError::CodecInContainer { container, codec };
        match (container, wanted) {
            (Container::Webm, VideoCodec::H264) => Err(refused("H.264")),
            (Container::Webm, VideoCodec::Hevc) => Err(refused("HEVC")),
            (Container::Avi, VideoCodec::Hevc) => Err(refused("HEVC")),
            (Container::Webm, VideoCodec::Keep) if codec == Id::VP8 => Ok(Self::Vp8),
            (Container::Webm, VideoCodec::Keep) => Ok(Self::Vp9),
            (_, VideoCodec::Keep) if codec == Id::HEVC => Ok(Self::X265),
            (_, VideoCodec::Keep | VideoCodec::H264) => Ok(Self::X264),
            (_, VideoCodec::Hevc) => Ok(Self::X265),
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::X264 => "libx264",
            Self::X265 => "libx265",
            Self::Vp8 => "libvpx",
            Self::Vp9 => "libvpx-vp9",
        }
    }

    /// Whether it encodes frames of this format.
    const fn takes(self, format: Pixel) -> bool {
        match self {
            Self::X264 => true,
            Self::X265 => !matches!(format, Pixel::YUVJ422P | Pixel::YUVJ444P),
            Self::Vp8 => matches!(format, Pixel::YUV420P),
            Self::Vp9 => !matches!(format, Pixel::YUVJ420P | Pixel::YUVJ422P | Pixel::YUVJ444P),
        }
    }

    /// Width and height of frames in this format that hold those of the given size. x264 and x265 crop by whole samples of
    /// chroma.
    fn size(self, format: Pixel, (width, height): (u32, u32)) -> (u32, u32) {
        match (self, format.descriptor()) {
            (Self::X264 | Self::X265, Some(description)) => (
                width.next_multiple_of(1 << description.log2_chroma_w()),
                height.next_multiple_of(1 << description.log2_chroma_h()),
            ),
            _ => (width, height),
        }
    }
}

/// The encoder of the result.
pub(super) struct Encoder {
    encoder: encoder::video::Encoder,
    converter: Converter,
    keeps_captions: bool,
    /// Time stamps and durations of the frames that are under way: encoders forget how long a frame is displayed.
    under_way: VecDeque<(i64, i64)>,
}

/// How the track of the result differs from that of the original.
#[derive(Debug, Default)]
pub(super) struct Losses {
    pub(super) warnings: Vec<String>,
}

impl Encoder {
    /// Opens the encoder for a track whose first frame is known.
    ///
    /// # Errors
    /// [`VideoError::CodecInContainer`], or what libav says.
    pub(super) fn open(
        track: &VideoTrack,
        data: &TrackData,
        first: &frame::Video,
        container: Container,
        global_header: bool,
        options: &VideoOptions,
    ) -> Result<(Self, Losses), VideoError> {
        let kind = Kind::choose(track.codec, container, options.codec)?;
        let mut losses = Losses::default();
        let source = first.format();
        let target =
            convert::target(source, |format| kind.takes(format)).ok_or(VideoError::UnsupportedCodec {
                codec: format!("{source:?} frames"),
            })?;
        if convert::has_alpha(source) {
            losses
                .warnings
                .push("the transparency of the video is not in the result".to_owned());
        }
        if bits(source) > bits(target) {
            losses.warnings.push(format!(
                "the result has {} bits a sample instead of {}",
                bits(target),
                bits(source)
            ));
        }
        let is_interlaced = first.is_interlaced();
        if is_interlaced && kind != Kind::X264 {
            losses
                .warnings
                .push("the result is not marked as interlaced".to_owned());
        }
        let found = encoder::find_by_name(kind.name())
            .ok_or_else(|| VideoError::internal("find the encoder", libav::Error::EncoderNotFound))?;
        let failed = |error| VideoError::internal("open the encoder", error);
        let mut encoder = codec::Context::new_with_codec(found)
            .encoder()
            .video()
            .map_err(failed)?;
        let size = kind.size(target, (first.width(), first.height()));
        if size != (first.width(), first.height()) {
            losses.warnings.push(format!(
                "the result is {}x{} pixels, because frames of this kind have even sides; the last pixels are repeated",
                size.0, size.1
            ));
        }
        encoder.set_width(size.0);
        encoder.set_height(size.1);
        encoder.set_format(target);
        encoder.set_time_base(track.time_base);
        encoder.set_frame_rate(Some(track.frame_rate).filter(|rate| is_positive(*rate)));
        encoder.set_aspect_ratio(first.aspect_ratio());
        encoder.set_colorspace(first.color_space());
        encoder.set_color_range(first.color_range());
        describe(
            &mut encoder,
            first,
            is_interlaced && kind == Kind::X264,
            global_header,
        );
        let settings = settings(kind, data, container, options);
        let settings = Dictionary::from_iter(settings.iter().map(|(key, value)| (*key, value.as_str())));
        let encoder = encoder.open_as_with(found, settings).map_err(failed)?;
        let converter = Converter::new(first, target, size)?;
        let encoder = Self {
            encoder,
            converter,
            keeps_captions: options.subtitles == super::options::Subtitles::Keep,
            under_way: VecDeque::new(),
        };
        Ok((encoder, losses))
    }

    /// The encoder's description, for the muxer.
    pub(super) const fn context(&self) -> &encoder::video::Encoder {
        &self.encoder
    }

    /// What a decoder has to know before the first packet, where packets do not bring it along.
    pub(super) fn description(&self) -> Vec<u8> {
        super::source::description(&codec::Parameters::from(&self.encoder))
    }

    /// The frame in the format that is drawn in and encoded.
    pub(super) fn convert(&mut self, frame: frame::Video) -> Result<frame::Video, VideoError> {
        self.converter.run(frame)
    }

    /// Takes a frame, in the format that [`Self::convert`] gives; `None` is the end.
    pub(super) fn send(&mut self, frame: Option<(frame::Video, i64, i64)>) -> Result<(), VideoError> {
        let sent = match frame {
            Some((mut frame, pts, duration)) => {
                self.under_way.push_back((pts, duration));
                frame.set_pts(Some(pts));
                clean(&mut frame, self.keeps_captions);
                self.encoder.send_frame(&frame)
            }
            None => self.encoder.send_eof(),
        };
        sent.map_err(|error| VideoError::internal("encode a frame", error))
    }

    /// The next packet that is ready, in the time base of the track.
    pub(super) fn receive(&mut self) -> Result<Option<Packet>, VideoError> {
        let mut packet = Packet::empty();
        match self.encoder.receive_packet(&mut packet) {
            Ok(()) => {
                let place = self
                    .under_way
                    .iter()
                    .position(|(pts, _)| Some(*pts) == packet.pts());
                if let Some((_, duration)) = place.and_then(|place| self.under_way.remove(place)) {
                    packet.set_duration(duration);
                }
                Ok(Some(packet))
            }
            Err(libav::Error::Eof) => Ok(None),
            Err(libav::Error::Other {
                errno: libav::error::EAGAIN,
            }) => Ok(None),
            Err(error) => Err(VideoError::internal("encode a frame", error)),
        }
    }
}

fn is_positive(rate: Rational) -> bool {
    rate.numerator() > 0 && rate.denominator() > 0
}

/// Sets what the safe interface has no words for.
#[expect(unsafe_code, reason = "the safe interface has no setters for these")]
fn describe(
    encoder: &mut encoder::video::Video,
    first: &frame::Video,
    is_interlaced: bool,
    global_header: bool,
) {
    // SAFETY: the context is allocated and not yet open, and the frame is valid; plain numbers are copied.
    unsafe {
        let (context, frame) = (encoder.as_mut_ptr(), first.as_ptr());
        (*context).color_primaries = (*frame).color_primaries;
        (*context).color_trc = (*frame).color_trc;
        (*context).chroma_sample_location = (*frame).chroma_location;
        (*context).field_order = match (is_interlaced, (*frame).top_field_first != 0) {
            (false, _) => ffi::AVFieldOrder::AV_FIELD_PROGRESSIVE,
            (true, true) => ffi::AVFieldOrder::AV_FIELD_TT,
            (true, false) => ffi::AVFieldOrder::AV_FIELD_BB,
        };
        let mut flags = 0;
        if is_interlaced {
            flags |= ffi::AV_CODEC_FLAG_INTERLACED_DCT | ffi::AV_CODEC_FLAG_INTERLACED_ME;
        }
        if global_header {
            flags |= ffi::AV_CODEC_FLAG_GLOBAL_HEADER;
        }
        (*context).flags |= flags as i32;
    }
}

/// Takes from a frame what is only true of the original: its type, its place in the file, and data that name people or
/// describe pictures that are not there any more.
#[expect(
    unsafe_code,
    reason = "the safe interface cannot go through side data by kind"
)]
fn clean(frame: &mut frame::Video, keeps_captions: bool) {
    frame.set_kind(libav::picture::Type::None);
    let is_kept = |kind| keeps_captions && kind == ffi::AVFrameSideDataType::AV_FRAME_DATA_A53_CC;
    // SAFETY: the frame is valid, and has as many entries as it says. Removal takes all entries of a kind and moves others,
    // hence the search from the beginning each time.
    unsafe {
        let pointer = frame.as_mut_ptr();
        loop {
            let count = usize::try_from((*pointer).nb_side_data).unwrap_or(0);
            let unwanted = (0..count)
                .map(|i| (**(*pointer).side_data.add(i)).type_)
                .find(|kind| !is_kept(*kind));
            let Some(kind) = unwanted else { return };
            ffi::av_frame_remove_side_data(pointer, kind);
        }
    }
}

fn settings(
    kind: Kind,
    data: &TrackData,
    container: Container,
    options: &VideoOptions,
) -> Vec<(&'static str, String)> {
    let threads = match kind {
        // Its threads wait for each other's rows without sleeping: on cores that others use too, two of them took 15 times
        // the CPU time of one.
        Kind::Vp8 => 1,
        _ => options.threads.get(),
    };
    let crf = options.quality.get();
    let mut settings = vec![("threads", threads.to_string())];
    let hdr = [
        ("mastering-display", "master-display", data.mastering_display()),
        ("cll", "max-cll", data.content_light()),
    ];
    match kind {
        Kind::X264 => {
            settings.push(("preset", "superfast".to_owned()));
            settings.push(("crf", crf.to_string()));
            let hdr = hdr
                .into_iter()
                .filter_map(|(name, _, value)| Some((name, value?)));
            let fixed = X264_SETTINGS.map(|(name, value)| (name, value.to_owned()));
            settings.push(("x264-params", join(fixed.into_iter().chain(hdr))));
            if container == Container::Avi {
                // AVI has no place for the order in which frames are displayed.
                settings.push(("bf", "0".to_owned()));
            }
        }
        Kind::X265 => {
            settings.push(("preset", "superfast".to_owned()));
            settings.push(("crf", crf.to_string()));
            let fixed = [
                ("log-level", "none".to_owned()),
                ("pools", threads.to_string()),
                ("frame-threads", "1".to_owned()),
            ];
            let hdr = hdr
                .into_iter()
                .filter_map(|(_, name, value)| Some((name, value?)));
            settings.push(("x265-params", join(fixed.into_iter().chain(hdr))));
        }
        Kind::Vp8 | Kind::Vp9 => {
            // Their factor goes to 63 and means about one and a half steps of x264 each.
            settings.push(("crf", (u32::from(crf) * 3 / 2).min(63).to_string()));
            settings.push(("b", if kind == Kind::Vp8 { "50M" } else { "0" }.to_owned()));
            settings.push(("deadline", "realtime".to_owned()));
            // For VP8 a number above 0 asks for a share of the time that a frame is displayed, so that the result would depend
            // on how busy the machine is.
            let speed = if kind == Kind::Vp8 { "-8" } else { "8" };
            settings.push(("cpu-used", speed.to_owned()));
            // Frames that nobody sees would not be counted alike on both sides.
            settings.push(("lag-in-frames", "0".to_owned()));
            settings.push(("auto-alt-ref", "0".to_owned()));
            if kind == Kind::Vp9 {
                settings.push(("row-mt", "1".to_owned()));
            }
        }
    }
    settings
}

fn join(pairs: impl Iterator<Item = (&'static str, String)>) -> String {
    pairs
        .map(|(key, value)| format!("{key}={value}"))
        .collect::<Vec<_>>()
        .join(":")
}
