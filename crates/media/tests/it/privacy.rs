//! A face hides in every place of a file that is known to hold pictures, and in those that could: under no policy is
//! anything of it in the result.

use exif::experimental::Writer;
use exif::{Field, In, Tag, Value};
use sfumato_core::detection::Detection;
use sfumato_core::options::MetadataPolicy;
use sfumato_core::{AnonymizeOptions, MediaFormat};
use sfumato_media::Orientation;

use crate::plant::*;
use crate::support::*;

const XMP_PREFIX: &[u8] = b"http://ns.adobe.com/xap/1.0/\0";

fn segment(prefix: &[u8], content: &[u8]) -> Vec<u8> {
    [prefix, content].concat()
}

/// EXIF data with the given fields, and with a thumbnail in the second directory: a JPEG, or strips of RGB.
fn exif_of(fields: &[(Tag, Value)], thumbnail: Option<&[u8]>, strips: Option<&[&[u8]]>) -> Vec<u8> {
    let fields: Vec<Field> = fields
        .iter()
        .map(|(tag, value)| Field {
            tag: *tag,
            ifd_num: In::PRIMARY,
            value: value.clone(),
        })
        .collect();
    let size = |tag, number| Field {
        tag,
        ifd_num: In::THUMBNAIL,
        value: Value::Long(vec![number]),
    };
    let sizes = [
        size(Tag::ImageWidth, FACE_SIDE),
        size(Tag::ImageLength, FACE_SIDE),
    ];
    let mut writer = Writer::new();
    fields.iter().for_each(|field| writer.push_field(field));
    if let Some(thumbnail) = thumbnail {
        writer.set_jpeg(thumbnail, In::THUMBNAIL);
    }
    if let Some(strips) = strips {
        sizes.iter().for_each(|field| writer.push_field(field));
        writer.set_strips(strips, In::THUMBNAIL);
    }
    let mut data = std::io::Cursor::new(vec![]);
    writer.write(&mut data, true).unwrap();
    data.into_inner()
}

/// EXIF data, each with the face in another place.
pub(crate) fn exif_places(face: &Face) -> Vec<(&'static str, Vec<u8>)> {
    let make = || (Tag::Make, Value::Ascii(vec![b"Camera".to_vec()]));
    let raw = |tag| {
        exif_of(
            &[make(), (tag, Value::Undefined(face.jpeg.clone(), 0))],
            None,
            None,
        )
    };
    let text = |tag, text: &str| {
        let value = Value::Ascii(vec![text.as_bytes().to_vec()]);
        exif_of(&[make(), (tag, value)], None, None)
    };
    let comment = segment(b"ASCII\0\0\0", &face.jpeg);
    let comment_in_base64 = segment(b"ASCII\0\0\0", face.base64().as_bytes());
    let of_comment = |bytes| {
        exif_of(
            &[make(), (Tag::UserComment, Value::Undefined(bytes, 0))],
            None,
            None,
        )
    };
    let strip = &face.pixels.rgb[..60_000];
    vec![
        ("EXIF thumbnail", exif_of(&[make()], Some(&face.jpeg), None)),
        (
            "EXIF thumbnail in strips",
            exif_of(&[make()], None, Some(&[strip])),
        ),
        ("EXIF maker note", raw(Tag::MakerNote)),
        ("EXIF comment", of_comment(comment)),
        ("EXIF comment in Base64", of_comment(comment_in_base64)),
        ("EXIF unknown tag", raw(Tag(exif::Context::Exif, 0xFDE8))),
        ("EXIF PrintIM", raw(Tag(exif::Context::Tiff, 0xC4A5))),
        ("EXIF version", raw(Tag::ExifVersion)),
        (
            "EXIF description in Base64",
            text(Tag::ImageDescription, &face.base64()),
        ),
        ("EXIF artist in hexadecimal", text(Tag::Artist, &face.hex())),
        (
            "EXIF bytes of a title",
            exif_of(
                &[
                    make(),
                    (Tag(exif::Context::Tiff, 0x9C9B), Value::Byte(face.jpeg.clone())),
                ],
                None,
                None,
            ),
        ),
    ]
}

pub(crate) fn resource(number: u16, content: &[u8]) -> Vec<u8> {
    let size = u32::try_from(content.len()).unwrap().to_be_bytes();
    let mut bytes = [b"8BIM", &number.to_be_bytes()[..], &[0, 0], &size, content].concat();
    bytes.resize(bytes.len().next_multiple_of(2), 0);
    bytes
}

pub(crate) fn dataset(record: u8, number: u8, value: &[u8]) -> Vec<u8> {
    let size = u16::try_from(value.len()).unwrap().to_be_bytes();
    [&[0x1C, record, number][..], &size, value].concat()
}

/// An XMP packet, each with the face in another place.
pub(crate) fn xmp_places(face: &Face) -> Vec<(&'static str, String)> {
    let data = face.base64();
    let packet = |properties: &str| {
        format!(
            "<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:RDF xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'>\
             <rdf:Description rdf:about='' xmlns:xmp='http://ns.adobe.com/xap/1.0/' xmp:Rating='3' \
             xmlns:xmpGImg='http://ns.adobe.com/xap/1.0/g/img/' xmlns:GDepth='http://ns.google.com/photos/1.0/depthmap/' \
             xmlns:GImage='http://ns.google.com/photos/1.0/image/' xmlns:dc='http://purl.org/dc/elements/1.1/'>\
             {properties}</rdf:Description></rdf:RDF></x:xmpmeta>"
        )
    };
    vec![
        (
            "XMP thumbnail",
            packet(&format!(
                "<xmp:Thumbnails><rdf:Alt><rdf:li rdf:parseType='Resource'><xmpGImg:format>JPEG</xmpGImg:format>\
                 <xmpGImg:image>{data}</xmpGImg:image></rdf:li></rdf:Alt></xmp:Thumbnails>"
            )),
        ),
        (
            "XMP depth map",
            packet(&format!("<GDepth:Data>{data}</GDepth:Data>")),
        ),
        ("XMP image", packet(&format!("<GImage:Data>{data}</GImage:Data>"))),
        (
            "XMP description",
            packet(&format!(
                "<dc:description><rdf:Alt><rdf:li>{data}</rdf:li></rdf:Alt></dc:description>"
            )),
        ),
        ("XMP comment", packet(&format!("<!-- {data} -->"))),
        ("XMP attribute", packet(&format!("<dc:source dc:a='{data}'/>"))),
    ]
}

/// A JPEG and where in it the face is.
fn jpeg_places(face: &Face) -> Vec<(&'static str, Vec<u8>)> {
    let mut places = vec![];
    let mut add = |place, app: u8, payload: Vec<u8>| places.push((place, vec![(app, payload)], vec![]));
    for (place, data) in exif_places(face) {
        add(place, 1, segment(b"Exif\0\0", &data));
    }
    for (place, packet) in xmp_places(face) {
        add(place, 1, segment(XMP_PREFIX, packet.as_bytes()));
    }
    add("JFXX thumbnail in JPEG", 0, segment(b"JFXX\0\x10", &face.jpeg));
    let small = &face.pixels.rgb[..100 * 100 * 3];
    let palette: Vec<u8> = (0..=255u8).flat_map(|level| [level; 3]).collect();
    let gray: Vec<u8> = face.pixels.gray();
    let indexed = [&b"JFXX\0\x11"[..], &[160, 160], &palette, &gray].concat();
    add("JFXX thumbnail with a palette", 0, indexed);
    add(
        "JFXX thumbnail in RGB",
        0,
        [&b"JFXX\0\x13"[..], &[100, 100], small].concat(),
    );
    let thumbnail = segment(&[0; 28], &face.jpeg);
    for (place, number) in [
        ("8BIM thumbnail", 0x040C),
        ("8BIM thumbnail of version 4", 0x0409),
    ] {
        add(
            place,
            13,
            segment(b"Photoshop 3.0\0", &resource(number, &thumbnail)),
        );
    }
    for (place, record, number) in [
        ("IPTC preview", 2, 202),
        ("IPTC object", 8, 10),
        ("IPTC caption", 2, 120),
    ] {
        let datasets = [dataset(2, 5, b"A title"), dataset(record, number, &face.jpeg)].concat();
        add(
            place,
            13,
            segment(b"Photoshop 3.0\0", &resource(0x0404, &datasets)),
        );
    }
    let guid = b"http://ns.adobe.com/xmp/extension/\x000123456789ABCDEF0123456789ABCDEF\0\0\xFF\xFF\0\0\0\0";
    add("extended XMP", 1, segment(guid, face.base64().as_bytes()));
    add("unknown segment", 4, face.jpeg.clone());
    add("JUMBF segment", 11, segment(b"JP\0\x01\0\0\0\x01", &face.jpeg));
    add("FlashPix segment", 2, segment(b"FPXR\0", &face.jpeg));
    add("comment", COMMENT, face.jpeg.clone());
    add("comment in Base64", COMMENT, face.base64().into_bytes());
    for (place, profile) in icc_places(face) {
        add(place, 2, segment(b"ICC_PROFILE\0\x01\x01", &profile));
    }
    places.push(("data behind the end", vec![], face.jpeg.clone()));
    let motion = segment(b"\0\0\0\x18ftypmp42", &face.jpeg);
    places.push(("film behind the end", vec![], motion));
    places.push((
        "second picture",
        vec![(2, b"MPF\0II*\0\x08\0\0\0".to_vec())],
        face.jpeg.clone(),
    ));
    places
        .into_iter()
        .map(|(place, segments, behind)| {
            let settings = JpegSettings {
                segments,
                ..JpegSettings::default()
            };
            (place, [jpeg(&astronaut(), &settings), behind].concat())
        })
        .collect()
}

fn png_places(face: &Face) -> Vec<(&'static str, Vec<u8>)> {
    let chunk = |kind: &[u8; 4], data: &[u8]| (*kind, data.to_vec());
    let base64 = face.base64();
    let deflated = deflate(&face.jpeg);
    let mut places = vec![];
    for (place, data) in exif_places(face) {
        places.push((place, chunk(b"eXIf", &data)));
    }
    for (place, packet) in xmp_places(face) {
        let text = segment(b"XML:com.adobe.xmp\0\0\0\0\0", packet.as_bytes());
        places.push((place, chunk(b"iTXt", &text)));
    }
    for (place, profile) in icc_places(face) {
        places.push((
            place,
            chunk(b"iCCP", &segment(b"a profile\0\0", &deflate(&profile))),
        ));
    }
    places.push(("text", chunk(b"tEXt", &segment(b"Comment\0", base64.as_bytes()))));
    let hex = deflate(face.hex().as_bytes());
    places.push((
        "compressed text",
        chunk(b"zTXt", &segment(b"Raw profile type exif\0\0", &hex)),
    ));
    let packed = deflate(base64.as_bytes());
    places.push(("packed text", chunk(b"zTXt", &segment(b"Comment\0\0", &packed))));
    let international = segment(b"Comment\0\x01\0\0\0", &packed);
    places.push(("international text", chunk(b"iTXt", &international)));
    places.push(("private chunk", chunk(b"prVt", &face.jpeg)));
    places.push(("packed private chunk", chunk(b"caBX", &deflated)));
    let palette = segment(b"palette\0\x08", &face.jpeg[..face.jpeg.len() / 6 * 6]);
    places.push(("suggested palette", chunk(b"sPLT", &palette)));
    let original = rgb_png(&astronaut());
    let (head, rest) = original.split_at(33);
    let mut files: Vec<_> = places
        .into_iter()
        .map(|(place, (kind, data))| (place, [head, &png_chunk(&kind, &data), rest].concat()))
        .collect();
    let behind = [&original[..], &face.jpeg].concat();
    files.push(("data behind the end", behind));
    // Pixels end before their chunks do.
    let end = original.len() - 12;
    let slack = [
        &original[..end],
        &png_chunk(b"IDAT", &face.jpeg),
        &original[end..],
    ]
    .concat();
    files.push(("data behind the pixels", slack));
    files
}

/// Profiles, each with the face in another place.
pub(crate) fn icc_places(face: &Face) -> Vec<(&'static str, Vec<u8>)> {
    let white_point: (&[u8; 4], &[u8]) = (b"wtpt", b"XYZ \0\0\0\0white point!");
    let text = segment(b"text\0\0\0\0", &face.jpeg);
    vec![
        ("ICC private tag", icc_with(&[white_point, (b"prVt", &face.jpeg)])),
        (
            "ICC trailer",
            [icc_with(&[white_point]), face.jpeg.clone()].concat(),
        ),
        ("ICC copyright", icc_with(&[white_point, (b"cprt", &text)])),
        (
            "ICC white point",
            icc_with(&[(b"wtpt", &segment(b"XYZ \0\0\0\0", &face.jpeg))]),
        ),
        (
            "ICC curve",
            icc_with(&[
                white_point,
                (b"rTRC", &segment(b"curv\0\0\0\0\0\0\0\x02", &face.jpeg)),
            ]),
        ),
        (
            "ICC measurement",
            icc_with(&[white_point, (b"rTRC", &segment(b"meas\0\0\0\0", &face.jpeg))]),
        ),
    ]
}

pub(crate) fn face_of_the_picture() -> Vec<Detection> {
    find(&rgb_png(&astronaut()), sfumato_core::detection::Class::Face)
        .iter()
        .map(detected)
        .collect()
}

/// Hides what is known, since models would find the same in every file.
fn result(bytes: &[u8], policy: MetadataPolicy, known: &[Detection]) -> Vec<u8> {
    let options = AnonymizeOptions {
        metadata: policy,
        ..AnonymizeOptions::default()
    };
    sfumato_media::fuzzing::process(bytes, &task(bytes, options), known)
        .unwrap()
        .1
}

#[test]
fn the_face_that_is_planted_would_be_found() {
    let face = Face::planted();
    assert!(face.jpeg.len() < 30_000, "{} bytes", face.jpeg.len());
    assert_eq!(find(&face.jpeg, sfumato_core::detection::Class::Face).len(), 1);
    let whole = [b"something before", &face.jpeg[..], b"and behind"].concat();
    assert_eq!(carve(&whole).len(), 1);
}

#[test]
fn no_face_that_is_planted_into_a_file_is_in_the_result() {
    let face = Face::planted();
    let known = face_of_the_picture();
    for (format, places) in [
        (MediaFormat::Jpeg, jpeg_places(&face)),
        (MediaFormat::Png, png_places(&face)),
    ] {
        for (place, original) in places {
            assert!(face.is_in(&original), "{format:?} {place}: not in the original");
            for policy in MetadataPolicy::ALL {
                let output = result(&original, policy, &known);
                assert!(
                    !face.is_in(&output),
                    "{format:?} {place}: in the result under {policy:?}"
                );
                assert_no_embedded_face(&output, place);
            }
        }
    }
}

#[test]
fn what_is_kept_is_there() {
    let known = face_of_the_picture();
    let face = Face::planted();
    let places = jpeg_places(&face);
    let (_, original) = places
        .iter()
        .find(|(place, _)| *place == "EXIF thumbnail")
        .unwrap();
    let fields = |policy| exif_of_jpeg(&result(original, policy, &known)).1;
    assert_eq!(
        [fields(MetadataPolicy::Strip), fields(MetadataPolicy::Safe)],
        [0, 0]
    );
}

#[test]
fn a_face_under_transparent_pixels_is_hidden() {
    let pixels = astronaut();
    let samples: Vec<u8> = pixels
        .rgb
        .chunks_exact(3)
        .flat_map(|pixel| [pixel[0], pixel[1], pixel[2], 0])
        .collect();
    let bytes = png((512, 512), png::ColorType::Rgba, png::BitDepth::Eight, &samples);
    let (report, output) = anonymized(&bytes, AnonymizeOptions::default());
    assert_eq!(report.document.picture().unwrap().detections.len(), 1);
    let (_, after) = png_samples(&output);
    let colors: Vec<u8> = after
        .chunks_exact(4)
        .flat_map(|pixel| [pixel[0], pixel[1], pixel[2]])
        .collect();
    let uncovered = Pixels {
        rgb: colors,
        ..pixels
    };
    assert_no_face(&rgb_png(&uncovered));
}

#[test]
fn every_place_at_once_leaves_one_masked_picture() {
    let face = Face::planted();
    let exif = exif_with(Orientation::UPRIGHT, &[(Tag::Make, "Camera")], Some(&face.jpeg));
    let settings = JpegSettings {
        segments: vec![
            (0, segment(b"JFXX\0\x10", &face.jpeg)),
            (1, segment(b"Exif\0\0", &exif)),
            (1, segment(XMP_PREFIX, xmp_places(&face)[0].1.as_bytes())),
            (
                13,
                segment(
                    b"Photoshop 3.0\0",
                    &resource(0x040C, &segment(&[0; 28], &face.jpeg)),
                ),
            ),
        ],
        ..JpegSettings::default()
    };
    let original = [jpeg(&astronaut(), &settings), face.jpeg.clone()].concat();
    assert!(
        carve(&original).len() >= 4,
        "the thumbnails can be carved out of the original"
    );
    for policy in MetadataPolicy::ALL {
        let options = AnonymizeOptions {
            metadata: policy,
            ..AnonymizeOptions::default()
        };
        let (_, output) = anonymized(&original, options);
        assert!(!face.is_in(&output), "{policy:?}");
        assert_eq!(carve(&output).len(), 0, "{policy:?}");
        assert_no_face(&output);
    }
}
