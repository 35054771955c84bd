//! Looks at the frames of one video through small copies of them.

use ffmpeg_next::frame;
use sfumato_core::detection::Detection;
use sfumato_core::options::Profile;

use super::error::VideoError;
use super::preview::Preview;
use super::report::{VideoTimings, thread_time};
use super::{FindInFrame, Look};
use crate::orientation::Orientation;
use crate::track::{Seen, with_margin};

/// Makes the copies that looks need.
pub(super) struct Previews {
    orientation: Orientation,
    /// Width and height as displayed.
    shown: (u32, u32),
    /// One for each length of the long side, which they stand with.
    previews: Vec<(u32, Preview)>,
}

impl Previews {
    pub(super) const fn new(orientation: Orientation, shown: (u32, u32)) -> Self {
        Self {
            orientation,
            shown,
            previews: vec![],
        }
    }

    /// Looks at a frame. Boxes are in pixels as displayed, with the margin of small ones.
    ///
    /// # Errors
    /// The finder's, or no memory.
    pub(super) fn look(
        &mut self,
        frame: &frame::Video,
        profile: Profile,
        find: &mut FindInFrame<'_>,
        timings: &mut VideoTimings,
    ) -> Result<Seen, VideoError> {
        let start = thread_time();
        let shown = self.shown;
        let side_px = find.long_side_px(profile, shown);
        let (rgb, size) = self.preview(frame, side_px)?.of(frame)?;
        timings.preview += thread_time().saturating_sub(start);
        let start = thread_time();
        let seen = find.find(Look {
            rgb: &rgb,
            size,
            shown,
            profile,
        })?;
        timings.inference += thread_time().saturating_sub(start);
        // Sides of a frame are small numbers.
        let scale = |shown: u32, size: u32| shown as f32 / size.max(1) as f32;
        let scale = [scale(shown.0, size.0), scale(shown.1, size.1)];
        let scaled = |found: Vec<Detection>| {
            found
                .into_iter()
                .map(|detection| {
                    let bbox = with_margin(&detection.bbox).clipped(size.0, size.1);
                    Detection { bbox, ..detection }.scaled(scale)
                })
                .collect()
        };
        Ok(Seen {
            sure: scaled(seen.sure),
            weak: scaled(seen.weak),
        })
    }

    fn preview(&mut self, frame: &frame::Video, side_px: u32) -> Result<&mut Preview, VideoError> {
        let known = self.previews.iter().position(|(side, _)| *side == side_px);
        let place = match known {
            Some(place) => place,
            None => {
                self.previews
                    .push((side_px, Preview::new(frame, self.orientation, side_px)?));
                self.previews.len() - 1
            }
        };
        Ok(&mut self.previews[place].1)
    }
}
