//! One thing after the other, broken.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use rustix::process::Signal;

use super::doctor;
use crate::serve::serve;
use crate::support::{Ended, Place, doctor_args};

/// An installation in the folder `data` whose server has ended.
fn installation() -> Place {
    let place = Place::new();
    let mut server = serve(&place, &[]);
    server.address();
    server.signal(Signal::TERM);
    server.end();
    place
        .run(&["client", "create", "--name", "one", "--data-dir", "data"])
        .success();
    place
}

const DATA: [&str; 2] = ["--data-dir", "data"];

fn close_to_others(path: &PathBuf, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// An address at which nobody answers.
fn nobody() -> std::net::SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap()
}

/// A server of somebody else's, which answers every request with this page.
fn another_server(page: &'static str) -> std::net::SocketAddr {
    use std::io::{BufRead, BufReader, Write};
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let head = BufReader::new(&stream).lines().map_while(Result::ok);
            assert!(head.take_while(|line| !line.is_empty()).count() > 0);
            let length = page.len();
            let answer =
                format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{page}");
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    address
}

#[test]
fn addresses_that_somebody_else_has_are_found_while_no_server_holds_the_folder() {
    let place = Place::new();
    let other = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = other.local_addr().unwrap().to_string();
    let set = [
        ("SFUMATO_LISTEN", "127.0.0.1:0"),
        ("SFUMATO_METRICS_LISTEN", &taken),
    ];
    doctor(&place, &set, &DATA)
        .says("listen", "ok", "can be taken")
        .says("metrics_listen", "failed", "cannot be taken");
    drop(other);
    doctor(&place, &set, &DATA).says("metrics_listen", "ok", "can be taken");
    let mut server = serve(&place, &[]);
    let address = server.address().to_string();
    doctor(&place, &[("SFUMATO_LISTEN", &address)], &DATA).says("listen", "ok", "not tried");
    server.signal(Signal::TERM);
    server.end();
}

#[test]
fn a_collector_that_is_not_there_is_found_and_its_headers_are_for_the_server_alone() {
    let place = Place::new();
    let silent = format!("http://{}", nobody());
    let headers = place.write("headers", "authorization: Bearer hush\n");
    close_to_others(&headers, 0o644);
    let set = [
        ("SFUMATO_TELEMETRY__ENDPOINT", silent.as_str()),
        ("SFUMATO_TELEMETRY__HEADERS_FILE", "headers"),
    ];
    let found = doctor(&place, &set, &DATA);
    found
        .says("collector of traces", "warning", "no connection")
        .says("key file", "warning", "headers");
    assert!(!found.0.to_string().contains("hush"));
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let there = format!("http://{}", listener.local_addr().unwrap());
    doctor(&place, &[("SFUMATO_TELEMETRY__ENDPOINT", there.as_str())], &DATA).says(
        "collector of traces",
        "ok",
        "takes connections",
    );
    let absent = [
        ("SFUMATO_TELEMETRY__ENDPOINT", there.as_str()),
        ("SFUMATO_TELEMETRY__HEADERS_FILE", "absent"),
    ];
    doctor(&place, &absent, &DATA).says("collector of traces", "failed", "absent");
    let named = [
        ("SFUMATO_TELEMETRY__ENDPOINT", "http://collector.invalid"),
        ("SFUMATO_DATABASE_URL", "postgres://a@db.invalid/videos"),
    ];
    let stored = [&DATA[..], &["--storage", "blobs"]].concat();
    doctor(&place, &named, &stored)
        .says("DNS", "warning", "collector.invalid")
        .says("DNS", "warning", "db.invalid");
}

#[test]
fn what_is_right_is_said_to_be_right() {
    let place = installation();
    let found = doctor(&place, &[], &DATA);
    for (name, part) in [
        ("database", "every page"),
        ("schema", "up to date"),
        ("data folder", "can be written"),
        ("master key", "that of the installation"),
        ("secrets' keys", "can be opened"),
        ("storage", "was written"),
        ("clock", "Z"),
        ("public URL", "not set"),
        ("settings", "none of them"),
    ] {
        found.says(name, "ok", part);
    }
}

#[test]
fn keys_that_are_lost_foreign_damaged_or_open_to_others_are_found() {
    let place = installation();
    let key = place.path("data/master.key");
    let right = std::fs::read(&key).unwrap();
    close_to_others(&key, 0o644);
    doctor(&place, &[], &DATA).says("key file", "warning", "master.key");
    close_to_others(&key, 0o600);
    std::fs::write(&key, [7; 32]).unwrap();
    doctor(&place, &[], &DATA).says("master key", "failed", "not that of the installation");
    std::fs::write(&key, [7; 12]).unwrap();
    doctor(&place, &[], &DATA).says("master key", "failed", "12 bytes");
    std::fs::remove_file(&key).unwrap();
    doctor(&place, &[], &DATA).says("master key", "failed", "there is none");
    assert!(!key.exists(), "it makes none");
    std::fs::write(&key, right).unwrap();
    doctor(&place, &[], &DATA).says("master key", "ok", "that of the installation");
    place.write("secrets.key", "nonsense");
    let named = [("SFUMATO_SECRETS__KEY_FILE", "secrets.key")];
    doctor(&place, &named, &DATA).says("secrets' keys", "failed", "secrets.key");
}

#[test]
fn a_clock_that_was_set_back_is_found_by_the_newest_row() {
    let place = installation();
    let database = rusqlite::Connection::open(place.path("data/sfumato.db")).unwrap();
    // The audit log is only added to: what protects it goes first.
    database
        .execute_batch(
            "CREATE TABLE later AS SELECT * FROM audit; DROP TABLE audit; ALTER TABLE later RENAME TO audit;",
        )
        .unwrap();
    let hour = 3_600_000_000_i64;
    let changed = database.execute("UPDATE audit SET at = at + ?1", [hour]).unwrap();
    assert!(changed > 0);
    doctor(&place, &[], &DATA).says("clock", "failed", "newest row");
}

#[test]
fn a_schema_that_is_behind_or_ahead_is_found_and_left_alone() {
    let place = installation();
    let database = rusqlite::Connection::open(place.path("data/sfumato.db")).unwrap();
    let add = "INSERT INTO migrations (number, sha256) VALUES (999, zeroblob(32))";
    database.execute(add, []).unwrap();
    doctor(&place, &[], &DATA).says("schema", "failed", "999");
    database
        .execute("DELETE FROM migrations WHERE number >= 2", [])
        .unwrap();
    doctor(&place, &[], &DATA).says("schema", "warning", "lacks the migrations 2");
    let applied: i64 = database
        .query_row("SELECT max(number) FROM migrations", [], |row| row.get(0))
        .unwrap();
    assert_eq!(applied, 1);
}

#[test]
fn a_database_that_is_damaged_is_found() {
    let place = installation();
    let path = place.path("data/sfumato.db");
    let mut bytes = std::fs::read(&path).unwrap();
    let half = bytes.len() / 2;
    bytes[half..].fill(0x5a);
    std::fs::write(&path, bytes).unwrap();
    doctor(&place, &[], &DATA).says("database", "failed", "is damaged");
}

#[test]
fn folders_and_disks_are_judged_by_what_the_settings_need() {
    let place = installation();
    close_to_others(&place.path("data"), 0o755);
    doctor(&place, &[], &DATA).says("data folder", "warning", "other users");
    let all = [("SFUMATO_STORAGE__FREE_MIN", "1000TiB")];
    doctor(&place, &all, &DATA).says("free disk", "failed", "507");
    let largest = [("SFUMATO_UPLOADS__BYTES_MAX", "1000TiB")];
    doctor(&place, &largest, &DATA).says("free disk", "warning", "largest upload");
    doctor(&place, &[("TMPDIR", "/proc/absent")], &DATA).says("temporary folder", "failed", "/proc/absent");
}

#[test]
fn the_public_url_is_asked_for_and_judged() {
    let place = Place::new();
    let mut server = serve(&place, &[]);
    let url = format!("http://{}", server.address());
    let set = [("SFUMATO_PUBLIC_URL", url.as_str())];
    doctor(&place, &set, &DATA).says("public URL", "ok", "answers as this installation");
    // Whoever has no master key cannot ask whose it is.
    doctor(&place, &set, &["--data-dir", "elsewhere"]).says("public URL", "ok", "where the master key is");
    server.signal(Signal::TERM);
    server.end();
    let silent = format!("http://{}", nobody());
    let set = [("SFUMATO_PUBLIC_URL", silent.as_str())];
    doctor(&place, &set, &DATA).says("public URL", "warning", "does not answer");
    let other = format!("http://{}", another_server("hello"));
    let set = [("SFUMATO_PUBLIC_URL", other.as_str())];
    doctor(&place, &set, &DATA).says("public URL", "warning", "not as this server does");
    let set = [("SFUMATO_PUBLIC_URL", "http://blur.invalid")];
    doctor(&place, &set, &DATA)
        .says("public URL", "warning", "in the clear")
        .says("DNS", "warning", "blur.invalid");
}

#[test]
fn another_installation_behind_the_public_url_is_not_taken_for_this_one() {
    let places = [Place::new(), Place::new()];
    let mut servers = places.each_ref().map(|place| serve(place, &[]));
    let urls = servers
        .each_mut()
        .map(|server| format!("http://{}", server.address()));
    for (place, [own, other]) in places.iter().zip([[0, 1], [1, 0]]) {
        let found = |url: &str| doctor(place, &[("SFUMATO_PUBLIC_URL", url)], &DATA);
        found(&urls[own]).says("public URL", "ok", "answers as this installation");
        found(&urls[other]).says("public URL", "warning", "another installation of Sfumato");
    }
    let earlier = format!("http://{}", another_server("{\"status\":\"ok\"}"));
    doctor(&places[0], &[("SFUMATO_PUBLIC_URL", earlier.as_str())], &DATA).says(
        "public URL",
        "warning",
        "does not say which installation",
    );
    for server in servers {
        server.signal(Signal::TERM);
        server.end();
    }
}

#[test]
fn names_of_endpoints_are_looked_up() {
    let place = Place::new();
    let mut server = serve(&place, &["--allow-private-webhooks"]);
    let client = crate::api::Client::create(&place, server.address());
    client.add_endpoint("https://receiver.invalid/hook");
    doctor(&place, &[], &DATA).says("DNS", "warning", "receiver.invalid");
    server.signal(Signal::TERM);
    server.end();
}

#[test]
fn what_stands_between_is_found() {
    let place = Place::new();
    let issuer = format!("http://{}", nobody());
    let set = [
        ("SFUMATO_OPENID__ISSUER", issuer.as_str()),
        ("SFUMATO_OPENID__CLIENT_ID", "sfumato"),
        ("SFUMATO_PUBLIC_URL", "http://127.0.0.1:9"),
        ("HTTPS_PROXY", "http://127.0.0.1:9"),
    ];
    doctor(&place, &set, &DATA)
        .says("OpenID Connect", "warning", "does not answer")
        .says("proxy", "warning", "HTTPS_PROXY");
    place.write("empty.pem", "");
    let empty = place.path("empty.pem").display().to_string();
    std::fs::create_dir(place.path("certificates")).unwrap();
    let set = [
        ("SSL_CERT_FILE", empty.as_str()),
        ("SSL_CERT_DIR", "certificates"),
        ("SFUMATO_WEBHOOKS__REQUIRE_HTTPS", "true"),
    ];
    doctor(&place, &set, &DATA).says("certificate authorities", "failed", "none is trusted");
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "a shell lowers its limits before it becomes the command"
)]
fn limits_of_the_system_are_compared_with_the_settings() {
    let place = Place::new();
    let args = doctor_args(&place, &place.idle_media_program(), &["--json"]);
    let mut shell = std::process::Command::new("/bin/sh");
    shell
        .args([
            "-c",
            "ulimit -n 300 && exec \"$0\" \"$@\"",
            env!("CARGO_BIN_EXE_sfumato"),
        ])
        .args(args)
        .current_dir(place.path("."));
    let found = super::Found(Ended::from(shell.output().unwrap()).json());
    found.says("open files", "warning", "300 at most");
}

#[test]
fn dangerous_settings_are_named() {
    let place = Place::new();
    for (variable, value, part) in [
        (
            "SFUMATO_WEBHOOKS__ALLOW_PRIVATE",
            "true",
            "webhooks.allow_private",
        ),
        (
            "SFUMATO_WEBHOOKS__ALLOWED_NETWORKS",
            "0.0.0.0/0",
            "allowed_networks",
        ),
        ("SFUMATO_LISTEN", "0.0.0.0:8080", "`listen`"),
        ("SFUMATO_METRICS_LISTEN", "0.0.0.0:9090", "`metrics_listen`"),
        ("SFUMATO_LIMITS__TRUSTED_PROXIES", "0.0.0.0/0", "trusted_proxies"),
        ("SFUMATO_ROLES", "api,courier", "`roles`"),
    ] {
        doctor(&place, &[(variable, value)], &DATA).says("settings", "warning", part);
    }
    doctor(&place, &[("SFUMATO_MEDIA__SANDBOX", "off")], &DATA).says("sandbox", "warning", "off");
    doctor(&place, &[("SFUMATO_ROLES", "api")], &DATA).says("media program", "ok", "not needed");
}

#[test]
fn a_model_that_is_not_what_its_pack_says_is_found_by_its_hash() {
    crate::support::is_set_up();
    let place = Place::new();
    std::fs::create_dir(place.path("assets")).unwrap();
    let assets = crate::support::checkout().join("assets");
    std::os::unix::fs::symlink(assets.join("lib"), place.path("assets/lib")).unwrap();
    for entry in std::fs::read_dir(assets.join("models")).unwrap() {
        let entry = entry.unwrap();
        let name = format!("assets/models/{}", entry.file_name().display());
        let mut bytes = std::fs::read(entry.path()).unwrap();
        if name.contains("yunet") {
            bytes.push(0);
        }
        place.write(&name, bytes);
    }
    let ended = place.run(&["doctor", "--json", "--assets-dir", "assets"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stdout);
    super::Found(ended.json()).says("models' hashes", "failed", "yunet");
}
