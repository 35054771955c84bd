//! What an operator can get wrong with PostgreSQL, on real servers.

use sfumato_testkit::postgres::{Database, Server};

use super::{Found, doctor};
use crate::support::Place;

fn examine(place: &Place, url: &str) -> Found {
    doctor(place, &[("SFUMATO_DATABASE_URL", url)], &["--storage", "blobs"])
}

fn sql(server: &Server, database: &str, sql: &str) {
    let mut psql = server.program("psql");
    let output = psql.args(["-XqAt", "-d", database, "-c", sql]).output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn a_server_that_keeps_what_it_is_told_is_right_and_each_wrong_setting_is_named() {
    let place = Place::new();
    let server = Server::start_synced();
    server.create_database("videos");
    let url = server.url("videos");
    examine(&place, &url).says("database", "ok", "PostgreSQL").says(
        "schema",
        "failed",
        "lacks the migrations 1",
    );
    place.run(&["migrate", "--database-url", &url]).success();
    let found = examine(&place, &url);
    for (name, part) in [
        ("schema", "up to date"),
        ("durability", "synchronous_commit = on"),
        ("connections", "room for"),
        ("database's clock", "as this machine's"),
        ("master key", "there is none yet"),
    ] {
        found.says(name, "ok", part);
    }
    sql(
        &server,
        "videos",
        "ALTER DATABASE videos SET synchronous_commit = off",
    );
    examine(&place, &url).says("durability", "failed", "synchronous_commit off");
    sql(&server, "videos", "ALTER DATABASE videos CONNECTION LIMIT 10");
    // Superusers are not held to it, and are told of it all the same.
    examine(&place, &url).says("connections", "failed", "10 allowed");
    sql(
        &server,
        "videos",
        "INSERT INTO migrations VALUES (999, decode(repeat('00', 32), 'hex'))",
    );
    examine(&place, &url).says("schema", "failed", "999");
}

#[test]
fn a_server_that_does_not_sync_is_found() {
    let (place, database) = (Place::new(), Database::create());
    examine(&place, &database.url()).says("durability", "failed", "fsync and full_page_writes off");
}

#[test]
fn a_server_that_is_not_there_is_found_without_its_password() {
    let place = Place::new();
    let found = examine(&place, "postgres://sfumato:hush@127.0.0.1:9/videos");
    found.says("database", "failed", "127.0.0.1:9/videos");
    assert!(!found.0.to_string().contains("hush"));
}

#[test]
fn a_password_on_the_command_line_or_in_an_open_file_is_found() {
    let place = Place::new();
    let url = "postgres://sfumato:hush@127.0.0.1:9/videos";
    doctor(&place, &[], &["--storage", "blobs", "--database-url", url]).says("settings", "warning", "`ps`");
    place.write("open.toml", format!("database_url = \"{url}\"\n"));
    doctor(&place, &[], &["--storage", "blobs", "--config", "open.toml"]).says(
        "settings",
        "warning",
        "open.toml",
    );
}

#[test]
fn a_database_with_another_encoding_is_found() {
    let place = Place::new();
    let server = Server::start();
    let mut createdb = server.program("createdb");
    let made = createdb
        .args(["--encoding=LATIN1", "--locale=C", "--template=template0", "old"])
        .status()
        .unwrap();
    assert!(made.success());
    examine(&place, &server.url("old")).says("database", "failed", "LATIN1");
}
