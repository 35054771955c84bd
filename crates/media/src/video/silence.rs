//! Sound that is as long as it was, and silent.

use ffmpeg_next::codec::{self, Id};
use ffmpeg_next::format::Sample;
use ffmpeg_next::{self as libav, ChannelLayout, Packet, Rational, encoder, frame, media};

use super::container::Container;
use super::error::VideoError;
use super::source::CopiedTrack;

/// Samples a second of silence that is encoded.
const RATE: i32 = 48_000;

/// A track of silence in place of another one.
pub(super) struct Silence {
    /// The number of the track in the original.
    pub(super) track: usize,
    /// In which its packets count.
    time_base: Rational,
    form: Form,
}

enum Form {
    /// Samples without compression: their bytes become this one.
    Bytes(u8),
    /// Anything else becomes silence in mono, in a codec that the container is known for.
    Encoded(Box<Encoded>),
}

struct Encoded {
    encoder: encoder::audio::Encoder,
    frame: frame::Audio,
    /// When the next frame begins, in samples; `None` before the first packet.
    next: Option<i64>,
    /// When the last packet ended, in samples.
    end: i64,
}

impl Silence {
    /// Puts silence in place of a track of sound, which gets the description of the silence. `None` for other tracks.
    ///
    /// # Errors
    /// What libav says.
    pub(super) fn replace(track: &mut CopiedTrack, container: Container) -> Result<Option<Self>, VideoError> {
        if track.kind != media::Type::Audio {
            return Ok(None);
        }
        let time_base = track.time_base;
        let form = match silent_byte(track.parameters.id()) {
            Some(byte) => Form::Bytes(byte),
            None => {
                let encoded = Encoded::open(container)?;
                track.parameters = codec::Parameters::from(&encoded.encoder);
                track.time_base = Rational(1, RATE);
                Form::Encoded(Box::new(encoded))
            }
        };
        Ok(Some(Self {
            track: track.index,
            time_base,
            form,
        }))
    }

    /// The packets of silence in place of one of sound.
    pub(super) fn instead_of(&mut self, mut packet: Packet) -> Result<Vec<Packet>, VideoError> {
        match &mut self.form {
            Form::Bytes(byte) => {
                let byte = *byte;
                if let Some(data) = packet.data_mut() {
                    data.fill(byte);
                }
                Ok(vec![packet])
            }
            Form::Encoded(encoded) => {
                let Some(start) = packet.pts().or_else(|| packet.dts()) else {
                    return Ok(vec![]);
                };
                let samples =
                    |time: i64| (time as f64 * f64::from(self.time_base) * f64::from(RATE)).round() as i64;
                let start_samples = samples(start);
                encoded.next.get_or_insert(start_samples);
                encoded.end = encoded.end.max(samples(start.saturating_add(packet.duration())));
                encoded.advance(false)
            }
        }
    }

    /// What is left when no more sound comes.
    pub(super) fn finish(&mut self) -> Result<Vec<Packet>, VideoError> {
        match &mut self.form {
            Form::Bytes(_) => Ok(vec![]),
            Form::Encoded(encoded) => encoded.advance(true),
        }
    }
}

/// The byte of which silence consists in a codec without compression.
fn silent_byte(codec: Id) -> Option<u8> {
    match codec {
        Id::PCM_U8 => Some(0x80),
        Id::PCM_ALAW => Some(0xD5),
        Id::PCM_MULAW => Some(0xFF),
        Id::PCM_S8
        | Id::PCM_S16LE
        | Id::PCM_S16BE
        | Id::PCM_S24LE
        | Id::PCM_S24BE
        | Id::PCM_S32LE
        | Id::PCM_S32BE
        | Id::PCM_F32LE
        | Id::PCM_F32BE
        | Id::PCM_F64LE
        | Id::PCM_F64BE => Some(0),
        _ => None,
    }
}

impl Encoded {
    fn open(container: Container) -> Result<Self, VideoError> {
        let failed = |error| VideoError::internal("open the encoder of silence", error);
        let (name, format) = match container {
            Container::Webm => ("libopus", Sample::F32(libav::format::sample::Type::Packed)),
            _ => ("aac", Sample::F32(libav::format::sample::Type::Planar)),
        };
        let found = encoder::find_by_name(name).ok_or_else(|| failed(libav::Error::EncoderNotFound))?;
        let mut context = codec::Context::new_with_codec(found);
        if container != Container::Avi {
            context.set_flags(codec::Flags::GLOBAL_HEADER);
        }
        let mut audio = context.encoder().audio().map_err(failed)?;
        audio.set_rate(RATE);
        audio.set_format(format);
        audio.set_channel_layout(ChannelLayout::MONO);
        audio.set_channels(1);
        audio.set_bit_rate(16_000);
        audio.set_time_base(Rational(1, RATE));
        let encoder = audio.open_as(found).map_err(failed)?;
        let mut frame = frame::Audio::new(format, encoder.frame_size().max(1) as usize, ChannelLayout::MONO);
        frame.set_rate(RATE.unsigned_abs());
        frame.data_mut(0).fill(0);
        Ok(Self {
            encoder,
            frame,
            next: None,
            end: i64::MIN,
        })
    }

    /// Encodes silence up to where the sound has come. The last frame goes on to its end.
    fn advance(&mut self, is_last: bool) -> Result<Vec<Packet>, VideoError> {
        let failed = |error| VideoError::internal("encode silence", error);
        let length = i64::try_from(self.frame.samples()).unwrap_or(1).max(1);
        let mut packets = vec![];
        if let Some(next) = &mut self.next {
            while *next + length <= self.end || is_last && *next < self.end {
                self.frame.set_pts(Some(*next));
                self.encoder.send_frame(&self.frame).map_err(failed)?;
                *next += length;
                drain(&mut self.encoder, &mut packets)?;
            }
            if is_last {
                self.encoder.send_eof().map_err(failed)?;
                drain(&mut self.encoder, &mut packets)?;
            }
        }
        Ok(packets)
    }
}

fn drain(encoder: &mut encoder::audio::Encoder, packets: &mut Vec<Packet>) -> Result<(), VideoError> {
    loop {
        let mut packet = Packet::empty();
        match encoder.receive_packet(&mut packet) {
            Ok(()) => packets.push(packet),
            Err(libav::Error::Eof) => return Ok(()),
            Err(libav::Error::Other {
                errno: libav::error::EAGAIN,
            }) => return Ok(()),
            Err(error) => return Err(VideoError::internal("encode silence", error)),
        }
    }
}
