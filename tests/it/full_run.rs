//! Upload, webhooks in order, download: once for each format, and with everything that a job can be asked for.

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::Method;
use serde_json::Value;
use sfumato_e2e::client::Client;
use sfumato_e2e::eventually;
use sfumato_e2e::picture::{Picture, astronaut_png, car_png};
use sfumato_e2e::receiver::Receiver;
use sfumato_e2e::server::Server;
use sha2::Sha256;

/// Where the astronaut's face is, in fractions of the picture.
const FACE: [f64; 2] = [0.44, 0.24];

async fn detections(client: &Client, name: &str, content: Vec<u8>) -> Result<Vec<Value>> {
    let (_, document) = client
        .anonymize(name, content, &[("output_detections_url", "true")])
        .await?;
    let document = document.expect("the document was asked for");
    assert_eq!(document["schema"], "sfumato.detections/1");
    Ok(document["detections"].as_array().expect("an array").clone())
}

fn count(detections: &[Value], class: &str) -> usize {
    detections.iter().filter(|d| d["class"] == class).count()
}

/// The astronaut as a JPEG: what comes out of a job in that format is made from an upload in that format.
fn astronaut_jpeg() -> Vec<u8> {
    std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/astronaut.jpg"))
        .expect("a fixture of the tests")
}

async fn a_full_run(name: &str, content: Vec<u8>, content_type: &str) -> Result<()> {
    let server = Server::start().await?;
    let client = server.client("newsroom").await?;
    let receiver = Receiver::start().await?;
    let endpoint = client.add_endpoint(&receiver.url).await?;

    let job = client
        .submit(name, content.clone(), &[("output_detections_url", "true")])
        .await?;
    let status = client.finished(&job).await;
    assert_eq!(status["status"], "Succeeded", "{status}");

    let statuses = eventually("three webhooks", async || {
        let statuses = receiver.statuses(&job);
        (statuses.len() == 3).then_some(statuses)
    })
    .await;
    assert_eq!(statuses, ["Sent", "Started", "Succeeded"]);
    for (sequence, received) in receiver.received().iter().enumerate() {
        assert_eq!(
            received.header("x-auth-token"),
            endpoint["webhookToken"].as_str().expect("a token")
        );
        assert_eq!(received.header("webhook-sequence"), (sequence + 1).to_string());
        assert_eq!(received.header("content-type"), "application/json");
        assert!(received.header("webhook-signature").starts_with("v1,"));
        let members: Vec<&String> = received.body.as_object().expect("an object").keys().collect();
        assert_eq!(members, ["status", "taskId"]);
    }

    let media = status["output_media"].as_str().expect("output_media");
    assert!(
        media.starts_with(&format!("{}/innovation-service/result/", server.url)),
        "{media}"
    );
    let answer = client
        .request(Method::GET, &media[server.url.len()..])
        .send()
        .await?;
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["content-type"], content_type);
    assert!(answer.headers()["content-disposition"].to_str()?.contains(name));
    let result = answer.bytes().await?.to_vec();
    assert_ne!(result, content);

    let document: Value = serde_json::from_slice(
        &client
            .download(status["output_json"].as_str().expect("output_json"))
            .await?,
    )?;
    let face = document["detections"]
        .as_array()
        .expect("an array")
        .iter()
        .find(|d| d["class"] == "face")
        .expect("the face");
    let edge = |name: &str| face["fractions"][name].as_f64().expect("a fraction");
    assert!(
        edge("left") < FACE[0]
            && FACE[0] < edge("right")
            && edge("top") < FACE[1]
            && FACE[1] < edge("bottom"),
        "{face}"
    );

    let again = detections(&client, name, result).await?;
    assert_eq!(
        count(&again, "face"),
        0,
        "a face is found in the result: {again:?}"
    );
    Ok(())
}

#[tokio::test]
async fn a_png_goes_in_with_a_face_and_comes_out_without() -> Result<()> {
    a_full_run("astronaut.png", astronaut_png(), "image/png").await
}

#[tokio::test]
async fn a_jpeg_goes_in_with_a_face_and_comes_out_without() -> Result<()> {
    a_full_run("astronaut.jpg", astronaut_jpeg(), "image/jpeg").await
}

#[tokio::test]
async fn a_licence_plate_cannot_be_read_and_nothing_else_changes() -> Result<()> {
    let server = Server::start().await?;
    let client = server.client("fleet").await?;
    let before = car_png();
    let (after, document) = client
        .anonymize("car.png", before.clone(), &[("output_detections_url", "1")])
        .await?;
    let document = document.expect("the document was asked for");
    let found = document["detections"].as_array().expect("an array");
    assert_eq!(count(found, "plate"), 1, "{document}");
    let (before, after) = (Picture::from_png(&before), Picture::from_png(&after));
    assert_ne!(before.pixel(480, 410), after.pixel(480, 410));
    for (x, y) in [(5, 5), (480, 100), (240, 320), (955, 635), (300, 410)] {
        assert_eq!(
            before.pixel(x, y),
            after.pixel(x, y),
            "the pixel at {x}, {y} is outside"
        );
    }
    // A rectangle that is blurred is still one on the rear of a car, and may be taken for a plate: with the noise of some masks
    // it is. What must not be left is anything to read.
    let (legible, left) = (contrast_of_letters(&before), contrast_of_letters(&after));
    assert!(left * 20 < legible, "{left} of {legible}");
    Ok(())
}

/// How much pixels of the car's plate differ from those that lie as far to the right as a stroke of its letters is wide.
fn contrast_of_letters(car: &Picture) -> u32 {
    let columns = 370..590;
    let rows = (380..440).flat_map(|y| columns.clone().map(move |x| (x, y)));
    rows.map(|(x, y)| {
        let [a, b] = [car.pixel(x, y), car.pixel(x + 5, y)];
        a.into_iter()
            .zip(b)
            .map(|(a, b)| u32::from(a.abs_diff(b)))
            .sum::<u32>()
    })
    .sum()
}

#[tokio::test]
async fn options_in_every_encoding_reach_the_picture() -> Result<()> {
    let server = Server::start().await?;
    let client = server.client("options").await?;
    let before = Picture::from_png(&astronaut_png());
    let (x, y) = (225, 120);
    let opaque = [
        vec![(
            "blur_type",
            r##"{"anonymization_type":"opaque","hex_color":"#00ff00"}"##,
        )],
        vec![
            ("blur_type[anonymization_type]", "opaque"),
            ("blur_type[hex_color]", "#00ff00"),
            ("included_area", "null"),
        ],
    ];
    for fields in opaque {
        let (after, document) = client.anonymize("a.png", before.to_png(), &fields).await?;
        assert_eq!(Picture::from_png(&after).pixel(x, y), [0, 255, 0], "{fields:?}");
        assert!(document.is_none(), "nobody asked for the document");
    }
    let off: [&[(&str, &str)]; 3] = [
        &[
            ("activation_faces_blur", "False"),
            ("activation_plates_blur", "0"),
        ],
        &[
            ("included_area", r#"{"left":0.8,"right":1,"top":0.8,"bottom":1}"#),
            ("activation_plates_blur", "false"),
        ],
        &[
            ("included_area[left]", "0"),
            ("included_area[right]", "0.1"),
            ("included_area[top]", "0"),
            ("included_area[bottom]", "0.1"),
            ("activation_plates_blur", "false"),
        ],
    ];
    for fields in off {
        let (after, _) = client.anonymize("a.png", before.to_png(), fields).await?;
        assert!(
            Picture::from_png(&after) == before,
            "nothing was to be hidden: {fields:?}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn eight_uploads_at_once_all_succeed() -> Result<()> {
    let server = Server::start().await?;
    let client = server.client("busy").await?;
    let receiver = Receiver::start().await?;
    client.add_endpoint(&receiver.url).await?;
    let runs = (0..8).map(|n| {
        let client = client.clone();
        let (name, content) = if n % 2 == 0 {
            ("a.png", astronaut_png())
        } else {
            ("a.jpg", astronaut_jpeg())
        };
        async move {
            let job = client.submit(name, content, &[]).await?;
            anyhow::Ok((client.finished(&job).await, job))
        }
    });
    for (status, job) in futures::future::try_join_all(runs).await? {
        assert_eq!(status["status"], "Succeeded", "{status}");
        eventually("the job's webhooks", async || {
            (receiver.statuses(&job) == ["Sent", "Started", "Succeeded"]).then_some(())
        })
        .await;
    }
    Ok(())
}

#[tokio::test]
async fn a_broken_picture_fails_with_a_reason_and_fails_alone() -> Result<()> {
    let server = Server::start().await?;
    let client = server.client("broken").await?;
    let receiver = Receiver::start().await?;
    client.add_endpoint(&receiver.url).await?;
    let half = astronaut_jpeg();
    let broken = client
        .submit("half.jpg", half[..half.len() / 2].to_vec(), &[])
        .await?;
    let whole = client.submit("whole.jpg", half, &[]).await?;
    let status = client.finished(&broken).await;
    assert_eq!(status["status"], "Failed");
    let error = status["error"].as_str().expect("a reason");
    assert!(error.len() > 10 && !error.contains('/'), "{error}");
    assert!(status.get("output_media").is_none());
    assert_eq!(client.finished(&whole).await["status"], "Succeeded");
    eventually("the failure's webhooks", async || {
        (receiver.statuses(&broken) == ["Sent", "Started", "Failed"]).then_some(())
    })
    .await;
    Ok(())
}

#[tokio::test]
async fn a_refused_webhook_comes_again_in_order_and_signed() -> Result<()> {
    let server = Server::start().await?;
    let client = server.client("retry").await?;
    let receiver = Receiver::start().await?;
    receiver.refuse(1);
    let endpoint = client.add_endpoint(&receiver.url).await?;
    let job = client.submit("a.jpg", astronaut_jpeg(), &[]).await?;
    client.finished(&job).await;
    let statuses = eventually("the terminal webhook", async || {
        let statuses = receiver.statuses(&job);
        statuses.contains(&"Succeeded".to_owned()).then_some(statuses)
    })
    .await;
    // The first status was refused; whether it was tried again before the job ended, it may be superseded. Order holds.
    let order = ["Sent", "Started", "Succeeded"];
    let positions: Vec<usize> = statuses
        .iter()
        .map(|s| order.iter().position(|o| o == s).expect("a known status"))
        .collect();
    assert!(positions.is_sorted(), "{statuses:?}");
    let path = format!(
        "/webhook-url/{}/signing-secret",
        endpoint["uuid"].as_str().expect("a uuid")
    );
    let told: Value = client.request(Method::GET, &path).send().await?.json().await?;
    let secret = told["signingSecret"].as_str().expect("a secret");
    let key = STANDARD.decode(secret.strip_prefix("whsec_").expect("the usual prefix"))?;
    for received in receiver.received() {
        let mut mac = Hmac::<Sha256>::new_from_slice(&key)?;
        mac.update(
            format!(
                "{}.{}.",
                received.header("webhook-id"),
                received.header("webhook-timestamp")
            )
            .as_bytes(),
        );
        mac.update(&received.raw);
        let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        assert_eq!(received.header("webhook-signature"), expected);
    }
    Ok(())
}

#[tokio::test]
async fn a_cancelled_job_is_revoked_and_stays_so() -> Result<()> {
    let server = Server::start().await?;
    let client = server.client("cancel").await?;
    let mut jobs = Vec::new();
    for _ in 0..6 {
        jobs.push(client.submit("a.png", astronaut_png(), &[]).await?);
    }
    let last = jobs.last().expect("six jobs");
    let path = format!("/innovation-service/anonymization?anonymization_job_id={last}");
    let answer = client.request(Method::DELETE, &path).send().await?;
    assert_eq!(answer.status(), 200);
    assert_eq!(client.status(last).await?["status"], "Revoked");
    for job in &jobs[..5] {
        assert_eq!(client.finished(job).await["status"], "Succeeded");
    }
    assert_eq!(client.status(last).await?["status"], "Revoked");
    let again = client.request(Method::DELETE, &path).send().await?;
    assert_eq!(again.status(), 200, "cancelling twice is cancelling");
    let done = format!(
        "/innovation-service/anonymization?anonymization_job_id={}",
        jobs[0]
    );
    assert_eq!(client.request(Method::DELETE, &done).send().await?.status(), 409);
    Ok(())
}
