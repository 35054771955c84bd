//! Every encoding of the options that clients send arrives in the job.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use reqwest::multipart::{Form, Part};
use sfumato_core::AnonymizeOptions;
use sfumato_core::options::{
    Area, Audio, ConfidenceThreshold, DetectionOptions, Mask, MaskGrowth, MaskShape, MaskStyle,
    MetadataPolicy, OtherEntries, PixelCount, Polygon, Profile, Quality, Region, SmoothPadding, Subtitles,
    VideoCodec, VideoOptions,
};

use crate::server::{Client, Server, failed, jpeg, ok, text};

fn expected() -> AnonymizeOptions {
    AnonymizeOptions {
        faces: false,
        plates: true,
        detections_document: true,
        included_area: vec![Area::new(0.0, 0.5, 0.1, 1.0).unwrap().into()],
        mask: Mask {
            style: MaskStyle::Pixelate(PixelCount::new(7).unwrap()),
            smooth_padding: SmoothPadding::new(0.25).unwrap(),
            ..Mask::default()
        },
        ..AnonymizeOptions::default()
    }
}

#[tokio::test]
async fn every_encoding_says_the_same() {
    let server = Server::start().await;
    let client = server.client("a").await;
    let json = [
        ("activation_faces_blur", "false"),
        ("activation_plates_blur", "true"),
        ("output_detections_url", "true"),
        ("included_area", r#"{"left":0,"right":0.5,"top":0.1,"bottom":1}"#),
        (
            "blur_type",
            r#"{"anonymization_type":"pixelate","num_pixels":7,"smooth_padding":0.25}"#,
        ),
    ];
    let bracketed = [
        ("activation_faces_blur", "False"),
        ("activation_plates_blur", "True"),
        ("output_detections_url", "1"),
        ("included_area[left]", "0"),
        ("included_area[right]", "0.5"),
        ("included_area[top]", "0.1"),
        ("included_area[bottom]", "1"),
        ("blur_type[anonymization_type]", "pixelate"),
        ("blur_type[num_pixels]", "7"),
        ("blur_type[smooth_padding]", "0.25"),
    ];
    let mixed = [
        ("activation_faces_blur", "0"),
        ("activation_plates_blur", ""),
        ("output_detections_url", "TRUE"),
        ("included_area", r#"{"left":"0","right":"0.5","top":"0.9"}"#),
        ("included_area[top]", "0.1"),
        ("included_area[bottom]", "1"),
        ("blur_type[num_pixels]", "7"),
        (
            "blur_type",
            r#"{"anonymization_type":"pixelate","smooth_padding":"0.25","hex_color":null}"#,
        ),
        ("user_reference", "ignored"),
    ];
    for fields in [&json[..], &bracketed, &mixed] {
        for file_first in [true, false] {
            let file = || Part::bytes(jpeg(b"")).file_name("a.jpg");
            let mut form = Form::new();
            if file_first {
                form = form.part("input_media", file());
            }
            for (name, value) in fields {
                form = form.text((*name).to_owned(), (*value).to_owned());
            }
            if !file_first {
                form = form.part("input_media", file());
            }
            let answer = ok(client.post_form(form).send().await.unwrap()).await;
            let job = server.job(&text(&answer["anonymization_job_id"])).await;
            assert_eq!(job.options, expected(), "{fields:?}");
        }
    }
}

#[tokio::test]
async fn absent_options_are_the_defaults() {
    let server = Server::start().await;
    let client = server.client("a").await;
    for absent in ["", "null"] {
        let fields = [
            "activation_faces_blur",
            "activation_plates_blur",
            "output_detections_url",
            "included_area",
            "blur_type",
            "excluded_area",
            "profile",
            "face_threshold",
            "plate_threshold",
            "mask_growth",
            "mask_shape",
            "metadata",
            "audio",
            "subtitles",
            "codec",
            "quality",
            "other_entries",
        ]
        .map(|name| (name, absent));
        let job = client.upload(jpeg(b""), &fields).await;
        assert_eq!(server.job(&job).await.options, AnonymizeOptions::default());
    }
}

#[tokio::test]
async fn an_option_with_two_values_is_refused_whichever_comes_last() {
    let server = Server::start().await;
    let client = server.client("a").await;
    let name = "activation_faces_blur";
    for [first, last] in [["true", "false"], ["false", "true"]] {
        let part = Part::bytes(jpeg(b"")).file_name("a.jpg");
        let form = Form::new().text(name, first).part("input_media", part);
        let answer = client.post_form(form.text(name, last)).send().await.unwrap();
        let message = failed(answer, 400).await;
        assert!(message.contains("blur: is given twice"), "{message}");
    }
    // What says nothing, and the same value once more, contradict nothing.
    let same = [(name, "false"), (name, "null"), (name, "False")];
    let job = client.upload(jpeg(b""), &same).await;
    assert!(!server.job(&job).await.options.faces);
}

#[tokio::test]
async fn a_bad_option_is_named_and_leaves_nothing_behind() {
    let server = Server::start().await;
    let client = server.client("a").await;
    for (name, value, said) in [
        (
            "activation_faces_blur",
            "maybe",
            "activation_faces_blur: must be true or false",
        ),
        (
            "included_area",
            r#"{"left":0}"#,
            "included_area: right, top, bottom missing",
        ),
        (
            "included_area",
            r#"{"left":0,"right":2,"top":0,"bottom":1}"#,
            "included_area.right: must be",
        ),
        (
            "included_area[middle]",
            "1",
            "included_area: has no member `middle`",
        ),
        ("blur_type", "blur", "blur_type: must be a JSON object"),
        (
            "blur_type",
            r#"{"kind":"blur"}"#,
            "its members are anonymization_type",
        ),
        (
            "blur_type[num_pixels]",
            "101",
            "blur_type.num_pixels: must be a whole number from 1 to 100",
        ),
        (
            "excluded_area",
            "[[0,0],[1,0],[1,1]",
            "excluded_area: must be a JSON object, a JSON list of regions",
        ),
        (
            "excluded_area",
            r#"[[[0,0],[1,0],[1,1]],[[0,0],[1,0],[1,1]],{"left":1,"right":0,"top":0,"bottom":1}]"#,
            "excluded_area[2]: must have 0 <= left < right <= 1",
        ),
        (
            "included_area",
            "[[0,0],[1,1]]",
            "included_area: must have 3 to 1000 corners",
        ),
        (
            "profile",
            "best",
            "profile: `best` is none of fast, balanced, thorough",
        ),
        (
            "face_threshold",
            "0",
            "face_threshold: must be a number from 0.05 to 1",
        ),
        (
            "plate_threshold",
            "50%",
            "plate_threshold: must be a number from 0.05 to 1",
        ),
        ("mask_growth", "-1", "mask_growth: must be a number from 0 to 1"),
        (
            "mask_shape",
            "star",
            "mask_shape: `star` is none of ellipse, box, quad",
        ),
        (
            "metadata",
            "none",
            "metadata: `none` is none of strip, safe, keep",
        ),
        ("audio", "loud", "audio: `loud` is none of keep, mute, strip"),
        (
            "quality",
            "52",
            "quality: must be a whole number from 0 (best) to 51 (smallest)",
        ),
    ] {
        let form = Form::new()
            .part("input_media", Part::bytes(jpeg(b"")).file_name("a.jpg"))
            .text(name, value);
        let message = failed(client.post_form(form).send().await.unwrap(), 400).await;
        assert!(message.contains(said), "{message}");
    }
    server.nothing_is_stored().await;
}

#[tokio::test]
async fn the_profile_of_the_server_counts_where_the_client_names_none() {
    let server = Server::start_with(|_, http| http.default_profile = Profile::Thorough).await;
    let client = server.client("a").await;
    for (fields, profile) in [
        (&[][..], Profile::Thorough),
        (&[("profile", "")], Profile::Thorough),
        (&[("profile", "fast")], Profile::Fast),
    ] {
        let job = client.upload(jpeg(b""), fields).await;
        assert_eq!(server.job(&job).await.options.detection.profile, profile);
    }
}

type Fields = Vec<(String, String)>;

/// Hundredths: every decimal spelling of them is the same number.
fn fraction(hundredths: u32) -> f64 {
    f64::from(hundredths) / 100.0
}

fn any_area() -> impl Strategy<Value = Area> {
    let edges = || (0u32..100).prop_flat_map(|low| (Just(low), low + 1..=100));
    (edges(), edges()).prop_map(|((left, right), (top, bottom))| {
        Area::new(fraction(left), fraction(right), fraction(top), fraction(bottom)).unwrap()
    })
}

fn any_region() -> impl Strategy<Value = Region> {
    let corner = (0u32..=100, 0u32..=100).prop_map(|(x, y)| [fraction(x), fraction(y)]);
    prop_oneof![
        any_area().prop_map(Region::from),
        prop::collection::vec(corner, 3..6).prop_map(|corners| Polygon::new(corners).unwrap().into()),
    ]
}

fn any_mask() -> impl Strategy<Value = Mask> {
    let style = prop_oneof![
        Just(MaskStyle::Blur),
        any::<[u8; 3]>()
            .prop_map(|[r, g, b]| MaskStyle::Opaque(format!("#{r:02x}{g:02x}{b:02x}").parse().unwrap())),
        (1u32..=100).prop_map(|count| MaskStyle::Pixelate(PixelCount::new(count).unwrap())),
    ];
    let shape = prop::option::of(prop::sample::select(MaskShape::ALL.to_vec()));
    (style, 0u32..=100, 0u32..=100, shape).prop_map(|(style, padding, growth, shape)| Mask {
        style,
        smooth_padding: SmoothPadding::new(fraction(padding)).unwrap(),
        growth: MaskGrowth::new(fraction(growth)).unwrap(),
        shape,
    })
}

fn any_detection() -> impl Strategy<Value = DetectionOptions> {
    let threshold = || {
        let hundredths = prop::option::of(5u8..=100);
        hundredths.prop_map(|value| value.map(|v| ConfidenceThreshold::new(f32::from(v) / 100.0).unwrap()))
    };
    let profile = prop::sample::select(Profile::ALL.to_vec());
    (profile, threshold(), threshold()).prop_map(|(profile, faces, plates)| DetectionOptions {
        profile,
        faces,
        plates,
    })
}

fn any_options() -> impl Strategy<Value = AnonymizeOptions> {
    let regions = || prop::collection::vec(any_region(), 0..4);
    let metadata = prop::sample::select(MetadataPolicy::ALL.to_vec());
    let switches = any::<[bool; 3]>();
    (
        switches,
        any_detection(),
        regions(),
        regions(),
        any_mask(),
        metadata,
        any_video(),
        prop::sample::select(OtherEntries::ALL.to_vec()),
    )
        .prop_map(
            |(
                [faces, plates, document],
                detection,
                included_area,
                excluded_area,
                mask,
                metadata,
                video,
                other_entries,
            )| {
                AnonymizeOptions {
                    faces,
                    plates,
                    detections_document: document,
                    detection,
                    included_area,
                    excluded_area,
                    mask,
                    metadata,
                    video,
                    other_entries,
                }
            },
        )
}

fn any_video() -> impl Strategy<Value = VideoOptions> {
    let audio = prop::sample::select(Audio::ALL.to_vec());
    let subtitles = prop::sample::select(Subtitles::ALL.to_vec());
    let codec = prop::sample::select(VideoCodec::ALL.to_vec());
    (audio, subtitles, codec, 0..=Quality::MAX).prop_map(|(audio, subtitles, codec, crf)| VideoOptions {
        audio,
        subtitles,
        codec,
        quality: Quality::new(crf).unwrap(),
    })
}

/// Makes every choice that the encoding of a form has.
struct Chooser {
    choices: Vec<u8>,
    next: usize,
}

impl Chooser {
    fn among(&mut self, count: u8) -> u8 {
        self.next += 1;
        self.choices[self.next % self.choices.len()] % count
    }

    fn boolean(&mut self, value: bool) -> String {
        let spellings = if value {
            ["true", "True", "1"]
        } else {
            ["false", "False", "0"]
        };
        spellings[usize::from(self.among(3))].to_owned()
    }

    /// Members of an object, each as a bracketed field or in one JSON text, as a number or as a string.
    fn object(&mut self, name: &str, members: &[(&str, String)], fields: &mut Fields) {
        let mut json = serde_json::Map::new();
        for (member, text) in members {
            match (self.among(3), serde_json::from_str(text)) {
                (0, _) => fields.push((format!("{name}[{member}]"), text.clone())),
                (1, Ok(number)) => drop(json.insert((*member).to_owned(), number)),
                _ => drop(json.insert((*member).to_owned(), text.as_str().into())),
            }
        }
        if !json.is_empty() {
            fields.push((name.to_owned(), serde_json::Value::from(json).to_string()));
        }
    }

    fn regions(&mut self, name: &str, regions: &[Region], fields: &mut Fields) {
        match regions {
            [] => {
                let nothing = ["", "null", "[]", "{}"];
                let text = nothing[usize::from(self.among(4))];
                fields.push((name.to_owned(), text.to_owned()));
            }
            [Region::Rectangle(area)] if self.among(3) > 0 => {
                let names = ["left", "right", "top", "bottom"];
                let edges = area.edges().map(|edge| edge.to_string());
                let members: Vec<_> = names.into_iter().zip(edges).collect();
                self.object(name, &members, fields);
            }
            [Region::Polygon(polygon)] if self.among(2) > 0 => {
                fields.push((name.to_owned(), serde_json::to_string(polygon).unwrap()));
            }
            regions => fields.push((name.to_owned(), serde_json::to_string(regions).unwrap())),
        }
    }

    fn encode(&mut self, options: &AnonymizeOptions) -> Fields {
        let mut fields = Fields::new();
        for (name, value) in [
            ("activation_faces_blur", options.faces),
            ("activation_plates_blur", options.plates),
            ("output_detections_url", options.detections_document),
        ] {
            fields.push((name.to_owned(), self.boolean(value)));
        }
        self.regions("included_area", &options.included_area, &mut fields);
        self.regions("excluded_area", &options.excluded_area, &mut fields);
        let mut mask = vec![("smooth_padding", options.mask.smooth_padding.get().to_string())];
        let kind = match options.mask.style {
            MaskStyle::Blur => "blur",
            MaskStyle::Opaque(color) => {
                mask.push(("hex_color", String::from(color)));
                "opaque"
            }
            MaskStyle::Pixelate(count) => {
                mask.push(("num_pixels", count.get().to_string()));
                "pixelate"
            }
        };
        mask.push(("anonymization_type", kind.to_owned()));
        self.object("blur_type", &mask, &mut fields);
        let threshold = |value: Option<ConfidenceThreshold>| value.map(|value| value.get().to_string());
        for (name, value) in [
            ("profile", Some(options.detection.profile.as_str().to_owned())),
            ("face_threshold", threshold(options.detection.faces)),
            ("plate_threshold", threshold(options.detection.plates)),
            ("mask_growth", Some(options.mask.growth.get().to_string())),
            (
                "mask_shape",
                options.mask.shape.map(|shape| shape.as_str().to_owned()),
            ),
            ("metadata", Some(options.metadata.as_str().to_owned())),
            ("audio", Some(options.video.audio.as_str().to_owned())),
            ("subtitles", Some(options.video.subtitles.as_str().to_owned())),
            ("codec", Some(options.video.codec.as_str().to_uppercase())),
            ("quality", Some(options.video.quality.get().to_string())),
            ("other_entries", Some(options.other_entries.as_str().to_owned())),
        ] {
            // What is absent may be said to be absent.
            match (value, self.among(2)) {
                (Some(text), _) => fields.push((name.to_owned(), text)),
                (None, 0) => fields.push((name.to_owned(), "null".to_owned())),
                (None, _) => {}
            }
        }
        fields
    }
}

async fn options_of(server: &Server, client: &Client, fields: Fields, file_at: usize) -> AnonymizeOptions {
    let mut form = Form::new();
    for (index, (name, value)) in fields.into_iter().enumerate() {
        if index == file_at {
            form = form.part("input_media", Part::bytes(jpeg(b"")).file_name("a.jpg"));
        }
        form = form.text(name, value);
    }
    let answer = ok(client.post_form(form).send().await.unwrap()).await;
    server.job(&text(&answer["anonymization_job_id"])).await.options
}

#[test]
fn any_mixture_of_encodings_in_any_order_says_the_same() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (server, client) = runtime.block_on(async {
        let server = Server::start().await;
        let client = server.client("a").await;
        (server, client)
    });
    let encodings = (
        any_options(),
        prop::collection::vec(any::<u8>(), 40),
        any::<prop::sample::Index>(),
    );
    let forms = encodings.prop_flat_map(|(options, choices, file_at)| {
        let fields = Chooser { choices, next: 0 }.encode(&options);
        let file_at = file_at.index(fields.len());
        (Just(options), Just(fields).prop_shuffle(), Just(file_at))
    });
    let config = Config {
        cases: 64,
        failure_persistence: None,
        ..Config::default()
    };
    let outcome = TestRunner::new(config).run(&forms, |(expected, fields, file_at)| {
        let options = runtime.block_on(options_of(&server, &client, fields, file_at));
        prop_assert_eq!(options, expected);
        Ok(())
    });
    outcome.unwrap();
}
