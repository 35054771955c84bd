//! Databases of earlier schemas, with data, under this version. CONTRIBUTING.md says how the next one gets its fixture.

use std::net::SocketAddr;
use std::path::Path;

use rusqlite::{Connection, params};
use rustix::process::Signal;
use sfumato_core::{Clock, EndpointId, Entropy, SecretHash, SigningSecret, WebhookToken};
use sfumato_engine::access::Keys;
use sfumato_engine::system::{SystemClock, SystemEntropy};
use sfumato_testkit::postgres::Server;
use sha2::{Digest, Sha256};

use crate::api::Client;
use crate::serve::serve;
use crate::support::{Place, checkout};

const MASTER_KEY: [u8; 32] = [42; 32];
const SECRET: &str = "secret_fixture";
const TOKEN: &str = "wis-wht_FIXTURE0FIXTURE0FIXTURE0";
const ORIGINAL: &[u8] = b"BMimage";
const RESULT: &[u8] = b"hidden";

/// How a database writes bytes.
type Literal = fn(&[u8]) -> String;

fn digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn of_sqlite(bytes: &[u8]) -> String {
    format!("x'{}'", digits(bytes))
}

fn of_postgres(bytes: &[u8]) -> String {
    format!("'\\x{}'", digits(bytes))
}

/// What the fixture leaves to the test.
fn filled(sql: &str, literal: Literal) -> String {
    let sha256 = |bytes: &[u8]| literal(&Sha256::digest(bytes));
    let keys = Keys::derive(&MASTER_KEY);
    let (vault, entropy): (_, &dyn Entropy) = (keys.vault(), &SystemEntropy);
    let endpoint = EndpointId::from_uuid(uuid::uuid!("01900000-0000-7000-8000-000000000010"));
    let token = vault.seal_token(endpoint, &WebhookToken::from_clear(TOKEN), entropy);
    let secret = vault.seal_signing_secret(endpoint, &SigningSecret::from_bytes([7; 32]), entropy);
    sql.replace("{secret}", &literal(SecretHash::of(SECRET).as_bytes()))
        .replace("{token}", &literal(token.as_bytes()))
        .replace("{signing_secret}", &literal(secret.as_bytes()))
        .replace("{upload_sha256}", &sha256(ORIGINAL))
        .replace("{result_sha256}", &sha256(RESULT))
        .replace("{now}", &SystemClock.now().as_micros().to_string())
}

/// The files beside a database of the version with this schema.
fn files_of_schema_1(data: &Path) {
    for (path, content) in [
        ("blobs/uploads/01900000-0000-7000-8000-000000000120", ORIGINAL),
        ("blobs/results/01900000-0000-7000-8000-000000000221/media", RESULT),
        ("master.key", &MASTER_KEY),
    ] {
        let path = data.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
}

fn schema_1(store: &str) -> String {
    let migration = format!("crates/{store}/migrations/0001_init.sql");
    std::fs::read_to_string(checkout().join(migration)).unwrap()
}

/// A data folder as the version with this schema left it.
fn left_by_schema_1(data: &Path) {
    files_of_schema_1(data);
    let schema = schema_1("store-sqlite");
    let connection = Connection::open(data.join("sfumato.db")).unwrap();
    connection.execute_batch(&schema).unwrap();
    connection
        .execute_batch(
            "CREATE TABLE migrations (number INTEGER PRIMARY KEY, sha256 BLOB NOT NULL CHECK (length(sha256) = 32)) STRICT;",
        )
        .unwrap();
    connection
        .execute(
            "INSERT INTO migrations VALUES (1, ?1)",
            params![Sha256::digest(&schema).as_slice()],
        )
        .unwrap();
    connection
        .execute_batch(&filled(include_str!("upgrade/0001.sql"), of_sqlite))
        .unwrap();
}

/// The same on PostgreSQL.
fn left_on_postgres_by_schema_1(place: &Place, server: &Server) {
    files_of_schema_1(&place.path("data"));
    let schema = schema_1("store-postgres");
    let script = format!(
        "BEGIN;\n{schema}\nCREATE TABLE migrations (number bigint PRIMARY KEY, sha256 bytea NOT NULL);\n\
         INSERT INTO migrations VALUES (1, {});\n{}\nCOMMIT;\n",
        of_postgres(&Sha256::digest(&schema)),
        filled(include_str!("upgrade/0001.postgres.sql"), of_postgres)
    );
    let script = place.write("0001.sql", script);
    let mut psql = server.program("psql");
    psql.args(["-XqAt", "-v", "ON_ERROR_STOP=1", "-d", "videos", "-f"])
        .arg(script);
    let output = psql.output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn an_installation_of_schema_1_goes_on_with_everything_that_it_had() {
    let place = Place::new();
    left_by_schema_1(&place.path("data"));
    let mut server = serve(&place, &["--allow-private-webhooks"]);
    everything_is_there(server.address());
    server.signal(Signal::TERM);
    server.end();
    place.run(&["verify", "--data-dir", "data"]).success();
}

#[test]
fn an_installation_of_schema_1_on_postgresql_goes_on_after_it_was_migrated() {
    let place = Place::new();
    let database = Server::start();
    database.create_database("videos");
    left_on_postgres_by_schema_1(&place, &database);
    let url = database.url("videos");
    let arguments = ["--database-url", url.as_str(), "--storage", "data/blobs"];
    let started = [&arguments[..], &["--allow-private-webhooks"]].concat();
    let (status, lines) = serve(&place, &started).end();
    assert_eq!(status.code(), Some(1), "no server starts on an older schema");
    assert!(lines.join("\n").contains("run `sfumato migrate`"), "{lines:?}");
    let migrated = place.run(&["migrate", "--database-url", &url]).success();
    assert!(
        migrated.stdout.contains("applied migration"),
        "{}",
        migrated.stdout
    );
    let mut server = serve(&place, &started);
    everything_is_there(server.address());
    server.signal(Signal::TERM);
    server.end();
    place.run(&[&["verify"], &arguments[..]].concat()).success();
}

/// What the fixture had, as its client sees it.
fn everything_is_there(address: SocketAddr) {
    let credentials = format!(r#"{{"clientId":"client_fixture","secretId":"{SECRET}"}}"#);
    let client = Client::log_in(address, &credentials);
    let job = |end: &str| {
        let job = sfumato_core::PublicJobId {
            client: sfumato_core::ClientId::from_uuid(uuid::uuid!("01900000-0000-7000-8000-000000000001")),
            job: format!("01900000-0000-7000-8000-0000000000{end}")
                .parse()
                .unwrap(),
        };
        client.status(&job.to_string())
    };
    assert!(matches!(job("20")["status"].as_str(), Some("Sent" | "Started")));
    assert_eq!(job("22")["error"], "the file is no picture");
    let done = job("21");
    assert_eq!(done["status"], "Succeeded");
    let media = done["output_media"].as_str().unwrap();
    let path = media.split_once(&address.to_string()).unwrap().1;
    let answer = client.answer(&format!("GET {path}"), "");
    assert!(
        answer.starts_with("HTTP/1.1 200") && answer.ends_with("hidden"),
        "{answer}"
    );

    let endpoints = client.send("GET /webhook-url/get-many", "");
    assert_eq!(endpoints[0]["webhookToken"], TOKEN);
    let endpoint = endpoints[0]["uuid"].as_str().unwrap();
    let secret = SigningSecret::from_bytes([7; 32]).expose();
    assert_eq!(client.signing_secret(endpoint)["signingSecret"], secret.as_str());
    let deliveries = client.send(&format!("GET /webhook-url/{endpoint}/deliveries"), "");
    assert!(
        deliveries
            .to_string()
            .contains("01900000-0000-7000-8000-000000000040"),
        "{deliveries}"
    );
    let events = client.send("GET /events?limit=10", "");
    assert!(
        events
            .to_string()
            .matches("01900000-0000-7000-8000-00000000003")
            .count()
            >= 4,
        "{events}"
    );
    client.upload("after");
}

#[test]
fn a_newer_schema_is_refused_with_advice() {
    let place = Place::new();
    left_by_schema_1(&place.path("data"));
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
