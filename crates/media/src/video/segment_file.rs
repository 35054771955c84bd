//! The file in which a part of a video waits until all of them are there: packets of the encoder with their exact time
//! stamps, and the boxes of tracks.
//!
//! It is a row of records. Each has a kind (8 bits), a length (32 bits, little endian), and that many bytes. The first one
//! says what the file belongs to, the last one what came of it: a file without it is not complete.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use ffmpeg_next::Packet;
use ffmpeg_next::codec::packet::Flags;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sfumato_core::detection::Class;

use super::box_bytes::{self, BOX_BYTES};
use super::error::VideoError;
use super::report::{SegmentReport, TrackPiece};
use crate::positioned::Positioned;

const HEADER: u8 = 1;
const PACKET: u8 = 2;
const PIECE: u8 = 3;
const DESCRIPTION: u8 = 4;
const END: u8 = 5;

const RECORD_HEAD_BYTES: u64 = 5;

/// When it is displayed, when it is decoded, for how long (64 bits each), and flags (32 bits).
const PACKET_HEAD_BYTES: usize = 28;

/// Number (32 bits), confidence (32 bits), class (8 bits), and the length of the model's name (16 bits).
const PIECE_HEAD_BYTES: usize = 11;

/// What a record without a packet has at most.
const RECORD_BYTES_MAX: u32 = 1 << 20;

const INCOMPLETE: VideoError = VideoError::PlanDoesNotHold {
    detail: "the file of a part is not complete",
};

/// What a file belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Header {
    /// See [`super::SegmentPlan::id`].
    pub(super) plan: [u8; 32],
    /// The number of the part.
    pub(super) number: usize,
    /// A digest of all that its content depends on beside the original and the plan.
    pub(super) settings: [u8; 32],
}

/// A file that is being written.
pub(super) struct SegmentWriter {
    out: BufWriter<Positioned<Arc<File>>>,
    bytes: u64,
}

impl SegmentWriter {
    /// Begins a file.
    ///
    /// # Errors
    /// [`VideoError::Write`], here as in all that writes.
    pub(super) fn new(file: Arc<File>, header: &Header) -> Result<Self, VideoError> {
        let mut writer = Self {
            out: BufWriter::with_capacity(1 << 18, Positioned::new(file)),
            bytes: 0,
        };
        writer.json(HEADER, header)?;
        Ok(writer)
    }

    fn json(&mut self, kind: u8, value: &impl Serialize) -> Result<(), VideoError> {
        let text = serde_json::to_vec(value).map_err(|error| VideoError::Write(error.into()))?;
        self.record(kind, &[&text])
    }

    fn record(&mut self, kind: u8, parts: &[&[u8]]) -> Result<(), VideoError> {
        let length: usize = parts.iter().map(|part| part.len()).sum();
        let head = u32::try_from(length).map_err(|_| VideoError::Memory)?;
        let mut write = || {
            self.out.write_all(&[kind])?;
            self.out.write_all(&head.to_le_bytes())?;
            parts.iter().try_for_each(|part| self.out.write_all(part))
        };
        write().map_err(VideoError::Write)?;
        self.bytes += RECORD_HEAD_BYTES + length as u64;
        Ok(())
    }

    /// Appends the encoder's description of its packets.
    pub(super) fn description(&mut self, description: &[u8]) -> Result<(), VideoError> {
        self.record(DESCRIPTION, &[description])
    }

    /// Appends a packet.
    pub(super) fn packet(&mut self, packet: &Packet) -> Result<(), VideoError> {
        let (Some(pts), Some(data)) = (packet.pts(), packet.data()) else {
            return Err(VideoError::Internal {
                detail: "the encoder gives packets without time or content".to_owned(),
            });
        };
        let mut head = Vec::with_capacity(PACKET_HEAD_BYTES);
        for time in [pts, packet.dts().unwrap_or(pts), packet.duration()] {
            head.extend(time.to_le_bytes());
        }
        head.extend(packet.flags().bits().to_le_bytes());
        self.record(PACKET, &[&head, data])
    }

    /// Appends a piece of a track. Frames count from the first one that was looked at.
    pub(super) fn piece(&mut self, piece: &TrackPiece) -> Result<(), VideoError> {
        let mut bytes =
            Vec::with_capacity(PIECE_HEAD_BYTES + piece.model.len() + piece.boxes.len() * BOX_BYTES);
        bytes.extend(piece.number.to_le_bytes());
        bytes.extend(piece.confidence.to_le_bytes());
        bytes.push(match piece.class {
            Class::Face => 0,
            Class::Plate => 1,
        });
        let model = piece.model.as_bytes();
        let length = u16::try_from(model.len()).unwrap_or(u16::MAX);
        bytes.extend(length.to_le_bytes());
        bytes.extend(&model[..length.into()]);
        for found in &piece.boxes {
            box_bytes::put(&mut bytes, found);
        }
        self.record(PIECE, &[&bytes])
    }

    /// Ends the file, whose size is given.
    pub(super) fn finish(mut self, report: &SegmentReport) -> Result<u64, VideoError> {
        self.json(END, report)?;
        self.out.flush().map_err(VideoError::Write)?;
        Ok(self.bytes)
    }
}

/// Where the file of a part lies.
#[derive(Clone, Copy, Debug)]
pub struct SegmentData<'a> {
    /// The file, which is read at explicit positions. Several parts may lie in one.
    pub file: &'a File,
    /// Where it begins, in bytes.
    pub start: u64,
    /// Its length in bytes, as [`SegmentReport::bytes`] says.
    pub bytes: u64,
}

/// A record of a file.
pub(super) enum Record {
    Header(Header),
    /// What a decoder has to know before the packets; empty where they bring it along.
    Description(Vec<u8>),
    /// Its content is read by [`Records::content`].
    Packet(PacketRecord),
    Piece(TrackPiece),
    End(Box<SegmentReport>),
}

/// A packet that is still in its file.
#[derive(Clone, Copy, Debug)]
pub(super) struct PacketRecord {
    pub(super) pts: i64,
    pub(super) dts: i64,
    duration: i64,
    flags: i32,
    place: u64,
    bytes: usize,
}

/// The records of a file, one after the other.
pub(super) struct Records<'a> {
    data: SegmentData<'a>,
    at: u64,
}

impl<'a> Records<'a> {
    pub(super) const fn new(data: SegmentData<'a>) -> Self {
        Self { data, at: 0 }
    }

    fn read(&self, place: u64, bytes: &mut [u8]) -> Result<(), VideoError> {
        if place + bytes.len() as u64 > self.data.bytes {
            return Err(INCOMPLETE);
        }
        self.data
            .file
            .read_exact_at(bytes, self.data.start + place)
            .map_err(|error| match error.kind() {
                std::io::ErrorKind::UnexpectedEof => INCOMPLETE,
                _ => VideoError::Read(error),
            })
    }

    /// The next record; `None` after the last one.
    ///
    /// # Errors
    /// [`VideoError::Read`], or [`VideoError::PlanDoesNotHold`] where the file is not complete.
    pub(super) fn next(&mut self) -> Result<Option<Record>, VideoError> {
        if self.at == self.data.bytes {
            return Ok(None);
        }
        let mut head = [0; RECORD_HEAD_BYTES as usize];
        self.read(self.at, &mut head)?;
        let [kind, length @ ..] = head;
        let length = u32::from_le_bytes(length);
        let place = self.at + RECORD_HEAD_BYTES;
        self.at = place + u64::from(length);
        if kind == PACKET {
            return self.packet(place, length as usize).map(Some);
        }
        if length > RECORD_BYTES_MAX {
            return Err(INCOMPLETE);
        }
        let mut bytes = vec![0; length as usize];
        self.read(place, &mut bytes)?;
        Ok(Some(match kind {
            HEADER => Record::Header(from_json(&bytes)?),
            DESCRIPTION => Record::Description(bytes),
            PIECE => Record::Piece(piece(&bytes).ok_or(INCOMPLETE)?),
            END => Record::End(Box::new(from_json(&bytes)?)),
            _ => return Err(INCOMPLETE),
        }))
    }

    fn packet(&self, place: u64, length: usize) -> Result<Record, VideoError> {
        let mut head = [0; PACKET_HEAD_BYTES];
        self.read(place, &mut head)?;
        let number = |at: usize| {
            let mut bytes = [0; 8];
            bytes.copy_from_slice(&head[at..at + 8]);
            i64::from_le_bytes(bytes)
        };
        let [.., a, b, c, d] = head;
        Ok(Record::Packet(PacketRecord {
            pts: number(0),
            dts: number(8),
            duration: number(16),
            flags: i32::from_le_bytes([a, b, c, d]),
            place: place + PACKET_HEAD_BYTES as u64,
            bytes: length.checked_sub(PACKET_HEAD_BYTES).ok_or(INCOMPLETE)?,
        }))
    }

    /// A packet with its content.
    pub(super) fn content(&self, record: &PacketRecord) -> Result<Packet, VideoError> {
        if record.place + record.bytes as u64 > self.data.bytes {
            return Err(INCOMPLETE);
        }
        let mut packet = Packet::new(record.bytes);
        let data = packet.data_mut().ok_or(VideoError::Memory)?;
        self.read(record.place, data)?;
        packet.set_pts(Some(record.pts));
        packet.set_dts(Some(record.dts));
        packet.set_duration(record.duration);
        packet.set_flags(Flags::from_bits_truncate(record.flags));
        Ok(packet)
    }
}

fn from_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, VideoError> {
    serde_json::from_slice(bytes).map_err(|_| INCOMPLETE)
}

fn piece(bytes: &[u8]) -> Option<TrackPiece> {
    let (number, rest) = bytes.split_first_chunk()?;
    let (confidence, rest) = rest.split_first_chunk()?;
    let (class, rest) = rest.split_first()?;
    let (length, rest) = rest.split_first_chunk()?;
    let (model, rest) = rest.split_at_checked(u16::from_le_bytes(*length).into())?;
    Some(TrackPiece {
        number: u32::from_le_bytes(*number),
        class: match class {
            0 => Class::Face,
            1 => Class::Plate,
            _ => return None,
        },
        model: String::from_utf8_lossy(model).into_owned(),
        confidence: f32::from_le_bytes(*confidence),
        boxes: rest
            .chunks(BOX_BYTES)
            .map(box_bytes::take)
            .collect::<Option<_>>()?,
    })
}

#[cfg(test)]
mod tests {
    use sfumato_core::detection::BoundingBox;

    use super::super::report::TrackedBox;
    use super::*;
    use sfumato_core::detection::Origin;

    fn written(file: &Arc<File>) -> u64 {
        let header = Header {
            plan: [1; 32],
            number: 3,
            settings: [2; 32],
        };
        let mut writer = SegmentWriter::new(Arc::clone(file), &header).unwrap();
        writer.description(&[1, 2, 3]).unwrap();
        let mut packet = Packet::copy(b"content");
        packet.set_pts(Some(-7));
        packet.set_dts(Some(-9));
        packet.set_duration(2);
        packet.set_flags(Flags::KEY);
        writer.packet(&packet).unwrap();
        writer.piece(&some_piece()).unwrap();
        writer.finish(&SegmentReport::default()).unwrap()
    }

    fn some_piece() -> TrackPiece {
        let found = TrackedBox {
            frame: 5,
            time_s: 0.5,
            bbox: BoundingBox {
                left: 1.0,
                top: 2.0,
                right: 3.0,
                bottom: 4.0,
            },
            origin: Origin::Held,
            hidden: true,
        };
        TrackPiece {
            number: 9,
            class: Class::Plate,
            model: "modèle".into(),
            confidence: 0.25,
            boxes: vec![found; 3],
        }
    }

    #[test]
    fn records_come_back_as_they_were_from_wherever_they_lie() {
        let part = Arc::new(tempfile::tempfile().unwrap());
        let bytes = written(&part);
        assert_eq!(part.metadata().unwrap().len(), bytes);
        let mut content = vec![0; bytes as usize];
        part.read_exact_at(&mut content, 0).unwrap();
        let file = tempfile::tempfile().unwrap();
        file.write_all_at(&[&[0xAA; 11][..], &content, &[0xBB; 5]].concat(), 0)
            .unwrap();
        let data = SegmentData {
            file: &file,
            start: 11,
            bytes,
        };
        let mut records = Records::new(data);
        let Some(Record::Header(header)) = records.next().unwrap() else {
            panic!("the first record is no header")
        };
        assert_eq!((header.number, header.plan), (3, [1; 32]));
        let Some(Record::Description(description)) = records.next().unwrap() else {
            panic!("the second record is no description")
        };
        assert_eq!(description, [1, 2, 3]);
        let Some(Record::Packet(record)) = records.next().unwrap() else {
            panic!("the third record is no packet")
        };
        let packet = records.content(&record).unwrap();
        assert_eq!(packet.data(), Some(&b"content"[..]));
        assert_eq!(
            (packet.pts(), packet.dts(), packet.duration(), packet.is_key()),
            (Some(-7), Some(-9), 2, true)
        );
        let Some(Record::Piece(piece)) = records.next().unwrap() else {
            panic!("the fourth record is no piece")
        };
        assert_eq!(piece, some_piece());
        assert!(matches!(records.next(), Ok(Some(Record::End(_)))));
        assert!(matches!(records.next(), Ok(None)));
    }

    #[test]
    fn a_file_that_is_cut_off_is_not_complete() {
        let file = Arc::new(tempfile::tempfile().unwrap());
        let whole = written(&file);
        for bytes in 1..whole {
            let mut records = Records::new(SegmentData {
                file: &file,
                start: 0,
                bytes,
            });
            let mut ended = false;
            let failed = loop {
                match records.next() {
                    Ok(Some(Record::End(_))) => ended = true,
                    Ok(Some(_)) => {}
                    Ok(None) => break false,
                    Err(VideoError::PlanDoesNotHold { .. }) => break true,
                    Err(error) => panic!("{error}"),
                }
            };
            assert!(!ended, "{bytes} {failed}");
        }
    }
}
