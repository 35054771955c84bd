//! Pictures for tests: the photograph of an astronaut (NASA, public domain) and scenes that are drawn here.

use std::io::Cursor;

use crate::assets;

/// An RGB picture, 8 bits a sample, row-major.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Three bytes a pixel.
    pub rgb: Vec<u8>,
}

impl Picture {
    /// A picture of one colour.
    pub fn plain(width: u32, height: u32, colour: [u8; 3]) -> Self {
        Self {
            width,
            height,
            rgb: colour.repeat(width as usize * height as usize),
        }
    }

    /// Reads a PNG of 8-bit RGB.
    ///
    /// # Panics
    /// On any other file.
    pub fn from_png(bytes: &[u8]) -> Self {
        let mut reader = png::Decoder::new(Cursor::new(bytes)).read_info().expect("a PNG");
        let mut rgb = vec![
            0;
            reader
                .output_buffer_size()
                .expect("a picture that fits in memory")
        ];
        let info = reader.next_frame(&mut rgb).expect("a whole PNG");
        assert_eq!(
            (info.color_type, info.bit_depth),
            (png::ColorType::Rgb, png::BitDepth::Eight)
        );
        Self {
            width: info.width,
            height: info.height,
            rgb,
        }
    }

    /// As a PNG.
    ///
    /// # Panics
    /// Never: memory takes every byte.
    pub fn to_png(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, self.width, self.height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::Fast);
        let mut writer = encoder.write_header().expect("memory takes every byte");
        writer
            .write_image_data(&self.rgb)
            .expect("memory takes every byte");
        writer.finish().expect("memory takes every byte");
        bytes
    }

    /// Paints a rectangle, clipped to the picture.
    pub fn fill(&mut self, x: u32, y: u32, width: u32, height: u32, colour: [u8; 3]) {
        for row in y..(y + height).min(self.height) {
            for column in x..(x + width).min(self.width) {
                let at = 3 * (row as usize * self.width as usize + column as usize);
                self.rgb[at..at + 3].copy_from_slice(&colour);
            }
        }
    }

    /// The colour of one pixel.
    pub fn pixel(&self, x: u32, y: u32) -> [u8; 3] {
        let at = 3 * (y as usize * self.width as usize + x as usize);
        [self.rgb[at], self.rgb[at + 1], self.rgb[at + 2]]
    }
}

/// The photograph of an astronaut, 512 x 512, as a PNG: one frontal face.
///
/// # Panics
/// When the assets are missing.
pub fn astronaut_png() -> Vec<u8> {
    std::fs::read(assets().join("pictures/astronaut.png")).expect("run `cargo xtask setup` first")
}

/// The rear of a car with a blue licence plate of 220 x 60 pixels with white letters.
pub fn car_png() -> Vec<u8> {
    const LETTERS: [[u8; 7]; 6] = [
        [0b01110, 0b10001, 0b10001, 0b11111, 0b10001, 0b10001, 0b10001],
        [0b11110, 0b10001, 0b10001, 0b11110, 0b10001, 0b10001, 0b11110],
        [0b00100, 0b01100, 0b00100, 0b00100, 0b00100, 0b00100, 0b01110],
        [0b01110, 0b10001, 0b00001, 0b00110, 0b01000, 0b10000, 0b11111],
        [0b01110, 0b10001, 0b00001, 0b00110, 0b00001, 0b10001, 0b01110],
        [0b11111, 0b10000, 0b11110, 0b00001, 0b00001, 0b10001, 0b01110],
    ];
    let mut scene = Picture::plain(960, 640, [150, 170, 190]);
    scene.fill(0, 440, 960, 200, [90, 90, 95]);
    scene.fill(220, 240, 520, 260, [120, 20, 25]);
    scene.fill(290, 160, 380, 100, [120, 20, 25]);
    scene.fill(310, 175, 340, 75, [40, 50, 60]);
    scene.fill(230, 300, 70, 40, [230, 60, 40]);
    scene.fill(660, 300, 70, 40, [230, 60, 40]);
    scene.fill(250, 480, 90, 60, [20, 20, 20]);
    scene.fill(620, 480, 90, 60, [20, 20, 20]);
    let (left, top) = (370, 380);
    scene.fill(left - 3, top - 3, 226, 66, [230, 230, 230]);
    scene.fill(left, top, 220, 60, [20, 50, 160]);
    for (index, letter) in LETTERS.iter().enumerate() {
        for (row, bits) in letter.iter().enumerate() {
            for column in 0..5u32 {
                if bits >> (4 - column) & 1 == 1 {
                    let x = left + 14 + 34 * index as u32 + 5 * column;
                    scene.fill(x, top + 9 + 6 * row as u32, 5, 6, [245, 245, 245]);
                }
            }
        }
    }
    scene.to_png()
}
