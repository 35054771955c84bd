//! What the API knows beyond BlurIt, through the built server.

use anyhow::Result;
use serde_json::{Value, json};
use sfumato_e2e::eventually;
use sfumato_e2e::picture::{Picture, astronaut_png};
use sfumato_e2e::receiver::Receiver;
use sfumato_e2e::server::Server;

/// Where the astronaut's nose is, in pixels.
const NOSE: (u32, u32) = (225, 120);

/// The smallest rectangle around every pixel that differs: left, top, right, bottom.
fn changed(before: &Picture, after: &Picture) -> Option<[u32; 4]> {
    let points = (0..before.height).flat_map(|y| (0..before.width).map(move |x| (x, y)));
    points
        .filter(|(x, y)| before.pixel(*x, *y) != after.pixel(*x, *y))
        .fold(None, |area, (x, y)| {
            let [left, top, right, bottom] = area.unwrap_or([x, y, x, y]);
            Some([left.min(x), top.min(y), right.max(x), bottom.max(y)])
        })
}

#[tokio::test]
async fn an_upload_with_every_extension_is_done_as_it_says() -> Result<()> {
    let server = Server::start().await?;
    let client = server.client("extensions").await?;
    let receiver = Receiver::start().await?;
    client.add_endpoint(&receiver.url).await?;
    let before = Picture::from_png(&astronaut_png());
    let fields = [
        ("profile", "thorough"),
        ("face_threshold", "0.5"),
        ("plate_threshold", "1"),
        ("mask_growth", "0.5"),
        ("mask_shape", "box"),
        ("metadata", "strip"),
        ("included_area", "[[0,0],[1,0],[1,0.6],[0,0.6]]"),
        ("excluded_area", r#"[{"left":0.9,"right":1,"top":0,"bottom":1}]"#),
        (
            "blur_type",
            r##"{"anonymization_type":"opaque","hex_color":"#00ff00"}"##,
        ),
        ("output_detections_url", "true"),
    ];
    let job = client.submit("a.png", before.to_png(), &fields).await?;
    let status = client.finished(&job).await;
    assert_eq!(status["status"], "Succeeded", "{status}");
    eventually("three webhooks", async || {
        (receiver.statuses(&job) == ["Sent", "Started", "Succeeded"]).then_some(())
    })
    .await;
    let url = |member: &str| status[member].as_str().expect("an address").to_owned();
    let after = Picture::from_png(&client.download(&url("output_media")).await?);
    let document: Value = serde_json::from_slice(&client.download(&url("output_json")).await?)?;

    let found = document["detections"].as_array().expect("an array");
    let hidden: Vec<_> = found
        .iter()
        .filter(|found| found["hidden"] == json!(true))
        .collect();
    assert_eq!(hidden.len(), 1, "{document}");
    assert_eq!(after.pixel(NOSE.0, NOSE.1), [0, 255, 0]);
    // A box that has grown by half of its width on each side has twice the width, and reaches into its corners.
    let area = changed(&before, &after).expect("the face was hidden");
    let side = |member: &str| hidden[0]["box"][member].as_f64().expect("a number");
    let width = f64::from(area[2] - area[0]);
    assert!((width - 2.0 * side("width")).abs() < 6.0, "{area:?} {document}");
    assert_eq!(
        after.pixel(area[0] + 3, area[1] + 3),
        [0, 255, 0],
        "a box has corners"
    );
    Ok(())
}

#[tokio::test]
async fn what_lies_in_an_excluded_area_is_found_and_left_alone() -> Result<()> {
    let server = Server::start().await?;
    let client = server.client("excluded").await?;
    let before = Picture::from_png(&astronaut_png());
    for excluded in [
        r#"{"left":0,"right":1,"top":0,"bottom":0.5}"#,
        "[[[0.2,0],[0.8,0],[0.5,1]], [[0,0],[0.1,0],[0,0.1]]]",
    ] {
        let fields = [
            ("excluded_area", excluded),
            ("activation_plates_blur", "false"),
            ("output_detections_url", "1"),
        ];
        let (after, document) = client.anonymize("a.png", before.to_png(), &fields).await?;
        assert!(Picture::from_png(&after) == before, "{excluded}");
        let document = document.expect("the document was asked for");
        let found = document["detections"].as_array().expect("an array");
        assert!(!found.is_empty() && found.iter().all(|found| found["hidden"] == json!(false)));
    }
    Ok(())
}

#[tokio::test]
async fn an_extension_that_is_wrong_is_refused_by_its_name() -> Result<()> {
    let server = Server::start().await?;
    let client = server.client("wrong").await?;
    for (field, value, said) in [
        ("profile", "best", "fast, balanced, thorough"),
        ("face_threshold", "0", "from 0.05 to 1"),
        ("mask_growth", "2", "from 0 to 1"),
        ("mask_shape", "star", "ellipse, box, quad"),
        ("metadata", "all", "strip, safe, keep"),
        (
            "excluded_area",
            "[[[0,0],[1,1]]]",
            "excluded_area[0]: must have 3 to 1000 corners",
        ),
    ] {
        let answer = client.upload("a.png", astronaut_png(), &[(field, value)]).await?;
        assert_eq!(answer.status(), 400);
        let text = answer.text().await?;
        assert!(text.contains(field) && text.contains(said), "{text}");
    }
    Ok(())
}
