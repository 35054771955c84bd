//! The options of an upload, out of form fields in every encoding that clients send: text booleans, objects as JSON
//! text, objects as bracketed fields, and mixtures, where the last value of a member counts; lists of regions as JSON
//! text.
//!
//! Fields of other names are ignored, since old clients send more than is documented; within an object an unknown member
//! is an error, since there it is a slip.

mod regions;

use std::borrow::Cow;

use serde_json::Value;
use sfumato_core::job::UnknownPriority;
use sfumato_core::options::{
    Audio, Color, ConfidenceThreshold, DetectionOptions, InvalidOption, Mask, MaskGrowth, MaskShape,
    MaskStyle, MetadataPolicy, OtherEntries, PixelCount, Profile, Quality, SmoothPadding, Subtitles,
    VideoCodec, VideoOptions,
};
use sfumato_core::{AnonymizeOptions, Priority};
use thiserror::Error;

use self::regions::RegionsForm;

/// A field of the form has a value that is not allowed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{field}: {message}")]
pub struct InvalidField {
    /// The field as the client knows it, with the place inside of it: `excluded_area[2].left`.
    field: Cow<'static, str>,
    /// What is wrong and what is allowed.
    message: String,
}

impl InvalidField {
    fn new(field: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            message: message.into(),
        }
    }
}

impl From<InvalidOption> for InvalidField {
    fn from(error: InvalidOption) -> Self {
        Self::new(error.field, error.message)
    }
}

/// Collects the fields of a form. Each value is checked when it comes, so that a bad one is answered before the file is
/// read; what concerns several members is checked at the end.
#[derive(Clone, Debug)]
pub struct OptionsForm {
    faces: Option<bool>,
    plates: Option<bool>,
    detections_document: Option<bool>,
    profile: Option<Profile>,
    face_threshold: Option<ConfidenceThreshold>,
    plate_threshold: Option<ConfidenceThreshold>,
    included_area: RegionsForm,
    excluded_area: RegionsForm,
    mask: MaskForm,
    mask_growth: Option<MaskGrowth>,
    mask_shape: Option<MaskShape>,
    metadata: Option<MetadataPolicy>,
    video: VideoForm,
    other_entries: Option<OtherEntries>,
    priority: Option<Priority>,
}

#[derive(Clone, Debug, Default)]
struct VideoForm {
    audio: Option<Audio>,
    subtitles: Option<Subtitles>,
    codec: Option<VideoCodec>,
    quality: Option<Quality>,
}

#[derive(Clone, Debug, Default)]
struct MaskForm {
    kind: Option<MaskKind>,
    smooth_padding: Option<SmoothPadding>,
    color: Option<Color>,
    pixels: Option<PixelCount>,
}

#[derive(Clone, Copy, Debug)]
enum MaskKind {
    Blur,
    Opaque,
    Pixelate,
}

const FACES: &str = "activation_faces_blur";
const PLATES: &str = "activation_plates_blur";
const DETECTIONS: &str = "output_detections_url";
const INCLUDED: &str = "included_area";
const EXCLUDED: &str = "excluded_area";
const MASK: &str = "blur_type";
const PROFILE: &str = "profile";
const FACE_THRESHOLD: &str = "face_threshold";
const PLATE_THRESHOLD: &str = "plate_threshold";
const MASK_GROWTH: &str = "mask_growth";
const MASK_SHAPE: &str = "mask_shape";
const METADATA: &str = "metadata";
const AUDIO: &str = "audio";
const SUBTITLES: &str = "subtitles";
const CODEC: &str = "codec";
const QUALITY: &str = "quality";
const OTHER_ENTRIES: &str = "other_entries";
const PRIORITY: &str = "priority";

/// Fields that are whole in one text.
const PLAIN: [&str; 15] = [
    FACES,
    PLATES,
    DETECTIONS,
    PROFILE,
    FACE_THRESHOLD,
    PLATE_THRESHOLD,
    MASK_GROWTH,
    MASK_SHAPE,
    METADATA,
    AUDIO,
    SUBTITLES,
    CODEC,
    QUALITY,
    OTHER_ENTRIES,
    PRIORITY,
];

/// Fields whose members may come as bracketed fields.
const OBJECTS: [&str; 3] = [INCLUDED, EXCLUDED, MASK];

/// Characters of what a client wrote that an error repeats.
const SHOWN_CHARS_MAX: usize = 40;

/// Whether a form field of this name is an option.
pub fn is_option(name: &str) -> bool {
    PLAIN.contains(&name) || member_of(name).is_some() || OBJECTS.contains(&name)
}

/// Whether a form field of this name is an option of one value: two different ones contradict each other. Members of objects
/// may come in several fields, and lists are read as JSON.
pub fn is_single(name: &str) -> bool {
    PLAIN.contains(&name)
}

/// `object` and `member` of `object[member]`.
fn member_of(name: &str) -> Option<(&'static str, &str)> {
    OBJECTS.into_iter().find_map(|object| {
        let member = name.strip_prefix(object)?.strip_prefix('[')?.strip_suffix(']')?;
        Some((object, member))
    })
}

impl Default for OptionsForm {
    fn default() -> Self {
        Self::new()
    }
}

impl OptionsForm {
    /// A form that says nothing yet.
    pub fn new() -> Self {
        Self {
            faces: None,
            plates: None,
            detections_document: None,
            profile: None,
            face_threshold: None,
            plate_threshold: None,
            included_area: RegionsForm::new(INCLUDED),
            excluded_area: RegionsForm::new(EXCLUDED),
            mask: MaskForm::default(),
            mask_growth: None,
            mask_shape: None,
            metadata: None,
            video: VideoForm::default(),
            other_entries: None,
            priority: None,
        }
    }

    /// Which of the client's waiting jobs the job goes before.
    pub fn priority(&self) -> Priority {
        self.priority.unwrap_or_default()
    }

    /// Takes one field. An empty text and `null` say nothing; names that are no options are ignored.
    ///
    /// # Errors
    /// [`InvalidField`] for a value that is not allowed and for an unknown member of an object.
    pub fn push(&mut self, name: &str, text: &str) -> Result<(), InvalidField> {
        let text = text.trim();
        if is_absent(text) {
            return Ok(());
        }
        if let Some((object, member)) = member_of(name) {
            return match object {
                INCLUDED => self.included_area.push_member(member, text),
                EXCLUDED => self.excluded_area.push_member(member, text),
                _ => self.mask.push(member, text),
            };
        }
        match name {
            FACES => self.faces = Some(boolean(FACES, text)?),
            PLATES => self.plates = Some(boolean(PLATES, text)?),
            DETECTIONS => self.detections_document = Some(boolean(DETECTIONS, text)?),
            PROFILE => self.profile = Some(word(text).parse()?),
            FACE_THRESHOLD => self.face_threshold = Some(threshold(FACE_THRESHOLD, text)?),
            PLATE_THRESHOLD => self.plate_threshold = Some(threshold(PLATE_THRESHOLD, text)?),
            INCLUDED => self.included_area.push(text)?,
            EXCLUDED => self.excluded_area.push(text)?,
            MASK => self.mask.push_object(text)?,
            MASK_GROWTH => self.mask_growth = Some(MaskGrowth::new(number(text).unwrap_or(f64::NAN))?),
            MASK_SHAPE => self.mask_shape = Some(word(text).parse()?),
            METADATA => self.metadata = Some(word(text).parse()?),
            AUDIO => self.video.audio = Some(word(text).parse()?),
            SUBTITLES => self.video.subtitles = Some(word(text).parse()?),
            CODEC => self.video.codec = Some(word(text).parse()?),
            QUALITY => self.video.quality = Some(quality(text)?),
            OTHER_ENTRIES => self.other_entries = Some(word(text).parse()?),
            PRIORITY => self.priority = Some(priority(text)?),
            _ => {}
        }
        Ok(())
    }

    /// Takes a member of a JSON object as the field of its name.
    ///
    /// # Errors
    /// As [`OptionsForm::push`].
    pub fn push_json(&mut self, name: &str, value: &Value) -> Result<(), InvalidField> {
        match plain_text(value) {
            Some(text) => self.push(name, &text),
            None => Ok(()),
        }
    }

    /// The options of another job, with what the form says otherwise of how things are hidden, of the result's metadata, of
    /// the tracks of a video, and of the document.
    pub fn over(self, options: AnonymizeOptions) -> AnonymizeOptions {
        let mask = options.mask;
        AnonymizeOptions {
            detections_document: self.detections_document.unwrap_or(options.detections_document),
            mask: Mask {
                style: self.mask.style_over(mask.style),
                smooth_padding: self.mask.smooth_padding.unwrap_or(mask.smooth_padding),
                growth: self.mask_growth.unwrap_or(mask.growth),
                shape: self.mask_shape.or(mask.shape),
            },
            metadata: self.metadata.unwrap_or(options.metadata),
            video: VideoOptions {
                audio: self.video.audio.unwrap_or(options.video.audio),
                subtitles: self.video.subtitles.unwrap_or(options.video.subtitles),
                codec: self.video.codec.unwrap_or(options.video.codec),
                quality: self.video.quality.unwrap_or(options.video.quality),
            },
            ..options
        }
    }

    /// All fields have come. `profile` is what counts where the client names none.
    ///
    /// # Errors
    /// [`InvalidField`] for an area that is incomplete, not ordered, or given in two ways.
    pub fn finish(self, profile: Profile) -> Result<AnonymizeOptions, InvalidField> {
        let default = AnonymizeOptions::default();
        Ok(AnonymizeOptions {
            faces: self.faces.unwrap_or(default.faces),
            plates: self.plates.unwrap_or(default.plates),
            detections_document: self.detections_document.unwrap_or(default.detections_document),
            detection: DetectionOptions {
                profile: self.profile.unwrap_or(profile),
                faces: self.face_threshold,
                plates: self.plate_threshold,
            },
            included_area: self.included_area.finish()?,
            excluded_area: self.excluded_area.finish()?,
            mask: Mask {
                style: self.mask.style(),
                smooth_padding: self.mask.smooth_padding.unwrap_or_default(),
                growth: self.mask_growth.unwrap_or_default(),
                shape: self.mask_shape,
            },
            metadata: self.metadata.unwrap_or_default(),
            video: VideoOptions {
                audio: self.video.audio.unwrap_or_default(),
                subtitles: self.video.subtitles.unwrap_or_default(),
                codec: self.video.codec.unwrap_or_default(),
                quality: self.video.quality.unwrap_or_default(),
            },
            other_entries: self.other_entries.unwrap_or_default(),
        })
    }
}

impl MaskForm {
    fn push_object(&mut self, text: &str) -> Result<(), InvalidField> {
        match serde_json::from_str(text) {
            Ok(Value::Object(members)) => members
                .iter()
                .filter_map(|(member, value)| Some((member, plain_text(value)?)))
                .try_for_each(|(member, text)| self.push(member, &text)),
            _ => Err(InvalidField::new(
                MASK,
                "must be a JSON object, or bracketed fields such as blur_type[…]",
            )),
        }
    }

    fn push(&mut self, member: &str, text: &str) -> Result<(), InvalidField> {
        match member {
            "anonymization_type" => self.kind = Some(mask_kind(text)?),
            "smooth_padding" => {
                let fraction = number(text).unwrap_or(f64::NAN);
                self.smooth_padding = Some(SmoothPadding::new(fraction)?);
            }
            "hex_color" => self.color = Some(shown(text).parse()?),
            "num_pixels" => self.pixels = Some(pixel_count(text)?),
            _ => {
                let members = "anonymization_type, smooth_padding, hex_color and num_pixels";
                return Err(unknown_member(MASK, member, members));
            }
        }
        Ok(())
    }

    /// A colour or a number of cells alone changes that of a style that has one.
    fn style_over(&self, style: MaskStyle) -> MaskStyle {
        match (self.kind, style) {
            (None, MaskStyle::Blur) => MaskStyle::Blur,
            (None, MaskStyle::Opaque(color)) => MaskStyle::Opaque(self.color.unwrap_or(color)),
            (None, MaskStyle::Pixelate(pixels)) => MaskStyle::Pixelate(self.pixels.unwrap_or(pixels)),
            (Some(_), _) => self.style(),
        }
    }

    fn style(&self) -> MaskStyle {
        match self.kind.unwrap_or(MaskKind::Blur) {
            MaskKind::Blur => MaskStyle::Blur,
            MaskKind::Opaque => MaskStyle::Opaque(self.color.unwrap_or_default()),
            MaskKind::Pixelate => MaskStyle::Pixelate(self.pixels.unwrap_or_default()),
        }
    }
}

fn is_absent(text: &str) -> bool {
    text.is_empty() || text == "null"
}

fn boolean(field: &'static str, text: &str) -> Result<bool, InvalidField> {
    if text == "1" || text.eq_ignore_ascii_case("true") {
        Ok(true)
    } else if text == "0" || text.eq_ignore_ascii_case("false") {
        Ok(false)
    } else {
        Err(InvalidField::new(field, "must be true or false"))
    }
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

fn threshold(field: &'static str, text: &str) -> Result<ConfidenceThreshold, InvalidField> {
    // Read at the precision that it is kept in, so that no limit is missed by rounding twice.
    ConfidenceThreshold::new(text.parse().unwrap_or(f32::NAN))
        .map_err(|error| InvalidField::new(field, error.message))
}

fn pixel_count(text: &str) -> Result<PixelCount, InvalidOption> {
    // JSON libraries of some languages write a whole number as `10.0`.
    let whole = number(text).filter(|number| number.fract() == 0.0 && (0.0..=1e9).contains(number));
    // Outside the range the type's own check words the error.
    PixelCount::new(whole.map_or(0, |whole| whole as u32))
}

fn priority(text: &str) -> Result<Priority, InvalidField> {
    word(text)
        .parse()
        .map_err(|error: UnknownPriority| InvalidField::new(PRIORITY, error.to_string()))
}

fn quality(text: &str) -> Result<Quality, InvalidOption> {
    // As a count of pixels.
    let whole = number(text).filter(|number| number.fract() == 0.0 && (0.0..=255.0).contains(number));
    Quality::new(whole.map_or(u8::MAX, |whole| whole as u8))
}

fn mask_kind(text: &str) -> Result<MaskKind, InvalidField> {
    for (name, kind) in [
        ("blur", MaskKind::Blur),
        ("opaque", MaskKind::Opaque),
        ("pixelate", MaskKind::Pixelate),
    ] {
        if text.eq_ignore_ascii_case(name) {
            return Ok(kind);
        }
    }
    Err(InvalidField::new(
        "blur_type.anonymization_type",
        "must be blur, opaque or pixelate",
    ))
}

/// The value of a member in JSON as the text that a bracketed field would have; `None` where it says nothing.
fn plain_text(value: &Value) -> Option<String> {
    let text = match value {
        Value::Null => return None,
        Value::String(text) => text.trim().to_owned(),
        // Anything but a number is refused by every member with a message that says what it takes.
        other => other.to_string(),
    };
    (!is_absent(&text)).then_some(text)
}

/// A word that is one of a few names, in any case.
fn word(text: &str) -> String {
    shown(text).to_ascii_lowercase()
}

/// Enough of a text from outside to recognise it. What is left out makes it end in `…`, so that it is no text that is
/// allowed.
pub fn shown(text: &str) -> String {
    let fits = |c: &char| !c.is_control();
    let mut shown: String = text.chars().filter(fits).take(SHOWN_CHARS_MAX).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown
}

fn unknown_member(field: &'static str, member: &str, members: &str) -> InvalidField {
    let member = shown(member);
    InvalidField::new(
        field,
        format!("has no member `{member}`; its members are {members}"),
    )
}

#[cfg(test)]
mod tests;
