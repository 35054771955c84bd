//! The face in every format beside JPEG: found, hidden, and not found again in any frame or page.

use sfumato_core::AnonymizeOptions;
use sfumato_core::detection::Class;

use crate::support::*;

/// The photograph moved to the right by some columns.
pub(crate) fn moved(pixels: &Pixels, columns: usize) -> Vec<u8> {
    let row = pixels.width as usize * 3;
    let mut rgb = pixels.rgb.clone();
    rgb.chunks_exact_mut(row)
        .for_each(|row| row.rotate_right(columns * 3));
    rgb
}

/// A palette of 6x6x6 colours, and the pixels in it.
fn web_palette(pixels: &Pixels) -> (Vec<u8>, Vec<u8>) {
    let palette = (0..216u8).flat_map(|i| [i / 36 * 51, i / 6 % 6 * 51, i % 6 * 51]);
    let level = |sample: u8| ((u16::from(sample) + 25) / 51) as u8;
    let index = |pixel: &[u8]| level(pixel[0]) * 36 + level(pixel[1]) * 6 + level(pixel[2]);
    (palette.collect(), pixels.rgb.chunks_exact(3).map(index).collect())
}

fn palette_png(pixels: &Pixels) -> Vec<u8> {
    let (palette, indices) = web_palette(pixels);
    let mut bytes = vec![];
    let mut encoder = png::Encoder::new(&mut bytes, pixels.width, pixels.height);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_palette(palette);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&indices).unwrap();
    writer.finish().unwrap();
    bytes
}

pub(crate) fn animated_png(pixels: &Pixels) -> Vec<u8> {
    let mut bytes = vec![];
    let mut encoder = png::Encoder::new(&mut bytes, pixels.width, pixels.height);
    encoder.set_color(png::ColorType::Rgb);
    encoder.set_compression(png::Compression::Fast);
    encoder.set_animated(3, 0).unwrap();
    let mut writer = encoder.write_header().unwrap();
    for columns in [0, 12, 24] {
        writer.write_image_data(&moved(pixels, columns)).unwrap();
    }
    writer.finish().unwrap();
    bytes
}

fn webp(pixels: &Pixels) -> Vec<u8> {
    let mut bytes = vec![];
    image_webp::WebPEncoder::new(&mut bytes)
        .encode(
            &pixels.rgb,
            pixels.width,
            pixels.height,
            image_webp::ColorType::Rgb8,
        )
        .unwrap();
    bytes
}

fn palette_bmp(pixels: &Pixels) -> Vec<u8> {
    let (palette, indices) = web_palette(pixels);
    let mut bytes = b"BM".to_vec();
    let start = 54 + 216 * 4;
    for word in [
        0,
        0,
        start,
        40,
        pixels.width,
        pixels.height,
        1 | 8 << 16,
        0,
        0,
        0,
        0,
        216,
        0,
    ] {
        bytes.extend(u32::to_le_bytes(word));
    }
    bytes.extend(
        palette
            .chunks_exact(3)
            .flat_map(|color| [color[2], color[1], color[0], 0]),
    );
    bytes.extend(indices.chunks_exact(pixels.width as usize).rev().flatten());
    bytes
}

fn tiff_pages(pixels: &Pixels) -> Vec<u8> {
    use tiff::encoder::colortype::{Gray8, RGB8};
    let mut bytes = vec![];
    let mut encoder = tiff::encoder::TiffEncoder::new(std::io::Cursor::new(&mut bytes)).unwrap();
    let (width, height) = (pixels.width, pixels.height);
    encoder.write_image::<RGB8>(width, height, &pixels.rgb).unwrap();
    encoder
        .write_image::<Gray8>(width, height, &pixels.gray())
        .unwrap();
    bytes
}

#[test]
fn the_face_is_hidden_in_every_frame_and_page_of_every_format() {
    let pixels = astronaut();
    let files = [
        ("palette.png", palette_png(&pixels), 1),
        ("animated.png", animated_png(&pixels), 3),
        ("webp", webp(&pixels), 1),
        ("palette.bmp", palette_bmp(&pixels), 1),
        ("pages.tiff", tiff_pages(&pixels), 2),
    ];
    for (name, bytes, faces) in files {
        let (report, output) = anonymized(&bytes, AnonymizeOptions::default());
        let frames = report.document.picture().unwrap().picture.frames;
        assert_eq!(frames.unwrap_or(1), faces, "{name}");
        for frame in 0..faces {
            let of_frame = |frame: Option<u32>| frame.unwrap_or(0);
            let found = report
                .document
                .picture()
                .unwrap()
                .detections
                .iter()
                .filter(|detection| of_frame(detection.frame) == frame && detection.class == Class::Face);
            assert_eq!(found.count(), 1, "{name}, frame {frame}");
        }
        let again = find(&output, Class::Face);
        assert!(again.is_empty(), "{name}: {again:?}");
    }
}

#[test]
fn an_unknown_format_is_told_what_is_known() {
    let failure = try_anonymize(b"GIF89a and so on, and so on", AnonymizeOptions::default()).unwrap_err();
    assert!(
        failure.message.contains("(JPEG, PNG, WEBP, BMP, TIFF)"),
        "{failure:?}"
    );
}
