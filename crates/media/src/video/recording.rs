//! What looks at every frame of a video find, to be followed again and again.
//!
//! A look costs a thousand times what it costs to follow what it has found. So whoever wants to know what becomes of a video where a
//! detector misses something looks once, and follows many times, with other things missing each time.

use std::convert::Infallible;
use std::fs::File;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sfumato_core::detection::Detection;
use sfumato_core::options::Profile;

use super::FindInFrame;
use super::decode::{Decoded, Decoder};
use super::error::VideoError;
use super::look;
use super::options::{VideoLimits, VideoOptions};
use super::previews::Previews;
use super::report::VideoTimings;
use super::scene::Scenes;
use super::source::Source;
use crate::track::{Follower, Region, Rhythm, Seen, Settings};

/// What all looks of a profile find in every frame of a video.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Recording {
    profile: Profile,
    /// Width and height in pixels as displayed.
    shown: (u32, u32),
    /// Frames that may wait for what comes after them.
    window: u32,
    frames: Vec<RecordedFrame>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct RecordedFrame {
    /// Whether a scene begins with it.
    is_cut: bool,
    /// One for each kind of look.
    looks: Vec<(Profile, Seen)>,
}

impl Recording {
    /// Looks at every frame in all ways in which one is looked at where `profile` is asked for.
    ///
    /// # Errors
    /// The video cannot be read, or the finder's.
    pub fn make(
        input: Arc<File>,
        profile: Profile,
        limits: &VideoLimits,
        find: &mut FindInFrame<'_>,
    ) -> Result<Self, VideoError> {
        let asked = VideoOptions::default();
        let (mut source, tracks) = Source::open(input, &asked, limits)?;
        let mut decoder = Decoder::open(&tracks.video, &asked, limits)?;
        let Rhythm { usual, deep, .. } = Rhythm::of(profile);
        let profiles = if usual == deep {
            vec![usual]
        } else {
            vec![usual, deep]
        };
        let mut scenes = Scenes::default();
        let mut previews: Option<Previews> = None;
        let mut recording = Self {
            profile,
            shown: (0, 0),
            window: 0,
            frames: vec![],
        };
        let mut take = |Decoded { frame, .. }: Decoded| {
            let orientation = tracks.video.orientation;
            recording.shown = orientation.upright_size(frame.width(), frame.height());
            recording.window = look::window(&frame);
            let previews = previews.get_or_insert_with(|| Previews::new(orientation, recording.shown));
            let mut timings = VideoTimings::default();
            let looks = profiles
                .iter()
                .map(|profile| Ok((*profile, previews.look(&frame, *profile, find, &mut timings)?)));
            recording.frames.push(RecordedFrame {
                is_cut: scenes.is_cut(&frame),
                looks: looks.collect::<Result<_, VideoError>>()?,
            });
            Ok::<_, VideoError>(())
        };
        while let Some(packet) = source.next()? {
            if packet.stream() == tracks.video.index {
                decoder.send(Some(&packet))?;
                while let Some(decoded) = decoder.next() {
                    take(decoded)?;
                }
            }
        }
        decoder.send(None)?;
        while let Some(decoded) = decoder.next() {
            take(decoded)?;
        }
        Ok(recording)
    }

    /// What is hidden in each frame, before masks enlarge it, if looks find only what `is_found` says.
    pub fn follow(&self, mut is_found: impl FnMut(&Detection) -> bool) -> Vec<Vec<Detection>> {
        let rhythm = Rhythm::of(self.profile);
        let long_side_px = self.shown.0.max(self.shown.1);
        let mut follower = Follower::new(rhythm, Settings::new(rhythm, self.window, long_side_px));
        let mut look = |frame: u32, profile| {
            let looks = self.frames.get(frame as usize).map(|frame| &frame.looks);
            let look = looks.and_then(|looks| looks.iter().find(|(other, _)| *other == profile));
            let seen = look.map(|(_, Seen { sure, weak })| {
                let mut found = |all: &[Detection]| all.iter().filter(|one| is_found(one)).cloned().collect();
                Seen {
                    sure: found(sure),
                    weak: found(weak),
                }
            });
            Ok::<_, Infallible>(seen)
        };
        let mut hidden = vec![];
        for frame in &self.frames {
            let Ok(given) = follower.take(frame.is_cut, &mut look);
            hidden.extend(given);
        }
        let Ok(()) = follower.look_at_last(&mut look);
        hidden.extend(std::iter::from_fn(|| follower.finish()));
        let found = |regions: Vec<Region>| regions.into_iter().map(|region| region.detection).collect();
        hidden.into_iter().map(found).collect()
    }
}
