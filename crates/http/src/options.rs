//! The options of an upload, out of form fields in every encoding that clients send: text booleans, objects as JSON
//! text, objects as bracketed fields, and mixtures, where the last value of a member counts.
//!
//! Fields of other names are ignored, since old clients send more than is documented; within an object an unknown member
//! is an error, since there it is a slip.

use serde_json::Value;
use sfumato_core::AnonymizeOptions;
use sfumato_core::options::{Area, Color, InvalidOption, Mask, MaskStyle, PixelCount, SmoothPadding};

/// Collects the fields of a form. Each value is checked when it comes, so that a bad one is answered before the file is
/// read; what concerns several members is checked at the end.
#[derive(Clone, Debug, Default)]
pub(crate) struct OptionsForm {
    faces: Option<bool>,
    plates: Option<bool>,
    detections_document: Option<bool>,
    area: AreaForm,
    mask: MaskForm,
}

#[derive(Clone, Debug, Default)]
struct AreaForm {
    left: Option<f64>,
    right: Option<f64>,
    top: Option<f64>,
    bottom: Option<f64>,
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
const AREA: &str = "included_area";
const MASK: &str = "blur_type";

/// Whether a form field of this name is an option.
pub(crate) fn is_option(name: &str) -> bool {
    matches!(name, FACES | PLATES | DETECTIONS | AREA | MASK)
        || member_of(name, AREA).is_some()
        || member_of(name, MASK).is_some()
}

/// `member` of `object[member]`.
fn member_of<'a>(name: &'a str, object: &str) -> Option<&'a str> {
    name.strip_prefix(object)?.strip_prefix('[')?.strip_suffix(']')
}

impl OptionsForm {
    /// Takes one field. An empty text and `null` say nothing; names that are no options are ignored.
    ///
    /// # Errors
    /// [`InvalidOption`] for a value that is not allowed and for an unknown member of an object.
    pub(crate) fn push(&mut self, name: &str, text: &str) -> Result<(), InvalidOption> {
        let text = text.trim();
        if is_absent(text) {
            return Ok(());
        }
        match name {
            FACES => self.faces = Some(boolean(FACES, text)?),
            PLATES => self.plates = Some(boolean(PLATES, text)?),
            DETECTIONS => self.detections_document = Some(boolean(DETECTIONS, text)?),
            AREA => object(AREA, text, |member, text| self.area.push(member, text))?,
            MASK => object(MASK, text, |member, text| self.mask.push(member, text))?,
            _ => {
                if let Some(member) = member_of(name, AREA) {
                    self.area.push(member, text)?;
                } else if let Some(member) = member_of(name, MASK) {
                    self.mask.push(member, text)?;
                }
            }
        }
        Ok(())
    }

    /// All fields have come.
    ///
    /// # Errors
    /// [`InvalidOption`] for an area that is incomplete or not ordered.
    pub(crate) fn finish(self) -> Result<AnonymizeOptions, InvalidOption> {
        let default = AnonymizeOptions::default();
        Ok(AnonymizeOptions {
            faces: self.faces.unwrap_or(default.faces),
            plates: self.plates.unwrap_or(default.plates),
            detections_document: self.detections_document.unwrap_or(default.detections_document),
            included_area: self.area.finish()?.into_iter().map(Into::into).collect(),
            mask: self.mask.finish(),
            ..default
        })
    }
}

impl AreaForm {
    fn push(&mut self, member: &str, text: &str) -> Result<(), InvalidOption> {
        let (field, edge) = match member {
            "left" => ("included_area.left", &mut self.left),
            "right" => ("included_area.right", &mut self.right),
            "top" => ("included_area.top", &mut self.top),
            "bottom" => ("included_area.bottom", &mut self.bottom),
            _ => return Err(unknown_member(AREA, member, "left, right, top and bottom")),
        };
        let fraction = number(text).filter(|fraction| (0.0..=1.0).contains(fraction));
        *edge = Some(fraction.ok_or_else(|| InvalidOption::new(field, "must be a number from 0 to 1"))?);
        Ok(())
    }

    fn finish(self) -> Result<Option<Area>, InvalidOption> {
        match [self.left, self.right, self.top, self.bottom] {
            [None, None, None, None] => Ok(None),
            [Some(left), Some(right), Some(top), Some(bottom)] => {
                Area::new(left, right, top, bottom).map(Some)
            }
            edges => {
                let names = ["left", "right", "top", "bottom"];
                let missing: Vec<&str> = (names.into_iter().zip(edges))
                    .filter(|(_, edge)| edge.is_none())
                    .map(|(name, _)| name)
                    .collect();
                let message = format!(
                    "{} missing; an area has left, right, top and bottom",
                    missing.join(", ")
                );
                Err(InvalidOption::new(AREA, message))
            }
        }
    }
}

impl MaskForm {
    fn push(&mut self, member: &str, text: &str) -> Result<(), InvalidOption> {
        match member {
            "anonymization_type" => self.kind = Some(mask_kind(text)?),
            "smooth_padding" => {
                let fraction = number(text).unwrap_or(f64::NAN);
                self.smooth_padding = Some(SmoothPadding::new(fraction)?);
            }
            "hex_color" => self.color = Some(text.parse()?),
            "num_pixels" => self.pixels = Some(pixel_count(text)?),
            _ => {
                let members = "anonymization_type, smooth_padding, hex_color and num_pixels";
                return Err(unknown_member(MASK, member, members));
            }
        }
        Ok(())
    }

    fn finish(self) -> Mask {
        let style = match self.kind.unwrap_or(MaskKind::Blur) {
            MaskKind::Blur => MaskStyle::Blur,
            MaskKind::Opaque => MaskStyle::Opaque(self.color.unwrap_or_default()),
            MaskKind::Pixelate => MaskStyle::Pixelate(self.pixels.unwrap_or_default()),
        };
        Mask {
            style,
            smooth_padding: self.smooth_padding.unwrap_or_default(),
            ..Mask::default()
        }
    }
}

fn is_absent(text: &str) -> bool {
    text.is_empty() || text == "null"
}

fn boolean(field: &'static str, text: &str) -> Result<bool, InvalidOption> {
    if text == "1" || text.eq_ignore_ascii_case("true") {
        Ok(true)
    } else if text == "0" || text.eq_ignore_ascii_case("false") {
        Ok(false)
    } else {
        Err(InvalidOption::new(field, "must be true or false"))
    }
}

fn number(text: &str) -> Option<f64> {
    text.parse().ok().filter(|number: &f64| number.is_finite())
}

fn pixel_count(text: &str) -> Result<PixelCount, InvalidOption> {
    // JSON libraries of some languages write a whole number as `10.0`.
    let whole = number(text).filter(|number| number.fract() == 0.0 && (0.0..=1e9).contains(number));
    // Outside the range the type's own check words the error.
    PixelCount::new(whole.map_or(0, |whole| whole as u32))
}

fn mask_kind(text: &str) -> Result<MaskKind, InvalidOption> {
    for (name, kind) in [
        ("blur", MaskKind::Blur),
        ("opaque", MaskKind::Opaque),
        ("pixelate", MaskKind::Pixelate),
    ] {
        if text.eq_ignore_ascii_case(name) {
            return Ok(kind);
        }
    }
    Err(InvalidOption::new(
        "blur_type.anonymization_type",
        "must be blur, opaque or pixelate",
    ))
}

/// Hands each member of an object in JSON text to `push`, as the text that a bracketed field would have.
fn object(
    field: &'static str,
    text: &str,
    mut push: impl FnMut(&str, &str) -> Result<(), InvalidOption>,
) -> Result<(), InvalidOption> {
    let not_an_object = || {
        InvalidOption::new(
            field,
            format!("must be a JSON object, or bracketed fields such as {field}[…]"),
        )
    };
    let Ok(Value::Object(members)) = serde_json::from_str(text) else {
        return Err(not_an_object());
    };
    for (member, value) in members {
        let text = match value {
            Value::Null => continue,
            Value::String(text) => text,
            Value::Number(number) => number.to_string(),
            // Refused by every member with a message that says what it takes.
            other @ (Value::Bool(_) | Value::Array(_) | Value::Object(_)) => other.to_string(),
        };
        let text = text.trim();
        if !is_absent(text) {
            push(&member, text)?;
        }
    }
    Ok(())
}

fn unknown_member(field: &'static str, member: &str, members: &str) -> InvalidOption {
    // Enough of the name to recognise it.
    let member: String = member.chars().filter(|c| !c.is_control()).take(40).collect();
    InvalidOption::new(
        field,
        format!("has no member `{member}`; its members are {members}"),
    )
}

#[cfg(test)]
mod tests;
