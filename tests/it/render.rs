//! Rendering again from edited detections, from upload to download, with the real models.

use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::{Value, json};
use sfumato_e2e::client::Client;
use sfumato_e2e::eventually;
use sfumato_e2e::picture::{Picture, astronaut_png};
use sfumato_e2e::receiver::Receiver;
use sfumato_e2e::server::Server;
use tempfile::TempDir;

use crate::video::{clip, run, text};

/// A server that keeps originals, and cuts videos into short parts.
async fn start(dir: &TempDir) -> Result<Server> {
    let config = dir.path().join("sfumato.toml");
    let settings = "[retention]\noriginals = \"1h\"\n\n[worker]\npart_length = \"2s\"\n";
    std::fs::write(&config, settings)?;
    Server::start_with(&["--allow-private-webhooks", "--config", text(&config)]).await
}

async fn render(client: &Client, body: &Value) -> Result<String> {
    let path = "/innovation-service/anonymization/render";
    let answer = client.request(Method::POST, path).json(body).send().await?;
    let answer: Value = answer.error_for_status()?.json().await?;
    let job = answer["anonymization_job_id"].as_str();
    Ok(job.context("a job")?.to_owned())
}

/// What came of a job: the media and the document.
async fn result(client: &Client, job: &str) -> Result<(Vec<u8>, Value)> {
    let status = client.finished(job).await;
    let url = |member: &str| status[member].as_str().with_context(|| status.to_string());
    let media = client.download(url("output_media")?).await?;
    let document = client.download(url("output_json")?).await?;
    Ok((media, serde_json::from_slice(&document)?))
}

#[tokio::test]
async fn a_box_that_is_moved_hides_elsewhere_and_the_first_result_stays() -> Result<()> {
    let dir = TempDir::new()?;
    let server = start(&dir).await?;
    let client = server.client("review").await?;
    let receiver = Receiver::start().await?;
    client.add_endpoint(&receiver.url).await?;
    let before = Picture::from_png(&astronaut_png());
    let fields = [
        ("output_detections_url", "true"),
        (
            "blur_type",
            r##"{"anonymization_type":"opaque","hex_color":"#00ff00"}"##,
        ),
    ];
    let job = client.submit("a.png", before.to_png(), &fields).await?;
    let (first, mut document) = result(&client, &job).await?;
    assert_eq!(
        Picture::from_png(&first).pixel(225, 120),
        [0, 255, 0],
        "the face is hidden"
    );

    let faces = document["detections"].as_array_mut().context("an array")?;
    assert!(!faces.is_empty());
    faces.truncate(1);
    faces[0]["box"] = json!({ "x": 40, "y": 400, "width": 60, "height": 60 });
    let revision = render(
        &client,
        &json!({ "anonymization_job_id": job, "detections": document }),
    )
    .await?;
    let (second, rendered) = result(&client, &revision).await?;
    assert_eq!(rendered["source"], "given");
    assert_eq!(
        rendered["detections"][0]["model"],
        document["detections"][0]["model"]
    );
    let after = Picture::from_png(&second);
    assert_eq!(after.pixel(70, 430), [0, 255, 0]);
    for (x, y) in (0..512).flat_map(|y| (0..512).map(move |x| (x, y))) {
        let is_near = (10..130).contains(&x) && (370..490).contains(&y);
        assert!(is_near || after.pixel(x, y) == before.pixel(x, y), "{x} {y}");
    }
    eventually("the webhooks of the revision", async || {
        (receiver.statuses(&revision) == ["Sent", "Started", "Succeeded"]).then_some(())
    })
    .await;
    assert!(result(&client, &job).await?.0 == first, "the first result stays");
    Ok(())
}

#[tokio::test]
async fn a_track_of_a_long_video_is_removed_and_one_is_drawn_over_some_frames() -> Result<()> {
    let dir = TempDir::new()?;
    let original = clip(dir.path(), 6)?;
    let server = start(&dir).await?;
    let client = server.client("film").await?;
    let fields = [
        ("output_detections_url", "true"),
        ("profile", "fast"),
        (
            "blur_type",
            r##"{"anonymization_type":"opaque","hex_color":"#00ff00"}"##,
        ),
    ];
    let job = client
        .submit("clip.mp4", std::fs::read(&original)?, &fields)
        .await?;
    let (_, mut document) = result(&client, &job).await?;
    let face = &document["tracks"][0]["boxes"][60]["box"];
    let center = |corner: &str, side: &str| -> Result<u64> {
        let number = |member: &str| face[member].as_f64().context("a number");
        Ok((number(corner)? + number(side)? / 2.0) as u64)
    };
    let face = (center("x", "width")?, center("y", "height")?);
    document["tracks"] = json!([{ "class": "face", "manual": true, "first_frame": 50, "last_frame": 70,
        "boxes": [{ "frame": 50, "box": { "x": 400, "y": 300, "width": 40, "height": 40 } }] }]);
    let revision = render(
        &client,
        &json!({ "anonymization_job_id": job, "detections": document }),
    )
    .await?;
    let (media, rendered) = result(&client, &revision).await?;
    assert_eq!(
        (&rendered["tracks"][0]["manual"], &rendered["video"]["frames"]),
        (&json!(true), &json!(120))
    );
    let path = dir.path().join("rendered.mp4");
    std::fs::write(&path, media)?;
    let green = |(x, y): (u64, u64)| -> Result<Vec<usize>> {
        let filter = format!("format=rgb24,crop=1:1:{x}:{y}");
        let raw = dir.path().join("raw");
        run(
            "ffmpeg",
            &[
                "-v",
                "error",
                "-y",
                "-i",
                text(&path),
                "-vsync",
                "passthrough",
                "-vf",
                &filter,
                "-f",
                "rawvideo",
                text(&raw),
            ],
        )?;
        let raw = std::fs::read(&raw)?;
        let is_green = |pixel: &[u8]| pixel[1] > 180 && pixel[0] < 80 && pixel[2] < 80;
        let frames = raw.chunks_exact(3).enumerate();
        Ok(frames
            .filter(|(_, pixel)| is_green(pixel))
            .map(|(frame, _)| frame)
            .collect())
    };
    assert_eq!(green((420, 320))?, (50..=70).collect::<Vec<_>>());
    assert!(green(face)?.is_empty(), "what was removed is not hidden");
    Ok(())
}
