use std::os::unix::fs::PermissionsExt;

use crate::support::Place;

fn create(place: &Place, name: &str) -> (String, String) {
    let args = ["client", "create", "--data-dir", "data", "--name", name, "--json"];
    let json = place.run(&args).success().json();
    let text = |member: &str| json[member].as_str().unwrap().to_owned();
    (text("clientId"), text("secretId"))
}

#[test]
fn a_client_is_created_listed_and_its_secret_is_shown_once() {
    let place = Place::new();
    let (id, secret) = create(&place, "Acme Ltd");
    assert!(id.starts_with("client_") && secret.starts_with("secret_") && secret.len() > 40);
    let listed = place
        .run(&["client", "list", "--data-dir", "data"])
        .success()
        .stdout;
    assert!(
        listed.contains(&id) && listed.contains("active") && listed.contains("Acme Ltd"),
        "{listed}"
    );
    assert!(!listed.contains(&secret));
    let database = std::fs::read(place.path("data/sfumato.db")).unwrap();
    let secret = secret.as_bytes();
    assert!(
        !database.windows(secret.len()).any(|window| window == secret),
        "the secret is stored"
    );
    let mode = std::fs::metadata(place.path("data"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn a_person_is_told_that_the_secret_is_shown_once() {
    let place = Place::new();
    let shown = place
        .run(&["client", "create", "--data-dir", "data", "--name", "demo"])
        .success()
        .stdout;
    for part in [
        "Client `demo` is created",
        "clientId  client_",
        "secretId  secret_",
        "shown this once",
    ] {
        assert!(shown.contains(part), "{shown}");
    }
}

#[test]
fn a_secret_is_rotated_with_an_overlap() {
    let place = Place::new();
    let (id, first) = create(&place, "a");
    let args = [
        "client",
        "rotate-secret",
        &id,
        "--data-dir",
        "data",
        "--overlap",
        "2h",
        "--json",
    ];
    let json = place.run(&args).success().json();
    assert_eq!(json["clientId"], id.as_str());
    assert_ne!(json["secretId"], first.as_str());
    let listed = place
        .run(&["client", "list", "--data-dir", "data"])
        .success()
        .stdout;
    assert!(listed.contains("the old secret works until"), "{listed}");
    for wrong in ["8d", "2", "-1h"] {
        let args = ["client", "rotate-secret", &id, "--data-dir", "data"];
        let overlap = format!("--overlap={wrong}");
        place
            .run(&[&args[..], &[overlap.as_str()]].concat())
            .failure(2, &["--overlap"]);
    }
}

#[test]
fn a_client_is_shut_out_and_let_in_again() {
    let place = Place::new();
    let (id, _) = create(&place, "a");
    for (command, state) in [("disable", "disabled"), ("enable", "active")] {
        let json = place
            .run(&["client", command, &id, "--data-dir", "data", "--json"])
            .success()
            .json();
        assert_eq!(json, serde_json::json!({ "clientId": id, "state": state }));
        let listed = place
            .run(&["client", "list", "--data-dir", "data", "--json"])
            .success()
            .json();
        assert_eq!(listed[0]["state"], state);
        assert_eq!(listed[0]["name"], "a");
    }
}

#[test]
fn an_unknown_client_a_useless_name_and_a_folder_without_a_database_are_named() {
    let place = Place::new();
    place
        .run(&["client", "list", "--data-dir", "nowhere"])
        .failure(1, &["nowhere", "--data-dir"]);
    assert!(!place.path("nowhere").exists(), "looking makes no folder");
    create(&place, "a");
    for command in ["disable", "enable", "rotate-secret"] {
        let args = ["client", command, "client_x", "--data-dir", "data"];
        place.run(&args).failure(1, &["there is no client `client_x`"]);
    }
    for name in ["", "  ", "a\nb"] {
        place
            .run(&["client", "create", "--data-dir", "data", "--name", name])
            .failure(2, &["printable"]);
    }
}

#[test]
fn what_is_set_for_a_client_is_shown_and_taken_back() {
    let place = Place::new();
    let (id, _) = create(&place, "a");
    let set = |wishes: &[&str]| {
        let args = [&["client", "set", &id, "--data-dir", "data"], wishes].concat();
        place.run(&args)
    };
    let json = set(&[
        "--originals-kept",
        "2d",
        "--bytes-stored-max",
        "20GB",
        "--jobs-per-day-max",
        "5",
        "--weight",
        "4",
        "--jobs-at-once-max",
        "2",
        "--priority-max",
        "normal",
        "--json",
    ])
    .success()
    .json();
    assert_eq!(json["originalsKeptSeconds"], 172_800);
    assert_eq!(json["bytesStoredMax"], 20_000_000_000_u64);
    assert_eq!(json["resultsKeptSeconds"], serde_json::Value::Null);
    assert_eq!(
        (&json["weight"], &json["jobsAtOnceMax"], &json["priorityMax"]),
        (&4.into(), &2.into(), &"normal".into())
    );
    assert_eq!(json["usage"]["jobsToday"], 0);
    let shown = set(&[
        "--jobs-per-day-max",
        "none",
        "--results-kept",
        "12h",
        "--name",
        "Acme",
    ])
    .success()
    .stdout;
    for part in [
        "  Acme\n",
        "originals-kept    2d",
        "results-kept      12h",
        "jobs-per-day-max  none",
        "20GB",
    ] {
        assert!(shown.contains(part), "{shown}");
    }
    let again = place
        .run(&["client", "show", &id, "--data-dir", "data"])
        .success()
        .stdout;
    assert_eq!(again, shown);
}

#[test]
fn what_cannot_be_set_is_refused_with_what_can() {
    let place = Place::new();
    let (id, _) = create(&place, "a");
    let set = |wishes: &[&str]| {
        let args = [&["client", "set", &id, "--data-dir", "data"], wishes].concat();
        place.run(&args)
    };
    set(&[]).failure(2, &["something to set"]);
    set(&["--name", " "]).failure(2, &["printable characters"]);
    set(&["--originals-kept", "2"]).failure(2, &["--originals-kept", "default"]);
    set(&["--originals-kept", "1500ms"]).failure(2, &["whole seconds"]);
    set(&["--weight", "0"]).failure(2, &["--weight", "from 1 to 100"]);
    set(&["--jobs-at-once-max", "0"]).failure(2, &["at least 1", "none"]);
    set(&["--priority-max", "urgent"]).failure(2, &["low, normal, high"]);
    set(&["--jobs-waiting-max", "many"]).failure(2, &["whole number", "none"]);
    place
        .run(&["client", "show", "client_x", "--data-dir", "data"])
        .failure(1, &["there is no client `client_x`"]);
}
