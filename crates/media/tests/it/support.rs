//! Pictures to work on, and short words for what is done with them.

use std::io::Cursor;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock};

use mozjpeg::{ColorSpace, Compress, Decompress, Marker};
use sfumato_core::detection::{Class, DocumentedDetection};
use sfumato_core::options::{Mask, MaskStyle};
use sfumato_core::{AnonymizeOptions, MediaFormat};
use sfumato_detect::DetectorSet;
use sfumato_media::{Orientation, anonymize};
use sfumato_media_client::limits::MediaLimits;
use sfumato_media_client::protocol::{Failure, Goal, Report, Task};

/// The folder that `cargo xtask setup` fills.
pub(crate) fn assets_dir() -> PathBuf {
    if let Some(dir) = std::env::var_os("SFUMATO_ASSETS_DIR") {
        return dir.into();
    }
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .ancestors()
        .map(|dir| dir.join("assets"))
        .find(|dir| dir.is_dir())
        .expect("there is no assets folder: run `cargo xtask setup`")
}

/// Loads the real models, once for all tests of a process.
pub(crate) fn detectors() -> &'static Mutex<DetectorSet> {
    static DETECTORS: OnceLock<Mutex<DetectorSet>> = OnceLock::new();
    DETECTORS.get_or_init(|| {
        let detectors = DetectorSet::load(&assets_dir(), &[], 2)
            .unwrap_or_else(|error| panic!("the models do not load ({error}): run `cargo xtask setup`"));
        Mutex::new(detectors)
    })
}

/// RGB pixels with 8 bits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pixels {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) rgb: Vec<u8>,
}

impl Pixels {
    pub(crate) fn pixel(&self, x: u32, y: u32) -> [u8; 3] {
        let start = (y as usize * self.width as usize + x as usize) * 3;
        [self.rgb[start], self.rgb[start + 1], self.rgb[start + 2]]
    }

    pub(crate) fn gray(&self) -> Vec<u8> {
        self.rgb.chunks_exact(3).map(|pixel| pixel[1]).collect()
    }

    /// The pixels as a file with the given orientation stores them.
    pub(crate) fn stored(&self, orientation: Orientation) -> Self {
        let (width, height) = orientation.upright_size(self.width, self.height);
        let mut stored = Self {
            width,
            height,
            rgb: vec![0; self.rgb.len()],
        };
        for v in 0..self.height {
            for u in 0..self.width {
                let point = [u as f32 + 0.5, v as f32 + 0.5];
                let [x, y] = orientation.to_stored(point, width as f32, height as f32);
                let start = (y as usize * width as usize + x as usize) * 3;
                stored.rgb[start..start + 3].copy_from_slice(&self.pixel(u, v));
            }
        }
        stored
    }
}

/// A public-domain photograph with one large face (Eileen Collins, NASA), 512x512.
pub(crate) fn astronaut() -> Pixels {
    let path = assets_dir().join("pictures/astronaut.png");
    let bytes = std::fs::read(&path)
        .unwrap_or_else(|error| panic!("{}: {error}; run `cargo xtask setup`", path.display()));
    decode_png(&bytes)
}

/// How a test wants its JPEG.
#[derive(Clone, Default)]
pub(crate) struct JpegSettings {
    pub(crate) gray: bool,
    /// Stored as RGB instead of YCbCr.
    pub(crate) rgb: bool,
    pub(crate) progressive: bool,
    pub(crate) chroma_pixel_size: Option<(u8, u8)>,
    pub(crate) density: Option<(u16, u16)>,
    pub(crate) segments: Vec<(u8, Vec<u8>)>,
}

pub(crate) const COMMENT: u8 = 0xFE;

pub(crate) fn jpeg(pixels: &Pixels, settings: &JpegSettings) -> Vec<u8> {
    let space = if settings.gray {
        ColorSpace::JCS_GRAYSCALE
    } else {
        ColorSpace::JCS_RGB
    };
    let mut encoder = Compress::new(space);
    encoder.set_fastest_defaults();
    encoder.set_size(pixels.width as usize, pixels.height as usize);
    encoder.set_quality(88.0);
    if settings.rgb {
        encoder.set_color_space(ColorSpace::JCS_RGB);
    }
    if let Some(size) = settings.chroma_pixel_size {
        encoder.set_chroma_sampling_pixel_sizes(size, size);
    }
    if let Some((x, y)) = settings.density {
        encoder.set_pixel_density(mozjpeg::PixelDensity {
            unit: mozjpeg::PixelDensityUnit::Inches,
            x,
            y,
        });
    }
    if settings.progressive {
        encoder.set_progressive_mode();
    }
    let mut encoder = encoder.start_compress(vec![]).unwrap();
    for (marker, payload) in &settings.segments {
        let marker = match *marker {
            COMMENT => Marker::COM,
            app => Marker::APP(app),
        };
        encoder.write_marker(marker, payload);
    }
    let gray = pixels.gray();
    encoder
        .write_scanlines(if settings.gray { &gray } else { &pixels.rgb })
        .unwrap();
    encoder.finish().unwrap()
}

pub(crate) fn decode_jpeg(bytes: &[u8]) -> Pixels {
    let mut decoder = Decompress::new_mem(bytes).unwrap().rgb().unwrap();
    Pixels {
        width: u32::try_from(decoder.width()).unwrap(),
        height: u32::try_from(decoder.height()).unwrap(),
        rgb: decoder.read_scanlines().unwrap(),
    }
}

/// Encodes any samples; those of 16 bits are big-endian.
pub(crate) fn png(size: (u32, u32), color: png::ColorType, depth: png::BitDepth, data: &[u8]) -> Vec<u8> {
    let mut bytes = vec![];
    let mut encoder = png::Encoder::new(&mut bytes, size.0, size.1);
    encoder.set_color(color);
    encoder.set_depth(depth);
    encoder.set_compression(png::Compression::Fast);
    let mut writer = encoder.write_header().unwrap();
    writer.write_image_data(data).unwrap();
    writer.finish().unwrap();
    bytes
}

pub(crate) fn rgb_png(pixels: &Pixels) -> Vec<u8> {
    png(
        (pixels.width, pixels.height),
        png::ColorType::Rgb,
        png::BitDepth::Eight,
        &pixels.rgb,
    )
}

/// The samples of a PNG as they are stored, and their description.
pub(crate) fn png_samples(bytes: &[u8]) -> (png::OutputInfo, Vec<u8>) {
    let mut reader = png::Decoder::new(Cursor::new(bytes)).read_info().unwrap();
    let mut data = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut data).unwrap();
    (info, data)
}

pub(crate) fn decode_png(bytes: &[u8]) -> Pixels {
    let (info, rgb) = png_samples(bytes);
    assert_eq!(
        (info.color_type, info.bit_depth),
        (png::ColorType::Rgb, png::BitDepth::Eight)
    );
    Pixels {
        width: info.width,
        height: info.height,
        rgb,
    }
}

pub(crate) fn task(bytes: &[u8], options: AnonymizeOptions) -> Task {
    Task {
        format: MediaFormat::sniff(bytes).unwrap_or(MediaFormat::Jpeg),
        bytes: bytes.len() as u64,
        goal: Goal::Anonymize,
        options,
        limits: MediaLimits::default(),
        given: None,
        seed: [42; 32],
    }
}

pub(crate) fn masked_with(style: MaskStyle) -> AnonymizeOptions {
    AnonymizeOptions {
        mask: Mask {
            style,
            ..Mask::default()
        },
        ..AnonymizeOptions::default()
    }
}

pub(crate) fn styles() -> [MaskStyle; 3] {
    [
        MaskStyle::Blur,
        MaskStyle::Pixelate(sfumato_core::options::PixelCount::default()),
        MaskStyle::Opaque(sfumato_core::options::Color::default()),
    ]
}

pub(crate) fn try_anonymize(bytes: &[u8], options: AnonymizeOptions) -> Result<(Report, Vec<u8>), Failure> {
    let mut output = vec![];
    let mut detectors = detectors().lock().unwrap();
    let task = task(bytes, options);
    let report = anonymize(&mut detectors, &task, Cursor::new(bytes), &mut output, |_| ())?;
    assert_eq!(report.bytes, output.len() as u64);
    Ok((report, output))
}

pub(crate) fn anonymized(bytes: &[u8], options: AnonymizeOptions) -> (Report, Vec<u8>) {
    try_anonymize(bytes, options).unwrap()
}

/// What the real detectors of a class find in a file.
pub(crate) fn find(bytes: &[u8], class: Class) -> Vec<DocumentedDetection> {
    let options = AnonymizeOptions {
        faces: class == Class::Face,
        plates: class == Class::Plate,
        ..AnonymizeOptions::default()
    };
    let (report, _) = anonymized(bytes, options);
    let detections = &report.document.picture().unwrap().detections;
    assert!(detections.iter().all(|detection| detection.class == class));
    detections.clone()
}

/// Whether a file holds a text anywhere.
pub(crate) fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// EXIF data with an orientation, further text fields, and a thumbnail in the second directory.
pub(crate) fn exif_with(
    orientation: Orientation,
    texts: &[(exif::Tag, &str)],
    thumbnail: Option<&[u8]>,
) -> Vec<u8> {
    use exif::{Field, In, Value};
    let field = |tag, value| Field {
        tag,
        ifd_num: In::PRIMARY,
        value,
    };
    let mut fields = vec![field(
        exif::Tag::Orientation,
        Value::Short(vec![orientation.value().into()]),
    )];
    for (tag, text) in texts {
        fields.push(field(*tag, Value::Ascii(vec![text.as_bytes().to_vec()])));
    }
    let mut writer = exif::experimental::Writer::new();
    for field in &fields {
        writer.push_field(field);
    }
    if let Some(thumbnail) = thumbnail {
        writer.set_jpeg(thumbnail, In::THUMBNAIL);
    }
    let mut data = Cursor::new(vec![]);
    writer.write(&mut data, false).unwrap();
    data.into_inner()
}

/// The orientation in a JPEG's EXIF data, 1 where there is none, and how many fields there are.
pub(crate) fn exif_of_jpeg(bytes: &[u8]) -> (u32, usize) {
    match exif::Reader::new().read_from_container(&mut Cursor::new(bytes)) {
        Ok(exif) => {
            let orientation = exif
                .get_field(exif::Tag::Orientation, exif::In::PRIMARY)
                .and_then(|field| field.value.get_uint(0));
            (orientation.unwrap_or(1), exif.fields().count())
        }
        Err(_) => (1, 0),
    }
}

/// Marker and payload of each segment before the first scan.
pub(crate) fn jpeg_segments(bytes: &[u8]) -> Vec<(u8, Vec<u8>)> {
    let mut segments = vec![];
    let mut rest = &bytes[2..];
    while let [0xFF, marker, high, low, ..] = *rest {
        let length = usize::from(u16::from_be_bytes([high, low]));
        segments.push((marker, rest[4..2 + length].to_vec()));
        if marker == 0xDA {
            break;
        }
        rest = &rest[2 + length..];
    }
    segments
}

/// The types of all chunks of a PNG.
pub(crate) fn png_chunks(bytes: &[u8]) -> Vec<String> {
    let mut types = vec![];
    let mut rest = &bytes[8..];
    while rest.len() >= 12 {
        let length = u32::from_be_bytes([rest[0], rest[1], rest[2], rest[3]]) as usize;
        types.push(String::from_utf8(rest[4..8].to_vec()).unwrap());
        rest = &rest[12 + length..];
    }
    types
}

/// An ICC profile with the given tags: header, tag table, tag data (ICC.1:2022, 7).
pub(crate) fn icc_with(tags: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
    let word = |number: usize| u32::try_from(number).unwrap().to_be_bytes();
    let mut table = word(tags.len()).to_vec();
    let mut data = vec![];
    let start = 132 + 12 * tags.len();
    for (signature, content) in tags {
        table.extend([**signature, word(start + data.len()), word(content.len())].concat());
        data.extend_from_slice(content);
        data.resize(data.len().next_multiple_of(4), 0);
    }
    let mut header = [0; 128];
    header[..4].copy_from_slice(&word(start + data.len()));
    header[8..24].copy_from_slice(b"\x04\x40\0\0mntrRGB XYZ ");
    header[36..40].copy_from_slice(b"acsp");
    [&header[..], &table, &data].concat()
}
