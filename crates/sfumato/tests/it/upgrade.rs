//! Databases of earlier schemas, with data, under this version. CONTRIBUTING.md says how the next one gets its fixture.

use std::path::Path;

use rusqlite::{Connection, params};
use rustix::process::Signal;
use sfumato_core::{Clock, EndpointId, Entropy, SecretHash, SigningSecret, WebhookToken};
use sfumato_engine::access::Keys;
use sfumato_engine::system::{SystemClock, SystemEntropy};
use sha2::{Digest, Sha256};

use crate::api::Client;
use crate::serve::serve;
use crate::support::{Place, checkout};

const MASTER_KEY: [u8; 32] = [42; 32];
const SECRET: &str = "secret_fixture";
const TOKEN: &str = "wis-wht_FIXTURE0FIXTURE0FIXTURE0";
const ORIGINAL: &[u8] = b"BMimage";
const RESULT: &[u8] = b"hidden";

fn literal(bytes: &[u8]) -> String {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("x'{digits}'")
}

fn sha256(bytes: &[u8]) -> String {
    literal(&Sha256::digest(bytes))
}

/// What the fixture leaves to the test.
fn filled(sql: &str) -> String {
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

/// A data folder as the version with this schema left it.
fn left_by_schema_1(data: &Path) {
    let migration = checkout().join("crates/store-sqlite/migrations/0001_init.sql");
    let schema = std::fs::read_to_string(migration).unwrap();
    for (path, content) in [
        ("blobs/uploads/01900000-0000-7000-8000-000000000120", ORIGINAL),
        ("blobs/results/01900000-0000-7000-8000-000000000221/media", RESULT),
        ("master.key", &MASTER_KEY),
    ] {
        let path = data.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }
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
        .execute_batch(&filled(include_str!("upgrade/0001.sql")))
        .unwrap();
}

#[test]
fn an_installation_of_schema_1_goes_on_with_everything_that_it_had() {
    let place = Place::new();
    left_by_schema_1(&place.path("data"));
    let mut server = serve(&place, &["--allow-private-webhooks"]);
    let address = server.address();
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
    server.signal(Signal::TERM);
    server.end();
    place.run(&["verify", "--data-dir", "data"]).success();
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
