use proptest::prelude::*;
use sfumato_core::options::{Area, Polygon, Region};

use super::*;

fn read(fields: &[(&str, &str)]) -> Result<AnonymizeOptions, String> {
    let mut form = OptionsForm::new();
    for (name, text) in fields {
        form.push(name, text).map_err(|error| error.to_string())?;
    }
    form.finish(Profile::Balanced).map_err(|error| error.to_string())
}

fn area(left: f64, right: f64, top: f64, bottom: f64) -> Region {
    Area::new(left, right, top, bottom).unwrap().into()
}

fn polygon(corners: &[[f64; 2]]) -> Region {
    Polygon::new(corners.to_vec()).unwrap().into()
}

#[test]
fn nothing_said_means_the_defaults() {
    let default = Ok(AnonymizeOptions::default());
    assert_eq!(read(&[]), default);
    for absent in ["", "null", "  ", " null "] {
        let members = [
            "included_area[left]",
            "excluded_area[top]",
            "blur_type[num_pixels]",
        ];
        let names = PLAIN.into_iter().chain(OBJECTS).chain(members);
        let fields: Vec<_> = names.map(|name| (name, absent)).collect();
        assert_eq!(read(&fields), default, "`{absent}`");
    }
    assert_eq!(
        read(&[
            (INCLUDED, "{}"),
            (EXCLUDED, "[]"),
            (MASK, r#"{"num_pixels":null,"hex_color":""}"#)
        ]),
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
        &[(INCLUDED, r#"{"left":0,"right":0.5,"top":0.1,"bottom":1}"#)][..],
        &[(INCLUDED, r#"{"left":"0","right":"0.5","top":"0.1","bottom":"1"}"#)],
        &[
            ("included_area[left]", "0"),
            ("included_area[right]", ".5"),
            ("included_area[top]", "1e-1"),
            ("included_area[bottom]", "1.0"),
        ],
        &[
            (INCLUDED, r#"{"left":0.4,"right":0.5,"top":0.1,"bottom":1}"#),
            ("included_area[left]", "0"),
        ],
        &[
            ("included_area[left]", "0.3"),
            (INCLUDED, r#"{"left":0,"right":0.5,"top":0.1}"#),
            ("included_area[bottom]", "1"),
        ],
    ] {
        assert_eq!(
            read(fields).unwrap().included_area,
            std::slice::from_ref(&expected),
            "{fields:?}"
        );
    }
}

#[test]
fn a_mask_is_read_as_json_as_bracketed_fields_and_mixed() {
    let mask = |style, padding| Mask {
        style,
        smooth_padding: SmoothPadding::new(padding).unwrap(),
        ..Mask::default()
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
fn regions_are_read_as_a_list_as_one_rectangle_and_as_one_polygon() {
    let (left, triangle) = (
        area(0.0, 0.5, 0.0, 1.0),
        polygon(&[[0.0, 0.0], [1.0, 0.0], [0.5, 1.0]]),
    );
    for (text, expected) in [
        (r#"{"left":0,"right":0.5,"top":0,"bottom":1}"#, vec![left.clone()]),
        (
            r#"[{"left":0,"right":"0.5","top":0,"bottom":1}]"#,
            vec![left.clone()],
        ),
        ("[[0,0],[1,0],[0.5,1]]", vec![triangle.clone()]),
        (r#"[[["0",0],[1,0],[0.5,1]]]"#, vec![triangle.clone()]),
        (
            r#"[[[0,0],[1,0],[0.5,1]], {"left":0,"right":0.5,"top":0,"bottom":1}]"#,
            vec![triangle, left],
        ),
        ("[]", vec![]),
    ] {
        for (field, other) in [(INCLUDED, EXCLUDED), (EXCLUDED, INCLUDED)] {
            let options = read(&[(field, text), (other, "null")]).unwrap();
            let (mut got, mut empty) = (options.included_area, options.excluded_area);
            if field == EXCLUDED {
                std::mem::swap(&mut got, &mut empty);
            }
            assert_eq!((got, empty), (expected.clone(), vec![]), "{field}={text}");
        }
    }
    let twice = [(EXCLUDED, "[[0,0],[1,0],[0.5,1]]"), (EXCLUDED, "[]")];
    assert_eq!(read(&twice).unwrap().excluded_area, [], "the last list counts");
    let bracketed = [
        ("excluded_area[left]", "0"),
        (EXCLUDED, r#"{"right":0.5,"top":0}"#),
        ("excluded_area[bottom]", "1"),
    ];
    assert_eq!(
        read(&bracketed).unwrap().excluded_area,
        [area(0.0, 0.5, 0.0, 1.0)]
    );
}

#[test]
fn the_other_extensions_are_read_and_the_profile_of_the_server_counts_where_none_is_named() {
    let options = read(&[
        (PROFILE, "Thorough"),
        (FACE_THRESHOLD, "0.05"),
        (PLATE_THRESHOLD, " 1 "),
        (MASK_GROWTH, ".5"),
        (MASK_SHAPE, "quad"),
        (METADATA, "keep"),
    ]);
    let expected = AnonymizeOptions {
        detection: DetectionOptions {
            profile: Profile::Thorough,
            faces: Some(ConfidenceThreshold::new(0.05).unwrap()),
            plates: Some(ConfidenceThreshold::new(1.0).unwrap()),
        },
        mask: Mask {
            growth: MaskGrowth::new(0.5).unwrap(),
            shape: Some(MaskShape::Quad),
            ..Mask::default()
        },
        metadata: MetadataPolicy::Keep,
        ..AnonymizeOptions::default()
    };
    assert_eq!(options, Ok(expected));
    for profile in Profile::ALL {
        let mut named = OptionsForm::new();
        named.push(PROFILE, "fast").unwrap();
        assert_eq!(named.finish(profile).unwrap().detection.profile, Profile::Fast);
        assert_eq!(
            OptionsForm::new().finish(profile).unwrap().detection.profile,
            profile
        );
    }
}

#[test]
fn an_error_names_the_region_the_corner_and_the_edge() {
    let crowd = format!(
        "[{}]",
        vec![r#"{"left":0,"right":1,"top":0,"bottom":1}"#; 101].join(",")
    );
    let round = format!("[{}]", vec!["[0.5,0.5]"; 1001].join(","));
    for (text, message) in [
        (
            "[0,1]",
            "[0]: must be an object with left, right, top and bottom, or a list of corners [x, y]",
        ),
        (
            "[[[0,0],[1,1],[0,1]],null]",
            "[1]: must be an object with left, right, top and bottom, or a list of corners [x, y]",
        ),
        (
            r#"[{"left":0,"right":2,"top":0,"bottom":1}]"#,
            "[0].right: must be a number from 0 to 1",
        ),
        (
            r#"[{"left":0.5,"right":0.5,"top":0,"bottom":1}]"#,
            "[0]: must have 0 <= left < right <= 1",
        ),
        (
            r#"[{"left":0,"right":1}]"#,
            "[0]: top, bottom missing; an area has left, right, top and bottom",
        ),
        ("[{}]", "[0]: is empty; an area has left, right, top and bottom"),
        (
            r#"[{"x":0}]"#,
            "[0]: has no member `x`; its members are left, right, top and bottom",
        ),
        ("[[]]", "[0]: must have 3 to 1000 corners"),
        ("[[[0,0],[1,1]]]", "[0]: must have 3 to 1000 corners"),
        ("[[0,0],[1,1]]", ": must have 3 to 1000 corners"),
        (&round, ": must have 3 to 1000 corners"),
        (
            "[[0,0],[1,1],[0]]",
            "[2]: must be a corner: two numbers [x, y] from 0 to 1",
        ),
        (
            "[[[0,0],[1,true],[0,1]]]",
            "[0][1]: must be a corner: two numbers [x, y] from 0 to 1",
        ),
        (
            "[[0,0],[1,1],[0,1.5]]",
            ": must have corners [x, y] with 0 <= x <= 1 and 0 <= y <= 1",
        ),
        (&crowd, ": has 101 regions; 100 are the most"),
    ] {
        for field in [INCLUDED, EXCLUDED] {
            assert_eq!(
                read(&[(field, text)]).unwrap_err(),
                format!("{field}{message}"),
                "{text}"
            );
        }
    }
    let both = [
        ("excluded_area[left]", "0"),
        ("excluded_area[right]", "1"),
        ("excluded_area[top]", "0"),
        ("excluded_area[bottom]", "1"),
        (EXCLUDED, "[[0,0],[1,1],[0,1]]"),
    ];
    assert_eq!(
        read(&both).unwrap_err(),
        "excluded_area: is a list of regions and a rectangle; put the rectangle into the list"
    );
}

#[test]
fn an_error_names_the_field_and_what_is_allowed() {
    for (fields, message) in [
        (
            &[(INCLUDED, "left")][..],
            "included_area: must be a JSON object, a JSON list of regions, or bracketed fields such as included_area[…]",
        ),
        (
            &[(MASK, "pixelate")],
            "blur_type: must be a JSON object, or bracketed fields such as blur_type[…]",
        ),
        (
            &[(INCLUDED, r#"{"left":0,"top":0}"#)],
            "included_area: right, bottom missing; an area has left, right, top and bottom",
        ),
        (
            &[(INCLUDED, r#"{"left":0.5,"right":0.5,"top":0,"bottom":1}"#)],
            "included_area: must have 0 <= left < right <= 1",
        ),
        (
            &[(INCLUDED, r#"{"left":0,"width":1}"#)],
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
            &[(INCLUDED, r#"{"left":true}"#)],
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
        (
            &[(PROFILE, "quick")],
            "profile: `quick` is none of fast, balanced, thorough",
        ),
        (
            &[(MASK_SHAPE, "circle")],
            "mask_shape: `circle` is none of ellipse, box, quad",
        ),
        (
            &[(METADATA, "all")],
            "metadata: `all` is none of strip, safe, keep",
        ),
        (
            &[(FACE_THRESHOLD, "0.04")],
            "face_threshold: must be a number from 0.05 to 1",
        ),
        (
            &[(PLATE_THRESHOLD, "high")],
            "plate_threshold: must be a number from 0.05 to 1",
        ),
        (
            &[(MASK_GROWTH, "1.1")],
            "mask_growth: must be a number from 0 to 1",
        ),
        (
            &[("blur_type[a\u{7}b]", "x")],
            "blur_type: has no member `ab…`; its members are anonymization_type, smooth_padding, hex_color and num_pixels",
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
        INCLUDED,
        EXCLUDED,
        MASK,
        "included_area[left]",
        "included_area[bottom]",
        PROFILE,
        FACE_THRESHOLD,
        MASK_GROWTH,
        MASK_SHAPE,
        METADATA,
        "blur_type[num_pixels]",
        "blur_type[hex_color]",
        "blur_type[anonymization_type]",
    ];
    prop_oneof![
        3 => prop::sample::select(names.to_vec()).prop_map(str::to_owned),
        1 => "(included_area|excluded_area|blur_type)\\[.{0,8}\\]",
        1 => ".{0,20}",
    ]
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        ".{0,30}",
        "-?[0-9]{0,3}(\\.[0-9]{0,3})?(e-?[0-9]{1,3})?",
        "\\[(\\[|\\{|\\]|\\}|,|[0-9]|\"left\":|null){0,12}\\]",
        "(\\[\\[[01],[01]\\](,\\[0?\\.[0-9],[0-9]\\]){0,4}\\])",
        "\\{\"(left|right|num_pixels|hex_color|x)\":(null|\"[^\"]{0,5}\"|-?[0-9.]{1,5}|\\[\\]|true)\\}",
    ]
}

proptest! {
    #[test]
    fn any_form_is_read_without_a_panic(fields in prop::collection::vec((any_name(), any_text()), 0..8)) {
        let fields: Vec<(&str, &str)> = fields.iter().map(|(n, t)| (n.as_str(), t.as_str())).collect();
        if let Err(message) = read(&fields) {
            let named = PLAIN.into_iter().chain(OBJECTS).any(|name| message.starts_with(name));
            prop_assert!(named, "{}", message);
        }
    }

    #[test]
    fn the_order_of_different_members_does_not_matter(left in 0.0f64..0.5, right in 0.5001f64..=1.0, reverse: bool) {
        let (left_text, right_text) = (left.to_string(), right.to_string());
        let mut fields = vec![
            ("included_area[left]", left_text.as_str()),
            ("included_area[right]", right_text.as_str()),
            (INCLUDED, r#"{"top":0,"bottom":1}"#),
        ];
        if reverse {
            fields.reverse();
        }
        prop_assert_eq!(read(&fields).unwrap().included_area, [area(left, right, 0.0, 1.0)]);
    }
}
