//! Draws the back of a car with a licence plate: no real plate, and no photograph, has to be kept for the tests.

use crate::support::Pixels;

/// Glyphs of five columns and seven rows; each row is five bits, the leftmost column the highest.
const GLYPHS: [(char, [u8; 7]); 7] = [
    ('S', [0x0F, 0x10, 0x10, 0x0E, 0x01, 0x01, 0x1E]),
    ('F', [0x1F, 0x10, 0x10, 0x1E, 0x10, 0x10, 0x10]),
    ('M', [0x11, 0x1B, 0x15, 0x15, 0x11, 0x11, 0x11]),
    ('1', [0x04, 0x0C, 0x04, 0x04, 0x04, 0x04, 0x0E]),
    ('4', [0x02, 0x06, 0x0A, 0x12, 0x1F, 0x02, 0x02]),
    ('7', [0x1F, 0x01, 0x02, 0x04, 0x08, 0x08, 0x08]),
    ('2', [0x0E, 0x11, 0x01, 0x02, 0x04, 0x08, 0x1F]),
];

/// Left, top, right, bottom of the plate in pixels.
pub(crate) const PLATE: [u32; 4] = [530, 470, 750, 530];

/// A picture of 1280x720 pixels with one plate.
pub(crate) fn car() -> Pixels {
    let mut scene = Pixels {
        width: 1280,
        height: 720,
        rgb: vec![0; 1280 * 720 * 3],
    };
    for y in 0..720 {
        // Sky above, road below, both with a gradient.
        let shade = u8::try_from(if y < 380 { 235 - y / 5 } else { 60 + (y - 380) / 8 }).unwrap();
        fill(
            &mut scene,
            [0, y, 1280, y + 1],
            [shade, shade, shade.saturating_add(8)],
        );
    }
    // About the colour of the plate without its letters: a plain patch that stands out from a car, which is what a mask
    // leaves, is a plate to the model. So what it finds here are the letters and the frame.
    let body = [80, 100, 175];
    fill(&mut scene, [390, 170, 890, 360], body);
    fill(&mut scene, [420, 190, 860, 330], [40, 50, 60]);
    fill(&mut scene, [330, 330, 950, 570], body);
    fill(&mut scene, [330, 555, 950, 600], [30, 30, 32]);
    fill(&mut scene, [345, 360, 430, 430], [220, 60, 50]);
    fill(&mut scene, [850, 360, 935, 430], [220, 60, 50]);
    fill(&mut scene, [350, 590, 450, 670], [15, 15, 15]);
    fill(&mut scene, [830, 590, 930, 670], [15, 15, 15]);
    let [left, top, right, bottom] = PLATE;
    let white = [245, 245, 245];
    fill(&mut scene, PLATE, white);
    fill(
        &mut scene,
        [left + 3, top + 3, right - 3, bottom - 3],
        [20, 50, 160],
    );
    text(&mut scene, [left + 10, top + 12], 5, "SFM1472", white);
    scene
}

fn fill(scene: &mut Pixels, [left, top, right, bottom]: [u32; 4], color: [u8; 3]) {
    for y in top..bottom {
        for x in left..right {
            let start = (y * scene.width + x) as usize * 3;
            scene.rgb[start..start + 3].copy_from_slice(&color);
        }
    }
}

fn text(scene: &mut Pixels, [left, top]: [u32; 2], scale: u32, text: &str, color: [u8; 3]) {
    for (letter, position) in text.chars().zip(0..) {
        let (_, rows) = GLYPHS.iter().find(|(glyph, _)| *glyph == letter).unwrap();
        for (bits, row) in rows.iter().zip(0..) {
            for column in (0..5).filter(|column| bits >> (4 - column) & 1 == 1) {
                let x = left + (position * 6 + column) * scale - position * scale / 5;
                let y = top + row * scale;
                fill(scene, [x, y, x + scale, y + scale], color);
            }
        }
    }
}
