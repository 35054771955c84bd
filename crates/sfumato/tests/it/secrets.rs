use rustix::process::Signal;
use serde_json::Value;

use crate::api::Client;
use crate::serve::serve;
use crate::support::Place;

/// What `secrets status` says: how many secrets are sealed with each key, and what the key does.
fn status(place: &Place) -> Vec<(u64, String)> {
    let told = place
        .run(&["secrets", "status", "--data-dir", "data", "--json"])
        .json();
    let keys = told["keys"].as_array().unwrap().iter();
    let word = |value: &Value| value.as_str().unwrap().to_owned();
    keys.map(|key| (key["secrets"].as_u64().unwrap(), word(&key["state"])))
        .collect()
}

fn expect(place: &Place, expected: &[(u64, &str)]) {
    let expected: Vec<_> = expected
        .iter()
        .map(|(n, word)| (*n, (*word).to_owned()))
        .collect();
    assert_eq!(status(place), expected);
}

#[test]
fn keys_are_rotated_while_a_server_runs_and_forgotten_when_nothing_needs_them() {
    let place = Place::new();
    let mut server = serve(&place, &["--allow-private-webhooks"]);
    let address = server.address();
    let client = Client::create(&place, address);
    let endpoint = client.add_endpoint("http://127.0.0.1:19999/hook");
    let secret = client.signing_secret(&endpoint);
    expect(&place, &[(2, "seals")]);
    let rotate = ["secrets", "rotate", "--data-dir", "data"];
    let said = place.run(&rotate).success();
    assert!(said.stdout.starts_with("2 secrets are sealed"), "{}", said.stdout);
    expect(&place, &[(2, "seals"), (0, "idle")]);
    assert_eq!(
        client.signing_secret(&endpoint),
        secret,
        "the server reads the new key"
    );
    place.run(&rotate).success();
    expect(&place, &[(2, "seals"), (0, "idle"), (0, "idle")]);
    let prune = ["secrets", "prune", "--data-dir", "data"];
    let said = place.run(&prune).success();
    assert_eq!(said.stdout, "1 key is forgotten\n");
    assert!(
        said.stderr.contains("comes from the master key"),
        "{}",
        said.stderr
    );
    let again = place.run(&prune).success();
    assert_eq!(again.stdout, "0 keys are forgotten\n");
    expect(&place, &[(2, "seals"), (0, "idle")]);
    assert_eq!(client.signing_secret(&endpoint), secret);
    let second = client.add_endpoint("http://127.0.0.1:19999/second");
    client.signing_secret(&second);
    expect(&place, &[(4, "seals"), (0, "idle")]);
    server.signal(Signal::TERM);
    server.end();
}

#[test]
fn a_server_with_the_wrong_key_does_not_start_and_says_what_to_do() {
    let place = Place::new();
    let mut server = serve(&place, &["--allow-private-webhooks"]);
    let client = Client::create(&place, server.address());
    client.add_endpoint("http://127.0.0.1:19999/hook");
    place.run(&["secrets", "rotate", "--data-dir", "data"]).success();
    server.signal(Signal::TERM);
    server.end();
    let kept = std::fs::read(place.path("data/secrets.key")).unwrap();
    place.write("data/secrets.key", "ab".repeat(32));
    let (status, lines) = serve(&place, &[]).end();
    assert_eq!(status.code(), Some(1));
    let text = lines.join("\n");
    assert!(
        text.contains("2 secrets in the database") && text.contains("put it back"),
        "{text}"
    );
    let told = place.run(&["secrets", "status", "--data-dir", "data"]);
    assert!(told.failure(1, &[]).stdout.contains("missing"));
    place
        .run(&["secrets", "rotate", "--data-dir", "data"])
        .failure(1, &["put it back"]);
    place.write("data/secrets.key", kept);
    let mut server = serve(&place, &[]);
    server.address();
    server.signal(Signal::TERM);
    server.end();
}

#[test]
fn keys_of_the_operators_take_the_place_of_the_derived_one_and_a_rotation_is_completed() {
    let place = Place::new();
    let mut server = serve(&place, &["--allow-private-webhooks"]);
    let client = Client::create(&place, server.address());
    client.add_endpoint("http://127.0.0.1:19999/hook");
    server.signal(Signal::TERM);
    server.end();
    place.write("secrets.key", format!("# 2026\n{}\n", "ab".repeat(32)));
    let config = place.write(
        "sfumato.toml",
        "data_dir = \"data\"\n[secrets]\nkey_file = \"secrets.key\"\n",
    );
    let with = |command: &str| {
        let config = config.display().to_string();
        place.run(&["secrets", command, "--config", &config])
    };
    assert!(with("rotate").success().stdout.starts_with("2 secrets"));
    assert!(with("rotate").success().stdout.starts_with("0 secrets"));
    assert!(!place.path("data/secrets.key").exists());
    with("prune").failure(2, &["secrets.key_file"]);
}
