use png::{BitDepth, BlendOp, ColorType, DisposeOp};
use proptest::prelude::*;
use sfumato_core::options::MetadataPolicy;
use sfumato_media_client::limits::MediaLimits;

use super::*;
use crate::image::testing::*;

fn encode(color: ColorType, depth: BitDepth, data: &[u8], set: impl FnOnce(&mut Info<'static>)) -> Vec<u8> {
    let mut info = Info::with_size(SIZE.0, SIZE.1);
    (info.color_type, info.bit_depth) = (color, depth);
    set(&mut info);
    let mut bytes = vec![];
    let mut writer = png::Encoder::with_info(&mut bytes, info)
        .unwrap()
        .write_header()
        .unwrap();
    writer.write_image_data(data).unwrap();
    writer.finish().unwrap();
    bytes
}

/// The samples as they are stored; those with fewer than 8 bits one a byte.
fn stored(bytes: &[u8]) -> (Vec<u8>, Info<'static>) {
    let mut reader = png::Decoder::new(Cursor::new(bytes)).read_info().unwrap();
    let mut data = vec![0; reader.output_buffer_size().unwrap()];
    let frame = reader.next_frame(&mut data).unwrap();
    let bits = frame.bit_depth as u8;
    if bits < 8 {
        data = indexed::unpack(&data, SIZE, bits, frame.line_size).unwrap();
    }
    (data, reader.info().clone())
}

fn pack(samples: &[u8], bits: u8) -> Vec<u8> {
    samples
        .chunks(SIZE.0 as usize)
        .flat_map(|row| indexed::pack(row, bits))
        .collect()
}

#[test]
fn every_colour_type_and_depth_stays_what_it_is() {
    let rgb = scene((20, 14));
    let gray = square((20, 14), 30, 255);
    let sixteen =
        |samples: &[u8]| -> Vec<u8> { samples.iter().flat_map(|s| [*s, s.wrapping_mul(3)]).collect() };
    let with_alpha = |samples: &[u8], count: usize| -> Vec<u8> {
        let pixels = samples.chunks_exact(count).zip(0u8..=255);
        let mut pixels: Vec<u8> = pixels
            .flat_map(|(pixel, alpha)| [pixel, &[alpha]].concat())
            .collect();
        let rest = samples.chunks_exact(count).skip(256);
        pixels.extend(rest.flat_map(|pixel| [pixel, &[200]].concat()));
        pixels
    };
    use BitDepth::{Eight, Sixteen};
    use ColorType::{Grayscale, GrayscaleAlpha, Rgb, Rgba};
    let cases = [
        (Grayscale, Eight, gray.clone()),
        (GrayscaleAlpha, Eight, with_alpha(&gray, 1)),
        (Rgb, Eight, rgb.clone()),
        (Rgba, Eight, with_alpha(&rgb, 3)),
        (Grayscale, Sixteen, sixteen(&gray)),
        (GrayscaleAlpha, Sixteen, sixteen(&with_alpha(&gray, 1))),
        (Rgb, Sixteen, sixteen(&rgb)),
        (Rgba, Sixteen, sixteen(&with_alpha(&rgb, 3))),
    ];
    for (color, depth, data) in cases {
        let (report, output) = hidden(process, &encode(color, depth, &data, |_| ()));
        let (after, info) = stored(&output);
        assert_eq!((info.color_type, info.bit_depth), (color, depth));
        let pixel_bytes = info.bytes_per_pixel();
        assert_same_outside(&report, 0, SIZE.0, pixel_bytes, (&data, &after));
    }
}

#[test]
fn gray_and_palettes_with_few_bits_stay_what_they_are() {
    for (depth, bits) in [
        (BitDepth::One, 1),
        (BitDepth::Two, 2),
        (BitDepth::Four, 4),
        (BitDepth::Eight, 8),
    ] {
        let last = u8::MAX >> (8 - bits);
        let samples = square((20, 14), 0, last);
        let data = pack(&samples, bits);
        let palette: Vec<u8> = (0..=last)
            .flat_map(|i| [if i == last { 255 } else { i }; 3])
            .collect();
        for color in [ColorType::Grayscale, ColorType::Indexed] {
            let bytes = encode(color, depth, &data, |info| {
                if color == ColorType::Indexed {
                    info.palette = Some(palette.clone().into());
                    info.trns = Some(vec![255, 254].into()).filter(|_| bits > 1);
                }
            });
            let (report, output) = hidden(process, &bytes);
            let (after, info) = stored(&output);
            assert_eq!((info.color_type, info.bit_depth), (color, depth));
            assert_same_outside(&report, 0, SIZE.0, 1, (&samples, &after));
            if color == ColorType::Indexed && bits > 1 {
                assert_eq!(info.trns.unwrap()[..2], [255, 254]);
                assert_eq!(info.palette.unwrap()[..6], [0, 0, 0, 1, 1, 1]);
            }
        }
    }
}

#[test]
fn an_interlaced_picture_is_read() {
    use std::io::Write;
    let samples = square((20, 14), 30, 255);
    // Adam7 (PNG, third edition, 8.2): first column and row, and the steps between them.
    let passes = [
        (0, 0, 8, 8),
        (4, 0, 8, 8),
        (0, 4, 4, 8),
        (2, 0, 4, 4),
        (0, 2, 2, 4),
        (1, 0, 2, 2),
        (0, 1, 1, 2),
    ];
    let (width, height) = (SIZE.0 as usize, SIZE.1 as usize);
    let mut data = vec![];
    for (left, top, right, down) in passes {
        for y in (top..height).step_by(down) {
            data.push(0);
            data.extend((left..width).step_by(right).map(|x| samples[y * width + x]));
        }
    }
    let mut encoder = flate2::write::ZlibEncoder::new(vec![], flate2::Compression::fast());
    encoder.write_all(&data).unwrap();
    let chunk = |kind: &[u8], data: &[u8]| {
        let mut crc = flate2::Crc::new();
        crc.update(kind);
        crc.update(data);
        let length = u32::try_from(data.len()).unwrap();
        [&length.to_be_bytes(), kind, data, &crc.sum().to_be_bytes()].concat()
    };
    let header = [&SIZE.0.to_be_bytes()[..], &SIZE.1.to_be_bytes(), &[8, 0, 0, 0, 1]].concat();
    let bytes = [
        b"\x89PNG\r\n\x1a\n".to_vec(),
        chunk(b"IHDR", &header),
        chunk(b"IDAT", &encoder.finish().unwrap()),
        chunk(b"IEND", b""),
    ]
    .concat();
    let (report, output) = hidden(process, &bytes);
    assert_same_outside(&report, 0, SIZE.0, 1, (&samples, &stored(&output).0));
}

/// A frame of an animation: place, size, RGBA samples, and what is done with them.
type Part = ((u32, u32), (u32, u32), Vec<u8>, DisposeOp, BlendOp);

fn opaque(rgb: &[u8]) -> Vec<u8> {
    rgb.chunks_exact(3)
        .flat_map(|pixel| [pixel[0], pixel[1], pixel[2], 255])
        .collect()
}

fn parts() -> Vec<Part> {
    let whole = |place| ((0, 0), SIZE, opaque(&scene(place)));
    let patch = |alpha: u8| {
        (0..200u32)
            .flat_map(|i| [90, 40, 10, if i % 3 == 0 { 0 } else { alpha }])
            .collect()
    };
    let (a, b, c) = (whole((20, 14)), whole((24, 16)), whole((28, 18)));
    vec![
        (a.0, a.1, a.2, DisposeOp::None, BlendOp::Source),
        ((2, 3), (20, 10), patch(255), DisposeOp::Previous, BlendOp::Over),
        (
            (40, 30),
            (10, 20 - 2),
            vec![70; 10 * 18 * 4],
            DisposeOp::Background,
            BlendOp::Source,
        ),
        (b.0, b.1, b.2, DisposeOp::None, BlendOp::Over),
        ((5, 5), (20, 10), patch(255), DisposeOp::None, BlendOp::Over),
        (c.0, c.1, c.2, DisposeOp::None, BlendOp::Source),
    ]
}

fn animate(parts: &[Part], separate: Option<&[u8]>) -> Vec<u8> {
    let mut bytes = vec![];
    let mut encoder = png::Encoder::new(&mut bytes, SIZE.0, SIZE.1);
    encoder.set_color(ColorType::Rgba);
    encoder
        .set_animated(u32::try_from(parts.len()).unwrap(), 7)
        .unwrap();
    encoder.set_sep_def_img(separate.is_some()).unwrap();
    let mut writer = encoder.write_header().unwrap();
    if let Some(picture) = separate {
        writer.write_image_data(picture).unwrap();
    }
    for (i, (place, size, data, dispose, blend)) in (10u16..).zip(parts) {
        writer.reset_frame_position().unwrap();
        writer.set_frame_dimension(size.0, size.1).unwrap();
        writer.set_frame_position(place.0, place.1).unwrap();
        writer.set_frame_delay(i, 100).unwrap();
        writer.set_dispose_op(*dispose).unwrap();
        writer.set_blend_op(*blend).unwrap();
        writer.write_image_data(data).unwrap();
    }
    writer.finish().unwrap();
    bytes
}

/// What is displayed, drawn plainly. Alpha is 0 or 255 in all frames that are drawn over others.
fn play(bytes: &[u8]) -> Vec<(Vec<u8>, u16)> {
    let mut decoder = png::Decoder::new(Cursor::new(bytes));
    decoder.set_transformations(Transformations::ALPHA);
    let mut reader = decoder.read_info().unwrap();
    let mut data = vec![0; reader.output_buffer_size().unwrap()];
    let count = reader.info().animation_control.unwrap().num_frames;
    if reader.info().frame_control.is_none() {
        reader.next_frame(&mut data).unwrap();
    }
    let width = SIZE.0 as usize;
    let mut canvas = vec![0u8; width * SIZE.1 as usize * 4];
    let mut shown = vec![];
    for _ in 0..count {
        reader.next_frame(&mut data).unwrap();
        let control = *reader.info().frame_control.as_ref().unwrap();
        let before = canvas.clone();
        let mut cleared = canvas.clone();
        for y in 0..control.height as usize {
            for x in 0..control.width as usize {
                let source = &data[(y * control.width as usize + x) * 4..][..4];
                let at = ((y + control.y_offset as usize) * width + x + control.x_offset as usize) * 4;
                if control.blend_op == BlendOp::Source || source[3] == 255 {
                    canvas[at..at + 4].copy_from_slice(source);
                } else {
                    assert_eq!(source[3], 0);
                }
                cleared[at..at + 4].fill(0);
            }
        }
        shown.push((canvas.clone(), control.delay_num));
        match control.dispose_op {
            DisposeOp::None => {}
            DisposeOp::Background => canvas = cleared,
            DisposeOp::Previous => canvas = before,
        }
    }
    shown
}

#[test]
fn an_animation_shows_the_same_outside_its_masks() {
    let bytes = animate(&parts(), None);
    let (report, output) = hidden(process, &bytes);
    assert_eq!(report.document.picture().unwrap().picture.frames, Some(6));
    let (before, after) = (play(&bytes), play(&output));
    assert_eq!(after.len(), 6);
    for (frame, (before, after)) in (0..).zip(before.iter().zip(&after)) {
        assert_eq!(before.1, after.1, "the delay");
        assert_same_outside(&report, frame, SIZE.0, 4, (&before.0, &after.0));
    }
    assert_eq!(stored(&output).1.animation_control.unwrap().num_plays, 7);
}

#[test]
fn a_picture_beside_the_animation_is_hidden_too() {
    let bytes = animate(&parts(), Some(&opaque(&scene((30, 20)))));
    let (report, output) = hidden(process, &bytes);
    assert_eq!(report.document.picture().unwrap().picture.frames, Some(7));
    let (first, info) = stored(&output);
    assert!(info.frame_control.is_none(), "it is not part of the animation");
    assert_same_outside(&report, 0, SIZE.0, 4, (&opaque(&scene((30, 20))), &first));
    assert_eq!(play(&output).len(), 6);
}

#[test]
fn an_opaque_animation_in_gray_with_16_bits_stays_one() {
    let mut bytes = vec![];
    let mut encoder = png::Encoder::new(&mut bytes, SIZE.0, SIZE.1);
    encoder.set_depth(BitDepth::Sixteen);
    encoder.set_animated(2, 0).unwrap();
    let mut writer = encoder.write_header().unwrap();
    let frames = [(20, 14), (25, 14)].map(|place| {
        let samples = square(place, 30, 255);
        samples
            .iter()
            .flat_map(|sample| [*sample, 9])
            .collect::<Vec<u8>>()
    });
    frames
        .iter()
        .for_each(|frame| writer.write_image_data(frame).unwrap());
    writer.finish().unwrap();
    let (report, output) = hidden(process, &bytes);
    let (first, info) = stored(&output);
    assert_eq!(
        (info.color_type, info.bit_depth),
        (ColorType::Grayscale, BitDepth::Sixteen)
    );
    assert_same_outside(&report, 0, SIZE.0, 2, (&frames[0], &first));
}

#[test]
fn limits_on_frames_are_named() {
    let bytes = animate(&parts(), None);
    let refused = |limits| {
        limited(process, &bytes, options(MetadataPolicy::Safe), limits)
            .unwrap_err()
            .to_string()
    };
    let few = MediaLimits {
        frames_max: 5,
        ..MediaLimits::default()
    };
    assert_eq!(refused(few), "the picture has 6 frames or pages; the limit is 5");
    let small = MediaLimits {
        frames_pixels_max: 18_431,
        ..MediaLimits::default()
    };
    assert!(refused(small).contains("18432 pixels; the limit is 18431"));
}

#[test]
fn texts_are_kept_where_that_is_wanted_and_metadata_in_disguise_are_not() {
    let bytes = encode(ColorType::Rgb, BitDepth::Eight, &scene((20, 14)), |info| {
        info.uncompressed_latin1_text = vec![
            png::text_metadata::TEXtChunk::new("Author", "PLANTED-AUTHOR"),
            png::text_metadata::TEXtChunk::new("Raw profile type exif", "PLANTED-EXIF"),
            png::text_metadata::TEXtChunk::new("Comment", "PLANTED-LONG".repeat(10_000)),
        ];
        info.pixel_dims = Some(png::PixelDimensions {
            xppu: 1,
            yppu: 2,
            unit: png::Unit::Meter,
        });
    });
    let with = |policy| run(process, &bytes, policy).unwrap().1;
    assert!(!holds(&with(MetadataPolicy::Safe), "PLANTED"));
    assert!(stored(&with(MetadataPolicy::Safe)).1.pixel_dims.is_some());
    assert!(stored(&with(MetadataPolicy::Strip)).1.pixel_dims.is_none());
    let kept = with(MetadataPolicy::Keep);
    assert!(holds(&kept, "PLANTED-AUTHOR"));
    assert!(!holds(&kept, "PLANTED-EXIF") && !holds(&kept, "PLANTED-LONG"));
}

#[test]
fn an_animation_that_ends_too_early_is_refused() {
    let bytes = animate(&parts()[..2], None);
    assert_truncated(process, &bytes, bytes.len() - 20);
}

proptest! {
    #[test]
    fn a_damaged_animation_is_processed_or_refused(damage in damage()) {
        assert_survives(process, &animate(&parts(), None), damage);
    }
}
