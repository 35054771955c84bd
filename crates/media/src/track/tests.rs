//! Properties of tracks, and how much leaks where a detector misses one in ten.

use std::convert::Infallible;

use proptest::prelude::*;
use sfumato_core::detection::{BoundingBox, Class, Detection};

use super::edges::{Edges, bounding_box, edges};
use super::*;

/// By how much regions grow before they are drawn.
pub(super) const GROWTH: f32 = 0.15;

/// The part of a true box that has to be hidden for it not to leak, as for pictures.
pub(super) const COVERED_MIN: f32 = 0.7;

pub(super) fn detection(edges: Edges) -> Detection {
    Detection {
        class: Class::Face,
        bbox: bounding_box(edges),
        confidence: 0.9,
        model: "test".into(),
        corners: None,
    }
}

/// Numbers that look random: a linear congruential generator (Knuth's MMIX).
pub(super) struct Dice(pub(super) u64);

impl Dice {
    pub(super) fn fraction(&mut self) -> f32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1u64 << 24) as f32
    }

    pub(super) fn symmetric(&mut self) -> f32 {
        self.fraction() * 2.0 - 1.0
    }
}

/// Something that moves: it comes in at a frame, leaves at another one, swings, and grows and shrinks.
struct Thing {
    from: u32,
    to: u32,
    start: [f32; 2],
    speed: [f32; 2],
    swing: [f32; 2],
    period: f32,
    size: f32,
    growing: f32,
}

impl Thing {
    fn thrown(dice: &mut Dice, frames: u32) -> Self {
        let length = 40 + (dice.fraction() * 160.0) as u32;
        let from = (dice.fraction() * (frames - 40) as f32) as u32;
        let size = 40.0 + dice.fraction() * 160.0;
        Self {
            from,
            to: (from + length).min(frames),
            start: [300.0 + dice.fraction() * 1300.0, 200.0 + dice.fraction() * 700.0],
            // People walk: a tenth of the size of a face in a frame is quick.
            speed: [0.04 * size * dice.symmetric(), 0.02 * size * dice.symmetric()],
            swing: [0.5 * size * dice.fraction(), 0.25 * size * dice.fraction()],
            period: 25.0 + dice.fraction() * 60.0,
            size,
            growing: 0.002 * dice.symmetric(),
        }
    }

    fn at(&self, frame: u32) -> Option<BoundingBox> {
        if !(self.from..self.to).contains(&frame) {
            return None;
        }
        let age = (frame - self.from) as f32;
        let phase = age / self.period * std::f32::consts::TAU;
        let x = self.start[0] + self.speed[0] * age + self.swing[0] * phase.sin();
        let y = self.start[1] + self.speed[1] * age + self.swing[1] * (2.0 * phase).sin();
        let half = self.size * (1.0 + self.growing * age) / 2.0;
        Some(bounding_box([x - half, y - half * 1.2, x + half, y + half * 1.2]))
    }
}

/// What a detector says: a little off, and one in ten missing.
fn seen(things: &[Thing], frame: u32, dice: &mut Dice) -> Vec<Detection> {
    let mut found = vec![];
    for thing in things {
        let Some(bbox) = thing.at(frame) else { continue };
        let off = bbox.width() * 0.03;
        let jitter: Edges = [0; 4].map(|_| off * dice.symmetric());
        if dice.fraction() < 0.9 {
            let truth = edges(&bbox);
            found.push(detection([0, 1, 2, 3].map(|i| truth[i] + jitter[i])));
        }
    }
    found
}

/// The part of a box that lies in the union of others, by sampling.
pub(super) fn covered(truth: &BoundingBox, regions: &[BoundingBox]) -> f32 {
    const STEPS: u32 = 20;
    let mut inside = 0;
    for i in 0..STEPS * STEPS {
        let step = |i: u32| (i as f32 + 0.5) / STEPS as f32;
        let x = truth.left + truth.width() * step(i % STEPS);
        let y = truth.top + truth.height() * step(i / STEPS);
        let holds = |region: &BoundingBox| {
            (region.left..=region.right).contains(&x) && (region.top..=region.bottom).contains(&y)
        };
        inside += u32::from(regions.iter().any(holds));
    }
    inside as f32 / (STEPS * STEPS) as f32
}

/// Looks of one kind at every so-manieth frame.
fn rhythm(every: u32) -> Rhythm {
    Rhythm {
        every,
        ..Rhythm::of(Profile::Fast)
    }
}

fn sure(found: Vec<Detection>) -> Seen {
    Seen {
        sure: found,
        weak: vec![],
    }
}

fn look(found: Vec<Detection>) -> Option<(Profile, Seen)> {
    Some((Profile::Fast, sure(found)))
}

struct Outcome {
    boxes: u32,
    leaked: u32,
    /// Area that is hidden, as a multiple of the true boxes' after growth.
    area: f32,
}

fn simulate(look_every: u32, seed: u64, tracks: bool) -> Outcome {
    const FRAMES: u32 = 400;
    let mut dice = Dice(seed);
    let things: Vec<Thing> = (0..12).map(|_| Thing::thrown(&mut dice, FRAMES)).collect();
    let rhythm = rhythm(look_every);
    let mut follower = Follower::new(rhythm, Settings::new(rhythm, 20, 1920));
    let mut hidden: Vec<Vec<Region>> = vec![];
    let mut plain: Vec<Vec<BoundingBox>> = vec![vec![]; FRAMES as usize];
    for _ in 0..FRAMES {
        let Ok(given) = follower.take(false, &mut |frame, _| {
            let found = seen(&things, frame, &mut dice);
            plain[frame as usize] = found.iter().map(|found| found.bbox.grown(GROWTH)).collect();
            Ok::<_, Infallible>(Some(sure(found)))
        });
        hidden.extend(given);
    }
    hidden.extend(std::iter::from_fn(|| follower.finish()));
    assert_eq!(hidden.len(), FRAMES as usize);
    let mut outcome = Outcome {
        boxes: 0,
        leaked: 0,
        area: 0.0,
    };
    let mut true_area = 0.0;
    for frame in 0..FRAMES {
        let regions: Vec<BoundingBox> = if tracks {
            let regions = &hidden[frame as usize];
            regions
                .iter()
                .map(|region| region.detection.bbox.grown(GROWTH))
                .collect()
        } else {
            plain[frame as usize].clone()
        };
        outcome.area += regions.iter().map(BoundingBox::area).sum::<f32>();
        for truth in things.iter().filter_map(|thing| thing.at(frame)) {
            true_area += truth.grown(GROWTH).area();
            outcome.boxes += 1;
            outcome.leaked += u32::from(covered(&truth, &regions) < COVERED_MIN);
        }
    }
    outcome.area /= true_area;
    outcome
}

#[test]
fn a_deep_look_misses_what_quick_ones_only_suspect() {
    let mut tracker = Tracker::new(Settings::new(Rhythm::of(Profile::Balanced), 20, 1920));
    let thing = || vec![detection([100.0, 100.0, 140.0, 150.0])];
    let suspected = Seen {
        sure: vec![],
        weak: thing(),
    };
    tracker.push(Some((Profile::Balanced, sure(thing()))), false);
    tracker.push(Some((Profile::Fast, suspected)), false);
    assert!(!tracker.misses_something(Profile::Fast, 2));
    tracker.push(Some((Profile::Balanced, Seen::default())), false);
    assert!(tracker.misses_something(Profile::Balanced, 18));
}

/// Runs into the picture from the left, and is missed until it is far from where it was seen first.
fn running(frame: u32) -> Detection {
    let left = 60.0 * frame as f32 - 40.0;
    detection([left.max(0.0), 300.0, left + 90.0, 410.0])
}

#[test]
fn what_runs_into_the_picture_is_one_track_once_its_way_is_known() {
    let mut tracker = Tracker::new(Settings::new(rhythm(1), 20, 1920));
    let mut regions = vec![];
    for frame in 0..20 {
        let found = match frame {
            0 | 2 | 6 => vec![running(frame)],
            _ => vec![],
        };
        regions.extend(tracker.push((frame != 1).then(|| (Profile::Fast, sure(found))), false));
        if frame == 2 {
            tracker.amend(1, Profile::Fast, sure(vec![running(1)]));
        }
    }
    regions.extend(std::iter::from_fn(|| tracker.finish()));
    for (frame, regions) in (0..=6).zip(&regions) {
        assert_eq!(regions.len(), 1, "{frame}");
        let boxes = [regions[0].detection.bbox.grown(GROWTH)];
        assert!(covered(&running(frame).bbox, &boxes) >= COVERED_MIN, "{frame}");
    }
}

#[test]
fn what_leaves_and_comes_back_is_hidden_while_it_leaves() {
    let at = |frame: u32| {
        let left = match frame {
            0..10 => 400.0 - 45.0 * frame as f32,
            _ => 10.0 * (frame - 9) as f32 - 150.0,
        };
        detection([left, 300.0, left + 90.0, 410.0])
    };
    let mut tracker = Tracker::new(Settings::new(rhythm(1), 20, 1920));
    let mut regions = vec![];
    for frame in 0..30 {
        let found = match frame {
            0..8 | 22.. => vec![at(frame)],
            _ => vec![],
        };
        regions.extend(tracker.push(look(found), false));
    }
    regions.extend(std::iter::from_fn(|| tracker.finish()));
    for frame in 8..10 {
        let boxes: Vec<BoundingBox> = regions[frame as usize]
            .iter()
            .map(|region| region.detection.bbox.grown(GROWTH))
            .collect();
        assert!(covered(&at(frame).bbox, &boxes) >= COVERED_MIN, "{frame}");
    }
}

#[test]
fn the_last_frame_of_a_scene_is_looked_at_in_every_way() {
    let rhythm = Rhythm::of(Profile::Balanced);
    let ways = |looked| rhythm.at_end(looked).collect::<Vec<_>>();
    assert_eq!(ways(None), [Profile::Fast, Profile::Balanced]);
    assert_eq!(ways(Some(Profile::Fast)), [Profile::Balanced]);
    assert_eq!(ways(Some(Profile::Balanced)), [Profile::Fast]);
    assert_eq!(Rhythm::of(Profile::Fast).at_end(Some(Profile::Fast)).count(), 0);
}

#[test]
fn what_is_new_soon_after_a_scene_began_is_sought_in_its_first_frame() {
    let mut tracker = Tracker::new(Settings::new(Rhythm::of(Profile::Balanced), 20, 1920));
    let thing = || vec![detection([100.0, 100.0, 140.0, 150.0])];
    for frame in 0..=5 {
        let found = if frame == 5 { thing() } else { vec![] };
        tracker.push(look(found), false);
    }
    assert_eq!(tracker.look_back(2), [0, 4]);
}

/// With looks at every frame or every other one nothing leaks at all. With fewer looks something that comes into view and
/// is missed by three of them in a row can.
#[test]
fn hardly_anything_leaks_where_a_detector_misses_one_in_ten() {
    let mut outcomes = vec![];
    for look_every in [1, 2, 3, 5] {
        let (mut boxes, mut leaked, mut area) = (0, 0, 0.0);
        for seed in 0..20 {
            let outcome = simulate(look_every, seed, true);
            boxes += outcome.boxes;
            leaked += outcome.leaked;
            area += outcome.area / 20.0;
        }
        println!("every {look_every}: {leaked} of {boxes} leak, {area:.3} of the area");
        outcomes.push((look_every, boxes, leaked, area));
    }
    for (look_every, boxes, leaked, area) in outcomes {
        let leaked_max = if look_every <= 2 { 0 } else { boxes / 5000 };
        assert!(leaked <= leaked_max, "{leaked} of {boxes} at every {look_every}");
        let area_max = if look_every <= 3 { 1.25 } else { 1.26 };
        assert!(area <= area_max, "{area} at every {look_every}");
    }
}

#[test]
fn without_tracks_one_in_ten_leaks() {
    let outcome = simulate(1, 1, false);
    let part = outcome.leaked as f32 / outcome.boxes as f32;
    assert!((0.07..0.14).contains(&part), "{part}");
}

#[test]
fn a_track_does_not_go_on_into_the_next_scene() {
    let mut tracker = Tracker::new(Settings::new(rhythm(1), 10, 1920));
    let mut regions = vec![];
    for frame in 0..40 {
        let found = if frame < 20 {
            vec![detection([10.0, 10.0, 50.0, 60.0])]
        } else {
            vec![]
        };
        regions.extend(tracker.push(look(found), frame == 20));
    }
    regions.extend(std::iter::from_fn(|| tracker.finish()));
    assert!(regions[..20].iter().all(|regions| regions.len() == 1));
    assert!(regions[20..].iter().all(Vec::is_empty));
}

#[test]
fn a_box_is_held_on_both_sides_and_for_less_where_few_frames_can_wait() {
    for (window, hold) in [(20, 8), (6, 6), (1, 5)] {
        let mut tracker = Tracker::new(Settings::new(rhythm(1), window, 1920));
        let mut regions = vec![];
        for frame in 0..40 {
            let found = if frame == 20 {
                vec![detection([10.0, 10.0, 50.0, 60.0])]
            } else {
                vec![]
            };
            regions.extend(tracker.push(look(found), false));
        }
        regions.extend(std::iter::from_fn(|| tracker.finish()));
        let counts: Vec<usize> = regions.iter().map(Vec::len).collect();
        let expected: Vec<usize> = (0..40)
            .map(|frame| usize::from((20 - hold..=20 + hold).contains(&frame)))
            .collect();
        assert_eq!(counts, expected, "{window} frames");
        assert_eq!(regions[20][0].origin, Origin::Detected);
        assert_eq!(regions[20 - hold][0].origin, Origin::Held);
    }
}

#[test]
fn suspicions_carry_a_face_for_as_long_as_they_last_and_a_plate_for_some_frames() {
    for class in [Class::Face, Class::Plate] {
        let mut tracker = Tracker::new(Settings::new(rhythm(1), 10, 1920));
        let mut regions = vec![];
        for frame in 0..100 {
            let found = vec![Detection {
                class,
                ..detection([10.0, 10.0, 50.0, 60.0])
            }];
            let seen = match frame {
                20 => sure(found),
                _ => Seen {
                    sure: vec![],
                    weak: found,
                },
            };
            regions.extend(tracker.push(Some((Profile::Fast, seen)), false));
        }
        regions.extend(std::iter::from_fn(|| tracker.finish()));
        let settings = tracker.settings();
        let last = match class {
            Class::Face => 99,
            Class::Plate => (20 + settings.weak_max + settings.hold) as usize,
        };
        let hidden: Vec<bool> = regions.iter().map(|regions| !regions.is_empty()).collect();
        assert!(hidden[20..=last].iter().all(|is_hidden| *is_hidden));
        assert!(hidden[last + 1..].iter().all(|is_hidden| !is_hidden));
    }
}

/// A plate in the middle of the picture, for 80 frames: looks are sure of it in some of them, and suspect it in the others. In which
/// frames from the first of them on it is hidden.
fn plate_hidden(width: f32, sure_in: &[u32]) -> std::ops::RangeInclusive<u32> {
    let mut tracker = Tracker::new(Settings::new(rhythm(1), 10, 1920));
    let mut regions = vec![];
    for frame in 0..80 {
        let found = vec![Detection {
            class: Class::Plate,
            ..detection([600.0, 400.0, 600.0 + width, 400.0 + width / 4.0])
        }];
        let seen = match (sure_in.contains(&frame), frame >= sure_in[0]) {
            (true, _) => sure(found),
            (_, true) => Seen {
                sure: vec![],
                weak: found,
            },
            (..) => Seen::default(),
        };
        regions.extend(tracker.push(Some((Profile::Fast, seen)), false));
    }
    regions.extend(std::iter::from_fn(|| tracker.finish()));
    let hidden: Vec<u32> = (0..)
        .zip(&regions)
        .filter(|(_, regions)| !regions.is_empty())
        .map(|(frame, _)| frame)
        .collect();
    let (first, last) = (hidden[0], hidden[hidden.len() - 1]);
    assert_eq!(hidden, (first..=last).collect::<Vec<_>>(), "without a gap");
    first..=last
}

#[test]
fn suspicions_carry_a_large_plate_only_if_two_looks_were_sure_of_it() {
    let Settings { hold, weak_max, .. } = Settings::new(rhythm(1), 10, 1920);
    let (small, large) = (400.0, 640.0);
    assert_eq!(plate_hidden(small, &[20]), 20 - hold..=20 + weak_max + hold);
    assert_eq!(plate_hidden(large, &[20]), 20 - hold..=20 + hold);
    assert_eq!(plate_hidden(large, &[20, 24]), 20 - hold..=24 + weak_max + hold);
}

prop_compose! {
    fn any_detection()(
        left in -50.0f32..2000.0, top in -50.0f32..1100.0, width in 1.0f32..400.0, height in 1.0f32..400.0,
    ) -> Detection {
        detection([left, top, left + width, top + height])
    }
}

proptest! {
    #[test]
    fn every_detection_is_hidden_wholly_in_its_frame(
        frames in prop::collection::vec(
            (prop::option::weighted(0.6, prop::collection::vec(any_detection(), 0..4)), prop::bool::weighted(0.05)),
            0..60,
        ),
        look_every in 1u32..6, window in 0u32..40,
    ) {
        let settings = Settings::new(rhythm(look_every), window, 1920);
        let mut tracker = Tracker::new(settings);
        let mut regions = vec![];
        for (i, (found, is_cut)) in frames.iter().enumerate() {
            let given = tracker.push(found.clone().and_then(look), *is_cut);
            prop_assert_eq!(given.is_some(), i >= settings.delay() as usize, "the delay is bounded");
            regions.extend(given);
        }
        regions.extend(std::iter::from_fn(|| tracker.finish()));
        prop_assert_eq!(regions.len(), frames.len());
        for ((found, _), regions) in frames.iter().zip(&regions) {
            for found in found.iter().flatten() {
                let holds = |region: &Region| {
                    let [left, top, right, bottom] = edges(&region.detection.bbox);
                    left <= found.bbox.left && top <= found.bbox.top && right >= found.bbox.right && bottom >= found.bbox.bottom
                };
                prop_assert!(regions.iter().any(holds));
            }
        }
    }

    #[test]
    fn a_gap_in_a_track_is_bridged_without_a_hole(gap in 1u32..28, speed in -3.0f32..3.0) {
        let mut tracker = Tracker::new(Settings::new(rhythm(1), 30, 1920));
        let at = |frame: u32| detection([500.0 + speed * frame as f32, 300.0, 560.0 + speed * frame as f32, 380.0]);
        let mut regions = vec![];
        for frame in 0..80 {
            let is_missed = (30..30 + gap).contains(&frame);
            let found = if is_missed { vec![] } else { vec![at(frame)] };
            regions.extend(tracker.push(look(found), false));
        }
        regions.extend(std::iter::from_fn(|| tracker.finish()));
        for (frame, regions) in (0..).zip(&regions) {
            let boxes: Vec<BoundingBox> = regions.iter().map(|region| region.detection.bbox.grown(0.001)).collect();
            prop_assert!(covered(&at(frame).bbox, &boxes) >= 1.0, "{}", frame);
        }
    }
}
