//! The form of an upload, as the description of the API shows it. [`crate::upload`] reads the form as a stream and
//! [`sfumato_engine::options`] its fields.

use utoipa::ToSchema;

/// The form of an upload. Fields in any order; other fields are ignored. What BlurIt does not know is called an extension.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only describes the form; `upload` reads it as a stream")]
pub(crate) struct AnonymizationForm {
    /// The file, exactly one: JPEG, PNG, WebP, BMP or TIFF; MP4, MOV, AVI, MKV or WebM; or a ZIP archive of those. The content
    /// decides, not the name or the declared type.
    #[schema(value_type = String, format = Binary)]
    input_media: Vec<u8>,
    /// Find and hide faces. `true`, `false`, `1` or `0`.
    #[schema(nullable = false, default = true)]
    activation_faces_blur: Option<bool>,
    /// Find and hide licence plates. `true`, `false`, `1` or `0`.
    #[schema(nullable = false, default = true)]
    activation_plates_blur: Option<bool>,
    /// Also produce a JSON document of what was found.
    #[schema(nullable = false, default = false)]
    output_detections_url: Option<bool>,
    /// Detections whose centre lies outside are left alone. A rectangle as JSON text or as bracketed fields such as
    /// `included_area[top]`. Extension: a list of regions as JSON text, of which one has to hold the centre; an empty list is
    /// the whole picture.
    #[schema(nullable = false)]
    included_area: Option<Regions>,
    /// Extension. Detections whose centre lies inside one of these regions are left alone, also where `included_area` holds
    /// it. The same encodings as `included_area`.
    #[schema(nullable = false)]
    excluded_area: Option<Regions>,
    /// How detections are hidden. JSON text, or bracketed fields such as `blur_type[anonymization_type]`.
    #[schema(nullable = false)]
    blur_type: Option<BlurType>,
    /// Extension. By how much of its width and height a bounding box grows on each side before it is hidden.
    #[schema(nullable = false, minimum = 0, maximum = 1, default = 0.15)]
    mask_growth: Option<f64>,
    /// Extension. The shape of hidden regions: where it is absent, an ellipse for a face and the quadrilateral of its corners
    /// for a licence plate.
    #[schema(nullable = false)]
    mask_shape: Option<MaskShape>,
    /// Extension. How hard is looked. The operator may have set another default than `balanced`.
    #[schema(nullable = false, default = "balanced")]
    profile: Option<Profile>,
    /// Extension. Confidence from which a face counts. The lower it is the less is missed, and the more is hidden that is no
    /// face. Where it is absent the profile decides.
    #[schema(nullable = false, minimum = 0.05, maximum = 1)]
    face_threshold: Option<f32>,
    /// Extension. Confidence from which a licence plate counts; as `face_threshold`.
    #[schema(nullable = false, minimum = 0.05, maximum = 1)]
    plate_threshold: Option<f32>,
    /// Extension. What of the original's metadata the result has. Thumbnails and other embedded pictures never survive.
    #[schema(nullable = false, default = "safe")]
    metadata: Option<Metadata>,
    /// Extension. What is done with the sound of a video.
    #[schema(nullable = false, default = "keep")]
    audio: Option<Audio>,
    /// Extension. What is done with the subtitles of a video, which often name who is speaking.
    #[schema(nullable = false, default = "drop")]
    subtitles: Option<Subtitles>,
    /// Extension. How the pictures of a video are encoded.
    #[schema(nullable = false, default = "keep")]
    codec: Option<Codec>,
    /// Extension. How closely a video resembles the original outside of the masks: a constant rate factor as x264 counts, 0 for
    /// the best and 51 for the smallest.
    #[schema(nullable = false, minimum = 0, maximum = 51, default = 21)]
    quality: Option<u8>,
    /// Extension. What becomes of an archive's entries that are neither pictures nor videos. They are in no result.
    #[schema(nullable = false, default = "error")]
    other_entries: Option<OtherEntries>,
    /// Extension. Which of the client's own waiting jobs it goes before. The operator may have bounded it.
    #[schema(nullable = false, default = "normal")]
    priority: Option<Priority>,
}

/// Which of a client's waiting jobs is begun first: all of a higher priority before any of a lower one, the oldest of the same
/// first. Jobs of other clients wait neither more nor less for it.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "only describes the form; `options` reads it")]
pub(crate) enum Priority {
    /// After all others.
    Low,
    /// Where nothing is said.
    Normal,
    /// Before all others.
    High,
}

/// What is done with the sound of a video: every track is copied bit for bit (`keep`), every track is as long as it was and
/// silent (`mute`), or there is none (`strip`).
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "only describes the form; `options` reads it")]
pub(crate) enum Audio {
    /// Every track is copied, bit for bit.
    Keep,
    /// Every track is as long as it was, and silent.
    Mute,
    /// There is none.
    Strip,
}

/// What is done with the subtitles of a video: there are none in the result (`drop`), or every track is copied (`keep`).
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "only describes the form; `options` reads it")]
pub(crate) enum Subtitles {
    /// There are none.
    Drop,
    /// Every track is copied.
    Keep,
}

/// How the pictures of a video are encoded: as they were where there is an encoder for it, otherwise H.264, in WebM VP9
/// (`keep`); H.264 (`h264`); HEVC (`hevc`).
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "only describes the form; `options` reads it")]
pub(crate) enum Codec {
    /// As they were.
    Keep,
    /// H.264.
    H264,
    /// HEVC.
    Hevc,
}

/// What becomes of an archive's other entries: they are reported as errors (`error`), or left out without one (`omit`).
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "only describes the form; `options` reads it")]
pub(crate) enum OtherEntries {
    /// They are reported as errors.
    Error,
    /// They are left out.
    Omit,
}

/// One rectangle, or a list of at most 100 regions.
#[derive(ToSchema)]
#[serde(untagged)]
#[schema(example = json!({"left": 0, "right": 0.5, "top": 0, "bottom": 1}))]
#[expect(dead_code, reason = "only describes the form; `options` reads it")]
pub(crate) enum Regions {
    /// One rectangle.
    Rectangle(Area),
    /// Any number of regions.
    List(Vec<Region>),
}

/// A part of the picture as it is displayed (after EXIF orientation), in fractions of its width and height.
#[derive(ToSchema)]
#[serde(untagged)]
#[schema(example = json!([[0, 0], [1, 0], [0.5, 1]]))]
#[expect(dead_code, reason = "only describes the form; `options` reads it")]
pub(crate) enum Region {
    /// A rectangle.
    Rectangle(Area),
    /// A polygon by 3 to 1000 corners `[x, y]`, closed by itself; where edges cross, the even-odd rule says what is inside.
    Polygon(Vec<[f64; 2]>),
}

/// A rectangle in fractions of the picture's width and height: 0 ≤ left < right ≤ 1, 0 ≤ top < bottom ≤ 1.
#[derive(ToSchema)]
#[schema(example = json!({"left": 0, "right": 0.5, "top": 0, "bottom": 1}))]
#[expect(dead_code, reason = "only describes the form; `options` reads it")]
pub(crate) struct Area {
    /// Left edge.
    #[schema(minimum = 0, maximum = 1)]
    left: f64,
    /// Right edge.
    #[schema(minimum = 0, maximum = 1)]
    right: f64,
    /// Upper edge.
    #[schema(minimum = 0, maximum = 1)]
    top: f64,
    /// Lower edge.
    #[schema(minimum = 0, maximum = 1)]
    bottom: f64,
}

/// How detections are hidden.
#[derive(ToSchema)]
#[schema(example = json!({"anonymization_type": "pixelate", "num_pixels": 10}))]
#[expect(dead_code, reason = "only describes the form; `options` reads it")]
pub(crate) struct BlurType {
    /// What stands in the region afterwards.
    #[schema(nullable = false, default = "blur")]
    anonymization_type: Option<AnonymizationType>,
    /// Width of the soft edge around the region, as a fraction of its size.
    #[schema(nullable = false, minimum = 0, maximum = 1, default = 0)]
    smooth_padding: Option<f64>,
    /// Colour of `opaque`: `#rrggbb` or `#rgb`.
    #[schema(
        nullable = false,
        default = "#000000",
        pattern = "^#?([0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})$"
    )]
    hex_color: Option<String>,
    /// Cells of `pixelate` across the longer side of the region.
    #[schema(nullable = false, minimum = 1, maximum = 100, default = 10)]
    num_pixels: Option<u32>,
}

/// What stands in a hidden region.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "only describes the form; `options` reads it")]
pub(crate) enum AnonymizationType {
    /// A blur that cannot be undone.
    Blur,
    /// One colour.
    Opaque,
    /// A mosaic.
    Pixelate,
}

/// The shape of a hidden region: an ellipse with fuller corners around the grown box (`ellipse`), the grown box (`box`), or
/// the quadrilateral of the corners where the detector gives them and the grown box otherwise (`quad`).
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "only describes the form; `options` reads it")]
pub(crate) enum MaskShape {
    /// An ellipse with fuller corners around the grown box.
    Ellipse,
    /// The grown box.
    Box,
    /// The quadrilateral of the corners, where the detector gives them.
    Quad,
}

/// How hard is looked, time against misses: one quick look for each class (`fast`), several models and sizes (`balanced`),
/// or everything there is (`thorough`).
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "only describes the form; `options` reads it")]
pub(crate) enum Profile {
    /// One quick look for each class.
    Fast,
    /// Several models and sizes.
    Balanced,
    /// Everything there is.
    Thorough,
}

/// What of the original's metadata the result has: what it needs to look the same (`strip`), that and what says nothing about
/// persons, devices or places (`safe`), or everything but embedded pictures and what cannot be searched for them (`keep`).
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "only describes the form; `options` reads it")]
pub(crate) enum Metadata {
    /// The colour profile and the orientation.
    Strip,
    /// That and the resolution.
    Safe,
    /// Everything but embedded pictures.
    Keep,
}
