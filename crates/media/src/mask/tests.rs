use proptest::prelude::*;
use sfumato_core::detection::Class;
use sfumato_core::options::{PixelCount, SmoothPadding};

use super::*;
use crate::image::testing::detection;

const SIZE: u32 = 64;

fn noisy(channels: Channels) -> Raster {
    let mut noise = Noise::new([3; 32], 0);
    let count = (SIZE * SIZE) as usize * channels.count();
    Raster {
        width: SIZE,
        height: SIZE,
        channels,
        samples: Samples::Eight(
            (0..count)
                .map(|_| u8::from_fraction(noise.symmetric().abs()))
                .collect(),
        ),
    }
}

fn mask(style: MaskStyle, padding: f64) -> Mask {
    Mask {
        style,
        smooth_padding: SmoothPadding::new(padding).unwrap(),
        ..Mask::default()
    }
}

fn masks(detections: &[Detection], mask: Mask) -> Masks {
    Masks::new(detections, Orientation::UPRIGHT, (SIZE, SIZE), mask, [9; 32], 0)
}

fn bytes(raster: &Raster) -> &[u8] {
    match &raster.samples {
        Samples::Eight(samples) => samples,
        Samples::Sixteen(_) => panic!("not 8 bits"),
    }
}

fn styles() -> [MaskStyle; 3] {
    [
        MaskStyle::Blur,
        MaskStyle::Opaque("#102030".parse().unwrap()),
        MaskStyle::Pixelate(PixelCount::new(4).unwrap()),
    ]
}

/// Draws over a picture whose pixels inside the regions are all replaced: what comes out must not depend on more than the
/// means, so two pictures with equal means in every cell give the same result.
#[test]
fn nothing_but_the_means_of_the_cells_survives() {
    let face = [detection(Class::Face, [10.0, 10.0, 54.0, 54.0])];
    let mut flat = noisy(Channels::Gray);
    flat.samples = Samples::Eight(vec![128; (SIZE * SIZE) as usize]);
    let mut checkered = flat.clone();
    checkered.samples = Samples::Eight(
        (0..SIZE * SIZE)
            .map(|i| {
                if (i % SIZE + i / SIZE).is_multiple_of(2) {
                    118
                } else {
                    138
                }
            })
            .collect(),
    );
    let masks = masks(&face, mask(MaskStyle::Blur, 0.0));
    masks.draw(&mut flat);
    masks.draw(&mut checkered);
    for y in 15..49 {
        for x in 15..49 {
            let i = (y * SIZE + x) as usize;
            let difference = bytes(&flat)[i].abs_diff(bytes(&checkered)[i]);
            assert!(difference <= 2, "{x} {y}: {difference}");
        }
    }
}

#[test]
fn pixels_outside_the_soft_edge_stay_as_they_are() {
    for style in styles() {
        for padding in [0.0, 0.3] {
            let before = noisy(Channels::Rgb);
            let mut after = before.clone();
            masks(
                &[detection(Class::Face, [28.0, 28.0, 38.0, 38.0])],
                mask(style, padding),
            )
            .draw(&mut after);
            assert_ne!(before, after);
            for y in 0..SIZE {
                for x in 0..SIZE {
                    if (15..51).contains(&x) && (15..51).contains(&y) {
                        continue;
                    }
                    let i = ((y * SIZE + x) * 3) as usize;
                    assert_eq!(bytes(&before)[i..i + 3], bytes(&after)[i..i + 3], "{x} {y}");
                }
            }
        }
    }
}

#[test]
fn a_soft_edge_that_reaches_into_another_region_does_not_bring_it_back() {
    let color = MaskStyle::Opaque("#000000".parse().unwrap());
    let mut raster = noisy(Channels::Gray);
    let regions = [
        detection(Class::Plate, [8.0, 20.0, 30.0, 40.0]),
        detection(Class::Plate, [32.0, 20.0, 56.0, 40.0]),
    ];
    masks(&regions, mask(color, 1.0)).draw(&mut raster);
    for y in 20..40 {
        for x in (8..30).chain(32..56) {
            assert_eq!(bytes(&raster)[(y * SIZE + x) as usize], 0, "{x} {y}");
        }
    }
}

#[test]
fn the_order_of_overlapping_regions_does_not_decide_what_they_sample() {
    let a = detection(Class::Plate, [8.0, 8.0, 40.0, 40.0]);
    let far = detection(Class::Plate, [30.0, 30.0, 60.0, 60.0]);
    let style = MaskStyle::Pixelate(PixelCount::new(3).unwrap());
    let mut alone = noisy(Channels::Gray);
    // The second region of the pair below.
    let second = std::slice::from_ref(&far);
    Masks::new(
        second,
        Orientation::UPRIGHT,
        (SIZE, SIZE),
        mask(style, 0.0),
        [9; 32],
        1,
    )
    .draw(&mut alone);
    let mut after_another = noisy(Channels::Gray);
    masks(&[a, far], mask(style, 0.0)).draw(&mut after_another);
    for y in 30..60 {
        for x in 30..60 {
            let i = (y * SIZE + x) as usize;
            assert_eq!(bytes(&alone)[i], bytes(&after_another)[i], "{x} {y}");
        }
    }
}

#[test]
fn masks_are_opaque_and_alpha_outside_them_stays() {
    for style in styles() {
        let mut raster = noisy(Channels::Rgba);
        let Samples::Eight(samples) = &mut raster.samples else {
            panic!("not 8 bits")
        };
        for pixel in samples.chunks_exact_mut(4) {
            pixel[3] = 0;
        }
        let before = raster.clone();
        masks(
            &[detection(Class::Face, [20.0, 20.0, 44.0, 44.0])],
            mask(style, 0.0),
        )
        .draw(&mut raster);
        let mut changed = 0;
        for (before, after) in bytes(&before).chunks_exact(4).zip(bytes(&raster).chunks_exact(4)) {
            changed += usize::from(before != after);
        }
        let alpha = |x: u32, y: u32| bytes(&raster)[((y * SIZE + x) * 4 + 3) as usize];
        assert_eq!(
            [alpha(32, 32), alpha(24, 32), alpha(32, 40)],
            [255; 3],
            "{style:?}"
        );
        assert_eq!([alpha(5, 5), alpha(60, 32)], [0; 2], "{style:?}");
        assert!(changed > 500, "{changed}");
    }
}

#[test]
fn the_colour_of_invisible_pixels_does_not_shine_through() {
    let mut raster = noisy(Channels::GrayAlpha);
    raster.samples = Samples::Eight(
        (0..SIZE * SIZE)
            .flat_map(|i| if i.is_multiple_of(2) { [0, 0] } else { [200, 255] })
            .collect(),
    );
    masks(
        &[detection(Class::Face, [20.0, 20.0, 44.0, 44.0])],
        mask(MaskStyle::Pixelate(PixelCount::new(2).unwrap()), 0.0),
    )
    .draw(&mut raster);
    let center = ((32 * SIZE + 32) * 2) as usize;
    let color = bytes(&raster)[center];
    assert!((188..=212).contains(&color), "{color}");
}

/// How many pixels of a detection of the given size a mosaic of 100 cells changes in noise.
fn changed_by_the_finest_mosaic(size: f32) -> usize {
    let mut raster = noisy(Channels::Gray);
    let before = raster.clone();
    masks(
        &[detection(Class::Face, [20.0, 20.0, 20.0 + size, 20.0 + size])],
        mask(MaskStyle::Pixelate(PixelCount::new(100).unwrap()), 0.0),
    )
    .draw(&mut raster);
    let inside = 20..20 + size as u32;
    inside
        .clone()
        .flat_map(|y| inside.clone().map(move |x| (y * SIZE + x) as usize))
        .filter(|i| bytes(&before)[*i] != bytes(&raster)[*i])
        .count()
}

#[test]
fn the_finest_mosaic_hides_a_small_face_too() {
    let changed = changed_by_the_finest_mosaic(30.0);
    assert!(changed > 850, "{changed} of 900 pixels");
}

#[test]
fn a_region_smaller_than_a_cell_becomes_one_cell() {
    let mut raster = noisy(Channels::Gray);
    masks(
        &[detection(Class::Plate, [20.0, 20.0, 22.0, 22.0])],
        mask(MaskStyle::Pixelate(PixelCount::new(100).unwrap()), 0.0),
    )
    .draw(&mut raster);
    let corners =
        [(20, 20), (21, 20), (20, 21), (21, 21)].map(|(x, y)| bytes(&raster)[y * SIZE as usize + x]);
    assert_eq!(corners, [corners[0]; 4]);
}

#[test]
fn a_mosaic_has_as_many_cells_across_as_asked_for() {
    let mut raster = noisy(Channels::Gray);
    let plate = detection(Class::Plate, [8.2, 20.0, 55.8, 40.0]);
    masks(
        &[plate],
        mask(MaskStyle::Pixelate(PixelCount::new(4).unwrap()), 0.0),
    )
    .draw(&mut raster);
    let row = &bytes(&raster)[30 * SIZE as usize..][..SIZE as usize];
    let changes = row[1..63].windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert_eq!(changes, 3, "{row:?}");
}

#[test]
fn blur_and_mosaic_depend_on_the_secret_seed() {
    let face = [detection(Class::Face, [10.0, 10.0, 54.0, 54.0])];
    for style in [styles()[0], styles()[2]] {
        let draw = |seed| {
            let mut raster = noisy(Channels::Rgb);
            let mask = mask(style, 0.0);
            Masks::new(&face, Orientation::UPRIGHT, (SIZE, SIZE), mask, [seed; 32], 0).draw(&mut raster);
            raster
        };
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2), "{style:?}");
    }
}

/// A picture whose left half is dark and whose right half is bright.
fn halves() -> Raster {
    let mut raster = noisy(Channels::Gray);
    raster.samples = Samples::Eight(
        (0..SIZE * SIZE)
            .map(|i| if i % SIZE < 32 { 20 } else { 220 })
            .collect(),
    );
    raster
}

#[test]
fn a_mosaic_does_not_tell_where_its_colours_were() {
    let plate = [detection(Class::Plate, [8.0, 8.0, 56.0, 56.0])];
    let style = MaskStyle::Pixelate(PixelCount::new(8).unwrap());
    let mut raster = halves();
    masks(&plate, mask(style, 0.0)).draw(&mut raster);
    let bright = |columns: std::ops::Range<u32>| {
        let pixels = (8..56).flat_map(|y| columns.clone().map(move |x| (y * SIZE + x) as usize));
        pixels.filter(|i| bytes(&raster)[*i] > 120).count()
    };
    let (left, right) = (bright(8..32), bright(32..56));
    let half = 48 * 24;
    assert!(
        (left + right).abs_diff(half) < half / 3,
        "as many as there were: {left} {right}"
    );
    assert!(
        left > half / 5 && right > half / 5,
        "on both sides: {left} {right}"
    );
}

#[test]
fn sixteen_bits_are_masked_in_sixteen_bits() {
    let mut raster = noisy(Channels::Gray);
    raster.samples = Samples::Sixteen(vec![0x8000; (SIZE * SIZE) as usize]);
    masks(
        &[detection(Class::Face, [10.0, 10.0, 54.0, 54.0])],
        mask(MaskStyle::Blur, 0.0),
    )
    .draw(&mut raster);
    let Samples::Sixteen(samples) = &raster.samples else {
        panic!("not 16 bits")
    };
    let row: Vec<u16> = samples[(32 * SIZE + 12) as usize..][..40].to_vec();
    assert!(
        row.iter().all(|sample| sample.abs_diff(0x8000) < 0x1000),
        "{row:?}"
    );
    let steps = row.windows(2).map(|pair| pair[0].abs_diff(pair[1]));
    assert!(steps.max() < Some(257), "finer than 8 bits: {row:?}");
}

proptest! {
    #[test]
    fn any_region_can_be_drawn(
        left in -200.0f32..200.0, top in -200.0f32..200.0, width in 0.0f32..300.0, height in 0.0f32..300.0,
        padding in 0.0f64..=1.0, class in prop_oneof![Just(Class::Face), Just(Class::Plate)], style in 0usize..3,
    ) {
        let mut raster = noisy(Channels::Rgb);
        let region = detection(class, [left, top, left + width, top + height]);
        masks(&[region], mask(styles()[style], padding)).draw(&mut raster);
    }
}
