//! Boxes on their way out: none of them stays in memory for longer than its track lives, and no track for ever.

use std::collections::BTreeMap;

use sfumato_core::detection::Class;
use sfumato_media_client::protocol::Hidden;

use super::error::VideoError;
use super::report::{TrackPiece, TrackedBox};

/// Boxes of a track that are kept before they are handed over. What is kept of a hundred things that are in sight at the
/// same time is some 4 MB.
const PIECE_BOXES_MAX: usize = 1024;

/// How many frames after its last box a track is handed over. A tracker that finds it again later does no harm: its next
/// piece has the same number.
const QUIET_FRAMES: u32 = 128;

/// Takes pieces of tracks.
pub type OnTrack<'a> = dyn FnMut(TrackPiece) -> Result<(), VideoError> + 'a;

/// What is known of a track beside its boxes.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TrackNature {
    pub(super) class: Class,
    pub(super) model: String,
    pub(super) confidence: f32,
}

/// Collects boxes frame by frame, and hands them over track by track.
pub(super) struct Pieces<'a> {
    on_track: &'a mut OnTrack<'a>,
    living: BTreeMap<u32, Living>,
    /// How many tracks there were.
    pub(super) tracks: u32,
    /// How many of them are hidden.
    pub(super) hidden: Hidden,
    /// The frame in which tracks were last searched for those that have ended.
    swept: u32,
}

struct Living {
    piece: TrackPiece,
    last_frame: u32,
    is_hidden: bool,
}

impl<'a> Pieces<'a> {
    pub(super) fn new(on_track: &'a mut OnTrack<'a>) -> Self {
        Self {
            on_track,
            living: BTreeMap::new(),
            tracks: 0,
            hidden: Hidden::default(),
            swept: 0,
        }
    }

    /// Takes a box in a frame of the given size as displayed. Those of a track come in the order of their frames.
    ///
    /// # Errors
    /// Those of whoever takes the pieces.
    pub(super) fn add(
        &mut self,
        number: u32,
        nature: &TrackNature,
        found: TrackedBox,
        shown: (u32, u32),
    ) -> Result<(), VideoError> {
        let living = self.living.entry(number).or_insert_with(|| {
            self.tracks = self.tracks.saturating_add(1);
            Living {
                piece: TrackPiece {
                    number,
                    class: nature.class,
                    model: nature.model.clone(),
                    confidence: nature.confidence,
                    boxes: vec![],
                },
                last_frame: found.frame,
                is_hidden: false,
            }
        });
        living.piece.confidence = living.piece.confidence.max(nature.confidence);
        living.piece.boxes.push(found);
        living.last_frame = found.frame;
        if !living.is_hidden && found.hides(shown) {
            living.is_hidden = true;
            self.hidden.add(nature.class);
        }
        if living.piece.boxes.len() >= PIECE_BOXES_MAX {
            let boxes = std::mem::take(&mut living.piece.boxes);
            (self.on_track)(TrackPiece {
                boxes,
                ..living.piece.clone()
            })?;
        }
        if found.frame >= self.swept.saturating_add(QUIET_FRAMES) {
            self.swept = found.frame;
            self.close(|living| living.last_frame.saturating_add(QUIET_FRAMES) < found.frame)?;
        }
        Ok(())
    }

    /// Hands over all tracks, or what is left of them.
    ///
    /// # Errors
    /// Those of whoever takes the pieces.
    pub(super) fn finish(&mut self) -> Result<(), VideoError> {
        self.close(|_| true)
    }

    fn close(&mut self, is_over: impl Fn(&Living) -> bool) -> Result<(), VideoError> {
        let mut over = vec![];
        self.living.retain(|_, living| {
            let stays = !is_over(living);
            if !stays && !living.piece.boxes.is_empty() {
                over.push(living.piece.clone());
            }
            stays
        });
        over.into_iter().try_for_each(&mut *self.on_track)
    }
}

#[cfg(test)]
mod tests {
    use sfumato_core::detection::BoundingBox;

    use super::*;
    use sfumato_core::detection::Origin;

    fn in_frame(frame: u32) -> TrackedBox {
        TrackedBox {
            frame,
            time_s: f64::from(frame),
            bbox: BoundingBox {
                left: 0.0,
                top: 0.0,
                right: 1.0,
                bottom: 1.0,
            },
            origin: Origin::Detected,
            hidden: frame > 2,
        }
    }

    #[test]
    fn a_track_that_is_to_be_hidden_where_it_is_out_of_sight_is_not_counted() {
        let mut on_track = |_: TrackPiece| Ok(());
        let mut pieces = Pieces::new(&mut on_track);
        let nature = TrackNature {
            class: Class::Face,
            model: "test".into(),
            confidence: 0.5,
        };
        let gone = BoundingBox {
            left: 64.0,
            right: 80.0,
            ..in_frame(0).bbox
        };
        for frame in 0..10 {
            let found = match frame {
                // It is in sight, and not to be hidden.
                0..=2 => in_frame(frame),
                _ => TrackedBox {
                    bbox: gone,
                    ..in_frame(frame)
                },
            };
            pieces.add(0, &nature, found, (64, 64)).unwrap();
        }
        assert_eq!((pieces.tracks, pieces.hidden.faces), (1, 0));
    }

    #[test]
    fn a_track_that_ends_is_handed_over_and_a_long_one_comes_in_pieces() {
        let mut taken: Vec<(u32, usize)> = vec![];
        let mut held_max = 0;
        let mut on_track = |piece: TrackPiece| {
            taken.push((piece.number, piece.boxes.len()));
            Ok(())
        };
        let mut pieces = Pieces::new(&mut on_track);
        let nature = TrackNature {
            class: Class::Face,
            model: "test".into(),
            confidence: 0.5,
        };
        for frame in 0..10_000 {
            pieces.add(0, &nature, in_frame(frame), (64, 64)).unwrap();
            // Another thing every hundred frames, for ten of them.
            if frame % 100 < 10 {
                pieces
                    .add(1 + frame / 100, &nature, in_frame(frame), (64, 64))
                    .unwrap();
            }
            held_max = held_max.max(pieces.living.len());
        }
        pieces.finish().unwrap();
        assert_eq!((pieces.tracks, pieces.hidden.faces), (101, 101));
        assert!(held_max <= 5, "{held_max}");
        let of = |number| -> Vec<usize> {
            taken
                .iter()
                .filter(|(other, _)| *other == number)
                .map(|(_, count)| *count)
                .collect()
        };
        assert_eq!(of(0), [vec![1024; 9], vec![10_000 - 9 * 1024]].concat());
        assert!((1..=100).all(|number| of(number) == [10]));
    }
}
