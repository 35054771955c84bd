//! `sfumato webhook check` against receivers that keep the contract, half keep it, and do not.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;

use serde_json::Value;

use crate::support::{Place, Running, Stream};

const SECRET: &str = "whsec_AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM=";

fn verdicts(report: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let checks = report["checks"].as_array().unwrap().iter();
    checks
        .map(|check| (text(&check["name"]), text(&check["verdict"])))
        .collect()
}

fn named(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs
        .iter()
        .map(|(name, verdict)| ((*name).to_owned(), (*verdict).to_owned()))
        .collect()
}

/// A receiver that answers every request by a rule on its body.
fn receiver(answer: impl Fn(&str) -> (u16, String) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut reader = BufReader::new(stream);
            let mut length = 0;
            loop {
                let mut line = String::new();
                if reader.read_line(&mut line).unwrap_or(0) <= 2 {
                    break;
                }
                if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                    length = value.trim().parse().unwrap();
                }
            }
            let mut body = vec![0; length];
            if reader.read_exact(&mut body).is_err() {
                continue;
            }
            let (status, text) = answer(&String::from_utf8(body).unwrap());
            let head = format!(
                "HTTP/1.1 {status} Status\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                text.len()
            );
            // Whoever asked may be gone.
            let _gone = reader.get_mut().write_all((head + &text).as_bytes());
        }
    });
    url
}

fn acknowledge(body: &str) -> (u16, String) {
    let event: Value = serde_json::from_str(body).unwrap();
    (200, serde_json::json!({"taskId": event["taskId"]}).to_string())
}

#[test]
fn a_careful_receiver_passes_everything() {
    let place = Place::new();
    let args = ["listen", "--port", "0", "--token", "t", "--secret", SECRET];
    let mut receiver = Running::start(place.command(&args), &Stream::Stdout);
    let url = format!("http://{}/", receiver.address());
    let args = ["webhook", "check", &url, "--token", "t", "--secret", SECRET];
    let report = place.run(&[&args[..], &["--json"]].concat()).success().json();
    assert_eq!(report["kept"], true);
    assert_eq!(
        verdicts(&report),
        named(&[
            ("transport", "warn"),
            ("event", "pass"),
            ("speed", "pass"),
            ("repetition", "pass"),
            ("unknown status", "pass"),
            ("wrong token", "pass"),
            ("wrong signature", "pass"),
            ("old timestamp", "pass"),
        ])
    );
    let text = place.run(&args).success().stdout;
    assert!(
        text.contains("pass  event") && text.contains("The contract is kept"),
        "{text}"
    );
}

#[test]
fn a_receiver_that_checks_nothing_is_warned() {
    let place = Place::new();
    let url = receiver(acknowledge);
    let args = ["webhook", "check", &url, "--secret", SECRET, "--json"];
    let report = place.run(&args).success().json();
    assert_eq!(
        verdicts(&report)[5..],
        named(&[
            ("wrong token", "warn"),
            ("wrong signature", "warn"),
            ("old timestamp", "warn"),
        ])
    );
    assert!(
        report["checks"][5]["explanation"]
            .as_str()
            .unwrap()
            .contains("X-Auth-Token")
    );
    let without_secret = place.run(&["webhook", "check", &url, "--json"]).success().json();
    assert_eq!(
        verdicts(&without_secret)[6..],
        named(&[("wrong signature", "skipped"), ("old timestamp", "skipped")])
    );
}

#[test]
fn a_receiver_that_does_not_acknowledge_fails_and_the_rest_is_not_tried() {
    let place = Place::new();
    let url = receiver(|_| (200, "OK".into()));
    let ended = place.run(&["webhook", "check", &url, "--json"]);
    assert_eq!(ended.code, Some(1));
    let report = ended.json();
    assert_eq!(
        (&report["kept"], &report["checks"][1]["answer"]),
        (&false.into(), &200.into())
    );
    let all = verdicts(&report);
    assert_eq!(all[1], ("event".into(), "fail".into()));
    assert!(
        all[2..].iter().all(|(_, verdict)| verdict == "skipped"),
        "{all:?}"
    );
    let by_status = place.run(&["webhook", "check", &url, "--ack", "status"]);
    assert!(by_status.success().stdout.contains("The contract is kept"));
}

#[test]
fn a_receiver_that_chokes_on_repetitions_or_on_what_is_new_is_told() {
    let place = Place::new();
    let seen = std::sync::Mutex::new(std::collections::BTreeSet::new());
    let url = receiver(move |body| {
        if !seen.lock().unwrap().insert(body.to_owned()) {
            return (409, "seen".into());
        }
        if body.contains("Paused") {
            return (500, "what?".into());
        }
        acknowledge(body)
    });
    let ended = place.run(&["webhook", "check", &url, "--json"]);
    assert_eq!(ended.code, Some(1));
    let report = ended.json();
    assert_eq!(
        verdicts(&report)[3..5],
        named(&[("repetition", "fail"), ("unknown status", "warn")])
    );
}

#[test]
fn nobody_at_the_address_and_no_address_are_told_apart() {
    let place = Place::new();
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let ended = place.run(&["webhook", "check", &format!("http://{nobody}/")]);
    assert_eq!(ended.code, Some(1), "{}", ended.stdout);
    assert!(ended.stdout.contains("NOT kept"), "{}", ended.stdout);
    place
        .run(&["webhook", "check", "nonsense"])
        .failure(2, &["nonsense"]);
}
