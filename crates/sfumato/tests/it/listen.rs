use rustix::process::Signal;

use crate::support::{Place, Running, Stream, request};

const EVENT: &str = r#"{"taskId":"job-1","status":"Succeeded"}"#;

pub(crate) fn listen(place: &Place, more: &[&str]) -> Running {
    Running::start(
        place.command(&[&["listen", "--port", "0"], more].concat()),
        &Stream::Stdout,
    )
}

#[test]
fn an_event_is_shown_and_acknowledged_by_the_contract() {
    let place = Place::new();
    let mut receiver = listen(&place, &["--token", "t"]);
    let address = receiver.address();
    let headers = [("X-Auth-Token", "t"), ("webhook-attempt", "2")];
    let answer = request(address, "POST /any/path", &headers, EVENT);
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.ends_with(r#"{"taskId":"job-1"}"#),
        "{answer}"
    );
    let line = receiver.wait_for("job-1");
    for part in [
        "Succeeded",
        "attempt 2",
        "token right",
        "signature not checked",
        "answered 200",
    ] {
        assert!(line.contains(part), "{line}");
    }
    receiver.signal(Signal::INT);
    assert_eq!(receiver.end().0.code(), Some(0));
}

#[test]
fn a_wrong_token_is_refused_and_said_in_clear() {
    let place = Place::new();
    let mut receiver = listen(&place, &["--token", "t"]);
    let address = receiver.address();
    let answer = request(address, "POST /", &[("X-Auth-Token", "other")], EVENT);
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
    let line = receiver.wait_for("job-1");
    assert!(
        line.contains("token WRONG") && line.contains("answered 401: X-Auth-Token is WRONG"),
        "{line}"
    );
}

#[test]
fn a_machine_reads_one_object_a_line_and_the_first_names_the_address() {
    let place = Place::new();
    let mut receiver = listen(&place, &["--json", "--fail", "1"]);
    let first = receiver.wait_for("listening");
    let first: serde_json::Value = serde_json::from_str(&first).unwrap();
    let url = first["listening"].as_str().unwrap();
    let address = url
        .trim_start_matches("http://")
        .trim_end_matches('/')
        .parse()
        .unwrap();
    for (answer, problem) in [(500, true), (200, false)] {
        request(address, "POST /", &[], EVENT);
        let line: serde_json::Value = serde_json::from_str(&receiver.wait_for("job-1")).unwrap();
        assert_eq!(line["answer"], answer);
        assert_eq!(line["taskId"], "job-1");
        assert_eq!(line["token"], "unchecked");
        assert_eq!(line["problem"].is_string(), problem);
    }
}
