use proptest::prelude::*;
use sfumato_core::options::MetadataPolicy;

use super::*;
use crate::image::testing::*;

const LEFT: u32 = 20;
const TOP: u32 = 14;

/// A file: the header of version 1 with what follows it up to the pixels, and the pixels.
fn file(height: i32, bits: u16, compression: u32, between: &[u8], pixels: &[u8]) -> Vec<u8> {
    let start = u32::try_from(54 + between.len()).unwrap();
    let mut bytes = b"BM".to_vec();
    for word in [
        0,
        0,
        start,
        40,
        SIZE.0,
        height.cast_unsigned(),
        1 | u32::from(bits) << 16,
        compression,
        0,
        11_811,
        5906,
        0,
        0,
    ] {
        bytes.extend(word.to_le_bytes());
    }
    [&bytes, between, pixels].concat()
}

/// Rows from the bottom up, each pixel made by `pixel`.
fn rows(pixel: impl Fn(&[u8]) -> Vec<u8>) -> Vec<u8> {
    let scene = scene((LEFT, TOP));
    let row = |row: &[u8]| {
        let mut row: Vec<u8> = row.chunks_exact(3).flat_map(&pixel).collect();
        row.resize(row.len().next_multiple_of(4), 0);
        row
    };
    scene
        .chunks_exact(SIZE.0 as usize * 3)
        .rev()
        .flat_map(row)
        .collect()
}

fn bgr(pixel: &[u8]) -> Vec<u8> {
    vec![pixel[2], pixel[1], pixel[0]]
}

/// 256 or fewer grays, the last of which is white.
fn palette(colors: u8) -> Vec<u8> {
    let gray = |i: u8| {
        if i == colors {
            [255, 255, 255, 0]
        } else {
            [i / 2, i / 3, i, 0]
        }
    };
    (0..=colors).flat_map(gray).collect()
}

fn pixels_of(bytes: &[u8]) -> &[u8] {
    &bytes[Header::read(bytes).unwrap().pixels_start..]
}

fn indices_of(bytes: &[u8]) -> Vec<u8> {
    let header = Header::read(bytes).unwrap();
    pixels::read_indexed(bytes, &header).unwrap().indices().to_vec()
}

#[test]
fn true_colour_stays_what_it_is_from_the_bottom_and_from_the_top() {
    let rgb = rows(bgr);
    let rgbx = rows(|pixel| [bgr(pixel), vec![7]].concat());
    let rgba = rows(|pixel| [bgr(pixel), vec![200 + pixel[0] / 8]].concat());
    let height = 48;
    for (bits, data, bytes) in [(24u16, &rgb, 3), (32, &rgbx, 4), (32, &rgba, 4)] {
        for height in [height, -height] {
            let (report, output) = hidden(process, &file(height, bits, 0, &[], data));
            let header = Header::read(&output).unwrap();
            assert_eq!(header.top_down, height < 0);
            assert_eq!(header.resolution, (11_811, 5906));
            assert_eq!(output[28..30], bits.to_le_bytes());
            let flipped = |data: &[u8]| -> Vec<u8> {
                let rows = data.chunks_exact(SIZE.0 as usize * bytes);
                if height > 0 {
                    rows.rev().flatten().copied().collect()
                } else {
                    data.to_vec()
                }
            };
            let pair = (&flipped(data)[..], &flipped(pixels_of(&output))[..]);
            assert_same_outside(&report, 0, SIZE.0, bytes, pair);
        }
    }
}

#[test]
fn palettes_stay_palettes_and_run_lengths_are_expanded() {
    let eight = rows(|pixel| vec![if pixel[0] == 255 { 255 } else { pixel[0] }]);
    let (report, output) = hidden(process, &file(48, 8, 0, &palette(255), &eight));
    assert_eq!(output[28..30], [8, 0]);
    let before = indices_of(&file(48, 8, 0, &palette(255), &eight));
    assert_same_outside(&report, 0, SIZE.0, 1, (&before, &indices_of(&output)));

    let indices = square((LEFT, TOP), 1, 15);
    let bottom_up = indices.chunks_exact(SIZE.0 as usize).rev();
    let runs = |row: &[u8]| -> Vec<u8> {
        let runs = row.chunk_by(|a, b| a == b);
        let runs = runs.flat_map(|run| [u8::try_from(run.len()).unwrap(), run[0] * 17]);
        runs.chain([0, 0]).collect()
    };
    let runs: Vec<u8> = bottom_up.flat_map(runs).chain([0, 1]).collect();
    let bytes = file(48, 4, 2, &palette(15), &runs);
    let (report, output) = hidden(process, &bytes);
    assert_eq!((&output[28..30], &output[30..34]), (&[4, 0][..], &[0; 4][..]));
    assert_same_outside(&report, 0, SIZE.0, 1, (&indices, &indices_of(&output)));

    let one: Vec<u8> = indices
        .chunks_exact(8)
        .map(|pixels| pixels.iter().fold(0, |byte, index| byte << 1 | index >> 3))
        .collect();
    let one: Vec<u8> = one.chunks_exact(8).rev().flatten().copied().collect();
    let (_, output) = hidden(process, &file(48, 1, 0, &palette(1), &one));
    assert_eq!(output[28..30], [1, 0]);
}

#[test]
fn sixteen_bits_become_24_and_fields_with_alpha_become_32() {
    let five = |pixel: &[u8]| {
        let word = u16::from(pixel[0] >> 3) << 10 | u16::from(pixel[1] >> 3) << 5 | u16::from(pixel[2] >> 3);
        word.to_le_bytes().to_vec()
    };
    let (report, output) = hidden(process, &file(48, 16, 0, &[], &rows(five)));
    assert_eq!(output[28..30], [24, 0]);
    let header = Header::read(&output).unwrap();
    let (raster, _) = pixels::read_direct(&output, &header).unwrap();
    let scaled: Vec<u8> = scene((LEFT, TOP))
        .iter()
        .map(|value| ((u32::from(value >> 3) * 255 + 15) / 31) as u8)
        .collect();
    let Samples::Eight(samples) = &raster.samples else {
        panic!("a BMP has 8 bits");
    };
    assert_same_outside(&report, 0, SIZE.0, 3, (&scaled, samples));

    let masks = [0xFFu32, 0xFF00, 0xFF_0000, 0xFF00_0000]
        .map(u32::to_le_bytes)
        .concat();
    let rgba = rows(|pixel| [pixel, &[190]].concat());
    let (_, output) = hidden(process, &file(48, 32, 6, &masks, &rgba));
    assert_eq!(
        (output[14], &output[28..30]),
        (108, &[32, 0][..]),
        "a header that can say where alpha is"
    );
}

#[test]
fn what_is_not_supported_is_refused_by_name() {
    let refused = |bytes: &[u8]| run(process, bytes, MetadataPolicy::Safe).unwrap_err().to_string();
    for compression in [4, 5] {
        let error = refused(&file(48, 0, compression, &[], b"PLANTED"));
        assert!(
            error.contains("BMP pictures that hold a JPEG or a PNG are not supported"),
            "{error}"
        );
    }
    assert!(refused(&file(48, 64, 0, &[], &[])).contains("more than 8 bits a colour"));
    assert!(refused(&file(48, 8, 7, &[], &[])).contains("this depth and compression"));
    assert!(refused(&file(i32::MIN, 24, 0, &[], &[])).contains("the limit is 65500 pixels a side"));
}

#[test]
fn resolution_and_what_follows_the_pixels_are_left_out() {
    let bytes = [file(48, 24, 0, &[], &rows(bgr)), b"PLANTED".to_vec()].concat();
    let (_, output) = run(process, &bytes, MetadataPolicy::Strip).unwrap();
    assert!(!holds(&output, "PLANTED"));
    assert_eq!(Header::read(&output).unwrap().resolution, (0, 0));
}

#[test]
fn files_that_end_too_early_are_refused() {
    let bytes = file(48, 24, 0, &[], &rows(bgr));
    assert_truncated(process, &bytes, bytes.len());
}

proptest! {
    #[test]
    fn a_damaged_file_is_processed_or_refused(damage in damage(), true_colour in any::<bool>()) {
        let bytes = if true_colour {
            file(48, 24, 0, &[], &rows(bgr))
        } else {
            file(48, 8, 1, &palette(255), &rows(|pixel| vec![pixel[0]]))
        };
        assert_survives(process, &bytes, damage);
    }
}
