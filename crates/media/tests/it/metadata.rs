//! What a file tells beside its pixels: little is kept, the rest is gone.

use sfumato_core::AnonymizeOptions;
use sfumato_core::detection::Class;
use sfumato_media::Orientation;

use crate::support::*;

/// Long enough for four segments of a JPEG.
fn icc_profile() -> Vec<u8> {
    // Three channels in and out, 40 steps each, with curves of 256 numbers.
    let head = [&b"mft1\0\0\0\0\x03\x03\x28\0"[..], &[0; 36]].concat();
    let numbers = (0..2 * 768 + 40 * 40 * 40 * 3u32).map(|i| (i * 31 % 251) as u8);
    let table: Vec<u8> = head.into_iter().chain(numbers).collect();
    icc_with(&[(b"wtpt", b"XYZ \0\0\0\0white point!"), (b"A2B0", &table)])
}

fn with_icc(profile: &[u8]) -> [Vec<u8>; 2] {
    let pixels = astronaut();
    let settings = JpegSettings {
        segments: icc_segments(profile),
        ..JpegSettings::default()
    };
    let mut info = png::Info::with_size(512, 512);
    info.color_type = png::ColorType::Rgb;
    info.icc_profile = Some(profile.to_vec().into());
    let mut bytes = vec![];
    let encoder = png::Encoder::with_info(&mut bytes, info).unwrap();
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&pixels.rgb).unwrap();
    writer.finish().unwrap();
    [jpeg(&pixels, &settings), bytes]
}

/// The profile of a JPEG and of a PNG, empty where there is none.
fn icc_of_both(files: [Vec<u8>; 2]) -> [Vec<u8>; 2] {
    let [jpeg, png] = files.map(|bytes| anonymized(&bytes, AnonymizeOptions::default()).1);
    let reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
    let of_png = reader.info().icc_profile.as_deref().unwrap_or_default().to_vec();
    [icc_of_jpeg(&jpeg), of_png]
}

#[test]
fn what_only_calls_itself_a_profile_does_not_survive() {
    let mut unsigned = icc_profile();
    unsigned[36] = b'X';
    for junk in [b"PLANTED-JUNK".repeat(40), unsigned] {
        assert_eq!(icc_of_both(with_icc(&junk)), [const { Vec::<u8>::new() }; 2]);
    }
}

#[test]
fn a_profile_loses_what_follows_it_and_what_it_keeps_for_itself() {
    let white_point: (&[u8; 4], &[u8]) = (b"wtpt", b"XYZ \0\0\0\0white point!");
    let private: (&[u8; 4], &[u8]) = (b"prVt", b"PLANTED-PRIVATE");
    let planted = [icc_with(&[private, white_point]), b"PLANTED-TRAILER".to_vec()].concat();
    let clean = icc_with(&[white_point]);
    assert_eq!(icc_of_both(with_icc(&planted)), [clean.clone(), clean]);
}

fn icc_segments(profile: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let chunks: Vec<_> = profile.chunks(60_000).collect();
    let count = u8::try_from(chunks.len()).unwrap();
    chunks
        .iter()
        .zip(1..)
        .map(|(chunk, number)| (2, [b"ICC_PROFILE\0", &[number, count][..], chunk].concat()))
        .collect()
}

fn icc_of_jpeg(bytes: &[u8]) -> Vec<u8> {
    jpeg_segments(bytes)
        .into_iter()
        .filter(|(marker, payload)| *marker == 0xE2 && payload.starts_with(b"ICC_PROFILE\0"))
        .flat_map(|(_, payload)| payload[14..].to_vec())
        .collect()
}

#[test]
fn a_jpeg_keeps_profile_density_and_orientation_and_loses_everything_else() {
    let upright = astronaut();
    let orientation = Orientation::from_exif(6);
    let thumbnail = [
        &jpeg(&upright, &JpegSettings::default())[..],
        b"PLANTED-THUMBNAIL",
    ]
    .concat();
    let texts = [
        (exif::Tag::Make, "PLANTED-MAKE"),
        (exif::Tag::Artist, "PLANTED-ARTIST"),
        (exif::Tag::BodySerialNumber, "PLANTED-SERIAL"),
        (exif::Tag::GPSMapDatum, "PLANTED-GPS"),
    ];
    let small_thumbnail = &thumbnail[thumbnail.len() - 30_000..];
    let exif = exif_with(orientation, &texts, Some(small_thumbnail));
    let planted = |prefix: &[u8], text: &str| [prefix, text.as_bytes()].concat();
    let mut segments = vec![
        (0, planted(b"JFXX\0\x10", "PLANTED-JFXX")),
        (1, planted(b"Exif\0\0", "")),
        (
            1,
            planted(b"http://ns.adobe.com/xap/1.0/\0", "<x>PLANTED-XMP</x>"),
        ),
        (2, planted(b"MPF\0", "PLANTED-MPF")),
        (13, planted(b"Photoshop 3.0\x008BIM", "PLANTED-8BIM")),
        (11, planted(b"JP", "PLANTED-C2PA")),
        (COMMENT, b"PLANTED-COMMENT".to_vec()),
    ];
    segments[1].1.extend(&exif);
    segments.extend(icc_segments(&icc_profile()));
    let settings = JpegSettings {
        density: Some((300, 200)),
        segments,
        ..JpegSettings::default()
    };
    let mut bytes = jpeg(&upright.stored(orientation), &settings);
    // A second picture behind the first, as phones append them.
    bytes.extend(&thumbnail);
    for text in ["PLANTED-GPS", "PLANTED-THUMBNAIL", "PLANTED-XMP", "PLANTED-8BIM"] {
        assert!(holds(&bytes, text), "{text} is not in the original");
    }

    let (report, output) = anonymized(&bytes, AnonymizeOptions::default());
    assert!(!holds(&output, "PLANTED"));
    assert_eq!(report.document.picture().unwrap().detections.len(), 1);
    assert_eq!(exif_of_jpeg(&output), (6, 1), "the orientation and nothing else");
    assert!(icc_of_jpeg(&output) == icc_profile());
    let density_of = |bytes: &[u8]| jpeg_segments(bytes)[0].1[..12].to_vec();
    assert_eq!(density_of(&output), density_of(&bytes));
    assert_eq!(density_of(&output)[7..12], [1, 1, 44, 0, 200]);
    assert!(find(&output, Class::Face).is_empty());
    let end = output.len() - 2;
    assert_eq!(output[end..], [0xFF, 0xD9], "nothing follows the picture");
}

#[test]
fn an_upright_jpeg_without_profile_gets_neither() {
    let (_, output) = anonymized(
        &jpeg(&astronaut(), &JpegSettings::default()),
        AnonymizeOptions::default(),
    );
    let markers: Vec<u8> = jpeg_segments(&output)
        .into_iter()
        .map(|(marker, _)| marker)
        .collect();
    assert!(
        !markers.contains(&0xE1) && !markers.contains(&0xE2),
        "{markers:x?}"
    );
}

#[test]
fn a_png_keeps_profile_density_and_orientation_and_loses_everything_else() {
    let upright = astronaut();
    let orientation = Orientation::from_exif(3);
    let stored = upright.stored(orientation);
    let exif = exif_with(orientation, &[(exif::Tag::GPSMapDatum, "PLANTED-GPS")], None);
    let mut info = png::Info::with_size(512, 512);
    info.color_type = png::ColorType::Rgb;
    info.icc_profile = Some(icc_profile().into());
    info.exif_metadata = Some(exif.into());
    info.pixel_dims = Some(png::PixelDimensions {
        xppu: 11_811,
        yppu: 5_906,
        unit: png::Unit::Meter,
    });
    let mut bytes = vec![];
    let mut encoder = png::Encoder::with_info(&mut bytes, info).unwrap();
    encoder
        .add_text_chunk("Author".into(), "PLANTED-TEXT".into())
        .unwrap();
    encoder
        .add_itxt_chunk("XML:com.adobe.xmp".into(), "PLANTED-ITXT".into())
        .unwrap();
    let mut writer = encoder.write_header().unwrap();
    writer
        .write_chunk(png::chunk::ChunkType(*b"prVt"), b"PLANTED-PRIVATE")
        .unwrap();
    writer
        .write_chunk(png::chunk::ChunkType(*b"tIME"), &[7, 232, 1, 2, 3, 4, 5])
        .unwrap();
    writer.write_image_data(&stored.rgb).unwrap();
    writer.finish().unwrap();
    bytes.extend(b"PLANTED-TRAILER");
    for text in ["PLANTED-GPS", "PLANTED-TEXT", "PLANTED-PRIVATE"] {
        assert!(holds(&bytes, text), "{text} is not in the original");
    }

    let (report, output) = anonymized(&bytes, AnonymizeOptions::default());
    assert!(!holds(&output, "PLANTED"));
    assert_eq!(report.document.picture().unwrap().picture.orientation, 3);
    assert_eq!(report.document.picture().unwrap().detections.len(), 1);
    let mut chunks = png_chunks(&output);
    chunks.dedup();
    assert_eq!(chunks, ["IHDR", "pHYs", "iCCP", "eXIf", "IDAT", "IEND"]);
    let reader = png::Decoder::new(std::io::Cursor::new(&output))
        .read_info()
        .unwrap();
    let info = reader.info();
    assert!(info.icc_profile.as_deref() == Some(&icc_profile()));
    assert_eq!(
        info.pixel_dims.map(|dims| (dims.xppu, dims.yppu)),
        Some((11_811, 5_906))
    );
    let exif = exif::Reader::new()
        .read_raw(info.exif_metadata.as_deref().unwrap().to_vec())
        .unwrap();
    assert_eq!(exif.fields().count(), 1);
    assert!(find(&output, Class::Face).is_empty());
}

#[test]
fn exif_data_behind_the_pixels_of_a_png_are_respected() {
    let orientation = Orientation::from_exif(8);
    let stored = astronaut().stored(orientation);
    let exif = exif_with(orientation, &[], None);
    let mut bytes = vec![];
    let mut encoder = png::Encoder::new(&mut bytes, 512, 512);
    encoder.set_color(png::ColorType::Rgb);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(&stored.rgb).unwrap();
    writer.write_chunk(png::chunk::eXIf, &exif).unwrap();
    writer.finish().unwrap();
    let (report, _) = anonymized(&bytes, AnonymizeOptions::default());
    assert_eq!(report.document.picture().unwrap().picture.orientation, 8);
    assert_eq!(report.document.picture().unwrap().detections.len(), 1);
}
