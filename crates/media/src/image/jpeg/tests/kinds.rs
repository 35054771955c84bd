//! Every kind of JPEG keeps all blocks that no mask touches, and everything that decides how they are shown.

use proptest::prelude::*;
use sfumato_core::options::{MaskStyle, MetadataPolicy};

use super::encoder::{Kind, encode, with_segments};
use super::reader::{self, File, Plane};
use super::*;

/// The colour of the opaque mask of [`styles`].
const OPAQUE: [f32; 3] = [48.0, 96.0, 192.0];

/// Left, top, right, bottom of the pixels that a mask covers. It touches one more on each side.
type Rect = [usize; 4];

#[derive(Debug, PartialEq, Eq)]
enum Touch {
    None,
    Partly,
    Wholly,
}

/// How masks touch a block. What lies outside of the picture does not count.
fn touch(file: &File, plane: &Plane, (column, row): (usize, usize), rects: &[Rect]) -> Touch {
    let [columns, rows] = file.pixels(plane, column, row);
    let (right, bottom) = (columns.end.min(file.size.0), rows.end.min(file.size.1));
    let lies_in =
        |[l, t, r, b]: &Rect| columns.start >= *l && right <= *r && rows.start >= *t && bottom <= *b;
    let meets = |[l, t, r, b]: &Rect| columns.start <= *r && right >= *l && rows.start <= *b && bottom >= *t;
    if rects.iter().any(lies_in) {
        Touch::Wholly
    } else if rects.iter().any(meets) {
        Touch::Partly
    } else {
        Touch::None
    }
}

/// Compares a result with the original; returns how many blocks are wholly masked and how many are untouched.
fn compare(
    before: &File,
    after: &File,
    rects: &[Rect],
    space: ColorSpace,
    style: MaskStyle,
) -> (usize, usize) {
    let (mut wholly, mut untouched) = (0, 0);
    for (index, (old, new)) in before.planes.iter().zip(&after.planes).enumerate() {
        for place in (0..old.size.1).flat_map(|row| (0..old.size.0).map(move |column| (column, row))) {
            match touch(before, old, place, rects) {
                Touch::None => {
                    assert_eq!(
                        old.block(place.0, place.1),
                        new.block(place.0, place.1),
                        "{index} {place:?}"
                    );
                    untouched += 1;
                }
                Touch::Wholly if matches!(style, MaskStyle::Opaque(_)) => {
                    let expected = space.of_rgb(OPAQUE)[index];
                    let difference = (new.mean(place.0, place.1) - expected).abs();
                    let rounding = f32::from(new.table[0]) / 16.0;
                    // A dark colour that is blown up again for its inks is less exact.
                    assert!(difference <= rounding + 1.5, "{index} {place:?} {difference}");
                    assert!(new.is_even(place.0, place.1), "{index} {place:?}");
                    wholly += 1;
                }
                _ => {}
            }
        }
    }
    (wholly, untouched)
}

fn segment(file: &File, marker: u8) -> Option<&[u8]> {
    let mut found = file.segments.iter().filter(|segment| segment.0 == marker);
    found.next().map(|segment| &segment.1[..])
}

fn assert_same_coding(before: &File, after: &File, kind: &Kind) {
    assert_eq!(before.size, after.size);
    assert_eq!(before.frame, after.frame);
    assert_eq!(before.restart_interval, after.restart_interval);
    for (old, new) in before.planes.iter().zip(&after.planes) {
        assert_eq!(
            (old.id, old.sampling, old.table),
            (new.id, new.sampling, new.table)
        );
    }
    assert_eq!(before.planes.len(), after.planes.len());
    assert_eq!(segment(before, 0xEE), segment(after, 0xEE), "Adobe's segment");
    assert_eq!(segment(before, 0xE0), segment(after, 0xE0), "density");
    if !kind.progressive {
        assert_eq!(before.scans, after.scans);
    }
}

/// Masks a picture of a kind in every style, and compares.
fn assert_kept(kind: &Kind, rects: &[Rect]) {
    let bytes = encode(kind, &texture);
    // The reader does not know arithmetic coding; it changes nothing about the coefficients.
    let twin = Kind {
        arithmetic: false,
        ..kind.clone()
    };
    let before = reader::read(&encode(&twin, &texture));
    let plates: Vec<Detection> = rects.iter().copied().map(plate).collect();
    for style in styles() {
        let after = reader::read(&masked(&bytes, &plates, style));
        assert_same_coding(&before, &after, kind);
        let (wholly, untouched) = compare(&before, &after, rects, kind.space, style);
        assert!(untouched > 0, "{kind:?}");
        assert!(
            wholly >= kind.sampling.len() || !matches!(style, MaskStyle::Opaque(_)),
            "{kind:?} {wholly}"
        );
        // Something else stands where the masks are.
        assert_ne!(before.planes[0], after.planes[0]);
    }
    let unmasked = reader::read(&masked(&bytes, &[], MaskStyle::Blur));
    assert_same_coding(&before, &unmasked, kind);
    compare(&before, &unmasked, &[], kind.space, MaskStyle::Blur);
}

const RECTS: [Rect; 2] = [[20, 30, 92, 110], [100, 37, 173, 101]];

const YCC_420: [(usize, usize); 3] = [(2, 2), (1, 1), (1, 1)];

#[test]
fn every_sampling() {
    for sampling in [
        [(1, 1), (1, 1), (1, 1)],
        [(2, 1), (1, 1), (1, 1)],
        YCC_420,
        [(1, 2), (1, 1), (1, 1)],
        [(4, 1), (1, 1), (1, 1)],
        [(2, 2), (2, 1), (1, 2)],
        [(1, 1), (2, 2), (2, 2)],
        // Three halves of a pixel a sample, which libjpeg cannot render.
        [(3, 1), (2, 1), (1, 1)],
        [(3, 2), (1, 1), (2, 1)],
        [(1, 3), (1, 2), (1, 1)],
    ] {
        let kind = Kind::new((201, 155), ColorSpace::YCbCr, &sampling);
        assert_kept(&kind, &RECTS);
        let kind = Kind {
            progressive: true,
            ..kind
        };
        assert_kept(&kind, &RECTS);
    }
}

#[test]
fn more_blocks_than_a_unit_of_several_components_can_hold() {
    for progressive in [false, true] {
        let kind = Kind {
            apart: true,
            progressive,
            restart_interval: 7,
            ..Kind::new((201, 155), ColorSpace::YCbCr, &[(4, 4), (1, 1), (2, 1)])
        };
        assert_kept(&kind, &RECTS);
    }
}

#[test]
fn every_colour_space() {
    use ColorSpace::{Cmyk, Gray, Rgb, YCbCr, Ycck};
    let one = (1, 1);
    for (space, sampling) in [
        (Gray, &[one][..]),
        (Gray, &[(2, 2)]),
        (Rgb, &[one; 3]),
        (Cmyk, &[one; 4]),
        (Ycck, &[one; 4]),
        (Ycck, &[(2, 2), one, one, (2, 2)]),
    ] {
        for progressive in [false, true] {
            let kind = Kind {
                progressive,
                ..Kind::new((201, 155), space, sampling)
            };
            assert_kept(&kind, &RECTS);
        }
    }
    // What the components mean can be said in other ways: by their numbers, or not at all.
    for (space, jfif, adobe) in [
        (Rgb, false, false),
        (YCbCr, false, false),
        (YCbCr, true, true),
        (YCbCr, false, true),
        (Cmyk, false, false),
        (Cmyk, true, true),
        (Ycck, true, true),
    ] {
        let kind = Kind {
            jfif,
            adobe,
            density: (300, 200),
            ..Kind::new((201, 155), space, &vec![one; space.components()])
        };
        assert_kept(&kind, &RECTS);
    }
}

#[test]
fn restart_markers_scans_apart_and_tables_of_all_kinds() {
    let kind = Kind::new((201, 155), ColorSpace::YCbCr, &YCC_420);
    for kind in [
        Kind {
            restart_interval: 3,
            ..kind.clone()
        },
        Kind {
            restart_interval: 5,
            progressive: true,
            ..kind.clone()
        },
        Kind {
            apart: true,
            ..kind.clone()
        },
        Kind {
            apart: true,
            restart_interval: 11,
            ..kind.clone()
        },
        Kind {
            own_tables: true,
            ..kind.clone()
        },
        // Steps of more than 8 bits.
        Kind {
            quality: 1,
            ..kind.clone()
        },
        Kind { quality: 100, ..kind },
    ] {
        assert_kept(&kind, &RECTS);
    }
}

#[test]
fn arithmetic_coding_becomes_huffman_coding() {
    for (progressive, restart_interval) in [(false, 0), (true, 0), (false, 4)] {
        let kind = Kind {
            arithmetic: true,
            progressive,
            restart_interval,
            ..Kind::new((201, 155), ColorSpace::YCbCr, &YCC_420)
        };
        assert_kept(&kind, &RECTS);
    }
}

#[test]
fn a_table_that_is_exchanged_between_scans_stays_with_its_component() {
    let kind = Kind {
        apart: true,
        own_tables: true,
        ..Kind::new((120, 90), ColorSpace::YCbCr, &YCC_420)
    };
    let bytes = encode(&kind, &texture);
    let before = reader::read(&bytes);
    // All tables get the number 0, and each is moved to where its component's scan begins.
    let mut rest = &bytes[2..];
    let (mut exchanged, mut tables) = (bytes[..2].to_vec(), vec![]);
    while let [0xFF, marker, high, low, ..] = *rest {
        let length = 2 + (usize::from(high) << 8 | usize::from(low));
        let mut part = rest[..length].to_vec();
        rest = &rest[length..];
        match marker {
            0xDB => {
                for table in part[4..].chunks_exact(65) {
                    tables.push([&[0xFF, 0xDB, 0, 67, 0], &table[1..]].concat());
                }
                continue;
            }
            0xC0 => (part[12], part[15], part[18]) = (0, 0, 0),
            0xDA => {
                exchanged.extend(tables.remove(0));
                let end = rest
                    .windows(2)
                    .position(|pair| pair[0] == 0xFF && pair[1] != 0)
                    .unwrap();
                part.extend(&rest[..end]);
                rest = &rest[end..];
            }
            0xD9 => break,
            _ => {}
        }
        exchanged.extend(part);
        if rest.starts_with(&[0xFF, 0xD9]) {
            exchanged.extend(rest);
            break;
        }
    }
    assert!(tables.is_empty());
    assert_eq!(reader::read(&exchanged).planes, before.planes);
    let rect = [20, 30, 80, 85];
    let style = styles()[2];
    let after = reader::read(&masked(&exchanged, &[plate(rect)], style));
    for (old, new) in before.planes.iter().zip(&after.planes) {
        assert_eq!(old.table, new.table);
    }
    let (wholly, untouched) = compare(&before, &after, &[rect], kind.space, style);
    assert!(wholly > 0 && untouched > 0);
}

#[test]
fn pictures_of_one_pixel_and_strips() {
    for (size, space, sampling) in [
        ((1, 1), ColorSpace::YCbCr, &YCC_420[..]),
        ((1, 1), ColorSpace::Gray, &[(1, 1)]),
        ((65_500, 3), ColorSpace::YCbCr, &YCC_420),
        ((2, 65_500), ColorSpace::Gray, &[(1, 1)]),
    ] {
        let bytes = encode(&Kind::new(size, space, sampling), &texture);
        let before = reader::read(&bytes);
        let after = reader::read(&masked(&bytes, &[], MaskStyle::Blur));
        compare(&before, &after, &[], space, MaskStyle::Blur);
        // The far end, beyond which a mask reaches.
        let rect = [
            size.0.saturating_sub(40),
            size.1.saturating_sub(40),
            size.0 + 9,
            size.1 + 9,
        ];
        let style = styles()[2];
        let after = reader::read(&masked(&bytes, &[plate(rect)], style));
        let (wholly, _) = compare(&before, &after, &[rect], space, style);
        assert!(wholly > 0, "{size:?}");
    }
}

#[test]
fn nothing_is_copied_that_is_not_known() {
    let kind = Kind::new((64, 64), ColorSpace::YCbCr, &YCC_420);
    let planted: Vec<(u8, &[u8])> = (0xE0..=0xEF)
        .filter(|marker| *marker != 0xEE)
        .chain([0xFE])
        .map(|marker| (marker, &b"PLANTED and more than that"[..]))
        .collect();
    let mut bytes = with_segments(&encode(&kind, &texture), &planted);
    bytes.extend(b"PLANTED behind the end");
    let output = masked(&bytes, &[], MaskStyle::Blur);
    assert!(!output.windows(7).any(|window| window == b"PLANTED"));
    let markers: Vec<u8> = reader::read(&output)
        .segments
        .iter()
        .map(|segment| segment.0)
        .collect();
    assert!(
        markers.iter().all(|marker| !(0xE1..=0xEF).contains(marker)),
        "{markers:x?}"
    );
}

#[test]
fn standard_tables_of_codes_stay_and_others_are_made_anew() {
    let kind = Kind::new((201, 155), ColorSpace::YCbCr, &YCC_420);
    let tables = |bytes: &[u8]| {
        let mut tables = Coding::of(bytes).code_tables;
        tables.sort_by_key(|table| (table.alternating, table.number));
        tables
    };
    let standard = encode(&kind, &texture);
    let symbols: Vec<usize> = tables(&standard)
        .iter()
        .map(|table| table.symbols.len())
        .collect();
    assert_eq!(symbols, [12, 12, 162, 162]);
    let style = styles()[2];
    assert_eq!(
        tables(&masked(&standard, &[plate(RECTS[0])], style)),
        tables(&standard)
    );
    // What libjpeg finds out for a picture of one colour has a code for little else.
    let own = encode(
        &Kind {
            own_codes: true,
            ..kind
        },
        &|_, _| [90.0; 3],
    );
    let output = masked(&own, &[plate(RECTS[0])], style);
    assert_ne!(tables(&own), tables(&output));
    let (before, after) = (reader::read(&own), reader::read(&output));
    assert!(compare(&before, &after, &RECTS[..1], ColorSpace::YCbCr, style).0 > 0);
}

#[test]
fn the_density_goes_where_nothing_is_to_stay() {
    for (policy, density, expected) in [
        (MetadataPolicy::Safe, (300, 300), [1, 1, 44, 1, 44]),
        (MetadataPolicy::Strip, (300, 300), [0, 0, 1, 0, 1]),
        // Pixels that are not square.
        (MetadataPolicy::Strip, (300, 200), [0, 1, 44, 0, 200]),
    ] {
        let kind = Kind {
            density,
            ..Kind::new((64, 64), ColorSpace::YCbCr, &YCC_420)
        };
        let bytes = encode(&kind, &texture);
        let mut task = task(&bytes, MaskStyle::Blur);
        task.options.metadata = policy;
        let (_, output) = run(&bytes, &mut Told::default(), &task).unwrap();
        assert_eq!(
            segment(&reader::read(&output), 0xE0).unwrap()[7..12],
            expected,
            "{policy:?}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn no_block_that_no_mask_touches_ever_changes(
        size in (1usize..150, 1usize..150),
        sampling in prop::collection::vec((1usize..=4, 1usize..=4), 3),
        gray in any::<bool>(),
        progressive in any::<bool>(),
        restart_interval in 0u32..6,
        boxes in prop::collection::vec((0usize..140, 0usize..140, 5usize..90, 5usize..90), 0..4),
        style in 0usize..3,
    ) {
        let (space, count) = if gray { (ColorSpace::Gray, 1) } else { (ColorSpace::YCbCr, 3) };
        let sampling = &sampling[..count];
        let kind = Kind {
            progressive,
            restart_interval,
            apart: sampling.iter().map(|(h, v)| h * v).sum::<usize>() > 10,
            ..Kind::new(size, space, sampling)
        };
        let rects: Vec<Rect> = boxes.iter().map(|(x, y, w, h)| [*x, *y, x + w, y + h]).collect();
        let plates: Vec<Detection> = rects.iter().copied().map(plate).collect();
        let bytes = encode(&kind, &texture);
        let before = reader::read(&bytes);
        let after = reader::read(&masked(&bytes, &plates, styles()[style]));
        assert_same_coding(&before, &after, &kind);
        // Where opaque masks of one colour meet they are still of that colour.
        compare(&before, &after, &rects, space, styles()[style]);
    }
}
