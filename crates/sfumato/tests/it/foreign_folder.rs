//! Commands given as root on the data folder of a server that another user runs.
//!
//! Only root can start something as another user, and the project's own checks run as root. For anybody else that user is he
//! himself: what is asked of root then holds for him, too, but for what he may not read, which only root can make.

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use rustix::process::{Signal, getegid, geteuid};

use crate::api::Client;
use crate::listen::listen;
use crate::serve::serve_command;
use crate::support::{Place, Running, Stream};

/// `nobody` on every Debian.
const NOBODY: u32 = 65_534;

fn is_root() -> bool {
    geteuid().is_root()
}

/// User and group of the server.
fn user() -> (u32, u32) {
    if is_root() {
        (NOBODY, NOBODY)
    } else {
        (geteuid().as_raw(), getegid().as_raw())
    }
}

fn give(path: &Path, (user, group): (u32, u32)) {
    chown(path, Some(user), Some(group)).unwrap();
}

/// A place whose `data` belongs to the server's user.
fn foreign() -> Place {
    let place = Place::new();
    let mode = |name: &str, mode| {
        std::fs::set_permissions(place.path(name), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    mode(".", 0o755);
    std::fs::create_dir(place.path("data")).unwrap();
    give(&place.path("data"), user());
    mode("data", 0o700);
    place
}

fn as_user(mut command: Command) -> Command {
    if is_root() {
        let (user, group) = user();
        command.uid(user).gid(group);
    }
    command
}

/// A server that its user runs, with an idle media program.
fn serve(place: &Place) -> Running {
    let command = serve_command(place, &place.idle_media_program(), &["--allow-private-webhooks"]);
    Running::start(as_user(command), &Stream::Stderr)
}

fn stop(server: Running) {
    server.signal(Signal::TERM);
    let (status, lines) = server.end();
    assert_eq!(status.code(), Some(0), "{}", lines.join("\n"));
    let denied = lines.iter().find(|line| line.contains("Permission denied"));
    assert_eq!(denied, None);
}

/// That everything in a folder is the user's.
#[track_caller]
fn all_belongs_to_user(folder: &Path) {
    let mut found = 0;
    for entry in walkdir::WalkDir::new(folder) {
        let entry = entry.unwrap();
        let metadata = entry.metadata().unwrap();
        let owner = (metadata.uid(), metadata.gid());
        assert_eq!(owner, user(), "{}", entry.path().display());
        found += 1;
    }
    assert!(found > 1, "there is nothing in {}", folder.display());
}

#[test]
fn root_rotates_keys_beside_a_server_of_another_user_which_goes_on_and_starts_again() {
    let place = foreign();
    let create = ["client", "create", "--name", "a", "--json", "--data-dir", "data"];
    // Before the first start, so that root makes the database.
    let login = place.run(&create).success().stdout.trim().to_owned();
    all_belongs_to_user(&place.path("data"));
    let mut receiver = listen(&place, &[]);
    let mut server = serve(&place);
    let client = Client::log_in(server.address(), &login);
    let endpoint = client.add_endpoint(&format!("http://{}/", receiver.address()));
    let credentials = client.credentials(&endpoint);
    place.run(&["secrets", "rotate", "--data-dir", "data"]).success();
    all_belongs_to_user(&place.path("data"));
    assert_eq!(client.credentials(&endpoint), credentials);
    let tried = client.send(&format!("POST /webhook-url/test/{endpoint}"), "");
    assert_eq!(tried["kept"], true, "{tried}");
    receiver.wait_for("answered 200");
    stop(server);
    place
        .run(&["secrets", "rotate-master", "--data-dir", "data"])
        .success();
    all_belongs_to_user(&place.path("data"));
    let mut server = serve(&place);
    let client = Client::log_in(server.address(), &login);
    assert_eq!(client.credentials(&endpoint), credentials);
    stop(server);
    all_belongs_to_user(&place.path("data"));
}

#[test]
fn what_root_backs_up_into_and_restores_to_a_folder_is_its_owners() {
    let place = foreign();
    let mut server = serve(&place);
    let client = Client::create(&place, server.address());
    client.upload("one");
    stop(server);
    for folder in ["kept", "again"] {
        std::fs::create_dir(place.path(folder)).unwrap();
        give(&place.path(folder), user());
    }
    place
        .run(&["backup", "--to", "kept", "--with-keys", "--data-dir", "data"])
        .success();
    all_belongs_to_user(&place.path("kept"));
    place
        .run(&["restore", "--from", "kept", "--data-dir", "again"])
        .success();
    all_belongs_to_user(&place.path("again"));
    all_belongs_to_user(&place.path("data"));
}

#[test]
fn a_key_or_a_database_that_the_user_cannot_read_is_told_with_its_owner_and_the_cure() {
    if !is_root() {
        // Nobody else can have files that belong to two users.
        return;
    }
    let place = foreign();
    let mut server = serve(&place);
    server.address();
    stop(server);
    let file = |name: &str| place.path("data").join(name);
    let cure = format!("chown {NOBODY}:{NOBODY} data/");
    for (name, in_doctor) in [("master.key", true), ("secrets.key", true), ("sfumato.db", false)] {
        place.run(&["secrets", "rotate", "--data-dir", "data"]).success();
        give(&file(name), (0, 0));
        let (status, lines) = serve(&place).end();
        let text = lines.join("\n");
        assert_eq!(status.code(), Some(1), "{text}");
        let cure = format!("{cure}{name}");
        assert!(
            text.contains("belongs to the user 0") && text.contains(&cure),
            "{text}"
        );
        if in_doctor {
            let examined = as_user(place.command(&["doctor", "--data-dir", "data"]))
                .output()
                .unwrap();
            let told = String::from_utf8(examined.stdout).unwrap();
            assert!(
                told.contains("cannot be read by this user") && told.contains(&cure),
                "{told}"
            );
            assert!(!told.contains("from where you keep it"), "{told}");
            let by_root = place.run(&["doctor", "--data-dir", "data"]).stdout;
            let locked_out = format!("cannot be read by the user {NOBODY}");
            assert!(by_root.contains(&locked_out), "{by_root}");
        }
        give(&file(name), user());
    }
    let mut server = serve(&place);
    server.address();
    stop(server);
}
