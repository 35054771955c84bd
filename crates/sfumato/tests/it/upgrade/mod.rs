//! Databases of earlier schemas, with data, under this version: everything means what it meant. The installations are those
//! of `sfumato_testkit::earlier`; CONTRIBUTING.md says how the next one gets there.

mod access;
mod jobs;
mod people;
mod webhooks;

use std::net::SocketAddr;

use rusqlite::Connection;
use rustix::process::Signal;
use sfumato_core::Clock;
use sfumato_engine::system::SystemClock;
use sfumato_testkit::earlier::{CLIENT_ID, MASTER_KEY, SECRET, Schema1, rows_on_postgres, rows_on_sqlite};
use sfumato_testkit::postgres::Database;

use crate::api::Client;
use crate::serve::serve;
use crate::support::{Place, Running};
use webhooks::Receiver;

fn schema_1(receiver: &str) -> Schema1 {
    Schema1::new(SystemClock.now().as_micros(), receiver)
}

fn log_in(address: SocketAddr, secret: &str) -> Client {
    let credentials = format!(r#"{{"clientId":"{CLIENT_ID}","secretId":"{secret}"}}"#);
    Client::log_in(address, &credentials)
}

/// Nobody works on jobs: what becomes of those that wait is tried where there are models, with failpoints.
const SERVED: [&str; 3] = ["--allow-private-webhooks", "--roles", "api,courier,janitor"];

/// Asks for everything, of a server that is stopped afterwards. `database` names the database to commands.
fn everything_means_the_same(mut server: Running, place: &Place, mut receiver: Receiver, database: &[&str]) {
    let address = server.address();
    let client = log_in(address, SECRET);
    people::sign_in_and_see_what_they_saw(address);
    jobs::are_as_they_were(&client);
    webhooks::are_as_they_were(&client);
    receiver.hears_what_waited();
    access::is_as_it_was(address, place, database);
    server.signal(Signal::TERM);
    let (status, lines) = server.end();
    assert_eq!(status.code(), Some(0), "{}", lines.join("\n"));
}

#[test]
fn an_installation_of_schema_1_goes_on_with_everything_that_it_had() {
    let place = Place::new();
    let receiver = Receiver::start(&place);
    schema_1(&receiver.url).leave_in(&place.path("data"));
    let server = serve(&place, &SERVED);
    everything_means_the_same(server, &place, receiver, &["--data-dir", "data"]);
    place.run(&["verify", "--data-dir", "data"]).success();
}

#[test]
fn an_installation_of_schema_1_on_postgresql_goes_on_after_it_was_migrated() {
    let place = Place::new();
    let receiver = Receiver::start(&place);
    let earlier = schema_1(&receiver.url);
    earlier.leave_in(&place.path("data"));
    std::fs::remove_file(place.path("data/sfumato.db")).unwrap();
    let database = Database::create();
    database.rows(&earlier.script_for_postgres());
    let rows = || rows_on_postgres(|sql| database.rows(sql));
    let before = rows();
    let url = database.url();
    let arguments = ["--database-url", url.as_str(), "--storage", "data/blobs"];
    let started = [&arguments[..], &SERVED].concat();
    let (status, lines) = serve(&place, &started).end();
    assert_eq!(status.code(), Some(1), "no server starts on an older schema");
    assert!(lines.join("\n").contains("run `sfumato migrate`"), "{lines:?}");
    let migrated = place.run(&["migrate", "--database-url", &url]).success();
    assert!(
        migrated.stdout.contains("applied migration"),
        "{}",
        migrated.stdout
    );
    assert_eq!(rows(), before);
    let server = serve(&place, &started);
    everything_means_the_same(server, &place, receiver, &arguments[..2]);
    place.run(&[&["verify"], &arguments[..]].concat()).success();
}

#[test]
fn a_migration_changes_no_row_of_schema_1() {
    let place = Place::new();
    schema_1("http://127.0.0.1:9/hook").leave_in(&place.path("data"));
    let rows = || rows_on_sqlite(&Connection::open(place.path("data/sfumato.db")).unwrap());
    let before = rows();
    let migrated = place.run(&["migrate", "--data-dir", "data"]).success();
    assert!(
        migrated.stdout.contains("applied migration"),
        "{}",
        migrated.stdout
    );
    assert_eq!(rows(), before);
}

#[test]
fn an_installation_of_schema_1_whose_master_key_was_replaced_does_not_open() {
    let place = Place::new();
    schema_1("http://127.0.0.1:9/hook").leave_in(&place.path("data"));
    place.write("data/master.key", MASTER_KEY.map(|byte| byte ^ 1));
    let (status, lines) = serve(&place, &[]).end();
    assert_eq!(status.code(), Some(1), "{}", lines.join("\n"));
    assert!(lines.join("\n").contains("secrets in the database"), "{lines:?}");
}

#[test]
fn a_newer_schema_is_refused_with_advice() {
    let place = Place::new();
    schema_1("http://127.0.0.1:9/hook").leave_in(&place.path("data"));
    let database = place.path("data/sfumato.db");
    let connection = Connection::open(&database).unwrap();
    connection
        .execute("INSERT INTO migrations VALUES (999, zeroblob(32))", [])
        .unwrap();
    drop(connection);
    let (status, lines) = serve(&place, &[]).end();
    assert_eq!(status.code(), Some(1));
    let text = lines.join("\n");
    assert!(
        text.contains("migration 999") && text.contains("start a newer version, or restore a backup"),
        "{text}"
    );
}
