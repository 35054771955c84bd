//! What formats have in common that hold one frame, several pages, or an animation.
//!
//! A page is looked at and hidden by itself. An animation is played twice: the first time everything is found, the second
//! time it is hidden and written, so that memory does not grow with the number of frames.

use sfumato_core::detection::Detection;

use crate::error::PictureError;
use crate::orientation::Orientation;
use crate::raster::Raster;
use crate::work::{Stage, Work};

/// How many frames before and after its own a detection hides what is under it. Detectors miss a face in some frames of an
/// animation in which they find it before and after: a single such frame would show it.
const REACH: usize = 2;

/// The part of the task that is done when everything has been found.
const FOUND: f32 = 0.7;

/// Finds what a frame or page shows, documents it, and hides it where a result is wanted. `frame` is its number, `None`
/// where there is but one; `raster` is a picture of its own, as it is stored.
pub(super) fn hide(
    raster: &mut Raster,
    orientation: Orientation,
    frame: Option<u32>,
    work: &mut Work<'_>,
) -> Result<(), PictureError> {
    let stored = (raster.width, raster.height);
    let detections = find(raster, orientation, frame, work)?;
    if work.writes() {
        work.enter(Stage::Mask);
        work.masks(&detections, orientation, stored).draw(raster);
    }
    Ok(())
}

/// Finds what a frame or page shows, or takes what was given for it, and documents it.
pub(super) fn find(
    raster: &Raster,
    orientation: Orientation,
    frame: Option<u32>,
    work: &mut Work<'_>,
) -> Result<Vec<Detection>, PictureError> {
    let shown = orientation.upright_size(raster.width, raster.height);
    if work.is_given() {
        return work.take_given(frame, shown);
    }
    let detections = work.find_in(raster, orientation)?;
    work.document(frame, &detections, shown);
    Ok(detections)
}

/// Plays the frames of an animation one by one, as they are displayed.
pub(super) trait Player {
    /// The next frame. Never called more often than there are frames.
    fn next(&mut self) -> Result<&Raster, PictureError>;
}

/// What the frames of an animation show.
#[derive(Debug)]
pub(super) struct Sightings {
    frames: Vec<Vec<Detection>>,
    /// How far a detection reaches beyond its frame.
    reach: usize,
    orientation: Orientation,
    translucent: bool,
}

impl Sightings {
    /// Finds what `count` frames show, and documents it.
    pub(super) fn find(
        player: &mut dyn Player,
        count: u32,
        orientation: Orientation,
        work: &mut Work<'_>,
    ) -> Result<Self, PictureError> {
        let mut sightings = Self {
            frames: vec![],
            // Whoever gives detections says for each frame what is hidden in it.
            reach: if work.is_given() { 0 } else { REACH },
            orientation,
            translucent: false,
        };
        for frame in 0..count {
            work.enter(Stage::Decode);
            let raster = player.next()?;
            sightings.translucent |= raster.is_translucent();
            sightings
                .frames
                .push(find(raster, orientation, Some(frame), work)?);
            work.progress((frame + 1) as f32 / count as f32 * FOUND);
        }
        Ok(sightings)
    }

    /// Whether anything can be seen through any frame.
    pub(super) const fn translucent(&self) -> bool {
        self.translucent
    }

    /// Hides what a frame shows, and what its neighbours show.
    pub(super) fn hide(&self, frame: u32, raster: &mut Raster, work: &mut Work<'_>) {
        work.enter(Stage::Mask);
        let stored = (raster.width, raster.height);
        let detections = self.around(frame as usize);
        work.masks(&detections, self.orientation, stored).draw(raster);
        let done = (frame + 1) as f32 / self.frames.len().max(1) as f32;
        work.progress(FOUND + (1.0 - FOUND) * done);
    }

    /// The detections of a frame and of its neighbours. Where nothing moves, they are the same, and hide it once.
    fn around(&self, frame: usize) -> Vec<Detection> {
        let end = (frame + self.reach + 1).min(self.frames.len());
        let mut around: Vec<Detection> = vec![];
        for detection in self.frames[frame.saturating_sub(self.reach)..end]
            .iter()
            .flatten()
        {
            let is_same = |other: &Detection| {
                (other.class, other.bbox, &other.corners)
                    == (detection.class, detection.bbox, &detection.corners)
            };
            if !around.iter().any(is_same) {
                around.push(detection.clone());
            }
        }
        around
    }
}

#[cfg(test)]
mod tests {
    use sfumato_core::detection::{BoundingBox, Class};

    use super::*;

    fn detection(left: f32) -> Detection {
        Detection {
            class: Class::Face,
            bbox: BoundingBox {
                left,
                top: 0.0,
                right: left + 10.0,
                bottom: 10.0,
            },
            confidence: 0.9,
            model: "test".into(),
            corners: None,
        }
    }

    #[test]
    fn a_frame_hides_what_its_neighbours_show() {
        let sightings = Sightings {
            frames: [vec![], vec![], vec![], vec![1.0], vec![1.0], vec![2.0], vec![]]
                .map(|frame: Vec<f32>| frame.into_iter().map(detection).collect())
                .to_vec(),
            reach: REACH,
            orientation: Orientation::UPRIGHT,
            translucent: false,
        };
        let lefts = |frame| -> Vec<f32> {
            sightings
                .around(frame)
                .iter()
                .map(|detection| detection.bbox.left)
                .collect()
        };
        assert!(lefts(0).is_empty());
        assert_eq!(lefts(1), [1.0]);
        assert_eq!(lefts(3), [1.0, 2.0]);
        assert_eq!(lefts(6), [1.0, 2.0]);
    }
}
