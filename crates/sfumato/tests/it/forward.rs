//! `sfumato listen --forward`: real events of a running server reach a service that the server cannot call.

use std::process::Command;

use rustix::process::Signal;

use crate::serve::serve;
use crate::support::{Place, Running, Stream, request};

/// A running server, the credentials of a client of it, and an access token.
struct Source {
    server: Running,
    address: std::net::SocketAddr,
    client_id: String,
    secret_id: String,
    token: String,
}

fn source(place: &Place) -> Source {
    // The server may not call this machine: what arrives has been read, not sent.
    let mut server = serve(place, &[]);
    let address = server.address();
    let args = ["client", "create", "--data-dir", "data", "--name", "a", "--json"];
    let credentials = place.run(&args).success().json();
    let json = [("Content-Type", "application/json")];
    let (client_id, secret_id) = (text(&credentials["clientId"]), text(&credentials["secretId"]));
    let body = serde_json::json!({"clientId": client_id, "secretId": secret_id}).to_string();
    let answer = request(address, "POST /login", &json, &body);
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    let token = text(&serde_json::from_str::<serde_json::Value>(body).unwrap()["token"]);
    Source {
        server,
        address,
        client_id,
        secret_id,
        token,
    }
}

fn text(value: &serde_json::Value) -> String {
    value.as_str().unwrap().to_owned()
}

impl Source {
    /// Uploads a picture, which makes an event. The stand-in for the media process never ends the job.
    fn upload(&self) -> String {
        let body = "--b\r\nContent-Disposition: form-data; name=\"input_media\"; filename=\"a.bmp\"\r\n\r\nBM\x06\x00\x00\x00\x00\x00\x00\x00\x36\x00\x00\x00\x28\x00\x00\x00\x01\x00\x00\x00\r\n--b--\r\n";
        let bearer = format!("Bearer {}", self.token);
        let headers = [
            ("Authorization", bearer.as_str()),
            ("Content-Type", "multipart/form-data; boundary=b"),
        ];
        let head = "POST /innovation-service/anonymization";
        let answer = request(self.address, head, &headers, body);
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        text(&serde_json::from_str::<serde_json::Value>(body).unwrap()["anonymization_job_id"])
    }

    fn forwarder(&self, place: &Place, to: &str, more: &[&str]) -> Command {
        let server = format!("http://{}", self.address);
        let fixed = ["listen", "--forward", to, "--server", &server];
        let mut command = place.command(&[&fixed[..], more].concat());
        command
            .env("LISTEN_CLIENT_ID", &self.client_id)
            .env("LISTEN_SECRET_ID", &self.secret_id);
        command
    }
}

const SECRET: &str = "whsec_AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM=";

/// A service of the developer: the receiver of this very binary, which checks token and signature.
fn service(place: &Place, more: &[&str]) -> (Running, String) {
    let fixed = ["listen", "--port", "0", "--token", "t", "--secret", SECRET];
    let mut service = Running::start(place.command(&[&fixed[..], more].concat()), &Stream::Stdout);
    let url = format!("http://{}/hook", service.address());
    (service, url)
}

#[test]
fn promise_12_events_are_handed_on_signed_and_the_place_is_kept_across_a_restart() {
    let place = Place::new();
    let source = source(&place);
    let (mut service, url) = service(&place, &[]);
    let more = ["--token", "t", "--secret", SECRET, "--cursor-file", "cursor"];
    let start = || {
        let mut forwarder = Running::start(source.forwarder(&place, &url, &more), &Stream::Stdout);
        forwarder.wait_for("events of");
        forwarder
    };
    let mut forwarder = start();
    // It has found the end of the events once it remembers it.
    while !place.path("cursor").exists() {
        std::thread::yield_now();
    }
    let first = source.upload();
    let line = service.wait_for(&first);
    assert!(
        line.contains("token right  signature right  answered 200"),
        "{line}"
    );
    assert!(forwarder.wait_for(&first).contains("answered 200"));
    forwarder.signal(Signal::TERM);
    assert_eq!(forwarder.end().0.code(), Some(0));

    let second = source.upload();
    let mut forwarder = start();
    let line = forwarder.wait_for("-SRV_ANONYMIZATION-");
    assert!(
        line.contains(&second) || line.contains(&first) && line.contains("Started"),
        "an event that was acknowledged does not come again: {line}"
    );
    if !line.contains(&second) {
        forwarder.wait_for(&second);
    }
    service.wait_for(&second);
    source.server.signal(Signal::TERM);
    forwarder.signal(Signal::TERM);
    assert_eq!(forwarder.end().0.code(), Some(0));
}

#[test]
fn an_event_is_handed_on_until_it_is_acknowledged() {
    let place = Place::new();
    let source = source(&place);
    let (mut service, url) = service(&place, &["--fail", "1"]);
    let more = [
        "--token",
        "t",
        "--secret",
        SECRET,
        "--cursor-file",
        "cursor",
        "--json",
    ];
    let mut forwarder = Running::start(source.forwarder(&place, &url, &more), &Stream::Stdout);
    while !place.path("cursor").exists() {
        std::thread::yield_now();
    }
    let job = source.upload();
    for (attempt, answer, outcome) in [(1, 500, "status"), (2, 200, "ok")] {
        let line: serde_json::Value = serde_json::from_str(&forwarder.wait_for(&job)).unwrap();
        assert_eq!(
            (&line["attempt"], &line["answer"]),
            (&attempt.into(), &answer.into())
        );
        assert_eq!(line["outcome"], outcome);
        assert_eq!((&line["status"], &line["sequence"]), (&"Sent".into(), &1.into()));
    }
    let line = service.wait_for(&job);
    assert!(
        line.contains("attempt 1") && line.contains("answered 500"),
        "{line}"
    );
    let line = service.wait_for(&job);
    assert!(
        line.contains("attempt 2") && line.contains("answered 200"),
        "{line}"
    );
}

#[test]
fn wrong_credentials_and_flags_end_it_and_say_so() {
    let place = Place::new();
    let source = source(&place);
    let mut command = source.forwarder(&place, "http://127.0.0.1:3000/", &[]);
    let ended = crate::support::Ended::from(command.env("LISTEN_SECRET_ID", "other").output().unwrap());
    ended.failure(1, &["401", "secret id is wrong"]);
    let mut command = source.forwarder(&place, "ftp://127.0.0.1/", &[]);
    crate::support::Ended::from(command.output().unwrap()).failure(2, &["forward to"]);
    place
        .run(&["listen", "--forward", "http://127.0.0.1:3000/"])
        .failure(2, &["--server"]);
    place
        .run(&["listen", "--cursor-file", "a"])
        .failure(2, &["--forward"]);
}
