//! Every encoding of the options that clients send arrives in the job.

use reqwest::multipart::{Form, Part};
use sfumato_core::AnonymizeOptions;
use sfumato_core::options::{Area, Mask, MaskStyle, PixelCount, SmoothPadding};

use crate::server::{Server, failed, jpeg, ok, text};

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
        ]
        .map(|name| (name, absent));
        let job = client.upload(jpeg(b""), &fields).await;
        assert_eq!(server.job(&job).await.options, AnonymizeOptions::default());
    }
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
    ] {
        let form = Form::new()
            .part("input_media", Part::bytes(jpeg(b"")).file_name("a.jpg"))
            .text(name, value);
        let message = failed(client.post_form(form).send().await.unwrap(), 400).await;
        assert!(message.contains(said), "{message}");
    }
    server.nothing_is_stored().await;
}
