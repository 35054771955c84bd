use std::io::{Read, Write};
use std::process::Command;

use rustix::process::{Resource, Rlimit, Signal, getrlimit, setrlimit};

use crate::api::Client;
use crate::support::{Ended, Place, Running, Stream, request};

/// The command of a server on a free port.
pub(crate) fn serve_command(place: &Place, media_program: &str, more: &[&str]) -> Command {
    std::fs::create_dir_all(place.path("assets/models")).unwrap();
    let args = [
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--data-dir",
        "data",
        "--assets-dir",
        "assets",
        "--media-program",
        media_program,
        "--jobs-at-once",
        "1",
    ];
    place.command(&[&args[..], more].concat())
}

fn serve_with(place: &Place, media_program: &str, more: &[&str]) -> Running {
    Running::start(serve_command(place, media_program, more), &Stream::Stderr)
}

pub(crate) fn serve(place: &Place, more: &[&str]) -> Running {
    serve_with(place, &place.idle_media_program(), more)
}

#[test]
fn a_server_takes_a_free_port_answers_and_stops_in_order() {
    for signal in [Signal::TERM, Signal::INT] {
        let place = Place::new();
        let mut server = serve(&place, &[]);
        let address = server.address();
        assert_ne!(address.port(), 0);
        let answer = request(address, "GET /healthz", &[], "");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        let answer = request(address, "GET /readyz", &[], "");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        server.signal(signal);
        let (status, lines) = server.end();
        assert_eq!(status.code(), Some(0), "{}", lines.join("\n"));
        let announced = lines.iter().filter(|line| line.contains("listening on http://"));
        assert_eq!(announced.count(), 1);
        let troubles: Vec<_> = lines
            .iter()
            .filter(|line| line.contains("WARN") || line.contains("ERROR"))
            .collect();
        assert_eq!(troubles, Vec::<&String>::new());
    }
}

#[test]
fn the_api_and_the_manager_count_the_requests_of_an_address_together() {
    let place = Place::new();
    let limits = "[limits]\nrequests_per_address = 2\ntrusted_proxies = '127.0.0.0/8'\n";
    place.write("sfumato.toml", limits);
    let mut server = serve(&place, &["--config", "sfumato.toml"]);
    let address = server.address();
    let ask = |path: &str| {
        let answer = request(address, path, &[("X-Forwarded-For", "192.0.2.1")], "");
        let (_, status) = answer.split_once(' ').unwrap();
        let retry = answer.to_lowercase().contains("\r\nretry-after: ");
        (status[..3].to_owned(), retry)
    };
    assert_eq!(ask("GET /usage"), ("401".to_owned(), false));
    assert_eq!(ask("GET /manager/sign-in"), ("200".to_owned(), false));
    for path in ["GET /usage", "GET /manager/sign-in"] {
        assert_eq!(ask(path), ("429".to_owned(), true), "{path}");
    }
    server.signal(Signal::TERM);
    server.end();
}

#[test]
fn the_server_takes_itself_for_no_webhook_endpoint_and_its_neighbour_for_one() {
    let place = Place::new();
    let settings = "metrics_listen = '127.0.0.1:0'\n[webhooks]\nallowed_networks = '127.0.0.0/8'\n";
    place.write("sfumato.toml", settings);
    let mut server = serve(&place, &["--config", "sfumato.toml"]);
    let told = server.wait_for("/metrics");
    let metrics = told
        .split("127.0.0.1:")
        .nth(1)
        .unwrap()
        .split('/')
        .next()
        .unwrap()
        .to_owned();
    let address = server.address();
    let client = Client::create(&place, address);
    let add = |port: &str| {
        let answer = client.answer(
            "POST /webhook-url",
            &format!("{{\"webhookUrl\":\"http://127.0.0.1:{port}/login\"}}"),
        );
        answer[9..12].to_owned()
    };
    assert_eq!(add(&address.port().to_string()), "400");
    assert_eq!(add(&metrics), "400");
    assert_eq!(add("19999"), "201");
    server.signal(Signal::TERM);
    server.end();
}

#[test]
fn an_upload_that_a_stop_cuts_off_is_not_laid_to_its_client() {
    let place = Place::new();
    let mut server = serve(&place, &[]);
    let upload = Client::create(&place, server.address()).begin_upload();
    server.signal(Signal::TERM);
    let (status, lines) = server.end();
    drop(upload);
    assert_eq!(status.code(), Some(0), "{}", lines.join("\n"));
    let said = |part: &str| lines.iter().any(|line| line.contains(part));
    assert!(
        said("the server stopped before a request was answered"),
        "{}",
        lines.join("\n")
    );
    assert!(!said("went away"), "{}", lines.join("\n"));
}

#[test]
fn health_is_asked_by_the_executable_itself() {
    let place = Place::new();
    let mut server = serve(&place, &[]);
    let address = server.address().to_string();
    for (flags, answer) in [(&[][..], "ok\n"), (&["--ready"], "ready\n")] {
        let ended = place.run(&[&["health", "--listen", &address], flags].concat());
        assert_eq!(ended.success().stdout, answer);
    }
    server.signal(Signal::TERM);
    server.end();
    place
        .run(&["health", "--listen", &address])
        .failure(1, &["healthz", "connect"]);
}

#[test]
fn a_server_raises_its_limit_on_open_files_to_the_highest_that_it_may() {
    // A child inherits the limits of its parent: here of this process, which is the test's own.
    let given = getrlimit(Resource::Nofile);
    let low = Rlimit {
        current: Some(256),
        ..given
    };
    setrlimit(Resource::Nofile, low).unwrap();
    let place = Place::new();
    let mut server = serve(&place, &[]);
    server.address();
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.id())).unwrap();
    let open_files = limits.lines().find(|line| line.starts_with("Max open files"));
    let words: Vec<&str> = open_files.unwrap().split_whitespace().collect();
    assert_eq!(words[3], words[4], "soft and hard: {limits}");
    assert_ne!(words[3], "256");
    setrlimit(Resource::Nofile, given).unwrap();
}

#[test]
fn a_client_that_is_created_while_the_server_runs_can_log_in() {
    let place = Place::new();
    let mut server = serve(&place, &[]);
    let address = server.address();
    let args = ["client", "create", "--data-dir", "data", "--name", "a", "--json"];
    let credentials = place.run(&args).success();
    let json = [("Content-Type", "application/json")];
    let answer = request(address, "POST /login", &json, credentials.stdout.trim());
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.contains("refreshToken"),
        "{answer}"
    );
    let id = credentials.json()["clientId"].as_str().unwrap().to_owned();
    place
        .run(&["client", "disable", &id, "--data-dir", "data"])
        .success();
    let answer = request(address, "POST /login", &json, credentials.stdout.trim());
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
}

#[test]
fn a_second_server_on_the_same_data_is_refused_and_told_who_has_it() {
    let place = Place::new();
    let mut server = serve(&place, &[]);
    server.address();
    let second = serve(&place, &[]);
    let (status, lines) = second.end();
    assert_eq!(status.code(), Some(1));
    let text = lines.join("\n");
    let process = format!("(process {})", server.id());
    for part in ["data", &process, "--data-dir"] {
        assert!(text.contains(part), "{text}");
    }
    server.signal(Signal::TERM);
    let (status, lines) = server.end();
    assert_eq!(status.code(), Some(0), "{}", lines.join("\n"));
    // The lock ends with the process.
    let mut third = serve(&place, &[]);
    third.address();
}

#[test]
fn a_second_signal_ends_at_once_what_the_first_would_have_waited_for() {
    let place = Place::new();
    let mut server = serve(&place, &[]);
    let mut stalled = std::net::TcpStream::connect(server.address()).unwrap();
    // A request whose body is awaited keeps the server from stopping.
    let head = "POST /login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n";
    stalled.write_all(head.as_bytes()).unwrap();
    let mut invited = [0; 12];
    stalled.read_exact(&mut invited).unwrap();
    assert_eq!(&invited, b"HTTP/1.1 100");
    server.signal(Signal::TERM);
    server.wait_for("shutting down");
    server.signal(Signal::TERM);
    let (status, lines) = server.end();
    assert_eq!(status.code(), Some(130), "{}", lines.join("\n"));
    // Other parts of the server may still say something after it.
    assert!(
        lines.iter().any(|line| line.contains("ending at once")),
        "{}",
        lines.join("\n")
    );
}

#[test]
fn private_webhooks_are_warned_of_and_json_logs_are_json() {
    let place = Place::new();
    let mut server = serve(&place, &["--allow-private-webhooks", "--log-format", "json"]);
    let warning = server.wait_for("private networks");
    let warning: serde_json::Value = serde_json::from_str(&warning).unwrap();
    assert_eq!(warning["level"], "WARN");
    let line = server.wait_for("listening on http://127.0.0.1:");
    serde_json::from_str::<serde_json::Value>(&line).unwrap();
}

#[test]
fn a_server_that_can_do_no_media_work_says_so_and_fails() {
    let place = Place::new();
    let (status, lines) = serve_with(&place, "absent", &[]).end();
    assert_eq!(status.code(), Some(1));
    assert!(
        lines.join("\n").contains("--media-program"),
        "{}",
        lines.join("\n")
    );
    let (status, lines) = serve_with(&place, "/bin/false", &[]).end();
    assert_eq!(status.code(), Some(1), "{}", lines.join("\n"));
    assert!(
        lines
            .join("\n")
            .contains("failed to get the media executable ready"),
        "{}",
        lines.join("\n")
    );
}

#[test]
fn models_that_are_nowhere_are_an_error_that_says_how_to_get_them() {
    let place = Place::new();
    let program = place.idle_media_program();
    let args = [
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--data-dir",
        "data",
        "--media-program",
        &program,
    ];
    place
        .run(&[&args[..], &["--assets-dir", "absent"]].concat())
        .failure(1, &["absent", "assets_dir"]);
}

#[test]
fn a_process_without_the_api_tells_whether_it_lives_and_nothing_else() {
    let place = Place::new();
    let mut server = serve(&place, &["--roles", "worker,janitor"]);
    let address = server.address();
    for path in ["GET /healthz", "GET /readyz"] {
        let answer = request(address, path, &[], "");
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    for path in ["GET /manager", "GET /webhook-url", "POST /login", "GET /"] {
        let answer = request(address, path, &[], "");
        assert!(answer.starts_with("HTTP/1.1 404"), "{path}: {answer}");
    }
    server.signal(Signal::TERM);
    let (status, lines) = server.end();
    assert_eq!(status.code(), Some(0), "{}", lines.join("\n"));
    let text = lines.join("\n");
    assert!(text.contains("missing=\"api,courier\""), "{text}");
    assert!(!text.contains("/manager/setup/"), "{text}");
}

#[test]
fn a_process_without_workers_needs_neither_models_nor_a_media_program() {
    let place = Place::new();
    let args = [
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--data-dir",
        "data",
        "--roles",
        "api",
    ];
    let mut server = Running::start(place.command(&args), &Stream::Stderr);
    let answer = request(server.address(), "GET /readyz", &[], "");
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[test]
fn a_process_with_another_master_key_is_refused() {
    let place = Place::new();
    let mut server = serve(&place, &[]);
    server.address();
    server.signal(Signal::TERM);
    server.end();
    let other = place.write("other.key", [7; 32]).display().to_string();
    let serve_with_key = |key: &str| {
        let mut command = place.command(&[
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--data-dir",
            "data",
            "--roles",
            "api",
        ]);
        command.env("SFUMATO_MASTER_KEY_FILE", key);
        command
    };
    Ended::from(serve_with_key(&other).output().unwrap()).failure(1, &["other.key", "master_key_file"]);
    Ended::from(serve_with_key("nowhere.key").output().unwrap()).failure(1, &["nowhere.key"]);
    let own = place.path("data/master.key").display().to_string();
    Running::start(serve_with_key(&own), &Stream::Stderr).address();
}
