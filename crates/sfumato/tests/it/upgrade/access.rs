//! Who is let in, and on which terms.

use std::net::SocketAddr;

use serde_json::json;
use sfumato_testkit::earlier::{
    ACCESS_TOKEN, CLIENT_ID, CLOSED_CLIENT, ENDED_REFRESH_TOKEN, REFRESH_TOKEN, SECRET, SECRET_BEFORE, job,
};

use super::log_in;
use crate::api::{Client, body_of};
use crate::support::{Place, request};

pub(super) fn is_as_it_was(address: SocketAddr, place: &Place, database: &[&str]) {
    // The secret before counts in the overlap.
    log_in(address, SECRET_BEFORE);
    tokens_are_refreshed(address);
    let json = [("Content-Type", "application/json")];
    let (id, secret) = CLOSED_CLIENT;
    let closed = format!(r#"{{"clientId":"{id}","secretId":"{secret}"}}"#);
    let refused = request(address, "POST /login", &json, &closed);
    assert!(refused.starts_with("HTTP/1.1 401"), "{refused}");
    let client = log_in(address, SECRET);
    the_policy_is_shown(&client, place, database);
    the_policy_applies(&client);
}

fn tokens_are_refreshed(address: SocketAddr) {
    let bearer = format!("Bearer {ACCESS_TOKEN}");
    let headers = [
        ("Authorization", bearer.as_str()),
        ("Content-Type", "application/json"),
    ];
    let expired = request(address, "GET /usage", &headers, "");
    assert!(
        expired.starts_with("HTTP/1.1 401") && expired.contains("expired"),
        "{expired}"
    );
    let refresh = |token: &str| {
        let body = format!(r#"{{"refreshToken":"{token}"}}"#);
        request(address, "POST /token", &headers, &body)
    };
    let refused = refresh(ENDED_REFRESH_TOKEN);
    assert!(refused.starts_with("HTTP/1.1 401"), "{refused}");
    let granted = body_of(&refresh(REFRESH_TOKEN));
    let bearer = format!("Bearer {}", granted["token"].as_str().unwrap());
    let answer = request(address, "GET /usage", &[("Authorization", &bearer)], "");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

fn the_policy_is_shown(client: &Client, place: &Place, database: &[&str]) {
    let shown = [&["client", "show", CLIENT_ID, "--json"], database].concat();
    let shown = place.run(&shown).success().json();
    for (what, value) in [
        ("name", json!("city council")),
        ("originalsKeptSeconds", json!(3_155_760_000_u64)),
        ("resultsKeptSeconds", json!(3_155_760_000_u64)),
        ("jobsWaitingMax", json!(50)),
        ("jobsPerDayMax", json!(1)),
        ("bytesStoredMax", json!(1_000_000_000)),
        ("weight", json!(4)),
        ("jobsAtOnceMax", json!(2)),
        ("priorityMax", json!("normal")),
    ] {
        assert_eq!(shown[what], value, "{what}: {shown}");
    }
    let usage = client.send("GET /usage", "");
    // Four originals of a picture, of which one may be deleted by now, one of a video, two results and a document.
    let stored = usage["bytes_stored"]["used"].as_u64().unwrap();
    assert!([3_781, 3_781 - 106].contains(&stored), "{usage}");
    assert_eq!(usage["jobs_today"], json!({"used": 0, "max": 1}));
}

fn the_policy_applies(client: &Client) {
    let urgent = client.upload_with("urgent", &[("priority", "high")], &[]);
    assert!(urgent.starts_with("HTTP/1.1 403"), "{urgent}");
    // What was sent before the upgrade is not done once more, and counts no further.
    let once = client.upload_with("once", &[], &[("Idempotency-Key", "fixture-1")]);
    assert_eq!(body_of(&once)["anonymization_job_id"], json!(job(20)), "{once}");
    client.upload("after");
    let too_many = client.upload_with("too-many", &[], &[]);
    assert!(too_many.starts_with("HTTP/1.1 402"), "{too_many}");
}
