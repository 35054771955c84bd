use crate::serve::serve;
use crate::support::{Place, Running, Stream, request};

const PASSWORD: &str = "correct horse battery staple";

fn user(place: &Place, args: &[&str]) -> crate::support::Ended {
    let whole = [&["user"], args, &["--data-dir", "data"]].concat();
    place.run(&whole)
}

fn link_of(text: &str) -> String {
    let link = text
        .split_whitespace()
        .find(|word| word.contains("/manager/setup/"));
    link.unwrap_or_else(|| panic!("no link in {text}")).to_owned()
}

#[test]
fn the_first_start_leaves_a_link_that_makes_the_first_administrator_once() {
    let place = Place::new();
    let mut server = serve(&place, &[]);
    let address = server.address();
    let file = place.path("data/setup-link");
    server.wait_for("makes the first administrator");
    let told = link_of(&std::fs::read_to_string(&file).unwrap());
    let mode = std::os::unix::fs::MetadataExt::mode(&file.metadata().unwrap());
    assert_eq!(mode & 0o777, 0o600, "only its owner can read it");
    let path = told.strip_prefix(&format!("http://{address}")).unwrap();
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let body = "name=ada&password=correct+horse+battery+staple&repeated=correct+horse+battery+staple";
    let made = request(address, &format!("POST {path}"), &form, body);
    assert!(made.starts_with("HTTP/1.1 303"), "{made}");
    let again = request(address, &format!("POST {path}"), &form, body);
    assert!(again.starts_with("HTTP/1.1 400"), "{again}");
    let listed = user(&place, &["list"]).success().stdout;
    assert!(
        listed.contains("administrator") && listed.contains("ada"),
        "{listed}"
    );
    drop(server);
    let mut second = serve(&place, &[]);
    second.address();
    second.signal(rustix::process::Signal::TERM);
    let (_, lines) = second.end();
    assert!(!lines.iter().any(|line| line.contains("setup-link")));
    assert!(!file.exists(), "a link that is void is left behind");
}

#[test]
fn links_lead_to_the_server_that_runs_though_it_listens_on_every_address() {
    let place = Place::new();
    std::fs::create_dir_all(place.path("assets")).unwrap();
    let media = place.idle_media_program();
    let args = [
        "serve",
        "--listen",
        "0.0.0.0:0",
        "--data-dir",
        "data",
        "--assets-dir",
        "assets",
        "--media-program",
    ];
    let command = place.command(&[&args[..], &[&media]].concat());
    let mut server = Running::start(command, &Stream::Stderr);
    let port = server.address().port();
    server.wait_for("makes the first administrator");
    let reached = format!("http://127.0.0.1:{port}/manager/setup/");
    let first = std::fs::read_to_string(place.path("data/setup-link")).unwrap();
    assert!(first.starts_with(&reached), "{first}");
    let created = link_of(&user(&place, &["create", "ada"]).success().stdout);
    assert!(created.starts_with(&reached), "{created}");
    server.signal(rustix::process::Signal::TERM);
    server.end();
    // Nobody says where it is any more.
    place.write("sfumato.toml", "listen = '[::]:9'\n");
    let config = ["create", "bob", "--config", "sfumato.toml"];
    let created = link_of(&user(&place, &config).success().stdout);
    assert!(created.starts_with("http://[::1]:9/manager/setup/"), "{created}");
}

#[test]
fn a_user_is_created_with_a_link_listed_and_deleted() {
    let place = Place::new();
    let created = user(&place, &["create", "Ada@Example.com"]).success().stdout;
    let link = link_of(&created);
    assert!(
        link.starts_with("http://127.0.0.1:8080/manager/setup/setup_"),
        "{link}"
    );
    let listed = user(&place, &["list"]).success().stdout;
    assert!(
        listed.contains("invited") && listed.contains("ada@example.com"),
        "{listed}"
    );
    let token = link.rsplit('/').next().unwrap();
    let database = std::fs::read(place.path("data/sfumato.db")).unwrap();
    assert!(
        !database
            .windows(token.len())
            .any(|window| window == token.as_bytes()),
        "the link is stored"
    );
    user(&place, &["create", "ada@example.com"]).failure(1, &["exists already"]);
    user(&place, &["delete", "ADA@example.com"]).success();
    user(&place, &["delete", "ada@example.com"]).failure(1, &["sfumato user list"]);
    assert_eq!(user(&place, &["list"]).success().stdout, "");
}

#[test]
fn a_member_belongs_to_a_client_that_exists() {
    let place = Place::new();
    let args = ["client", "create", "--data-dir", "data", "--name", "a", "--json"];
    let client = place.run(&args).success().json()["clientId"]
        .as_str()
        .unwrap()
        .to_owned();
    let created = user(&place, &["create", "bob", "--client", &client, "--json"]).success();
    assert_eq!(created.json()["role"], "member");
    let listed = user(&place, &["list"]).success().stdout;
    assert!(listed.contains(&client), "{listed}");
    user(&place, &["create", "eve", "--client", "client_x"]).failure(2, &["sfumato client list"]);
}

#[test]
fn a_password_from_a_file_works_at_once_and_its_length_is_judged() {
    let place = Place::new();
    place.write("password", format!("{PASSWORD}\n"));
    place.write("short", "short\n");
    user(&place, &["create", "ada", "--password-file", "short"]).failure(2, &["at least 12 characters"]);
    assert_eq!(user(&place, &["list"]).success().stdout, "");
    user(&place, &["create", "ada", "--password-file", "password"]).success();

    let mut server = serve(&place, &[]);
    let address = server.address();
    let form = [("Content-Type", "application/x-www-form-urlencoded")];
    let body = "name=ada&password=correct+horse+battery+staple";
    let entered = request(address, "POST /manager/sign-in", &form, body);
    assert!(entered.starts_with("HTTP/1.1 303"), "{entered}");
    user(&place, &["disable", "ada"]).success();
    let refused = request(address, "POST /manager/sign-in", &form, body);
    assert!(refused.starts_with("HTTP/1.1 422"), "{refused}");
    user(&place, &["enable", "ada"]).success();
    let entered = request(address, "POST /manager/sign-in", &form, body);
    assert!(entered.starts_with("HTTP/1.1 303"), "{entered}");
}
