//! Other scenes than the written ones: of the same kinds, with who moves where thrown by a seed.

use super::script::{ASPECT, Motion, Scene, Sprite, actor, line, still, swinging};

/// The scenes of a seed, one after the other.
pub(super) fn scenes(seed: u64) -> Vec<Scene> {
    let mut dice = Dice(seed);
    vec![
        crossing(&mut dice),
        pan(&mut dice),
        zoom(&mut dice),
        pillars(&mut dice),
        quick(&mut dice),
        small(&mut dice),
    ]
}

/// People of different sizes walk past each other.
fn crossing(dice: &mut Dice) -> Scene {
    Scene {
        name: "crossing",
        pan: still(dice.between(0.0, 1.0)),
        zoom: still(1.0),
        actors: vec![],
    }
    .with(|scene, pan| {
        for number in 0..5 {
            let (x, size) = (dice.walk(pan, 0.15, 0.45), dice.between(0.18, 0.5));
            let height = swinging(
                dice.between(0.45, 0.65),
                0.0,
                dice.between(0.005, 0.015),
                dice.between(0.5, 0.9),
            );
            scene
                .actors
                .push(actor(Sprite::Person(number), x, height, still(size)));
        }
    })
}

/// The camera turns past people and cars that stand.
fn pan(dice: &mut Dice) -> Scene {
    let mut actors = vec![];
    for number in 0..6 {
        let x = still(0.25 + 0.4 * f64::from(number) + dice.between(-0.1, 0.1));
        actors.push(match number % 3 {
            2 => actor(
                Sprite::Car,
                x,
                still(dice.between(0.66, 0.74)),
                still(dice.between(0.3, 0.45)),
            ),
            _ => actor(
                Sprite::Person(number as usize + 1),
                x,
                still(dice.between(0.44, 0.56)),
                still(dice.between(0.18, 0.34)),
            ),
        });
    }
    Scene {
        name: "pan",
        pan: swinging(
            dice.between(0.3, 0.5),
            0.06,
            dice.between(0.25, 0.35),
            dice.between(4.0, 6.0),
        ),
        zoom: still(1.0),
        actors,
    }
}

/// The camera comes close, or goes back.
fn zoom(dice: &mut Dice) -> Scene {
    let speed = dice.between(0.3, 0.6);
    let pan = dice.between(0.1, 0.9);
    let mut place = || still(pan + ASPECT * dice.between(0.3, 0.7));
    let places = [place(), place(), place()];
    Scene {
        name: "zoom",
        pan: still(pan),
        zoom: match dice.between(0.0, 1.0) < 0.5 {
            true => line(1.0, speed),
            false => line(1.0 + 5.0 * speed, -speed),
        },
        actors: vec![
            actor(
                Sprite::Person(2),
                places[0],
                still(dice.between(0.44, 0.54)),
                still(dice.between(0.12, 0.2)),
            ),
            actor(
                Sprite::Person(3),
                places[1],
                still(dice.between(0.44, 0.54)),
                still(dice.between(0.12, 0.2)),
            ),
            actor(
                Sprite::Car,
                places[2],
                still(dice.between(0.58, 0.66)),
                still(dice.between(0.18, 0.28)),
            ),
        ],
    }
}

/// People and a car pass behind pillars.
fn pillars(dice: &mut Dice) -> Scene {
    Scene {
        name: "pillars",
        pan: still(dice.between(0.0, 1.0)),
        zoom: still(1.0),
        actors: vec![],
    }
    .with(|scene, pan| {
        for number in 0..3 {
            let (x, size) = (dice.walk(pan, 0.15, 0.4), dice.between(0.22, 0.4));
            let height = still(dice.between(0.45, 0.6));
            scene
                .actors
                .push(actor(Sprite::Person(number), x, height, still(size)));
        }
        let x = dice.walk(pan, 0.3, 0.5);
        let (height, size) = (still(dice.between(0.7, 0.8)), still(dice.between(0.3, 0.4)));
        scene.actors.push(actor(Sprite::Car, x, height, size));
        for number in 0..3 {
            let x = pan + 0.4 + 0.5 * f64::from(number) + dice.between(-0.1, 0.1);
            scene
                .actors
                .push(actor(Sprite::Pillar, still(x), still(0.5), still(1.0)));
        }
    })
}

/// Runners, and someone who swings about, before a camera that shakes.
fn quick(dice: &mut Dice) -> Scene {
    let pan = dice.between(0.1, 0.9);
    let centre = pan + ASPECT / 2.0;
    Scene {
        name: "quick",
        pan: swinging(pan, 0.0, dice.between(0.03, 0.07), dice.between(0.9, 1.4)),
        zoom: still(1.0),
        actors: vec![
            actor(
                Sprite::Person(1),
                swinging(centre, 0.0, dice.between(0.6, 0.95), dice.between(2.0, 3.0)),
                still(dice.between(0.4, 0.5)),
                still(dice.between(0.25, 0.35)),
            ),
            actor(
                Sprite::Person(3),
                swinging(centre + dice.between(-0.3, 0.3), 0.0, 0.2, dice.between(1.0, 1.4)),
                swinging(0.6, 0.0, dice.between(0.08, 0.12), dice.between(0.8, 1.1)),
                still(dice.between(0.3, 0.4)),
            ),
            actor(
                Sprite::Person(0),
                dice.walk(pan, 0.9, 1.3),
                still(dice.between(0.6, 0.72)),
                still(dice.between(0.36, 0.46)),
            ),
        ],
    }
}

/// A crowd far away, and cars.
fn small(dice: &mut Dice) -> Scene {
    let pan = dice.between(0.1, 0.9);
    let mut actors = vec![];
    for number in 0..10 {
        let size = dice.between(0.075, 0.13);
        let speed = dice.between(-0.04, 0.04);
        let x = swinging(
            pan + 0.15 + ASPECT * f64::from(number) / 11.0,
            speed,
            0.01,
            dice.between(1.5, 2.5),
        );
        actors.push(actor(
            Sprite::Person(number as usize),
            x,
            still(dice.between(0.44, 0.52)),
            still(size),
        ));
    }
    for y in [0.70, 0.73] {
        let x = line(pan + ASPECT * dice.between(0.2, 0.8), dice.between(-0.05, 0.05));
        actors.push(actor(Sprite::Car, x, still(y), still(dice.between(0.18, 0.26))));
    }
    Scene {
        name: "small",
        pan: swinging(pan, 0.02, 0.004, 0.5),
        zoom: line(1.0, 0.03),
        actors,
    }
}

impl Scene {
    /// The scene with what depends on where the camera looks.
    fn with(mut self, add: impl FnOnce(&mut Self, f64)) -> Self {
        let pan = self.pan.at(0.0);
        add(&mut self, pan);
        self
    }
}

/// Numbers that look random: `SplitMix64` (Steele et al. 2014).
struct Dice(u64);

impl Dice {
    fn between(&mut self, low: f64, high: f64) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^= mixed >> 31;
        low + (high - low) * (mixed >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Into the picture from one side and towards the other, so many heights a second.
    fn walk(&mut self, pan: f64, slowest: f64, fastest: f64) -> Motion {
        let speed = self.between(slowest, fastest);
        let ahead = self.between(-0.5, 0.3);
        match self.between(0.0, 1.0) < 0.5 {
            true => line(pan + ahead, speed),
            false => line(pan + ASPECT - ahead, -speed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_makes_the_same_scenes_each_time_and_another_one_others() {
        let told = |seed| format!("{:?}", scenes(seed));
        assert_eq!(told(1), told(1));
        assert_ne!(told(1), told(2));
    }

    #[test]
    fn in_every_scene_of_every_seed_there_is_something_to_hide() {
        for seed in 1..20 {
            for scene in scenes(seed) {
                let frames = (0..150).filter(|frame| !scene.truth(*frame, 1080.0).is_empty());
                assert!(frames.count() > 50, "{seed}, {}", scene.name);
            }
        }
    }
}
