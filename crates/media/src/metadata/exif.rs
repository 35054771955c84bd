//! EXIF (CIPA DC-008-2023, EXIF 3.0): a directory of fields that may refer to anything, built again from the fields that
//! are understood.
//!
//! The second directory (a thumbnail), maker notes, and every field that is not named here stay behind, and so do the
//! fields that say where and how pixels are stored: of the result they are not true.

use std::io::Cursor;

use exif::experimental::Writer;
use exif::{Context, Exif, Field, In, Tag, Value};
use sfumato_core::options::MetadataPolicy;

use super::text::is_text;
use crate::orientation::Orientation;

/// The largest EXIF data in bytes that more than the orientation is read of. A JPEG holds at most 65,527; fields may refer
/// to the same bytes, so that reading them all can take many times as much.
const BYTES_MAX: usize = 1 << 20;

/// The most numbers that a field may have; the reference of black and white has six.
const NUMBERS_MAX: usize = 6;

/// The most bytes of a field that holds a version or a code.
const CODE_BYTES_MAX: usize = 4;

/// What a field may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Lines of text.
    Text,
    /// A few numbers.
    Numbers,
    /// A few bytes: a version, for example.
    Code,
    /// A text behind eight bytes that name its characters.
    Comment,
    /// UTF-16, as Windows writes it.
    Wide,
}

/// What tells how large to show a picture, and in which colours.
const SAFE: [(Tag, Kind); 4] = [
    (Tag::XResolution, Kind::Numbers),
    (Tag::YResolution, Kind::Numbers),
    (Tag::ResolutionUnit, Kind::Numbers),
    (Tag::ColorSpace, Kind::Numbers),
];

const fn tiff(number: u16) -> Tag {
    Tag(Context::Tiff, number)
}

const fn exif_tag(number: u16) -> Tag {
    Tag(Context::Exif, number)
}

/// Ranges of tags that are kept besides: the first and the last number, and what they hold.
const KEPT: [(Context, u16, u16, Kind); 34] = {
    use Context::{Exif, Gps, Interop, Tiff};
    use Kind::{Code, Comment, Numbers, Text, Wide};
    [
        // Document name, description, make and model.
        (Tiff, 0x010D, 0x0110, Text),
        // Software and date.
        (Tiff, 0x0131, 0x0132, Text),
        // Artist and host computer.
        (Tiff, 0x013B, 0x013C, Text),
        // White point and primaries, YCbCr coefficients, position, reference.
        (Tiff, 0x013E, 0x013F, Numbers),
        (Tiff, 0x0211, 0x0211, Numbers),
        (Tiff, 0x0213, 0x0214, Numbers),
        // Rating, also in per cent.
        (Tiff, 0x4746, 0x4746, Numbers),
        (Tiff, 0x4749, 0x4749, Numbers),
        (Tiff, 0x8298, 0x8298, Text),
        // Title, comment, author, keywords, subject.
        (Tiff, 0x9C9B, 0x9C9F, Wide),
        // Exposure time, F-number, programme.
        (Exif, 0x829A, 0x829A, Numbers),
        (Exif, 0x829D, 0x829D, Numbers),
        (Exif, 0x8822, 0x8822, Numbers),
        (Exif, 0x8824, 0x8824, Text),
        // Sensitivities.
        (Exif, 0x8827, 0x8827, Numbers),
        (Exif, 0x8830, 0x8835, Numbers),
        (Exif, 0x9000, 0x9000, Code),
        // Dates and time zones.
        (Exif, 0x9003, 0x9004, Text),
        (Exif, 0x9010, 0x9012, Text),
        (Exif, 0x9101, 0x9101, Code),
        // Compression, shutter, aperture, brightness, bias, distance, metering, light, flash, focal length, subject.
        (Exif, 0x9102, 0x9102, Numbers),
        (Exif, 0x9201, 0x9214, Numbers),
        (Exif, 0x9286, 0x9286, Comment),
        // Fractions of seconds.
        (Exif, 0x9290, 0x9292, Text),
        // Temperature, humidity, pressure, depth, acceleration, elevation.
        (Exif, 0x9400, 0x9405, Numbers),
        (Exif, 0xA000, 0xA000, Code),
        // Flash energy, focal plane, subject, exposure index, sensing method.
        (Exif, 0xA20B, 0xA217, Numbers),
        // Source of file and type of scene.
        (Exif, 0xA300, 0xA301, Code),
        // Rendering, exposure mode, white balance, zoom, focal length, scene, gain, contrast, saturation, sharpness.
        (Exif, 0xA401, 0xA40A, Numbers),
        (Exif, 0xA40C, 0xA40C, Numbers),
        // Identifier, owner, serial number; the lens is below.
        (Exif, 0xA420, 0xA431, Text),
        (Exif, 0xA433, 0xA435, Text),
        // See `gps` for the others.
        (Gps, 0x0000, 0x001F, Numbers),
        (Interop, 0x0001, 0x0001, Text),
    ]
};

/// Fields of the position that are no numbers.
const fn gps(number: u16) -> Kind {
    match number {
        // Version.
        0x00 => Kind::Code,
        // References, satellites, status, measurement, datum, date.
        0x01 | 0x03 | 0x08..=0x0A | 0x0C | 0x0E | 0x10 | 0x12 | 0x13 | 0x15 | 0x17 | 0x19 | 0x1D => {
            Kind::Text
        }
        // Method and area.
        0x1B | 0x1C => Kind::Comment,
        _ => Kind::Numbers,
    }
}

fn kept() -> impl Iterator<Item = (Tag, Kind)> {
    let ranges = KEPT.into_iter().flat_map(|(context, first, last, kind)| {
        (first..=last).map(move |number| match context {
            Context::Gps => (Tag(context, number), gps(number)),
            _ => (Tag(context, number), kind),
        })
    });
    // Lens specification and gamma.
    let numbers = [exif_tag(0xA432), exif_tag(0xA500)].map(|tag| (tag, Kind::Numbers));
    SAFE.into_iter().chain(ranges).chain(numbers)
}

/// The EXIF data of a result (a TIFF structure, without the prefix it has in a JPEG); `None` where there is nothing to say.
pub(crate) fn exif(
    policy: MetadataPolicy,
    original: Option<&[u8]>,
    orientation: Orientation,
) -> Option<Vec<u8>> {
    let fields = match (policy, original.and_then(read)) {
        (MetadataPolicy::Strip, _) | (_, None) => vec![],
        (MetadataPolicy::Safe, Some(exif)) => pick(&exif, SAFE.into_iter()),
        (MetadataPolicy::Keep, Some(exif)) => pick(&exif, kept()),
    };
    if fields.is_empty() {
        return super::minimal_exif(orientation);
    }
    write(&fields, orientation)
}

fn read(original: &[u8]) -> Option<Exif> {
    if original.len() > BYTES_MAX {
        return None;
    }
    exif::Reader::new()
        .continue_on_error(true)
        .read_raw(original.to_vec())
        .or_else(|error| error.distill_partial_result(|_damage| ()))
        .ok()
}

fn pick(exif: &Exif, tags: impl Iterator<Item = (Tag, Kind)>) -> Vec<Field> {
    tags.filter_map(|(tag, kind)| {
        let value = understood(&exif.get_field(tag, In::PRIMARY)?.value, kind)?;
        Some(Field {
            tag,
            ifd_num: In::PRIMARY,
            value,
        })
    })
    .collect()
}

/// A copy of a value that is what it should be.
fn understood(value: &Value, kind: Kind) -> Option<Value> {
    let is_sound = match (kind, value) {
        (Kind::Text, Value::Ascii(lines)) => lines.len() <= 2 && lines.iter().all(|line| is_text(line)),
        (Kind::Numbers, Value::Byte(numbers)) => numbers.len() <= NUMBERS_MAX,
        (Kind::Numbers, Value::Short(numbers)) => numbers.len() <= NUMBERS_MAX,
        (Kind::Numbers, Value::Long(numbers)) => numbers.len() <= NUMBERS_MAX,
        (Kind::Numbers, Value::SShort(numbers)) => numbers.len() <= NUMBERS_MAX,
        (Kind::Numbers, Value::SLong(numbers)) => numbers.len() <= NUMBERS_MAX,
        (Kind::Numbers, Value::Rational(numbers)) => numbers.len() <= NUMBERS_MAX,
        (Kind::Numbers, Value::SRational(numbers)) => numbers.len() <= NUMBERS_MAX,
        (Kind::Code, Value::Undefined(bytes, _)) => bytes.len() <= CODE_BYTES_MAX,
        (Kind::Code, Value::Byte(bytes)) => bytes.len() <= CODE_BYTES_MAX,
        (Kind::Comment, Value::Undefined(bytes, _)) => return comment(bytes),
        (Kind::Wide, Value::Byte(bytes)) => return wide(bytes),
        _ => false,
    };
    is_sound.then(|| value.clone())
}

/// A comment that says in its first eight bytes that it is in ASCII, or does not say in what it is; Unicode is in the byte
/// order of whoever wrote it, and is written in that of the result.
fn comment(bytes: &[u8]) -> Option<Value> {
    let (code, text) = bytes.split_first_chunk::<8>()?;
    let end = text
        .iter()
        .rposition(|byte| !matches!(byte, 0 | b' '))
        .map_or(0, |last| last + 1);
    let text = match code {
        b"ASCII\0\0\0" | [0, 0, 0, 0, 0, 0, 0, 0] => text[..end].to_vec(),
        b"UNICODE\0" => {
            let big = utf16(text, u16::from_be_bytes);
            let little = utf16(text, u16::from_le_bytes);
            // Text in the wrong order has characters from all over the plane.
            let strangeness = |text: &Option<String>| {
                text.as_ref().map_or(usize::MAX, |text| {
                    text.chars().filter(|char| !char.is_ascii()).count()
                })
            };
            let text = if strangeness(&little) < strangeness(&big) {
                little
            } else {
                big
            }?;
            is_text(text.as_bytes()).then_some(())?;
            let text = text
                .encode_utf16()
                .flat_map(u16::to_be_bytes)
                .collect::<Vec<u8>>();
            return Some(Value::Undefined([&code[..], &text].concat(), 0));
        }
        _ => return None,
    };
    (!text.is_empty() && is_text(&text)).then(|| Value::Undefined([&code[..], &text].concat(), 0))
}

/// Text in UTF-16, low byte first, that ends with a zero.
fn wide(bytes: &[u8]) -> Option<Value> {
    let text = utf16(bytes, u16::from_le_bytes)?;
    is_text(text.as_bytes()).then(|| {
        let units = text.encode_utf16().chain([0]);
        Value::Byte(units.flat_map(u16::to_le_bytes).collect())
    })
}

/// Reads text in UTF-16 up to its end or the first zero; `None` for what is none.
fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Option<String> {
    let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    let units: Vec<u16> = units.take_while(|unit| *unit != 0).collect();
    String::from_utf16(&units).ok().filter(|text| !text.is_empty())
}

fn write(fields: &[Field], orientation: Orientation) -> Option<Vec<u8>> {
    let orientation = (orientation != Orientation::UPRIGHT).then(|| Field {
        tag: tiff(Tag::Orientation.number()),
        ifd_num: In::PRIMARY,
        value: Value::Short(vec![orientation.value().into()]),
    });
    let mut writer = Writer::new();
    orientation
        .iter()
        .chain(fields)
        .for_each(|field| writer.push_field(field));
    let mut data = Cursor::new(vec![]);
    writer.write(&mut data, false).ok()?;
    Some(data.into_inner())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn field(tag: Tag, ifd_num: In, value: Value) -> Field {
        Field { tag, ifd_num, value }
    }

    fn text(text: &str) -> Value {
        Value::Ascii(vec![text.as_bytes().to_vec()])
    }

    fn rational(num: u32) -> Value {
        Value::Rational(vec![exif::Rational { num, denom: 1 }])
    }

    fn everything() -> Vec<u8> {
        let primary = |tag, value| field(tag, In::PRIMARY, value);
        let fields = [
            primary(Tag::Make, text("Camera works")),
            primary(Tag::XResolution, rational(300)),
            primary(Tag::YResolution, rational(300)),
            primary(Tag::ResolutionUnit, Value::Short(vec![2])),
            primary(Tag::ImageDescription, text(&"iVBORw0KGgo".repeat(100))),
            primary(Tag::ExifVersion, Value::Undefined(b"0232".to_vec(), 0)),
            primary(Tag::ExposureTime, rational(2)),
            primary(Tag::PixelXDimension, Value::Long(vec![512])),
            primary(Tag::ColorSpace, Value::Short(vec![1])),
            primary(Tag::MakerNote, Value::Undefined(vec![1; 5000], 0)),
            primary(
                Tag::UserComment,
                Value::Undefined(b"ASCII\0\0\0a note   ".to_vec(), 0),
            ),
            primary(Tag::BodySerialNumber, text("12345")),
            primary(
                Tag::GPSLatitude,
                Value::Rational([48, 8, 0].map(|num| exif::Rational { num, denom: 1 }).into()),
            ),
            primary(Tag::GPSLatitudeRef, text("N")),
            primary(Tag::InteroperabilityIndex, text("R98")),
            primary(tiff(0x9C9B), Value::Byte(b"T\0i\0t\0l\0e\0\0\0\xFF\xD8".to_vec())),
            primary(tiff(0xC4A5), Value::Undefined(b"PrintIM".to_vec(), 0)),
            primary(exif_tag(0xFDE8), Value::Byte(vec![7; 3000])),
            field(Tag::Compression, In::THUMBNAIL, Value::Short(vec![6])),
        ];
        let mut writer = Writer::new();
        fields.iter().for_each(|field| writer.push_field(field));
        writer.set_jpeg(b"\xFF\xD8 a face \xFF\xD9", In::THUMBNAIL);
        let mut data = Cursor::new(vec![]);
        writer.write(&mut data, true).unwrap();
        data.into_inner()
    }

    fn names(data: &[u8]) -> Vec<String> {
        let parsed = exif::Reader::new().read_raw(data.to_vec()).unwrap();
        let mut names: Vec<String> = parsed.fields().map(|field| format!("{}", field.tag)).collect();
        names.sort();
        names
    }

    #[test]
    fn each_policy_keeps_what_it_says() {
        let original = everything();
        let turned = Orientation::from_exif(6);
        let with = |policy| exif(policy, Some(&original), turned).unwrap();
        assert_eq!(names(&with(MetadataPolicy::Strip)), ["Orientation"]);
        let safe = [
            "ColorSpace",
            "Orientation",
            "ResolutionUnit",
            "XResolution",
            "YResolution",
        ];
        assert_eq!(names(&with(MetadataPolicy::Safe)), safe);
        let kept = with(MetadataPolicy::Keep);
        let mut expected = vec![
            "BodySerialNumber",
            "ExifVersion",
            "ExposureTime",
            "GPSLatitude",
            "GPSLatitudeRef",
            "InteroperabilityIndex",
            "Make",
            "Tag(Tiff, 40091)",
            "UserComment",
        ];
        expected.extend(safe);
        expected.sort_unstable();
        assert_eq!(names(&kept), expected);
        for gone in [&b"a face"[..], b"iVBORw0", &[1; 100], &[7; 100], b"\xFF\xD8"] {
            assert!(!kept.windows(gone.len()).any(|window| window == gone), "{gone:?}");
        }
        let parsed = exif::Reader::new().read_raw(kept).unwrap();
        let value = |tag| parsed.get_field(tag, In::PRIMARY).unwrap().value.clone();
        assert!(
            matches!(value(Tag::UserComment), Value::Undefined(bytes, _) if bytes == b"ASCII\0\0\0a note")
        );
        assert_eq!(super::super::orientation(&with(MetadataPolicy::Keep)), turned);
    }

    #[test]
    fn a_comment_in_unicode_is_read_in_both_orders() {
        for unit in [u16::to_be_bytes, u16::to_le_bytes] {
            let text: Vec<u8> = "Grüße".encode_utf16().flat_map(unit).collect();
            let Some(Value::Undefined(bytes, _)) = comment(&[&b"UNICODE\0"[..], &text].concat()) else {
                panic!("it is no comment");
            };
            assert_eq!(utf16(&bytes[8..], u16::from_be_bytes).as_deref(), Some("Grüße"));
        }
        assert!(comment(b"JIS\0\0\0\0\0text").is_none());
        assert!(comment(&[&b"ASCII\0\0\0"[..], &[0xFF, 0xD8, 0x00, 0x01]].concat()).is_none());
    }

    #[test]
    fn a_picture_without_exif_gets_it_for_its_orientation_alone() {
        for policy in MetadataPolicy::ALL {
            assert_eq!(exif(policy, None, Orientation::UPRIGHT), None);
            assert_eq!(exif(policy, Some(b"garbage"), Orientation::UPRIGHT), None);
            assert_eq!(
                exif(policy, None, Orientation::from_exif(3)).map(|data| data.len()),
                Some(26)
            );
        }
    }

    #[test]
    fn fields_that_all_refer_to_the_same_bytes_do_not_multiply() {
        let mut data = b"MM\0\x2A\0\0\0\x08\xFF\xFF".to_vec();
        for tag in 0..=u16::MAX - 1 {
            data.extend(tag.to_be_bytes());
            data.extend(b"\0\x02\0\x01\0\0\0\0\0\x08");
        }
        data.extend([0; 4]);
        let kept = exif(MetadataPolicy::Keep, Some(&data), Orientation::UPRIGHT);
        assert!(kept.is_none_or(|kept| kept.len() < 10_000));
    }

    proptest! {
        #[test]
        fn damaged_data_are_built_again_or_left_out(
            damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..20),
        ) {
            let mut data = everything();
            for (place, value) in damage {
                let place = place.index(data.len());
                data[place] = value;
            }
            for policy in MetadataPolicy::ALL {
                if let Some(once) = exif(policy, Some(&data), Orientation::UPRIGHT) {
                    prop_assert_eq!(exif(policy, Some(&once), Orientation::UPRIGHT), Some(once));
                }
            }
        }
    }
}
