use std::io::Cursor;

use proptest::prelude::*;
use sfumato_core::options::MetadataPolicy;
use sfumato_media_client::limits::MediaLimits;
use tiff::decoder::DecodingResult;
use tiff::encoder::colortype::{CMYK8, ColorType, Gray8, Gray16, RGB8, RGB16, RGBA8};
use tiff::encoder::compression::DeflateLevel;
use tiff::encoder::{Compression, Predictor, TiffEncoder, TiffValue};

use super::*;
use crate::image::testing::*;

/// The scene of `testing`, in gray or red and green, written by libtiff and others.
const G4: &[u8] = include_bytes!("../../../tests/it/fixtures/g4.tif");
const JPEG: &[u8] = include_bytes!("../../../tests/it/fixtures/jpeg.tif");
const TILES_PLANAR: &[u8] = include_bytes!("../../../tests/it/fixtures/tiles_planar.tif");
const BIG_ENDIAN_16: &[u8] = include_bytes!("../../../tests/it/fixtures/big_endian_16.tif");
const PALETTE: &[u8] = include_bytes!("../../../tests/it/fixtures/palette.tif");
const REDUCED: &[u8] = include_bytes!("../../../tests/it/fixtures/reduced.tif");
const FLOAT: &[u8] = include_bytes!("../../../tests/it/fixtures/float.tif");

fn page<C: ColorType>(encoder: &mut TiffEncoder<Cursor<&mut Vec<u8>>>, data: &[C::Inner])
where
    [C::Inner]: TiffValue,
{
    encoder.write_image::<C>(SIZE.0, SIZE.1, data).unwrap();
}

fn encode<C: ColorType>(compression: Compression, data: &[C::Inner]) -> Vec<u8>
where
    [C::Inner]: TiffValue,
{
    let mut bytes = vec![];
    let mut encoder = TiffEncoder::new(Cursor::new(&mut bytes))
        .unwrap()
        .with_compression(compression);
    if !matches!(compression, Compression::Uncompressed | Compression::Packbits) {
        encoder = encoder.with_predictor(Predictor::Horizontal);
    }
    page::<C>(&mut encoder, data);
    bytes
}

fn sixteen(samples: &[u8]) -> Vec<u16> {
    samples.iter().map(|sample| u16::from(*sample) * 257).collect()
}

/// All pages, with width, colour type and compression.
fn pages_of(bytes: &[u8]) -> Vec<(Vec<u16>, u32, tiff::ColorType, u16)> {
    let mut decoder = tiff::decoder::Decoder::new(Cursor::new(bytes)).unwrap();
    let mut pages = vec![];
    loop {
        let samples = match decoder.read_image().unwrap() {
            DecodingResult::U8(samples) => samples.into_iter().map(u16::from).collect(),
            DecodingResult::U16(samples) => samples,
            other => panic!("{other:?}"),
        };
        let compression = decoder.get_tag_u32(tiff::tags::Tag::Compression).unwrap();
        let (width, _) = decoder.dimensions().unwrap();
        pages.push((
            samples,
            width,
            decoder.colortype().unwrap(),
            compression.try_into().unwrap(),
        ));
        if !decoder.more_images() {
            return pages;
        }
        decoder.next_image().unwrap();
    }
}

/// The pixels as this module reads them.
fn read(bytes: &[u8]) -> (Page, Pixels) {
    let (file, first) = File::read(bytes).unwrap();
    let (directory, _) = file.directory(first).unwrap();
    let page = Page::read(&file, &directory).unwrap();
    let pixels = Pixels::of(&page, decode::samples(&file, &page).unwrap()).unwrap();
    (page, pixels)
}

/// Asserts that a picture of one page keeps everything but what is under its mask.
fn assert_kept(bytes: &[u8], samples: usize, compression: u16) -> Vec<u8> {
    let (report, output) = hidden(process, bytes);
    let (before, after) = (&pages_of(bytes)[0], &pages_of(&output)[0]);
    assert_eq!((before.1, before.2), (after.1, after.2));
    assert_eq!(after.3, compression);
    assert_same_outside(&report, 0, before.1, samples, (&before.0, &after.0));
    output
}

#[test]
fn kinds_of_colour_depths_and_compressions_stay_what_they_are() {
    let rgb = scene((20, 14));
    let gray = square((20, 14), 40, 255);
    let rgba: Vec<u8> = rgb
        .chunks_exact(3)
        .flat_map(|pixel| [pixel[0], pixel[1], pixel[2], 180])
        .collect();
    let inks: Vec<u8> = rgb
        .chunks_exact(3)
        .flat_map(|pixel| [255 - pixel[0], 255 - pixel[1], 255 - pixel[2], 0])
        .collect();
    let deflate = Compression::Deflate(DeflateLevel::Fast);
    for (compression, number) in [
        (Compression::Uncompressed, 1),
        (Compression::Lzw, 5),
        (deflate, 8),
        (Compression::Packbits, 8),
    ] {
        assert_kept(&encode::<RGB8>(compression, &rgb), 3, number);
        assert_kept(&encode::<Gray8>(compression, &gray), 1, number);
        assert_kept(&encode::<RGBA8>(compression, &rgba), 4, number);
        assert_kept(&encode::<CMYK8>(compression, &inks), 4, number);
        assert_kept(&encode::<RGB16>(compression, &sixteen(&rgb)), 3, number);
        assert_kept(&encode::<Gray16>(compression, &sixteen(&gray)), 1, number);
    }
}

#[test]
fn what_other_software_writes_is_read() {
    let output = assert_kept(BIG_ENDIAN_16, 1, 5);
    assert_eq!(output[2], 43, "a BigTIFF stays one");
    let (report, output) = hidden(process, TILES_PLANAR);
    let Pixels::Full(before) = read(TILES_PLANAR).1 else {
        panic!("it has no palette");
    };
    let crate::raster::Samples::Eight(before) = before.samples else {
        panic!("it has 8 bits");
    };
    let before: Vec<u16> = before.into_iter().map(u16::from).collect();
    assert_same_outside(&report, 0, SIZE.0, 3, (&before, &pages_of(&output)[0].0));
}

#[test]
fn palettes_and_faxes_keep_their_numbers() {
    for (bytes, compression) in [(PALETTE, 5), (G4, 8)] {
        let (report, output) = hidden(process, bytes);
        let ((before, few), (after, few_after)) = (read(bytes), read(&output));
        let (Pixels::Few(few), Pixels::Few(few_after)) = (few, few_after) else {
            panic!("they have few colours");
        };
        assert_eq!(before.bits, after.bits);
        assert_same_outside(&report, 0, SIZE.0, 1, (few.indices(), few_after.indices()));
        let (file, first) = File::read(&output).unwrap();
        let (directory, _) = file.directory(first).unwrap();
        assert_eq!(file.first(&directory, page::COMPRESSION), Some(compression));
    }
}

#[test]
fn a_jpeg_inside_becomes_what_it_decodes_to() {
    let (report, output) = hidden(process, JPEG);
    let Pixels::Full(before) = read(JPEG).1 else {
        panic!("it has no palette");
    };
    let crate::raster::Samples::Eight(before) = before.samples else {
        panic!("it has 8 bits");
    };
    let before: Vec<u16> = before.into_iter().map(u16::from).collect();
    let after = &pages_of(&output)[0];
    assert_eq!((after.2, after.3), (tiff::ColorType::RGB(8), 8));
    assert_same_outside(&report, 0, SIZE.0, 3, (&before, &after.0));
}

#[test]
fn all_pages_are_processed_each_as_it_is() {
    let mut bytes = vec![];
    let mut encoder = TiffEncoder::new(Cursor::new(&mut bytes)).unwrap();
    page::<RGB8>(&mut encoder, &scene((20, 14)));
    page::<Gray16>(&mut encoder, &sixteen(&square((40, 30), 3, 255)));
    encoder.write_image::<Gray8>(9, 5, &[90; 45]).unwrap();
    let (report, output) = hidden(process, &bytes);
    assert_eq!(report.document.picture().unwrap().picture.frames, Some(3));
    let frames: Vec<_> = report
        .document
        .picture()
        .unwrap()
        .detections
        .iter()
        .map(|detection| detection.frame)
        .collect();
    assert_eq!(frames, [Some(0), Some(1)]);
    let (before, after) = (pages_of(&bytes), pages_of(&output));
    assert_eq!(after.len(), 3);
    assert_same_outside(&report, 0, SIZE.0, 3, (&before[0].0, &after[0].0));
    assert_same_outside(&report, 1, SIZE.0, 1, (&before[1].0, &after[1].0));
    assert_eq!(
        before[2], after[2],
        "a page of its own does not hide what others show"
    );
    let limits = MediaLimits {
        frames_max: 2,
        ..MediaLimits::default()
    };
    let error = limited(process, &bytes, options(MetadataPolicy::Safe), limits).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the picture has 3 frames or pages; the limit is 2"
    );
}

#[test]
fn smaller_versions_of_a_page_are_left_out() {
    let (report, output) = hidden(process, REDUCED);
    assert!(
        report.warnings[0].contains("smaller versions"),
        "{:?}",
        report.warnings
    );
    assert_eq!(pages_of(&output).len(), 1);
    let (file, first) = File::read(&output).unwrap();
    assert!(file.directory(first).unwrap().0.find(page::SUB_IFDS).is_none());
}

#[test]
fn orientation_and_resolution_stay_and_texts_do_not() {
    let mut bytes = vec![];
    let mut encoder = TiffEncoder::new(Cursor::new(&mut bytes)).unwrap();
    let mut image = encoder.new_image::<RGB8>(SIZE.0, SIZE.1).unwrap();
    image.resolution(
        tiff::tags::ResolutionUnit::Inch,
        tiff::encoder::Rational { n: 300, d: 1 },
    );
    let tags = image.encoder();
    tags.write_tag(tiff::tags::Tag::Orientation, 6u16).unwrap();
    tags.write_tag(tiff::tags::Tag::Artist, "PLANTED-ARTIST").unwrap();
    tags.write_tag(tiff::tags::Tag::Unknown(XMP), &b"PLANTED-XMP"[..])
        .unwrap();
    tags.write_tag(tiff::tags::Tag::Unknown(50_000), "PLANTED-PRIVATE")
        .unwrap();
    image.write_data(&scene((20, 14))).unwrap();
    let (report, output) = hidden(process, &bytes);
    assert_eq!(
        (
            report.document.picture().unwrap().picture.orientation,
            report.document.picture().unwrap().picture.width
        ),
        (6, 48)
    );
    assert!(!holds(&output, "PLANTED"));
    let resolution = |bytes: &[u8]| {
        let (file, first) = File::read(bytes).unwrap();
        let (directory, _) = file.directory(first).unwrap();
        file.fraction(&directory, page::X_RESOLUTION)
    };
    assert_eq!(resolution(&output), Some([300, 1]));
    let (_, output) = run(process, &bytes, MetadataPolicy::Strip).unwrap();
    assert_eq!(resolution(&output), None);
    let (_, output) = run(process, &bytes, MetadataPolicy::Keep).unwrap();
    assert!(holds(&output, "PLANTED-ARTIST") && !holds(&output, "PLANTED-PRIVATE"));
}

#[test]
fn what_is_not_supported_is_refused_by_name() {
    let error = run(process, FLOAT, MetadataPolicy::Safe).unwrap_err().to_string();
    assert!(
        error.contains("floating-point samples are not supported"),
        "{error}"
    );
}

#[test]
fn files_that_end_too_early_are_refused() {
    for bytes in [
        encode::<RGB8>(Compression::Lzw, &scene((20, 14))),
        JPEG.to_vec(),
        G4.to_vec(),
        TILES_PLANAR.to_vec(),
    ] {
        assert_truncated(process, &bytes, bytes.len() - 24);
    }
}

proptest! {
    #[test]
    fn a_damaged_file_is_processed_or_refused(damage in damage(), kind in 0..6) {
        let bytes = match kind {
            0 => G4.to_vec(),
            1 => JPEG.to_vec(),
            2 => TILES_PLANAR.to_vec(),
            3 => BIG_ENDIAN_16.to_vec(),
            4 => PALETTE.to_vec(),
            _ => REDUCED.to_vec(),
        };
        assert_survives(process, &bytes, damage);
    }
}
