use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::Connection;
use rustix::process::Signal;
use sfumato_testkit::postgres::Database;

use crate::api::Client;
use crate::serve::serve;
use crate::support::Place;

/// Every row of the tables that must not lose any, as text; a lease differs from one moment to the next.
fn rows(data: &Path) -> Vec<String> {
    let connection = Connection::open(data.join("sfumato.db")).unwrap();
    let mut rows = Vec::new();
    for (table, columns) in [
        (
            "jobs",
            "hex(id), hex(client), hex(upload), hex(upload_sha256), file_name, created_at",
        ),
        ("events", "position, hex(id), hex(job), sequence, status, at"),
        (
            "deliveries",
            "hex(id), hex(event), hex(endpoint), sequence, status, created_at",
        ),
        ("endpoints", "hex(id), url, hex(token), hex(signing_secret)"),
        ("clients", "hex(id), key, hex(secret)"),
    ] {
        let mut statement = connection
            .prepare(&format!("SELECT {columns} FROM {table} ORDER BY 1"))
            .unwrap();
        let width = statement.column_count();
        let read = statement
            .query_map([], |row| {
                (0..width)
                    .map(|index| row.get::<_, rusqlite::types::Value>(index))
                    .collect::<Result<Vec<_>, _>>()
            })
            .unwrap();
        rows.extend(read.map(|row| format!("{table} {:?}", row.unwrap())));
    }
    rows
}

#[test]
fn what_is_backed_up_under_load_is_whole_when_it_is_restored() {
    let place = Place::new();
    // Nobody works on the jobs, so that no original has its time meanwhile.
    let roles = ["--allow-private-webhooks", "--roles", "api,courier,janitor"];
    let mut server = serve(&place, &roles);
    let address = server.address();
    let client = Client::create(&place, address);
    let endpoint = client.add_endpoint("http://127.0.0.1:19999/hook");
    let secret = client.signing_secret(&endpoint);
    let before: Vec<String> = (0..40).map(|n| client.upload(&format!("before-{n}"))).collect();
    let stop = AtomicBool::new(false);
    let during = std::thread::scope(|scope| {
        let uploads: Vec<_> = (0..3)
            .map(|thread| {
                let (client, stop) = (client.clone(), &stop);
                scope.spawn(move || {
                    let mut jobs = vec![];
                    while !stop.load(Ordering::Acquire) {
                        jobs.push(client.upload(&format!("during-{thread}-{}", jobs.len())));
                    }
                    jobs
                })
            })
            .collect();
        let args = ["backup", "--to", "monday", "--data-dir", "data", "--with-keys"];
        let ended = place.run(&args);
        stop.store(true, Ordering::Release);
        let jobs: Vec<String> = uploads
            .into_iter()
            .flat_map(|task| task.join().unwrap())
            .collect();
        assert!(ended.success().stderr.contains("THE KEYS ARE IN THIS BACKUP"));
        jobs
    });
    assert!(!during.is_empty());
    server.signal(Signal::TERM);
    server.end();

    place
        .run(&["restore", "--from", "monday", "--data-dir", "restored"])
        .success();
    let (live, restored) = (rows(&place.path("data")), rows(&place.path("restored")));
    let missing: Vec<_> = restored.iter().filter(|row| !live.contains(row)).collect();
    assert!(
        missing.is_empty(),
        "rows that the installation never had: {missing:?}"
    );
    let events = |rows: &[String]| rows.iter().filter(|row| row.starts_with("events ")).count();
    let deliveries = |rows: &[String]| rows.iter().filter(|row| row.starts_with("deliveries ")).count();
    let jobs = |rows: &[String]| rows.iter().filter(|row| row.starts_with("jobs ")).count();
    assert!(jobs(&restored) >= before.len());
    assert!(events(&restored) >= jobs(&restored) && deliveries(&restored) >= jobs(&restored));
    let checked = place
        .run(&["verify", "--data-dir", "restored", "--json"])
        .success()
        .json();
    assert_eq!(checked["files"], checked["jobs"]);
    assert_eq!((&checked["missing"], &checked["damaged"]), (&0.into(), &0.into()));

    std::fs::rename(place.path("data"), place.path("old")).unwrap();
    std::fs::rename(place.path("restored"), place.path("data")).unwrap();
    let mut server = serve(&place, &["--allow-private-webhooks"]);
    let client = client.at(server.address());
    for job in &before {
        assert_ne!(
            client.status(job)["status"],
            "Unknown job",
            "the token and the job still count"
        );
    }
    assert_eq!(client.signing_secret(&endpoint), secret);
    client.upload("after");
    server.signal(Signal::TERM);
    server.end();
}

/// What an installation on PostgreSQL is given.
fn installation_of<'a>(url: &'a str, storage: &'a str) -> [&'a str; 4] {
    ["--database-url", url, "--storage", storage]
}

#[test]
fn an_installation_on_postgresql_is_backed_up_under_load_and_restored_to_another_database() {
    let place = Place::new();
    let (live, other) = (Database::create(), Database::create());
    let (url, restored) = (live.url(), other.url());
    place.run(&["migrate", "--database-url", &url]).success();
    let of_live = installation_of(&url, "media");
    // Nobody works on the jobs, so that no original has its time meanwhile.
    let roles = ["--allow-private-webhooks", "--roles", "api,courier,janitor"];
    let mut server = serve(&place, &[&of_live[..], &roles].concat());
    let address = server.address();
    let made = [&["client", "create", "--name", "a", "--json"], &of_live[..2]].concat();
    let credentials = place.run(&made).success().stdout;
    let client = Client::log_in(address, credentials.trim());
    let endpoint = client.add_endpoint("http://127.0.0.1:19999/hook");
    let secret = client.signing_secret(&endpoint);
    let before: Vec<String> = (0..20).map(|n| client.upload(&format!("before-{n}"))).collect();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let (client, stop) = (client.clone(), &stop);
        let uploads = scope.spawn(move || {
            let mut count = 0;
            while !stop.load(Ordering::Acquire) {
                client.upload(&format!("during-{count}"));
                count += 1;
            }
            count
        });
        let args = [
            &["backup", "--to", "monday", "--with-keys", "--data-dir", "data"],
            &of_live[..],
        ]
        .concat();
        let ended = place.run(&args);
        stop.store(true, Ordering::Release);
        assert!(uploads.join().unwrap() > 0);
        ended.success();
    });
    server.signal(Signal::TERM);
    server.end();

    let of_restored = installation_of(&restored, "restored-media");
    let restore = [&["restore", "--from", "monday"], &of_restored[..]].concat();
    place.run(&restore).success();
    let verify = [&["verify", "--json"], &of_restored[..]].concat();
    let checked = place.run(&verify).success().json();
    assert!(checked["jobs"].as_u64().unwrap() >= before.len() as u64);
    assert_eq!((&checked["missing"], &checked["damaged"]), (&0.into(), &0.into()));
    let mut server = serve(
        &place,
        &[&of_restored[..], &["--allow-private-webhooks"]].concat(),
    );
    let client = client.at(server.address());
    for job in &before {
        assert_ne!(client.status(job)["status"], "Unknown job");
    }
    assert_eq!(client.signing_secret(&endpoint), secret);
    client.upload("after");
    server.signal(Signal::TERM);
    server.end();
    // It has been used since: a second time nothing is written.
    place.run(&restore).failure(1, &["copy into the database"]);
    // The same backup becomes a data folder.
    place
        .run(&["restore", "--from", "monday", "--data-dir", "folder"])
        .success();
    place.run(&["verify", "--data-dir", "folder"]).success();
}

#[test]
fn a_damaged_backup_changes_no_database() {
    let place = Place::new();
    let mut server = serve(&place, &[]);
    Client::create(&place, server.address()).upload("one");
    server.signal(Signal::TERM);
    server.end();
    let backup = ["backup", "--to", "monday", "--data-dir", "data"];
    place.run(&backup).success();
    let file = std::fs::read_dir(place.path("monday/blobs/uploads"))
        .unwrap()
        .next();
    std::fs::write(file.unwrap().unwrap().path(), "other").unwrap();
    let database = Database::create();
    let url = database.url();
    let restore = [
        "restore",
        "--from",
        "monday",
        "--database-url",
        &url,
        "--storage",
        "media",
    ];
    place.run(&restore).failure(1, &["is damaged"]);
    let schema = place.run(&["migrate", "--check", "--database-url", &url]);
    assert_eq!(schema.code, Some(1), "{}", schema.stdout);
    assert!(!place.path("media").exists());
    place
        .run(&["restore", "--from", "monday"])
        .failure(2, &["--data-dir", "--database-url"]);
}

#[test]
fn a_backup_without_keys_says_so_and_one_that_is_damaged_or_incomplete_is_refused() {
    let place = Place::new();
    let mut server = serve(&place, &[]);
    let client = Client::create(&place, server.address());
    client.upload("a");
    let args = ["backup", "--to", "b", "--data-dir", "data"];
    assert!(
        place
            .run(&args)
            .success()
            .stderr
            .contains("the keys are not in it")
    );
    assert!(!place.path("b/master.key").exists());
    place.run(&args).failure(1, &["not empty"]);
    server.signal(Signal::TERM);
    server.end();
    place
        .run(&["restore", "--from", "b", "--data-dir", "data"])
        .failure(1, &["not empty"]);
    let restore = ["restore", "--from", "b", "--data-dir", "r"];
    let database = place.path("b/sfumato.db");
    let whole = std::fs::read(&database).unwrap();
    let mut damaged = whole.clone();
    *damaged.last_mut().unwrap() ^= 1;
    std::fs::write(&database, damaged).unwrap();
    place.run(&restore).failure(1, &["sfumato.db is damaged"]);
    std::fs::write(&database, whole).unwrap();
    let manifest = std::fs::read(place.path("b/manifest.json")).unwrap();
    std::fs::remove_file(place.path("b/manifest.json")).unwrap();
    place.run(&restore).failure(1, &["not completed"]);
    std::fs::write(place.path("b/manifest.json"), manifest).unwrap();
    assert!(!place.path("r").exists());
    assert!(place.run(&restore).success().stderr.contains("master.key"));
}
