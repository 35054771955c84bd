//! `sfumato secrets rotate-master`, and the other rotation on PostgreSQL.

use rustix::process::Signal;
use serde_json::Value;
use sfumato_testkit::postgres::Database;

use crate::api::Client;
use crate::serve::serve;
use crate::support::{Place, Running};

const ROTATE: [&str; 4] = ["secrets", "rotate-master", "--data-dir", "data"];

fn stop(server: Running) {
    server.signal(Signal::TERM);
    server.end();
}

/// An installation with a client and an endpoint, whose server has been stopped.
struct Installation {
    place: Place,
    /// What its server is started with.
    flags: Vec<String>,
    /// `{"clientId": …, "secretId": …}`.
    login: String,
    /// Logged in before.
    client: Client,
    endpoint: String,
    credentials: (Value, Value),
}

impl Installation {
    fn new(place: Place, flags: &[&str]) -> Self {
        let all = [&["--allow-private-webhooks"], flags].concat();
        let mut server = serve(&place, &all);
        let address = server.address();
        let create = ["client", "create", "--name", "a", "--json", "--data-dir", "data"];
        let database = flags.iter().skip_while(|flag| **flag != "--database-url").take(2);
        let create: Vec<&str> = create.iter().chain(database).copied().collect();
        let login = place.run(&create).success().stdout.trim().to_owned();
        let client = Client::log_in(address, &login);
        let endpoint = client.add_endpoint("http://127.0.0.1:19999/hook");
        let credentials = client.credentials(&endpoint);
        stop(server);
        Self {
            place,
            flags: all.iter().map(|flag| (*flag).to_owned()).collect(),
            login,
            client,
            endpoint,
            credentials,
        }
    }

    fn on_sqlite() -> Self {
        Self::new(Place::new(), &[])
    }

    fn serve(&self) -> Running {
        let flags: Vec<&str> = self.flags.iter().map(String::as_str).collect();
        serve(&self.place, &flags)
    }

    fn key(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.place.path("data").join(name)).unwrap()
    }

    fn has_next_key(&self) -> bool {
        self.place.path("data/master.key.next").exists()
    }

    /// That a server starts, knows nobody's old token, and that receivers notice nothing.
    #[track_caller]
    fn works_with_another_key(&self) {
        let mut server = self.serve();
        let address = server.address();
        let asked = format!("GET /webhook-url/{}", self.endpoint);
        let refused = self.client.at(address).answer(&asked, "");
        assert!(refused.starts_with("HTTP/1.1 401"), "{refused}");
        let again = Client::log_in(address, &self.login);
        assert_eq!(again.credentials(&self.endpoint), self.credentials);
        stop(server);
        assert!(!self.has_next_key());
    }
}

#[test]
fn tokens_end_with_the_master_key_and_receivers_notice_nothing() {
    let installation = Installation::on_sqlite();
    let old = installation.key("master.key");
    let said = installation.place.run(&ROTATE).success();
    assert!(
        said.stdout.contains("2 secrets were sealed again"),
        "{}",
        said.stdout
    );
    assert_ne!(installation.key("master.key"), old);
    installation.works_with_another_key();
    // A server with the old one is refused.
    let new = installation.place.path("data/master.key");
    let kept = std::fs::read(&new).unwrap();
    std::fs::write(&new, old).unwrap();
    let (status, lines) = installation.serve().end();
    assert_eq!(status.code(), Some(1), "{}", lines.join("\n"));
    std::fs::write(&new, kept).unwrap();
    let database = rusqlite::Connection::open(installation.place.path("data/sfumato.db")).unwrap();
    let entries =
        "SELECT count(*) FROM audit WHERE action = 'master_key.rotated' AND detail = '{\"secrets\":\"2\"}'";
    let entries: i64 = database.query_row(entries, [], |row| row.get(0)).unwrap();
    assert_eq!(entries, 1);
}

#[test]
fn a_folder_whose_server_runs_is_refused_and_nothing_changes() {
    let installation = Installation::on_sqlite();
    let mut server = installation.serve();
    let address = server.address();
    let old = installation.key("master.key");
    let refused = installation
        .place
        .run(&ROTATE)
        .failure(1, &["stop that one", "start it again"]);
    assert!(!refused.stderr.contains("--data-dir"), "{}", refused.stderr);
    assert_eq!(installation.key("master.key"), old);
    assert!(!installation.has_next_key());
    let client = installation.client.at(address);
    assert_eq!(
        client.credentials(&installation.endpoint),
        installation.credentials
    );
    stop(server);
}

#[test]
fn what_was_interrupted_behind_the_commit_is_finished_by_the_next_start() {
    let installation = Installation::on_sqlite();
    let old = installation.key("master.key");
    installation.place.run(&ROTATE).success();
    // As the folder is between the commit and the renaming.
    let path = |name: &str| installation.place.path("data").join(name);
    std::fs::rename(path("master.key"), path("master.key.next")).unwrap();
    std::fs::write(path("master.key"), &old).unwrap();
    let examined = installation.place.run(&["doctor", "--data-dir", "data"]);
    assert!(
        examined.stdout.contains("a rotation was interrupted"),
        "{}",
        examined.stdout
    );
    installation.works_with_another_key();
    assert_ne!(installation.key("master.key"), old);
}

#[test]
fn what_was_interrupted_before_the_commit_changes_nothing_and_is_gone_on_with() {
    let installation = Installation::on_sqlite();
    let next = [7; 32];
    installation.place.write("data/master.key.next", next);
    let mut server = installation.serve();
    let client = installation.client.at(server.address());
    assert_eq!(
        client.credentials(&installation.endpoint),
        installation.credentials
    );
    stop(server);
    assert!(
        installation.has_next_key(),
        "its transaction may still be under way"
    );
    installation.place.write("other.key", [8; 32]);
    let with_another = [&ROTATE[..], &["--new-key-file", "other.key"]].concat();
    installation
        .place
        .run(&with_another)
        .failure(1, &["without --new-key-file"]);
    installation.place.run(&ROTATE).success();
    assert_eq!(installation.key("master.key"), next);
    installation.works_with_another_key();
}

#[test]
fn a_key_is_taken_from_a_file_and_keys_of_secrets_stay_where_they_seal() {
    let installation = Installation::on_sqlite();
    let place = &installation.place;
    place.run(&["secrets", "rotate", "--data-dir", "data"]).success();
    place.write("new.key", [9; 32]);
    place.write("short.key", [9; 31]);
    let with = |file: &str| place.run(&[&ROTATE[..], &["--new-key-file", file]].concat());
    with("short.key").failure(1, &["31 bytes"]);
    let said = with("new.key").success();
    assert!(
        said.stdout.contains("0 secrets were sealed again"),
        "{}",
        said.stdout
    );
    assert_eq!(installation.key("master.key"), [9; 32]);
    with("new.key").failure(1, &["the present one"]);
    installation.works_with_another_key();
}

#[test]
fn a_key_outside_of_the_data_folder_is_replaced_by_the_operators_hand() {
    let place = Place::new();
    place.write("present.key", [3; 32]);
    place.write("next.key", [4; 32]);
    place.write(
        "sfumato.toml",
        "data_dir = \"data\"\nmaster_key_file = \"present.key\"\n",
    );
    let installation = Installation::new(place, &["--config", "sfumato.toml"]);
    let place = &installation.place;
    let rotate = ["secrets", "rotate-master", "--config", "sfumato.toml"];
    place.run(&rotate).failure(2, &["--new-key-file"]);
    let with = [&rotate[..], &["--new-key-file", "next.key"]].concat();
    let said = place.run(&with).success();
    assert!(
        said.stderr.contains("put next.key in the place of present.key"),
        "{}",
        said.stderr
    );
    assert!(
        place
            .run(&with)
            .success()
            .stdout
            .contains("has this master key already")
    );
    std::fs::rename(place.path("next.key"), place.path("present.key")).unwrap();
    installation.works_with_another_key();
}

#[test]
fn both_rotations_work_on_postgresql() {
    let (place, database) = (Place::new(), Database::create());
    let url = database.url();
    place.run(&["migrate", "--database-url", &url]).success();
    let keys = place.write("secrets.key", format!("{}\n", "ab".repeat(32)));
    let on = ["--database-url", &url];
    let installation = Installation::new(place, &[&on[..], &["--storage", "media"]].concat());
    let place = &installation.place;
    let said = place.run(&[&ROTATE[..], &on].concat()).success();
    assert!(
        said.stdout.contains("2 secrets were sealed again"),
        "{}",
        said.stdout
    );
    assert!(said.stderr.contains("every other process"), "{}", said.stderr);
    installation.works_with_another_key();
    // The keys of secrets change beside a server that runs.
    let variable = ("SFUMATO_SECRETS__KEY_FILE", keys.display().to_string());
    let with_keys = |command: &str| {
        let args = [&["secrets", command, "--data-dir", "data"], &on[..]].concat();
        let mut command = place.command(&args);
        command.env(variable.0, &variable.1);
        crate::support::Ended::from(command.output().unwrap())
            .success()
            .stdout
    };
    assert!(with_keys("rotate").starts_with("2 secrets are sealed"));
    assert!(with_keys("rotate").starts_with("0 secrets are sealed"));
    let status = with_keys("status");
    assert!(
        status.contains("seals    2 secrets") && status.contains("idle     0 secrets"),
        "{status}"
    );
}
