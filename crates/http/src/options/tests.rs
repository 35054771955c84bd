use proptest::prelude::*;

use super::*;

fn read(fields: &[(&str, &str)]) -> Result<AnonymizeOptions, String> {
    let mut form = OptionsForm::default();
    for (name, text) in fields {
        form.push(name, text).map_err(|error| error.to_string())?;
    }
    form.finish().map_err(|error| error.to_string())
}

fn area(left: f64, right: f64, top: f64, bottom: f64) -> Option<Area> {
    Some(Area::new(left, right, top, bottom).unwrap())
}

#[test]
fn nothing_said_means_the_defaults() {
    let default = Ok(AnonymizeOptions::default());
    assert_eq!(read(&[]), default);
    for absent in ["", "null", "  ", " null "] {
        let fields = [
            FACES,
            PLATES,
            DETECTIONS,
            AREA,
            MASK,
            "included_area[left]",
            "blur_type[num_pixels]",
        ]
        .map(|name| (name, absent));
        assert_eq!(read(&fields), default, "`{absent}`");
    }
    assert_eq!(
        read(&[(AREA, "{}"), (MASK, r#"{"num_pixels":null,"hex_color":""}"#)]),
        default
    );
    assert_eq!(
        read(&[("something_else", "x"), ("included_area.left", "x")]),
        default
    );
}

#[test]
fn booleans_are_read_in_every_spelling() {
    for (text, value) in [
        ("true", true),
        ("True", true),
        ("TRUE", true),
        ("1", true),
        (" true\r\n", true),
        ("false", false),
        ("False", false),
        ("0", false),
    ] {
        let options = read(&[(FACES, text), (PLATES, text), (DETECTIONS, text)]).unwrap();
        assert_eq!(
            [options.faces, options.plates, options.detections_document],
            [value; 3],
            "{text}"
        );
    }
    for text in ["yes", "2", "tru", "on", "{}"] {
        let error = read(&[(PLATES, text)]).unwrap_err();
        assert_eq!(error, "activation_plates_blur: must be true or false");
    }
}

#[test]
fn an_area_is_read_as_json_as_bracketed_fields_and_mixed() {
    let expected = area(0.0, 0.5, 0.1, 1.0);
    for fields in [
        &[(AREA, r#"{"left":0,"right":0.5,"top":0.1,"bottom":1}"#)][..],
        &[(AREA, r#"{"left":"0","right":"0.5","top":"0.1","bottom":"1"}"#)],
        &[
            ("included_area[left]", "0"),
            ("included_area[right]", ".5"),
            ("included_area[top]", "1e-1"),
            ("included_area[bottom]", "1.0"),
        ],
        &[
            (AREA, r#"{"left":0.4,"right":0.5,"top":0.1,"bottom":1}"#),
            ("included_area[left]", "0"),
        ],
        &[
            ("included_area[left]", "0.3"),
            (AREA, r#"{"left":0,"right":0.5,"top":0.1}"#),
            ("included_area[bottom]", "1"),
        ],
    ] {
        assert_eq!(read(fields).unwrap().included_area, expected, "{fields:?}");
    }
}

#[test]
fn a_mask_is_read_as_json_as_bracketed_fields_and_mixed() {
    let mask = |style, padding| Mask {
        style,
        smooth_padding: SmoothPadding::new(padding).unwrap(),
    };
    let pixels = |count| MaskStyle::Pixelate(PixelCount::new(count).unwrap());
    let color = |text: &str| MaskStyle::Opaque(text.parse().unwrap());
    for (fields, expected) in [
        (
            &[(MASK, r#"{"anonymization_type":"pixelate"}"#)][..],
            mask(pixels(10), 0.0),
        ),
        (
            &[
                ("blur_type[anonymization_type]", "Pixelate"),
                ("blur_type[num_pixels]", "10.0"),
            ],
            mask(pixels(10), 0.0),
        ),
        (
            &[
                (MASK, r#"{"anonymization_type":"blur","num_pixels":"7"}"#),
                ("blur_type[anonymization_type]", "pixelate"),
            ],
            mask(pixels(7), 0.0),
        ),
        (
            &[("blur_type[anonymization_type]", "opaque")],
            mask(color("#000000"), 0.0),
        ),
        (
            &[(
                MASK,
                r##"{"anonymization_type":"opaque","hex_color":"#A0b1C2","smooth_padding":0.25}"##,
            )],
            mask(color("#a0b1c2"), 0.25),
        ),
        (&[("blur_type[smooth_padding]", "1")], mask(MaskStyle::Blur, 1.0)),
    ] {
        assert_eq!(read(fields).unwrap().mask, expected, "{fields:?}");
    }
}

#[test]
fn an_error_names_the_field_and_what_is_allowed() {
    for (fields, message) in [
        (
            &[(AREA, "[0,1]")][..],
            "included_area: must be a JSON object, or bracketed fields such as included_area[…]",
        ),
        (
            &[(MASK, "pixelate")],
            "blur_type: must be a JSON object, or bracketed fields such as blur_type[…]",
        ),
        (
            &[(AREA, r#"{"left":0,"top":0}"#)],
            "included_area: right, bottom missing; an area has left, right, top and bottom",
        ),
        (
            &[(AREA, r#"{"left":0.5,"right":0.5,"top":0,"bottom":1}"#)],
            "included_area: must have 0 <= left < right <= 1",
        ),
        (
            &[(AREA, r#"{"left":0,"width":1}"#)],
            "included_area: has no member `width`; its members are left, right, top and bottom",
        ),
        (
            &[("included_area[]", "1")],
            "included_area: has no member ``; its members are left, right, top and bottom",
        ),
        (
            &[("included_area[left]", "1.5")],
            "included_area.left: must be a number from 0 to 1",
        ),
        (
            &[("included_area[top]", "NaN")],
            "included_area.top: must be a number from 0 to 1",
        ),
        (
            &[(AREA, r#"{"left":true}"#)],
            "included_area.left: must be a number from 0 to 1",
        ),
        (
            &[(MASK, r#"{"type":"blur"}"#)],
            "blur_type: has no member `type`; its members are anonymization_type, smooth_padding, hex_color and num_pixels",
        ),
        (
            &[("blur_type[anonymization_type]", "mosaic")],
            "blur_type.anonymization_type: must be blur, opaque or pixelate",
        ),
        (
            &[("blur_type[num_pixels]", "0")],
            "blur_type.num_pixels: must be a whole number from 1 to 100",
        ),
        (
            &[("blur_type[num_pixels]", "2.5")],
            "blur_type.num_pixels: must be a whole number from 1 to 100",
        ),
        (
            &[("blur_type[num_pixels]", "1e30")],
            "blur_type.num_pixels: must be a whole number from 1 to 100",
        ),
        (
            &[("blur_type[smooth_padding]", "-1")],
            "blur_type.smooth_padding: must be a number from 0 to 1",
        ),
        (
            &[("blur_type[smooth_padding]", "x")],
            "blur_type.smooth_padding: must be a number from 0 to 1",
        ),
        (
            &[("blur_type[hex_color]", "red")],
            "blur_type.hex_color: `red` is not a colour of the form #rrggbb or #rgb",
        ),
    ] {
        assert_eq!(read(fields).unwrap_err(), message, "{fields:?}");
    }
}

fn any_name() -> impl Strategy<Value = String> {
    let names = [
        FACES,
        PLATES,
        DETECTIONS,
        AREA,
        MASK,
        "included_area[left]",
        "included_area[bottom]",
        "blur_type[num_pixels]",
        "blur_type[hex_color]",
        "blur_type[anonymization_type]",
    ];
    prop_oneof![
        3 => prop::sample::select(names.to_vec()).prop_map(str::to_owned),
        1 => "(included_area|blur_type)\\[.{0,8}\\]",
        1 => ".{0,20}",
    ]
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        ".{0,30}",
        "-?[0-9]{0,3}(\\.[0-9]{0,3})?(e-?[0-9]{1,3})?",
        "\\{\"(left|right|num_pixels|hex_color|x)\":(null|\"[^\"]{0,5}\"|-?[0-9.]{1,5}|\\[\\]|true)\\}",
    ]
}

proptest! {
    #[test]
    fn any_form_is_read_without_a_panic(fields in prop::collection::vec((any_name(), any_text()), 0..8)) {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(n, t)| (n.as_str(), t.as_str())).collect();
        if let Err(message) = read(&fields) {
            prop_assert!(message.starts_with("included_area") || message.starts_with("blur_type")
                || message.starts_with("activation_") || message.starts_with("output_"));
        }
    }

    #[test]
    fn the_order_of_different_members_does_not_matter(left in 0.0f64..0.5, right in 0.5001f64..=1.0, reverse: bool) {
        let (left_text, right_text) = (left.to_string(), right.to_string());
        let mut fields = vec![
            ("included_area[left]", left_text.as_str()),
            ("included_area[right]", right_text.as_str()),
            (AREA, r#"{"top":0,"bottom":1}"#),
        ];
        if reverse {
            fields.reverse();
        }
        prop_assert_eq!(read(&fields).unwrap().included_area, area(left, right, 0.0, 1.0));
    }
}
