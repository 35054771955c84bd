//! The pictures that the clip is put together from.

use std::fs;
use std::path::Path;

use anyhow::Context;

use crate::bench::pictures::{self, Sources};
use crate::raster::{Color, Raster};

use super::script::{ASPECT, Sprite};

/// The height of the picture behind everything, and its width in heights of the frame: the camera turns.
pub(super) const BACKDROP_PX: usize = 1080;
pub(super) const BACKDROP_WIDTH: f64 = ASPECT * 1.75;

/// Where head and shoulders begin in the astronaut's photograph.
const BUST: (usize, usize) = (120, 0);

/// Lights in which people stand: factors for red, green and blue.
const LIGHTS: [[f64; 3]; 4] = [
    [1.0, 1.0, 1.0],
    [0.72, 0.70, 0.68],
    [1.08, 1.0, 0.88],
    [0.85, 0.92, 1.05],
];

/// Glyphs of five columns and seven rows; each row is five bits, the leftmost column the highest.
const GLYPHS: [[u8; 7]; 7] = [
    [0x0F, 0x10, 0x10, 0x0E, 0x01, 0x01, 0x1E],
    [0x1F, 0x10, 0x10, 0x1E, 0x10, 0x10, 0x10],
    [0x11, 0x1B, 0x15, 0x15, 0x11, 0x11, 0x11],
    [0x04, 0x0C, 0x04, 0x04, 0x04, 0x04, 0x0E],
    [0x02, 0x06, 0x0A, 0x12, 0x1F, 0x02, 0x02],
    [0x1F, 0x01, 0x02, 0x04, 0x08, 0x08, 0x08],
    [0x0E, 0x11, 0x01, 0x02, 0x04, 0x08, 0x1F],
];

/// The name of the file of a sprite.
pub(super) fn file(sprite: Sprite) -> String {
    match sprite {
        Sprite::Person(light) => format!("person-{}.png", light % LIGHTS.len()),
        Sprite::Car => "car.png".to_owned(),
        Sprite::Pillar => "pillar.png".to_owned(),
    }
}

/// The name of the file of the backdrop.
pub(super) const BACKDROP: &str = "backdrop.png";

/// Writes all pictures into a folder.
///
/// # Errors
/// A photograph cannot be fetched or read, or a picture not be written.
pub(super) fn make(root: &Path, folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("make {}", folder.display()))?;
    let sources = Sources::fetch(root, folder)?;
    let write = |name: &str, picture: &Raster| {
        let path = folder.join(name);
        fs::write(&path, png(picture)?).with_context(|| format!("write {}", path.display()))
    };
    let width = (BACKDROP_PX as f64 * BACKDROP_WIDTH) as usize / 2 * 2;
    write(BACKDROP, &pictures::backdrop(&sources, width, BACKDROP_PX))?;
    for light in 0..LIGHTS.len() {
        let sprite = Sprite::Person(light);
        write(&file(sprite), &person(&sources.person, light))?;
    }
    write(&file(Sprite::Car), &car())?;
    write(&file(Sprite::Pillar), &pillar(&sources.bricks))
}

pub(super) fn png(picture: &Raster) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let side = |pixels: usize| u32::try_from(pixels).context("a side is too long for a PNG");
    let mut encoder = png::Encoder::new(&mut bytes, side(picture.width)?, side(picture.height)?);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().context("write a PNG")?;
    writer.write_image_data(&picture.rgb).context("write a PNG")?;
    writer.finish().context("write a PNG")?;
    Ok(bytes)
}

/// Head and shoulders; every other one looks the other way.
fn person(photograph: &Raster, light: usize) -> Raster {
    let (width, height) = Sprite::Person(light).size();
    let mut picture = Raster::filled(width, height, [0; 3]);
    for y in 0..height {
        for x in 0..width {
            let from = if light.is_multiple_of(2) { x } else { width - 1 - x };
            let color = photograph.pixel(BUST.0 + from, BUST.1 + y);
            let lit = |channel: usize| (f64::from(color[channel]) * LIGHTS[light][channel]).min(255.0) as u8;
            picture.set(x, y, [lit(0), lit(1), lit(2)]);
        }
    }
    picture
}

fn pillar(bricks: &Raster) -> Raster {
    let (width, height) = Sprite::Pillar.size();
    let mut picture = Raster::filled(width, height, [0; 3]);
    for y in 0..height {
        for x in 0..width {
            let light = bricks.pixel(y % bricks.width, x % bricks.height)[0];
            picture.set(x, y, [light, light / 2 + 20, light / 2]);
        }
    }
    picture
}

/// The back of a car with a licence plate.
fn car() -> Raster {
    let (width, height) = Sprite::Car.size();
    let mut picture = Raster::filled(width, height, [70, 72, 75]);
    let mut fill = |left: usize, top: usize, right: usize, bottom: usize, color: Color| {
        for y in top..bottom {
            for x in left..right {
                picture.set(x, y, color);
            }
        }
    };
    let body = [80, 100, 175];
    fill(70, 10, 570, 200, body);
    fill(100, 30, 540, 170, [40, 50, 60]);
    fill(10, 170, 630, 410, body);
    fill(10, 395, 630, 440, [30, 30, 32]);
    fill(25, 200, 110, 270, [220, 60, 50]);
    fill(530, 200, 615, 270, [220, 60, 50]);
    fill(30, 430, 130, 500, [15, 15, 15]);
    fill(510, 430, 610, 500, [15, 15, 15]);
    fill(210, 310, 430, 370, [245, 245, 245]);
    fill(213, 313, 427, 367, [20, 50, 160]);
    for (position, rows) in GLYPHS.iter().enumerate() {
        for (row, bits) in rows.iter().enumerate() {
            for column in (0..5).filter(|column| bits >> (4 - column) & 1 == 1) {
                let (x, y) = (220 + position * 29 + column * 5, 322 + row * 5);
                fill(x, y, x + 5, y + 5, [245, 245, 245]);
            }
        }
    }
    picture
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plate_of_the_car_is_where_the_script_says() {
        let picture = car();
        assert_eq!(picture.pixel(211, 311), [245, 245, 245]);
        assert_eq!(picture.pixel(215, 315), [20, 50, 160]);
        assert_eq!(picture.pixel(205, 305), [80, 100, 175]);
        let back = Raster::decode(&png(&picture).unwrap()).unwrap();
        assert_eq!(back, picture);
    }
}
