//! Faces in a real photograph, in every kind of file and mask.

use sfumato_core::AnonymizeOptions;
use sfumato_core::detection::{Class, DocumentedDetection};
use sfumato_core::options::{Area, Mask, MaskStyle, SmoothPadding};
use sfumato_media::Orientation;

use crate::support::*;

/// Where the face of the astronaut is: nose and both eyes.
const FACE: [(u32, u32); 3] = [(226, 130), (205, 110), (248, 110)];

fn changed(before: &Pixels, after: &Pixels, x: u32, y: u32) -> u8 {
    let (a, b) = (before.pixel(x, y), after.pixel(x, y));
    (0..3).map(|i| a[i].abs_diff(b[i])).max().unwrap()
}

/// The furthest that a mask can reach from its detection without a soft edge.
fn near(detection: &DocumentedDetection, x: u32, y: u32) -> bool {
    let bbox = detection.bbox;
    let (dx, dy) = (bbox.width * 0.21 + 2.0, bbox.height * 0.21 + 2.0);
    let (x, y) = (x as f32 + 0.5, y as f32 + 0.5);
    (bbox.x - dx..=bbox.x + bbox.width + dx).contains(&x)
        && (bbox.y - dy..=bbox.y + bbox.height + dy).contains(&y)
}

#[test]
fn a_face_is_hidden_and_not_found_again_with_every_mask_in_both_formats() {
    let original = astronaut();
    for bytes in [rgb_png(&original), jpeg(&original, &JpegSettings::default())] {
        assert_eq!(
            find(&bytes, Class::Face).len(),
            1,
            "the photograph shows one face"
        );
        for style in styles() {
            let (report, output) = anonymized(&bytes, masked_with(style));
            assert!(report.document.picture().unwrap().detections[0].hidden);
            let again = find(&output, Class::Face);
            assert!(again.is_empty(), "{:?} {style:?}: {again:?}", report.format);
        }
    }
}

#[test]
fn the_blur_hides_the_face_whatever_its_noise() {
    let original = rgb_png(&astronaut());
    for seed in 0..8 {
        let mut output = vec![];
        let mut task = task(&original, AnonymizeOptions::default());
        task.seed = [seed; 32];
        sfumato_media::anonymize(
            &mut detectors().lock().unwrap(),
            &task,
            std::io::Cursor::new(&original),
            &mut output,
            |_| (),
        )
        .unwrap();
        let again = find(&output, Class::Face);
        assert!(again.is_empty(), "seed {seed}: {again:?}");
    }
}

#[test]
fn a_soft_edge_leaves_the_face_as_hidden_as_without() {
    let original = astronaut();
    for style in styles() {
        let options = AnonymizeOptions {
            mask: Mask {
                style,
                smooth_padding: SmoothPadding::new(0.3).unwrap(),
                ..Mask::default()
            },
            ..AnonymizeOptions::default()
        };
        let (_, output) = anonymized(&rgb_png(&original), options);
        let again = find(&output, Class::Face);
        assert!(again.is_empty(), "{style:?}: {again:?}");
    }
}

#[test]
fn every_pixel_of_a_png_outside_the_masks_is_identical() {
    let before = astronaut();
    let (report, output) = anonymized(&rgb_png(&before), AnonymizeOptions::default());
    let after = decode_png(&output);
    let detections = &report.document.picture().unwrap().detections;
    for y in 0..before.height {
        for x in 0..before.width {
            if !detections.iter().any(|detection| near(detection, x, y)) {
                assert_eq!(before.pixel(x, y), after.pixel(x, y), "{x} {y}");
            }
        }
    }
    for (x, y) in FACE {
        assert!(changed(&before, &after, x, y) > 0, "{x} {y}");
    }
}

#[test]
fn a_jpeg_outside_the_masks_looks_as_before() {
    let bytes = jpeg(&astronaut(), &JpegSettings::default());
    let before = decode_jpeg(&bytes);
    let (report, output) = anonymized(&bytes, AnonymizeOptions::default());
    let after = decode_jpeg(&output);
    let (mut sum, mut count) = (0u64, 0u64);
    for y in 0..before.height {
        for x in 0..before.width {
            if !report
                .document
                .picture()
                .unwrap()
                .detections
                .iter()
                .any(|detection| near(detection, x, y))
            {
                sum += u64::from(changed(&before, &after, x, y));
                count += 1;
            }
        }
    }
    assert!(
        sum < 2 * count,
        "the mean change is {}",
        sum as f64 / count as f64
    );
}

#[test]
fn every_orientation_is_detected_upright_and_masked_in_the_stored_grid() {
    let upright = astronaut();
    let expected = find(&rgb_png(&upright), Class::Face)[0].clone();
    for orientation in Orientation::all() {
        let stored = upright.stored(orientation);
        let exif = exif_with(orientation, &[], None);
        let settings = JpegSettings {
            segments: vec![(1, [b"Exif\0\0", &exif[..]].concat())],
            ..JpegSettings::default()
        };
        let (report, output) = anonymized(&jpeg(&stored, &settings), AnonymizeOptions::default());
        let document = report.document.picture().unwrap();
        assert_eq!(document.picture.orientation, orientation.value());
        assert_eq!((document.picture.width, document.picture.height), (512, 512));
        let found = &document.detections[0];
        for (a, b) in [
            (found.bbox.x, expected.bbox.x),
            (found.bbox.y, expected.bbox.y),
            (found.bbox.width, expected.bbox.width),
        ] {
            assert!((a - b).abs() < 12.0, "{orientation:?}: {found:?}");
        }
        assert_eq!(exif_of_jpeg(&output).0, u32::from(orientation.value()));
        let after = decode_jpeg(&output);
        for (u, v) in FACE {
            let point = [u as f32 + 0.5, v as f32 + 0.5];
            let [x, y] = orientation.to_stored(point, 512.0, 512.0);
            assert!(
                changed(&stored, &after, x as u32, y as u32) > 3,
                "{orientation:?} {u} {v}"
            );
        }
        let again = find(&output, Class::Face);
        assert!(again.is_empty(), "{orientation:?}: {again:?}");
    }
}

#[test]
fn what_lies_outside_the_included_area_is_documented_and_left_alone() {
    let before = astronaut();
    for (area, hidden) in [
        (Area::new(0.0, 1.0, 0.5, 1.0).unwrap(), false),
        (Area::new(0.2, 0.7, 0.0, 0.5).unwrap(), true),
    ] {
        let options = AnonymizeOptions {
            included_area: vec![area.into()],
            ..AnonymizeOptions::default()
        };
        let (report, output) = anonymized(&rgb_png(&before), options);
        assert_eq!(report.document.picture().unwrap().detections.len(), 1);
        assert_eq!(report.document.picture().unwrap().detections[0].hidden, hidden);
        assert_eq!(decode_png(&output) == before, !hidden);
    }
}

#[test]
fn classes_that_are_not_asked_for_are_not_looked_for() {
    let before = astronaut();
    let options = AnonymizeOptions {
        faces: false,
        ..AnonymizeOptions::default()
    };
    let (report, output) = anonymized(&rgb_png(&before), options);
    assert!(
        report
            .document
            .picture()
            .unwrap()
            .detections
            .iter()
            .all(|found| found.class != Class::Face)
    );
    for (x, y) in FACE {
        assert_eq!(changed(&before, &decode_png(&output), x, y), 0);
    }
}

#[test]
fn a_png_keeps_its_depth_and_its_channels() {
    let pixels = astronaut();
    let gray = pixels.gray();
    let with_alpha = |colors: &[u8], count: usize| -> Vec<u8> {
        colors
            .chunks_exact(count)
            .zip(0u32..)
            .flat_map(|(color, i)| [color, &[i.to_le_bytes()[0]]].concat())
            .collect()
    };
    let wide = |samples: &[u8]| -> Vec<u8> { samples.iter().flat_map(|s| [*s, s ^ 0x5A]).collect() };
    use png::BitDepth::{Eight, Sixteen};
    use png::ColorType::{Grayscale, GrayscaleAlpha, Rgb, Rgba};
    let rgba = with_alpha(&pixels.rgb, 3);
    let gray_alpha = with_alpha(&gray, 1);
    let cases = [
        (Grayscale, Eight, gray.clone(), None),
        (GrayscaleAlpha, Eight, gray_alpha.clone(), Some((2, 1))),
        (Rgba, Eight, rgba.clone(), Some((4, 1))),
        (Grayscale, Sixteen, wide(&gray), None),
        (GrayscaleAlpha, Sixteen, wide(&gray_alpha), Some((2, 2))),
        (Rgb, Sixteen, wide(&pixels.rgb), None),
        (Rgba, Sixteen, wide(&rgba), Some((4, 2))),
    ];
    for (color, depth, data, alpha) in cases {
        let (report, output) = anonymized(&png((512, 512), color, depth, &data), AnonymizeOptions::default());
        assert_eq!(
            report.document.picture().unwrap().detections.len(),
            1,
            "{color:?} {depth:?}"
        );
        let (info, after) = png_samples(&output);
        assert_eq!((info.color_type, info.bit_depth), (color, depth));
        let bytes_per_pixel = data.len() / (512 * 512);
        for (i, (before, after)) in data
            .chunks_exact(bytes_per_pixel)
            .zip(after.chunks_exact(bytes_per_pixel))
            .enumerate()
        {
            let (x, y) = (i as u32 % 512, i as u32 / 512);
            if !near(&report.document.picture().unwrap().detections[0], x, y) {
                assert_eq!(before, after, "{color:?} {depth:?} {x} {y}");
            }
        }
        if let Some((channels, bytes)) = alpha {
            for (x, y) in FACE {
                let start = (y * 512 + x) as usize * bytes_per_pixel + (channels - 1) * bytes;
                assert!(
                    after[start..start + bytes].iter().all(|byte| *byte == 255),
                    "{x} {y}"
                );
            }
        }
        let again = find(&output, Class::Face);
        assert!(again.is_empty(), "{color:?} {depth:?}: {again:?}");
    }
}

/// A picture of one colour whose alpha carries what is to be seen.
fn carried_by_alpha(color: u8, alpha: &[u8]) -> Vec<u8> {
    let samples: Vec<u8> = alpha
        .iter()
        .flat_map(|alpha| [color, color, color, *alpha])
        .collect();
    png((512, 512), png::ColorType::Rgba, png::BitDepth::Eight, &samples)
}

fn over(backdrop: u8, bytes: &[u8]) -> Pixels {
    let (_, samples) = png_samples(bytes);
    let mix = |color: u8, alpha: u8| {
        let (color, alpha, rest) = (u32::from(color), u32::from(alpha), u32::from(255 - alpha));
        ((color * alpha + u32::from(backdrop) * rest) / 255) as u8
    };
    Pixels {
        width: 512,
        height: 512,
        rgb: samples
            .chunks_exact(4)
            .flat_map(|pixel| [0, 1, 2].map(|i| mix(pixel[i], pixel[3])))
            .collect(),
    }
}

#[test]
fn a_face_that_alpha_carries_is_hidden_and_not_found_again() {
    let gray = astronaut().gray();
    let inverse: Vec<u8> = gray.iter().map(|luminance| 255 - luminance).collect();
    for (color, alpha, backdrop) in [(0, inverse, 255), (255, gray, 0)] {
        let bytes = carried_by_alpha(color, &alpha);
        assert_eq!(find(&rgb_png(&over(backdrop, &bytes)), Class::Face).len(), 1);
        for style in styles() {
            let (report, output) = anonymized(&bytes, masked_with(style));
            let faces = &report.document.picture().unwrap().detections;
            assert_eq!(faces.len(), 1, "{color} {style:?}: {faces:?}");
            let (_, after) = png_samples(&output);
            for ((before, after), i) in alpha.iter().zip(after.chunks_exact(4)).zip(0u32..) {
                if !near(&faces[0], i % 512, i / 512) {
                    assert_eq!([color, color, color, *before], after, "{color} {style:?}");
                }
            }
            let again = find(&rgb_png(&over(backdrop, &output)), Class::Face);
            assert!(again.is_empty(), "{color} {style:?}: {again:?}");
        }
    }
}

#[test]
fn a_palette_stays_a_palette() {
    let gray = astronaut().gray();
    let mut bytes = vec![];
    let mut encoder = png::Encoder::new(&mut bytes, 512, 512);
    encoder.set_color(png::ColorType::Indexed);
    encoder.set_palette((0..=255u8).flat_map(|i| [i; 3]).collect::<Vec<u8>>());
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&gray).unwrap();
    writer.finish().unwrap();
    let (report, output) = anonymized(&bytes, AnonymizeOptions::default());
    assert_eq!(report.document.picture().unwrap().detections.len(), 1);
    let (info, after) = png_samples(&output);
    assert_eq!(info.color_type, png::ColorType::Indexed);
    assert_eq!(after[500 * 512 + 5], gray[500 * 512 + 5]);
    assert!(find(&output, Class::Face).is_empty());
}

#[test]
fn a_jpeg_keeps_its_tables_sampling_and_progression() {
    let pixels = astronaut();
    for (size, progressive, gray) in [
        (Some((1, 1)), false, false),
        (Some((2, 1)), false, false),
        (Some((2, 2)), true, false),
        (None, false, true),
        (None, true, true),
    ] {
        let settings = JpegSettings {
            chroma_pixel_size: size,
            progressive,
            gray,
            ..JpegSettings::default()
        };
        let bytes = jpeg(&pixels, &settings);
        let (_, output) = anonymized(&bytes, AnonymizeOptions::default());
        // Quantisation tables, and the frame header with size, sampling and components.
        for markers in [&[0xDB][..], &[0xC0, 0xC2]] {
            let wanted = |bytes: &[u8]| -> Vec<(u8, Vec<u8>)> {
                jpeg_segments(bytes)
                    .into_iter()
                    .filter(|(marker, _)| markers.contains(marker))
                    .collect()
            };
            assert_eq!(wanted(&bytes), wanted(&output), "{size:?} {progressive} {gray}");
        }
        assert!(find(&output, Class::Face).is_empty());
    }
}

#[test]
fn a_jpeg_that_is_stored_as_rgb_stays_so() {
    let settings = JpegSettings {
        rgb: true,
        ..JpegSettings::default()
    };
    let bytes = jpeg(&astronaut(), &settings);
    let before = decode_jpeg(&bytes);
    let (_, output) = anonymized(&bytes, AnonymizeOptions::default());
    let adobe = |bytes: &[u8]| {
        jpeg_segments(bytes)
            .into_iter()
            .find(|(marker, _)| *marker == 0xEE)
    };
    assert!(adobe(&bytes).is_some());
    assert_eq!(
        adobe(&output),
        adobe(&bytes),
        "the Adobe segment tells the colour space"
    );
    let after = decode_jpeg(&output);
    assert!(changed(&before, &after, 20, 20) < 8, "{:?}", after.pixel(20, 20));
}

#[test]
fn an_opaque_mask_has_the_colour_that_was_asked_for() {
    let color = "#2080c0".parse().unwrap();
    let (_, output) = anonymized(&rgb_png(&astronaut()), masked_with(MaskStyle::Opaque(color)));
    for (x, y) in FACE {
        assert_eq!(decode_png(&output).pixel(x, y), [0x20, 0x80, 0xC0]);
    }
}

#[test]
fn a_picture_of_one_pixel_is_a_picture() {
    let bytes = png((1, 1), png::ColorType::Rgb, png::BitDepth::Eight, &[1, 2, 3]);
    let (report, output) = anonymized(&bytes, AnonymizeOptions::default());
    assert!(report.document.picture().unwrap().detections.is_empty());
    assert_eq!(decode_png(&output).rgb, [1, 2, 3]);
}

#[test]
fn progress_rises_from_the_start_to_the_end() {
    let bytes = rgb_png(&astronaut());
    let mut heard = vec![];
    sfumato_media::anonymize(
        &mut detectors().lock().unwrap(),
        &task(&bytes, AnonymizeOptions::default()),
        std::io::Cursor::new(&bytes),
        &mut vec![],
        |fraction| heard.push(fraction),
    )
    .unwrap();
    assert!(heard.is_sorted() && heard.last() == Some(&1.0), "{heard:?}");
}
