//! The tracks of a video on disk, and the document that is made of them.
//!
//! Pieces come in the order in which they happen; the document lists track by track. Pieces are therefore appended to a
//! file, each with the place of the next one of its track, and read back along these chains. In memory is one entry a
//! track.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

use sfumato_core::detection::given::MANUAL;
use sfumato_core::detection::{Class, DocumentedBox, DocumentedTrack, PixelBox, Streamed};

use super::box_bytes::{self, BOX_BYTES};
use super::error::VideoError;
use super::report::{TrackPiece, TrackedBox, VideoReport};

/// Before the boxes of a piece: where the next one of its track begins (64 bits), and how many boxes there are (32 bits).
/// Nothing begins at 0 but the first piece of all, which follows none.
const HEAD_BYTES: usize = 12;

/// Collects the tracks of a video in a file, and writes the detections document from there.
#[derive(Debug)]
pub struct TrackLog {
    file: Arc<File>,
    end: u64,
    tracks: BTreeMap<u32, Entry>,
}

#[derive(Debug)]
struct Entry {
    class: Class,
    model: String,
    confidence: f32,
    is_hidden: bool,
    first_frame: u32,
    last_frame: u32,
    /// Where its first and its last piece begin.
    first: u64,
    last: u64,
}

impl TrackLog {
    /// An empty log. `file` is written and read at explicit positions from 0 on.
    pub const fn new(file: Arc<File>) -> Self {
        Self {
            file,
            end: 0,
            tracks: BTreeMap::new(),
        }
    }

    /// Takes a piece of a track.
    ///
    /// # Errors
    /// [`VideoError::Write`].
    pub fn add(&mut self, piece: TrackPiece) -> Result<(), VideoError> {
        let (Some(first), Some(last)) = (piece.boxes.first(), piece.boxes.last()) else {
            return Ok(());
        };
        let (first_frame, last_frame) = (first.frame, last.frame);
        let place = self.end;
        let mut bytes = Vec::with_capacity(HEAD_BYTES + piece.boxes.len() * BOX_BYTES);
        bytes.extend(0u64.to_le_bytes());
        // A piece has at most as many boxes as a video has frames.
        bytes.extend(u32::try_from(piece.boxes.len()).unwrap_or(u32::MAX).to_le_bytes());
        for found in &piece.boxes {
            box_bytes::put(&mut bytes, found);
        }
        self.file.write_all_at(&bytes, place).map_err(VideoError::Write)?;
        self.end += bytes.len() as u64;
        let is_hidden = piece.boxes.iter().any(|found| found.hidden);
        match self.tracks.get_mut(&piece.number) {
            Some(entry) => {
                self.file
                    .write_all_at(&place.to_le_bytes(), entry.last)
                    .map_err(VideoError::Write)?;
                entry.confidence = entry.confidence.max(piece.confidence);
                entry.is_hidden |= is_hidden;
                entry.last_frame = last_frame;
                entry.last = place;
            }
            None => {
                let entry = Entry {
                    class: piece.class,
                    model: piece.model,
                    confidence: piece.confidence,
                    is_hidden,
                    first_frame,
                    last_frame,
                    first: place,
                    last: place,
                };
                self.tracks.insert(piece.number, entry);
            }
        }
        Ok(())
    }

    /// Writes the detections document of the video that the report speaks of, as JSON. However long the video is, one piece
    /// at a time is in memory.
    ///
    /// # Errors
    /// [`VideoError::Write`]: the log cannot be read, or the document cannot be written.
    pub fn write_document(&self, report: &VideoReport, to: impl Write) -> Result<(), VideoError> {
        let tracks = Streamed(|| {
            self.tracks.iter().map(|(number, entry)| {
                Ok::<_, io::Error>(DocumentedTrack {
                    id: *number,
                    class: entry.class,
                    model: entry.model.clone(),
                    manual: entry.model == MANUAL,
                    confidence: entry.confidence,
                    hidden: entry.is_hidden,
                    first_frame: entry.first_frame,
                    last_frame: entry.last_frame,
                    boxes: Streamed(|| {
                        Boxes::new(&self.file, entry)
                            .map(|found| Ok::<_, io::Error>(documented(&found?, report.shown)))
                    }),
                })
            })
        });
        serde_json::to_writer(to, &report.document(tracks)).map_err(|error| VideoError::Write(error.into()))
    }
}

fn documented(found: &TrackedBox, shown: (u32, u32)) -> DocumentedBox {
    DocumentedBox {
        frame: found.frame,
        time_s: found.time_s,
        bbox: PixelBox::new(&found.bbox, shown),
        origin: found.origin,
        hidden: found.hidden,
    }
}

/// The boxes of a track, piece by piece.
struct Boxes<'a> {
    file: &'a File,
    /// Where the next piece begins.
    next: Option<u64>,
    piece: std::vec::IntoIter<TrackedBox>,
}

impl<'a> Boxes<'a> {
    fn new(file: &'a File, entry: &Entry) -> Self {
        Self {
            file,
            next: Some(entry.first),
            piece: vec![].into_iter(),
        }
    }

    fn read(&mut self, place: u64) -> io::Result<()> {
        let mut head = [0; HEAD_BYTES];
        self.file.read_exact_at(&mut head, place)?;
        let [a, b, c, d, e, f, g, h, count @ ..] = head;
        let next = u64::from_le_bytes([a, b, c, d, e, f, g, h]);
        self.next = Some(next).filter(|next| *next > 0);
        let mut bytes = vec![0; u32::from_le_bytes(count) as usize * BOX_BYTES];
        self.file.read_exact_at(&mut bytes, place + HEAD_BYTES as u64)?;
        self.piece = bytes
            .chunks_exact(BOX_BYTES)
            .map(|bytes| box_bytes::take(bytes).ok_or(io::ErrorKind::InvalidData.into()))
            .collect::<io::Result<Vec<_>>>()?
            .into_iter();
        Ok(())
    }
}

impl Iterator for Boxes<'_> {
    type Item = io::Result<TrackedBox>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(found) = self.piece.next() {
                return Some(Ok(found));
            }
            let place = self.next.take()?;
            if let Err(error) = self.read(place) {
                return Some(Err(error));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sfumato_core::detection::{BoundingBox, DocumentSource, VideoDetectionsDocument};
    use sfumato_media_client::protocol::Hidden;

    use super::super::container::Container;
    use super::super::report::VideoTimings;
    use super::*;
    use sfumato_core::detection::Origin;

    fn report() -> VideoReport {
        VideoReport {
            container: Container::Mkv,
            source: DocumentSource::Detected,
            shown: (64, 64),
            orientation: 1,
            frames: 100,
            duration_s: 4.0,
            frame_rate: None,
            bytes: 0,
            tracks: 2,
            hidden: Hidden::default(),
            warnings: vec!["a word".into()],
            timings: VideoTimings {
                decode: Duration::ZERO,
                ..VideoTimings::default()
            },
        }
    }

    fn piece(number: u32, frames: std::ops::Range<u32>, confidence: f32) -> TrackPiece {
        let boxes = frames
            .map(|frame| TrackedBox {
                frame,
                time_s: f64::from(frame) / 25.0,
                bbox: BoundingBox {
                    left: 1.0,
                    top: 2.0,
                    right: 3.5 + frame as f32,
                    bottom: 5.0,
                },
                origin: Origin::Interpolated,
                hidden: frame == 7,
            })
            .collect();
        TrackPiece {
            number,
            class: Class::Plate,
            model: "test".into(),
            confidence,
            boxes,
        }
    }

    #[test]
    fn pieces_that_come_in_between_are_sorted_by_track() {
        let mut log = TrackLog::new(Arc::new(tempfile::tempfile().unwrap()));
        log.add(piece(3, 0..5, 0.5)).unwrap();
        log.add(piece(1, 2..9, 0.7)).unwrap();
        log.add(piece(3, 5..7, 0.9)).unwrap();
        log.add(piece(1, 0..0, 1.0)).unwrap();
        log.add(piece(3, 7..12, 0.1)).unwrap();
        let mut bytes = vec![];
        log.write_document(&report(), &mut bytes).unwrap();
        let document: VideoDetectionsDocument = serde_json::from_slice(&bytes).unwrap();
        let spans: Vec<_> = document
            .tracks
            .iter()
            .map(|track| {
                (
                    track.id,
                    track.first_frame,
                    track.last_frame,
                    track.confidence,
                    track.hidden,
                )
            })
            .collect();
        assert_eq!(spans, [(1, 2, 8, 0.7, true), (3, 0, 11, 0.9, true)]);
        for track in &document.tracks {
            let frames: Vec<u32> = track.boxes.iter().map(|found| found.frame).collect();
            assert_eq!(frames, (track.first_frame..=track.last_frame).collect::<Vec<_>>());
            for found in &track.boxes {
                assert_eq!(found.bbox.width, 2.5 + found.frame as f32);
                assert_eq!(found.time_s, f64::from(found.frame) / 25.0);
                assert_eq!(found.hidden, found.frame == 7);
            }
        }
        assert_eq!(document.warnings, ["a word"]);
        assert_eq!(document.video.format, sfumato_core::MediaFormat::Mkv);
    }
}
