//! Endpoints with their secrets, deliveries, attempts and replays.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use sfumato_core::SigningSecret;
use sfumato_testkit::earlier::{ENDPOINTS, SIGNING_SECRET, TOKEN_BEFORE, job};

use crate::api::Client;
use crate::support::{Place, Running, Stream};

/// Somebody who knows the endpoint's token and signing secret from before, and refuses what has others.
pub(super) struct Receiver {
    process: Running,
    pub(super) url: String,
}

impl Receiver {
    pub(super) fn start(place: &Place) -> Self {
        let secret = SigningSecret::from_bytes(SIGNING_SECRET).expose();
        let args = [
            "listen",
            "--port",
            "0",
            "--json",
            "--token",
            TOKEN_BEFORE,
            "--secret",
            &secret,
        ];
        let mut process = Running::start(place.command(&args), &Stream::Stdout);
        let first: Value = serde_json::from_str(&process.wait_for("listening")).unwrap();
        let url = first["listening"].as_str().unwrap().to_owned();
        Self { process, url }
    }

    /// What waited, what was on its way when the server was killed, and what the replay that was running still had to send.
    pub(super) fn hears_what_waited(&mut self) {
        let mut missing: BTreeSet<_> = [
            (job(20), "Sent"),
            (job(21), "Succeeded"),
            (job(24), "Succeeded"),
            (job(25), "Succeeded"),
        ]
        .into();
        while !missing.is_empty() {
            let line = self.process.wait_for("taskId");
            let heard: Value = serde_json::from_str(&line).unwrap();
            assert_eq!(heard["answer"], 200, "{heard}");
            missing.retain(|(job, status)| heard["taskId"] != *job || heard["status"] != *status);
        }
    }
}

pub(super) fn are_as_they_were(client: &Client) {
    let listed = client.send("GET /webhook-url/get-many", "");
    let listed: Vec<_> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["uuid"])
        .collect();
    let [called, held, deleted, off] = ENDPOINTS;
    assert_eq!(listed.len(), 3, "{listed:?}");
    assert!(!listed.contains(&&json!(deleted)), "{listed:?}");
    let of = |endpoint: &str, what: &str| client.send(&format!("GET /webhook-url/{endpoint}{what}"), "");

    // In the overlap of its rotation the token from before is sent.
    assert_eq!(of(called, "")["webhookToken"], TOKEN_BEFORE);
    let secret = SigningSecret::from_bytes(SIGNING_SECRET).expose();
    assert_eq!(of(called, "/signing-secret")["signingSecret"], secret.as_str());
    assert_eq!(of(held, "")["webhookToken"], "wis-wht_FIXTURE11FIXTURE11FIXTUR");
    assert_eq!(of(off, "")["active"], false);

    let deliveries = of(called, "/deliveries");
    let delivery = |job: String, status: &str| {
        let mut all = deliveries["deliveries"].as_array().unwrap().iter();
        let found = all.find(|one| one["taskId"] == job && one["status"] == status);
        found.unwrap_or_else(|| panic!("no {status} of {job} in {deliveries}"))
    };
    let sent = delivery(job(21), "Sent");
    assert_eq!(sent["state"], "delivered");
    let attempt = &sent["attempts"][0];
    assert_eq!(
        (&attempt["outcome"], &attempt["status"]),
        (&json!("ok"), &json!(200))
    );
    assert_eq!(
        (&attempt["response"], &attempt["phases"]["connectMs"]),
        (&json!("{}"), &json!(0.2))
    );
    assert_eq!(delivery(job(21), "Started")["state"], "superseded");
    assert_eq!(delivery(job(22), "Failed")["state"], "expired");
    let failed = &delivery(job(21), "Succeeded")["attempts"][0];
    assert_eq!(
        (&failed["outcome"], &failed["response"]),
        (&json!("status"), &json!("busy"))
    );
    assert_eq!(of(held, "/deliveries")["deliveries"][0]["state"], "pending");

    let replays = of(called, "/replay");
    let states: Vec<_> = replays
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["state"])
        .collect();
    assert_eq!(states[..2], [&json!("cancelled"), &json!("done")], "{replays}");
    assert!(
        ["running", "done"].contains(&states[2].as_str().unwrap()),
        "{replays}"
    );
}
