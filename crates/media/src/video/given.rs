//! Tracks that are given instead of being found, frame by frame.

use std::collections::VecDeque;

use sfumato_core::detection::DocumentSource;
use sfumato_core::detection::given::{GivenBox, GivenTrack, GivenVideo};

use super::error::VideoError;
use crate::error::Extent;

/// What is in sight in one frame after the other.
#[derive(Debug)]
pub(super) struct Given<'a> {
    /// Tracks that begin later, by their first frame.
    coming: VecDeque<&'a GivenTrack>,
    in_sight: Vec<&'a GivenTrack>,
    /// The number in the video of the next frame.
    frame: u32,
    extent: Extent,
}

impl<'a> Given<'a> {
    /// From a frame of the video on.
    pub(super) fn new(video: &'a GivenVideo, frame: u32) -> Self {
        let mut coming: Vec<_> = video.tracks.iter().collect();
        coming.sort_by_key(|track| (track.first_frame, track.id));
        Self {
            coming: coming.into(),
            in_sight: vec![],
            frame,
            extent: extent(video),
        }
    }

    /// Whether they are of a video of this size as displayed: known with its first frame, long before its end.
    pub(super) fn check_size(&self, shown: (u32, u32)) -> Result<(), VideoError> {
        let (given, actual) = (self.extent, Extent { shown, ..self.extent });
        if given == actual {
            return Ok(());
        }
        Err(VideoError::OtherVideo { given, actual })
    }

    /// The boxes of the next frame.
    pub(super) fn next(&mut self) -> impl Iterator<Item = (&'a GivenTrack, GivenBox)> {
        let frame = self.frame;
        self.frame = frame.saturating_add(1);
        while let Some(track) = self.coming.pop_front_if(|track| track.first_frame <= frame) {
            self.in_sight.push(track);
        }
        self.in_sight.retain(|track| track.last_frame >= frame);
        self.in_sight
            .iter()
            .filter_map(move |track| Some((*track, track.at(frame)?)))
    }
}

const fn extent(video: &GivenVideo) -> Extent {
    Extent {
        shown: (video.width, video.height),
        frames: video.frames,
    }
}

/// Where the tracks of a task come from.
pub(super) const fn source(given: Option<&GivenVideo>) -> DocumentSource {
    match given {
        Some(_) => DocumentSource::Given,
        None => DocumentSource::Detected,
    }
}

/// Whether given tracks are of a video that has this size as displayed and so many frames.
pub(super) fn check(given: Option<&GivenVideo>, shown: (u32, u32), frames: u32) -> Result<(), VideoError> {
    let Some(video) = given else { return Ok(()) };
    let given = extent(video);
    let actual = Extent { shown, frames };
    if given == actual {
        return Ok(());
    }
    Err(VideoError::OtherVideo { given, actual })
}

#[cfg(test)]
mod tests {
    use sfumato_core::detection::given::MANUAL;
    use sfumato_core::detection::{BoundingBox, Class, Origin};

    use super::*;

    fn track(id: u32, first_frame: u32, last_frame: u32) -> GivenTrack {
        let bbox = BoundingBox {
            left: 0.0,
            top: 0.0,
            right: 1.0,
            bottom: 1.0,
        };
        GivenTrack {
            id,
            class: Class::Face,
            model: MANUAL.to_owned(),
            confidence: 1.0,
            first_frame,
            last_frame,
            boxes: vec![GivenBox {
                frame: first_frame,
                bbox,
                origin: Origin::Given,
                hidden: true,
            }],
        }
    }

    #[test]
    fn a_track_is_in_sight_from_its_first_frame_to_its_last_one_wherever_one_begins_to_look() {
        let video = GivenVideo {
            width: 10,
            height: 10,
            frames: 9,
            tracks: vec![track(4, 5, 6), track(2, 0, 1), track(9, 1, 7)],
        };
        let expected = [
            vec![2],
            vec![2, 9],
            vec![9],
            vec![9],
            vec![9],
            vec![9, 4],
            vec![9, 4],
            vec![9],
            vec![],
        ];
        for from in 0..9 {
            let mut given = Given::new(&video, from as u32);
            for wanted in &expected[from..] {
                let ids: Vec<u32> = given.next().map(|(track, _)| track.id).collect();
                assert_eq!(&ids, wanted, "from {from}");
            }
        }
    }
}
