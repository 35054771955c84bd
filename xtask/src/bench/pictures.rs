//! The pictures that are measured: a street with people at several distances, put together from photographs, the same bytes
//! on every machine.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::Serialize;

use crate::assets;
use crate::boxes::BoundingBox;
use crate::raster::{Color, Raster};

/// JPEG quality of the pictures: about what cameras and phones write.
const QUALITY: u8 = 90;

/// Name, width, height.
const SIZES: [(&str, usize, usize); 2] = [("1080p", 1920, 1080), ("12 MP", 4000, 3000)];

/// Where people stand: centre and long side as fractions of the picture's width, top as a fraction of its height. The face is about
/// a quarter of the side high, so that the largest has 105 and the smallest 22 pixels at 1080p.
const PEOPLE: [(f64, f64, f64); 7] = [
    (0.14, 0.42, 0.22),
    (0.42, 0.48, 0.16),
    (0.60, 0.50, 0.115),
    (0.72, 0.51, 0.08),
    (0.80, 0.52, 0.065),
    (0.87, 0.52, 0.055),
    (0.94, 0.53, 0.046),
];

/// The part of the astronaut's photograph with head and shoulders.
const BUST: BoundingBox = BoundingBox {
    left: 90.0,
    top: 0.0,
    right: 390.0,
    bottom: 400.0,
};

/// What the noise of a sensor adds or takes away at most, of 255.
const NOISE: i32 = 3;

/// One picture on the disk.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Picture {
    pub(super) name: &'static str,
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) bytes: u64,
    #[serde(skip)]
    pub(super) path: PathBuf,
}

/// Fetches the photographs and makes the pictures in a folder.
///
/// # Errors
/// A photograph cannot be fetched or read, or a picture not be written.
pub(super) fn make(root: &Path, folder: &Path) -> anyhow::Result<Vec<Picture>> {
    let sources = Sources::fetch(root, folder)?;
    let make = |(name, width, height): (&'static str, usize, usize)| {
        let jpeg = street(&sources, width, height).encode_jpeg(QUALITY)?;
        let path = folder.join(format!("{width}x{height}.jpg"));
        fs::write(&path, &jpeg).with_context(|| format!("write {}", path.display()))?;
        Ok(Picture {
            name,
            width,
            height,
            bytes: jpeg.len() as u64,
            path,
        })
    };
    SIZES.into_iter().map(make).collect()
}

/// The photographs.
pub(super) struct Sources {
    pub(super) person: Raster,
    pub(super) bricks: Raster,
    gravel: Raster,
    grass: Raster,
}

impl Sources {
    /// Fetches them into a folder below the given one, unless they are there.
    ///
    /// # Errors
    /// One cannot be fetched or read.
    pub(super) fn fetch(root: &Path, folder: &Path) -> anyhow::Result<Self> {
        let sources = folder.join("sources");
        assets::fetch_into(&sources, &root.join("xtask/bench.toml"))?;
        let read = |name: &str| Raster::read(&sources.join(name));
        Ok(Self {
            person: read("astronaut.png")?,
            bricks: read("brick.png")?,
            gravel: read("gravel.png")?,
            grass: read("grass.png")?,
        })
    }
}

/// Sky, houses, street and verge from top to bottom; people before them; noise over all.
fn street(sources: &Sources, width: usize, height: usize) -> Raster {
    let mut picture = backdrop(sources, width, height);
    for (center, top, side) in PEOPLE {
        let side = side * width as f64;
        let left = center * width as f64 - side * BUST.width() / BUST.height() / 2.0;
        place(&mut picture, &sources.person, left, top * height as f64, side);
    }
    add_noise(&mut picture);
    picture
}

/// The street with nobody in it, and without noise.
pub(super) fn backdrop(sources: &Sources, width: usize, height: usize) -> Raster {
    let mut picture = Raster::filled(width, height, [0; 3]);
    for y in 0..height {
        let down = y as f64 / height as f64;
        for x in 0..width {
            let across = x as f64 / width as f64;
            picture.set(x, y, ground(sources, (x, y), across, down));
        }
    }
    picture
}

/// The colour behind the people. Textures keep their own pixels, so that a larger picture has more detail and not larger one.
fn ground(sources: &Sources, (x, y): (usize, usize), across: f64, down: f64) -> Color {
    let tile = |texture: &Raster, x: usize, y: usize| {
        f64::from(texture.pixel(x % texture.width, y % texture.height)[0]) / 255.0
    };
    let tinted = |light: f64, color: [f64; 3]| color.map(|channel| (channel * light).clamp(0.0, 255.0) as u8);
    // Houses are of different heights and colours.
    let house = (across * 5.0) as usize;
    let roof = [0.16, 0.08, 0.22, 0.12, 0.19][house.min(4)];
    if down < roof {
        return tinted(
            1.0,
            [130.0 + 160.0 * down, 170.0 + 140.0 * down, 225.0 + 60.0 * down],
        );
    }
    if down < 0.72 {
        let walls = [
            [210.0, 120.0, 95.0],
            [225.0, 205.0, 170.0],
            [170.0, 175.0, 185.0],
            [190.0, 105.0, 80.0],
            [215.0, 185.0, 140.0],
        ];
        // The wall was photographed lying on its side.
        let bricks = tile(&sources.bricks, y, x);
        return tinted(0.35 + 0.9 * bricks, walls[house.min(4)]);
    }
    if down < 0.93 {
        return tinted(0.5 + 0.6 * tile(&sources.gravel, x, y), [140.0, 138.0, 135.0]);
    }
    tinted(0.4 + 0.9 * tile(&sources.grass, x, y), [110.0, 150.0, 70.0])
}

/// Draws the bust `side` pixels high.
fn place(picture: &mut Raster, person: &Raster, left: f64, top: f64, side: f64) {
    let scale = BUST.height() / side;
    let (columns, rows) = ((BUST.width() / scale) as usize, side as usize);
    for row in 0..rows {
        for column in 0..columns {
            let (x, y) = (left + column as f64, top + row as f64);
            if x >= 0.0 && y >= 0.0 && (x as usize) < picture.width && (y as usize) < picture.height {
                let color = sample(
                    person,
                    BUST.left + column as f64 * scale,
                    BUST.top + row as f64 * scale,
                    scale,
                );
                picture.set(x as usize, y as usize, color);
            }
        }
    }
}

/// The colour of the photograph at a place, averaged over `scale` pixels so that people far away are not jagged.
fn sample(photograph: &Raster, x: f64, y: f64, scale: f64) -> Color {
    let steps = (scale.ceil() as u32).clamp(1, 8);
    let mut sums = [0_u32; 3];
    for row in 0..steps {
        for column in 0..steps {
            let offset = |index: u32| (f64::from(index) + 0.5) / f64::from(steps) * scale;
            let color = photograph.between(x + offset(column) - 0.5, y + offset(row) - 0.5);
            for (sum, channel) in sums.iter_mut().zip(color) {
                *sum += u32::from(channel);
            }
        }
    }
    sums.map(|sum| (sum / (steps * steps)) as u8)
}

/// The same noise for every picture of a size, from Numerical Recipes' linear congruential generator.
fn add_noise(picture: &mut Raster) {
    let mut state = 1_u32;
    for channel in &mut picture.rgb {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let noise = (state >> 24) as i32 % (2 * NOISE + 1) - NOISE;
        *channel = (i32::from(*channel) + noise).clamp(0, 255) as u8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources() -> Sources {
        let gray = |value| Raster::filled(8, 8, [value; 3]);
        Sources {
            person: Raster::filled(512, 512, [250, 10, 10]),
            bricks: gray(120),
            gravel: gray(100),
            grass: gray(90),
        }
    }

    #[test]
    fn a_street_is_the_same_each_time_and_has_people_of_several_sizes() {
        let picture = street(&sources(), 480, 270);
        assert_eq!(picture, street(&sources(), 480, 270));
        for (center, top, side) in PEOPLE {
            let middle = picture.pixel(
                (center * 480.0) as usize,
                (top * 270.0 + side * 480.0 / 2.0) as usize,
            );
            assert!(middle[0] > 240 && middle[1] < 20, "{center}: {middle:?}");
        }
        let sky = picture.pixel(240, 2);
        assert!(sky[2] > sky[0], "{sky:?}");
    }

    #[test]
    fn our_manifest_of_photographs_can_be_read() {
        let manifest = crate::manifest::Manifest::parse(include_str!("../../bench.toml")).unwrap();
        for asset in &manifest.assets {
            asset.wheel_for("x86_64").unwrap();
            asset.wheel_for("aarch64").unwrap();
        }
    }
}
