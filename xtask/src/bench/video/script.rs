//! What happens in the clip: who moves where, and what of it can be seen in each frame.
//!
//! All motion is written down twice by one function, as a number for the truth and as an expression for ffmpeg, which draws the
//! clip. Lengths are in heights of the frame, times in seconds from the beginning of a scene.

use serde::Serialize;

use crate::boxes::BoundingBox;

/// Frames a second.
pub(super) const RATE: u32 = 30;

/// The width of the frame in heights.
pub(super) const ASPECT: f64 = 16.0 / 9.0;

/// The part of a thing that has to be in sight for it to count as there.
const VISIBLE_MIN: f64 = 0.5;

/// Points across and down by which it is measured what of a thing is in sight, and what is hidden.
pub(super) const POINTS: usize = 16;

/// `start + speed * t + swing * sin(tau * t / period)`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Motion {
    pub(super) start: f64,
    pub(super) speed: f64,
    pub(super) swing: f64,
    pub(super) period: f64,
}

impl Motion {
    pub(super) fn at(&self, time: f64) -> f64 {
        let phase = std::f64::consts::TAU * time / self.period.max(0.01);
        self.start + self.speed * time + self.swing * phase.sin()
    }

    /// The same for ffmpeg, where `time` is an expression.
    pub(super) fn expression(&self, time: &str) -> String {
        let Self {
            start, speed, swing, ..
        } = self;
        let rate = std::f64::consts::TAU / self.period.max(0.01);
        format!("({start:.6}+({speed:.6})*{time}+({swing:.6})*sin({rate:.6}*{time}))")
    }
}

pub(super) const fn still(start: f64) -> Motion {
    line(start, 0.0)
}

pub(super) const fn line(start: f64, speed: f64) -> Motion {
    swinging(start, speed, 0.0, 1.0)
}

pub(super) const fn swinging(start: f64, speed: f64, swing: f64, period: f64) -> Motion {
    Motion {
        start,
        speed,
        swing,
        period,
    }
}

/// What is moved around.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sprite {
    /// Head and shoulders, in one of several lights, seen from one side or the other.
    Person(usize),
    /// The back of a car.
    Car,
    /// Something that hides what stands behind it.
    Pillar,
}

/// What has to be hidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Class {
    Face,
    Plate,
}

impl Sprite {
    /// Width and height in pixels of the picture that it is.
    pub(super) const fn size(self) -> (usize, usize) {
        match self {
            Self::Person(_) => (240, 320),
            Self::Car => (640, 500),
            Self::Pillar => (120, 512),
        }
    }

    /// What is to be hidden of it, as fractions of its width and height: left, top, right, bottom.
    const fn private(self) -> Option<(Class, [f64; 4])> {
        match self {
            Self::Person(light) => {
                let (left, right) = (58.0 / 240.0, 152.0 / 240.0);
                let sides = if light % 2 == 0 {
                    [left, right]
                } else {
                    [1.0 - right, 1.0 - left]
                };
                Some((Class::Face, [sides[0], 70.0 / 320.0, sides[1], 190.0 / 320.0]))
            }
            Self::Car => Some((
                Class::Plate,
                [210.0 / 640.0, 310.0 / 500.0, 430.0 / 640.0, 370.0 / 500.0],
            )),
            Self::Pillar => None,
        }
    }
}

/// Someone or something in a scene. What stands later in the list is nearer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Actor {
    pub(super) sprite: Sprite,
    /// Centre.
    pub(super) x: Motion,
    pub(super) y: Motion,
    /// Height.
    pub(super) size: Motion,
}

/// What a camera sees without a cut.
#[derive(Clone, Debug)]
pub(super) struct Scene {
    pub(super) name: &'static str,
    /// How far the camera has turned to the right.
    pub(super) pan: Motion,
    /// How much it enlarges.
    pub(super) zoom: Motion,
    pub(super) actors: Vec<Actor>,
}

/// Something that has to be hidden in a frame.
#[derive(Clone, Debug)]
pub(super) struct Truth {
    pub(super) class: Class,
    /// Its number in its scene.
    pub(super) actor: usize,
    /// What is in sight of it, in pixels.
    pub(super) bbox: BoundingBox,
    /// Points of it that are in sight, in pixels.
    pub(super) points: Vec<(f64, f64)>,
}

impl Scene {
    /// Where an actor is on the screen, in heights: centre and height.
    fn on_screen(&self, actor: &Actor, time: f64) -> (f64, f64, f64) {
        let zoom = self.zoom.at(time);
        let x = (actor.x.at(time) - self.pan.at(time) - ASPECT / 2.0) * zoom + ASPECT / 2.0;
        let y = (actor.y.at(time) - 0.5) * zoom + 0.5;
        (x, y, actor.size.at(time) * zoom)
    }

    /// The same for ffmpeg.
    pub(super) fn screen_expressions(&self, actor: &Actor) -> [String; 3] {
        let [x, y, size, pan, zoom] =
            [actor.x, actor.y, actor.size, self.pan, self.zoom].map(|motion| motion.expression("t"));
        [
            format!("(({x}-{pan}-{half})*{zoom}+{half})", half = ASPECT / 2.0),
            format!("(({y}-0.5)*{zoom}+0.5)"),
            format!("({size}*{zoom})"),
        ]
    }

    fn bbox(&self, actor: &Actor, time: f64, height: f64) -> BoundingBox {
        let (x, y, size) = self.on_screen(actor, time);
        let (columns, rows) = actor.sprite.size();
        let width = size * columns as f64 / rows as f64;
        BoundingBox::from_size(
            (x - width / 2.0) * height,
            (y - size / 2.0) * height,
            width * height,
            size * height,
        )
    }

    /// All that has to be hidden in a frame of so many pixels.
    pub(super) fn truth(&self, frame: u32, height: f64) -> Vec<Truth> {
        let time = f64::from(frame) / f64::from(RATE);
        let screen = BoundingBox::from_size(0.0, 0.0, height * ASPECT, height);
        let boxes: Vec<_> = self
            .actors
            .iter()
            .map(|actor| self.bbox(actor, time, height))
            .collect();
        let mut all = vec![];
        for (number, actor) in self.actors.iter().enumerate() {
            let Some((class, part)) = actor.sprite.private() else {
                continue;
            };
            let whole = boxes[number];
            let private = BoundingBox {
                left: whole.left + part[0] * whole.width(),
                top: whole.top + part[1] * whole.height(),
                right: whole.left + part[2] * whole.width(),
                bottom: whole.top + part[3] * whole.height(),
            };
            let points = points_in_sight(&private, &screen, &boxes[number + 1..]);
            if points.len() as f64 >= VISIBLE_MIN * (POINTS * POINTS) as f64 {
                all.push(Truth {
                    class,
                    actor: number,
                    bbox: around(&points, &private),
                    points,
                });
            }
        }
        all
    }
}

fn points_in_sight(thing: &BoundingBox, screen: &BoundingBox, nearer: &[BoundingBox]) -> Vec<(f64, f64)> {
    let holds = |area: &BoundingBox, (x, y): (f64, f64)| {
        (area.left..area.right).contains(&x) && (area.top..area.bottom).contains(&y)
    };
    let step = |index: usize| (index as f64 + 0.5) / POINTS as f64;
    let mut points = vec![];
    for row in 0..POINTS {
        for column in 0..POINTS {
            let point = (
                thing.left + step(column) * thing.width(),
                thing.top + step(row) * thing.height(),
            );
            if holds(screen, point) && !nearer.iter().any(|area| holds(area, point)) {
                points.push(point);
            }
        }
    }
    points
}

/// The box of the cells around the points.
fn around(points: &[(f64, f64)], thing: &BoundingBox) -> BoundingBox {
    let (half_x, half_y) = (
        thing.width() / POINTS as f64 / 2.0,
        thing.height() / POINTS as f64 / 2.0,
    );
    let least = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).fold(f64::INFINITY, f64::min);
    let most = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).fold(f64::NEG_INFINITY, f64::max);
    BoundingBox {
        left: least(|point| point.0) - half_x,
        top: least(|point| point.1) - half_y,
        right: most(|point| point.0) + half_x,
        bottom: most(|point| point.1) + half_y,
    }
}

pub(super) fn actor(sprite: Sprite, x: Motion, y: Motion, size: Motion) -> Actor {
    Actor { sprite, x, y, size }
}

/// The scenes, one after the other.
pub(super) fn scenes() -> Vec<Scene> {
    let person = Sprite::Person;
    vec![
        Scene {
            name: "crossing",
            pan: still(0.0),
            zoom: still(1.0),
            actors: vec![
                actor(
                    person(0),
                    line(-0.25, 0.42),
                    swinging(0.55, 0.0, 0.01, 0.7),
                    still(0.30),
                ),
                actor(
                    person(1),
                    line(2.0, -0.42),
                    swinging(0.57, 0.0, 0.01, 0.6),
                    still(0.36),
                ),
                actor(person(2), line(1.3, -0.16), still(0.52), line(0.20, 0.01)),
                actor(
                    person(3),
                    line(-0.1, 0.30),
                    swinging(0.66, 0.0, 0.015, 0.8),
                    still(0.52),
                ),
            ],
        },
        Scene {
            name: "pan",
            pan: swinging(0.25, 0.06, 0.35, 5.0),
            zoom: still(1.0),
            actors: vec![
                actor(person(1), still(0.3), still(0.50), still(0.22)),
                actor(person(2), still(0.8), still(0.52), still(0.30)),
                actor(Sprite::Car, still(1.35), still(0.72), still(0.42)),
                actor(person(0), still(1.9), still(0.50), still(0.24)),
                actor(Sprite::Car, still(2.3), still(0.70), still(0.34)),
            ],
        },
        Scene {
            name: "zoom",
            pan: still(0.3),
            zoom: line(1.0, 0.55),
            actors: vec![
                actor(person(0), still(1.05), still(0.48), still(0.16)),
                actor(person(3), still(1.35), still(0.52), still(0.20)),
                actor(Sprite::Car, still(0.85), still(0.62), still(0.26)),
            ],
        },
        Scene {
            name: "pillars",
            pan: still(0.1),
            zoom: still(1.0),
            actors: vec![
                actor(person(1), line(0.1, 0.30), still(0.50), still(0.26)),
                actor(person(2), line(1.7, -0.26), still(0.56), still(0.34)),
                actor(Sprite::Car, line(-0.4, 0.45), still(0.76), still(0.36)),
                actor(Sprite::Pillar, still(0.55), still(0.5), still(1.0)),
                actor(Sprite::Pillar, still(1.05), still(0.5), still(1.0)),
                actor(Sprite::Pillar, still(1.55), still(0.5), still(1.0)),
            ],
        },
        Scene {
            name: "quick",
            pan: swinging(0.2, 0.0, 0.06, 1.1),
            zoom: still(1.0),
            actors: vec![
                actor(person(2), swinging(1.0, 0.0, 0.95, 2.5), still(0.45), still(0.30)),
                actor(
                    person(0),
                    swinging(0.9, 0.0, 0.20, 1.2),
                    swinging(0.62, 0.0, 0.12, 0.9),
                    still(0.40),
                ),
                actor(person(3), line(-0.4, 1.3), still(0.70), still(0.44)),
            ],
        },
        Scene {
            name: "small",
            pan: swinging(0.2, 0.02, 0.004, 0.5),
            zoom: line(1.0, 0.03),
            actors: small(),
        },
    ]
}

/// A crowd far away, and cars.
fn small() -> Vec<Actor> {
    let mut actors: Vec<Actor> = (0..10)
        .map(|i| {
            let at = f64::from(i);
            let size = 0.075 + 0.006 * at;
            let speed = if i % 2 == 0 { 0.03 } else { -0.025 };
            let x = swinging(0.35 + 0.15 * at, speed, 0.01, 1.5 + 0.1 * at);
            actor(
                Sprite::Person(i as usize % 4),
                x,
                still(0.46 + 0.004 * at),
                still(size),
            )
        })
        .collect();
    actors.push(actor(Sprite::Car, line(0.5, 0.05), still(0.70), still(0.20)));
    actors.push(actor(Sprite::Car, line(1.5, -0.04), still(0.72), still(0.24)));
    actors
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_walks_out_of_the_picture_or_behind_a_pillar_is_not_there() {
        let scene = &scenes()[3];
        let seen: Vec<usize> = (0..150)
            .map(|frame| {
                let truth = scene.truth(frame, 1080.0);
                truth.iter().filter(|truth| truth.actor == 0).count()
            })
            .collect();
        let hidden = seen.iter().filter(|count| **count == 0).count();
        assert!((20..100).contains(&hidden), "{hidden}");
        assert!(
            seen.windows(2).filter(|pair| pair[0] != pair[1]).count() >= 4,
            "it comes and goes"
        );
    }

    #[test]
    fn the_box_is_that_of_what_is_in_sight() {
        let scene = Scene {
            name: "test",
            pan: still(0.0),
            zoom: still(1.0),
            actors: vec![
                actor(Sprite::Person(0), still(0.5), still(0.5), still(0.5)),
                actor(Sprite::Pillar, still(0.5), still(0.5), still(0.2)),
            ],
        };
        let truth = scene.truth(0, 1000.0);
        assert_eq!(truth.len(), 1);
        // The person is 375 pixels wide and stands at 312.5; the face begins 58 of 240 in.
        assert!((truth[0].bbox.left - (312.5 + 375.0 * 58.0 / 240.0)).abs() < 1.0);
        assert!(truth[0].points.len() < POINTS * POINTS);
    }

    #[test]
    fn an_expression_says_what_the_number_is() {
        let motion = swinging(1.0, -0.5, 0.25, 2.0);
        assert_eq!(
            motion.expression("t"),
            "(1.000000+(-0.500000)*t+(0.250000)*sin(3.141593*t))"
        );
        assert!((motion.at(0.5) - 1.0).abs() < 1e-9);
    }
}
