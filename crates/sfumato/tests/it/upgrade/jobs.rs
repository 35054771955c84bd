//! Jobs, their results and their events.

use serde_json::Value;
use sfumato_testkit::earlier::job;

use crate::api::Client;

pub(super) fn are_as_they_were(client: &Client) {
    let status = |number| client.status(&job(number));
    for number in [20, 26] {
        assert_eq!(status(number)["status"], "Sent", "it waits");
    }
    // They were worked on when their server was killed, and wait again as soon as that is seen.
    for number in [27, 28] {
        let status = status(number);
        assert!(
            ["Started", "Retried"].contains(&status["status"].as_str().unwrap()),
            "{status}"
        );
    }
    let done = status(21);
    assert_eq!(done["status"], "Succeeded", "{done}");
    assert_eq!(
        download(client, &done["output_media"]),
        ("200".into(), "hidden".into())
    );
    assert_eq!(
        download(client, &done["output_json"]),
        ("200".into(), "{}".into())
    );
    // Kept for a month, by the client's policy: everybody's is a week.
    assert_eq!(download(client, &status(25)["output_media"]).1, "hidden");
    assert_eq!(status(22)["error"], "the file is no picture");
    assert_eq!(status(23)["status"], "Revoked");
    assert_eq!(download(client, &status(24)["output_media"]).0, "410");

    let told = client.send("GET /events?limit=100", "");
    let told = told["events"].as_array().unwrap();
    for (number, statuses) in [
        (20, &["Sent"][..]),
        (21, &["Sent", "Started", "Succeeded"]),
        (22, &["Sent", "Started", "Failed"]),
        (23, &["Sent"]),
        (24, &["Sent", "Started", "Succeeded"]),
        (25, &["Sent", "Started", "Succeeded"]),
        (26, &["Sent"]),
        (27, &["Sent", "Started"]),
        (28, &["Sent", "Started"]),
    ] {
        let of_job: Vec<_> = told
            .iter()
            .filter(|event| event["taskId"] == job(number))
            .collect();
        // What was begun since comes after what there was.
        assert!(of_job.len() >= statuses.len(), "{of_job:?}");
        for (sequence, (event, status)) in of_job.iter().zip(statuses).enumerate() {
            assert_eq!(event["status"], *status, "{event}");
            assert_eq!(event["sequence"], sequence + 1, "{event}");
        }
    }
}

/// The status and the body of a result.
fn download(client: &Client, url: &Value) -> (String, String) {
    let url = url.as_str().unwrap();
    let (_, path) = url.split_once("/innovation-service").unwrap();
    let answer = client.answer(&format!("GET /innovation-service{path}"), "");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].to_owned(), body.to_owned())
}
