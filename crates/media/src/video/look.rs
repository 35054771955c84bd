//! The second stage: looks at frames, follows what is found, and holds frames back until that is settled.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, SyncSender};

use ffmpeg_next::{Packet, frame};
use sfumato_core::AnonymizeOptions;
use sfumato_core::options::Profile;

use super::decode::Decoded;
use super::error::VideoError;
use super::given::Given;
use super::previews::Previews;
use super::report::{TrackedBox, VideoTimings, thread_time};
use super::scene::Scenes;
use super::source::VideoTrack;
use super::tracks::{OnTrack, Pieces, TrackNature};
use super::write::Item;
use super::{FindInFrame, mask_yuv, planes};
use crate::mask;
use crate::orientation::Orientation;
use crate::track::{Follower, Region, Rhythm, Seen, Settings};

/// Bytes of frames that may wait for what comes after them, eight frames of 4096x2160 pixels, and the most frames that are worth it.
const WINDOW_BYTES: u64 = 104 << 20;
const WINDOW_FRAMES_MAX: u32 = 20;

/// What this stage is given.
pub(super) enum Taken {
    /// A frame, and the part of the file that is read.
    Frame(Decoded, f32),
    /// A packet of another track.
    Packet(usize, Packet),
}

/// See the module.
pub(super) struct Looking<'a> {
    options: &'a AnonymizeOptions,
    rhythm: Rhythm,
    pub(super) orientation: Orientation,
    seconds: f64,
    follow: Option<Follow>,
    scenes: Scenes,
    window: VecDeque<Decoded>,
    first_pts: Option<i64>,
    progress: f32,
    /// Width and height as displayed.
    pub(super) shown: (u32, u32),
    /// Frames that came in.
    pub(super) frames: u32,
    /// Where boxes go.
    pub(super) pieces: Pieces<'a>,
    extent: Extent,
    /// What is hidden, instead of what is found.
    pub(super) given: Option<Given<'a>>,
    /// Of this stage.
    pub(super) timings: VideoTimings,
}

/// Which of the frames that come in are passed on, by their time stamps; the others are there for the sake of these.
#[derive(Clone, Debug, Default)]
pub(super) struct Extent {
    /// The first one that is passed on; `None`: the first one of the video.
    pub(super) first_pts: Option<i64>,
    /// The first one that is not; `None`: there is none.
    pub(super) next_pts: Option<i64>,
    /// A frame with which looking begins anew, as it does where the next part of the video begins to be looked at. So both
    /// look at the same frames around the seam.
    pub(super) restart_pts: Option<i64>,
}

/// What depends on the size of the frames.
struct Follow {
    previews: Previews,
    follower: Follower,
    stored: (u32, u32),
}

impl<'a> Looking<'a> {
    /// `extent`: which frames are passed on. `on_track` gets all boxes, those of frames before the extent too; frames count
    /// from the first one that comes in.
    pub(super) fn new(
        options: &'a AnonymizeOptions,
        track: &VideoTrack,
        extent: Extent,
        on_track: &'a mut OnTrack<'a>,
    ) -> Self {
        let rhythm = Rhythm::of(options.detection.profile);
        Self {
            options,
            rhythm,
            orientation: track.orientation,
            seconds: f64::from(track.time_base),
            follow: None,
            scenes: Scenes::default(),
            window: VecDeque::new(),
            first_pts: None,
            progress: 0.0,
            shown: (0, 0),
            frames: 0,
            pieces: Pieces::new(on_track),
            extent,
            given: None,
            timings: VideoTimings::default(),
        }
    }

    /// Takes all that the first stage gives, until it ends or the third one does not listen any more.
    ///
    /// # Errors
    /// The finder's, or no memory.
    pub(super) fn run(
        &mut self,
        taken: Receiver<Taken>,
        to_write: &SyncSender<Item>,
        find: &mut FindInFrame<'_>,
        on_progress: &mut dyn FnMut(f32),
    ) -> Result<(), VideoError> {
        for item in taken {
            let is_heard = match item {
                Taken::Packet(track, packet) => to_write.send(Item::Packet(track, packet)).is_ok(),
                Taken::Frame(decoded, progress) => {
                    let is_heard = if self.given.is_some() {
                        self.give_given(decoded, to_write)?
                    } else {
                        match self.take(decoded, find)? {
                            Some(regions) => self.give(regions, to_write)?,
                            None => true,
                        }
                    };
                    if progress > self.progress {
                        self.progress = progress;
                        on_progress(progress);
                    }
                    is_heard
                }
            };
            if !is_heard {
                return self.pieces.finish();
            }
        }
        // The last frame ends a scene too.
        if self.given.is_none() {
            self.look_at_last(find)?;
        }
        while let Some(regions) = self.follow.as_mut().and_then(|follow| follow.follower.finish()) {
            if !self.give(regions, to_write)? {
                break;
            }
        }
        self.pieces.finish()
    }

    /// Takes a frame, and gives the regions of the one that has waited longest, if they are settled.
    fn take(
        &mut self,
        decoded: Decoded,
        find: &mut FindInFrame<'_>,
    ) -> Result<Option<Vec<Region>>, VideoError> {
        let start = thread_time();
        let is_cut = self.scenes.is_cut(&decoded.frame);
        self.timings.preview += thread_time().saturating_sub(start);
        self.first_pts.get_or_insert(decoded.pts);
        if self.follow.is_none() {
            self.follow = Some(self.begin(&decoded));
        }
        let restart_pts = self.extent.restart_pts;
        let is_restart = restart_pts.is_some_and(|restart| decoded.pts >= restart);
        self.window.push_back(decoded);
        self.frames += 1;
        let Some(Follow {
            previews, follower, ..
        }) = &mut self.follow
        else {
            return Ok(None);
        };
        if is_restart {
            self.extent.restart_pts = None;
            follower.restart();
        }
        let mut eye = Eye {
            window: &self.window,
            previews,
            timings: &mut self.timings,
            find,
        };
        follower.take(is_cut, &mut |frame, profile| eye.look(frame, profile))
    }

    /// How many frames before and after it the boxes of a frame may depend on; 0 before the first one.
    pub(super) fn reach(&self) -> u32 {
        let settings = self.follow.as_ref().map(|follow| follow.follower.settings());
        settings.map_or(0, |settings| {
            settings.delay().max(settings.weak_max) + settings.hold
        })
    }

    fn begin(&mut self, first: &Decoded) -> Follow {
        let frame = &first.frame;
        let stored = (frame.width(), frame.height());
        self.shown = self.orientation.upright_size(stored.0, stored.1);
        let settings = Settings::new(self.rhythm, window(frame), self.shown.0.max(self.shown.1));
        Follow {
            previews: Previews::new(self.orientation, self.shown),
            follower: Follower::new(self.rhythm, settings),
            stored,
        }
    }

    /// Looks at the last frame of the video, as at that of any scene.
    fn look_at_last(&mut self, find: &mut FindInFrame<'_>) -> Result<(), VideoError> {
        let Some(Follow {
            previews, follower, ..
        }) = &mut self.follow
        else {
            return Ok(());
        };
        let mut eye = Eye {
            window: &self.window,
            previews,
            timings: &mut self.timings,
            find,
        };
        follower.look_at_last(&mut |frame, profile| eye.look(frame, profile))
    }

    /// Passes on the frame that has waited longest; whether more is wanted.
    fn give(&mut self, regions: Vec<Region>, to_write: &SyncSender<Item>) -> Result<bool, VideoError> {
        let (Some(decoded), Some(follow)) = (self.window.pop_front(), &self.follow) else {
            return Ok(false);
        };
        if self.extent.next_pts.is_some_and(|next| decoded.pts >= next) {
            return Ok(false);
        }
        let mut hidden = vec![];
        for Region {
            track,
            origin,
            detection,
        } in regions
        {
            let is_hidden = mask::is_hidden(&detection, self.options, self.shown);
            let nature = TrackNature {
                class: detection.class,
                model: detection.model.clone(),
                confidence: detection.confidence,
            };
            let found = TrackedBox {
                frame: decoded.number,
                time_s: decoded.pts as f64 * self.seconds,
                bbox: detection.bbox,
                origin,
                hidden: is_hidden,
            };
            self.pieces.add(track, &nature, found, self.shown)?;
            if is_hidden {
                hidden.push((
                    track,
                    mask_yuv::to_stored(&detection, self.orientation, follow.stored),
                ));
            }
        }
        if self.extent.first_pts.is_some_and(|first| decoded.pts < first) {
            return Ok(true);
        }
        Ok(to_write.send(Item::Frame(decoded, hidden)).is_ok())
    }

    /// Passes on a frame with what was given for it; whether more is wanted. Nothing that comes later changes it, so that no
    /// frame has to wait.
    fn give_given(&mut self, decoded: Decoded, to_write: &SyncSender<Item>) -> Result<bool, VideoError> {
        let stored = (decoded.frame.width(), decoded.frame.height());
        self.shown = self.orientation.upright_size(stored.0, stored.1);
        self.first_pts.get_or_insert(decoded.pts);
        self.frames += 1;
        if self.extent.next_pts.is_some_and(|next| decoded.pts >= next) {
            return Ok(false);
        }
        let is_before = self.extent.first_pts.is_some_and(|first| decoded.pts < first);
        let Some(given) = self.given.as_mut().filter(|_| !is_before) else {
            return Ok(true);
        };
        given.check_size(self.shown)?;
        let mut hidden = vec![];
        for (track, found) in given.next() {
            let detection = track.detection(found.bbox);
            let nature = TrackNature {
                class: track.class,
                model: track.model.clone(),
                confidence: track.confidence,
            };
            let documented = TrackedBox {
                frame: decoded.number,
                time_s: decoded.pts as f64 * self.seconds,
                bbox: found.bbox,
                origin: found.origin,
                hidden: found.hidden,
            };
            self.pieces.add(track.id, &nature, documented, self.shown)?;
            if documented.hides(self.shown) {
                hidden.push((
                    track.id,
                    mask_yuv::to_stored(&detection, self.orientation, stored),
                ));
            }
        }
        Ok(to_write.send(Item::Frame(decoded, hidden)).is_ok())
    }

    /// From the first frame to the end of the last one, in seconds.
    pub(super) fn duration_s(&self, end: Option<i64>) -> f64 {
        let (Some(start), Some(end)) = (self.first_pts, end) else {
            return 0.0;
        };
        end.saturating_sub(start) as f64 * self.seconds
    }
}

/// How many frames like this one may wait for what comes after them.
pub(super) fn window(frame: &frame::Video) -> u32 {
    let samples = if planes::bits(frame.format()) > 8 { 2 } else { 1 };
    // As if chroma were half of luma; a little more does not matter.
    let bytes = (u64::from(frame.width()) * u64::from(frame.height()) * samples * 3 / 2).max(1);
    u32::try_from(WINDOW_BYTES / bytes)
        .unwrap_or(u32::MAX)
        .min(WINDOW_FRAMES_MAX)
}

/// Looks at the frames of the window.
struct Eye<'a, 'f> {
    window: &'a VecDeque<Decoded>,
    previews: &'a mut Previews,
    timings: &'a mut VideoTimings,
    find: &'a mut FindInFrame<'f>,
}

impl Eye<'_, '_> {
    /// What a frame shows; `None` if it has left the window.
    fn look(&mut self, number: u32, profile: Profile) -> Result<Option<Seen>, VideoError> {
        let Some(decoded) = self.window.iter().find(|decoded| decoded.number == number) else {
            return Ok(None);
        };
        self.previews
            .look(&decoded.frame, profile, self.find, self.timings)
            .map(Some)
    }
}
