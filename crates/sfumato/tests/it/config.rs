use crate::support::{Ended, Place, assert_golden};

#[test]
fn the_example_file_in_the_repository_is_what_the_binary_prints() {
    let printed = Place::new()
        .run(&["config", "print", "--defaults"])
        .success()
        .stdout;
    assert_golden("config.example.toml", &printed);
}

/// The example file as a page: a table for each section.
fn as_page(example: &str) -> String {
    let mut page = String::from(
        "# Settings\n\nWritten by the tests from `config.example.toml` (`SFUMATO_BLESS=1` rewrites it), which has the same words \
         as a file to start\nfrom. How settings come together is in [operations.md](operations.md#settings); which of them \
         have flags, in [cli.md](cli.md).\n",
    );
    let mut section = String::new();
    let mut meaning: Vec<&str> = vec![];
    // Before the first blank line the file speaks of itself.
    let (_, settings) = example.split_once("\n\n").unwrap();
    page.push_str("\n## At the top of the file\n");
    page.push_str(TABLE_HEAD);
    for line in settings.lines() {
        if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            section = format!("{name}.");
            page.push_str(&format!("\n## `[{name}]`\n{TABLE_HEAD}"));
        } else if let Some(words) = line.strip_prefix("# ") {
            meaning.push(words);
        } else if let Some((name, value)) = line.strip_prefix('#').and_then(|line| line.split_once(" = ")) {
            let key = format!("{section}{name}");
            let variable = format!("SFUMATO_{}", key.replace('.', "__").to_uppercase());
            let meaning = std::mem::take(&mut meaning).join(" ");
            page.push_str(&format!("| `{key}` | `{value}` | `{variable}` | {meaning} |\n"));
        }
    }
    page
}

const TABLE_HEAD: &str = "\n| setting | default | variable | |\n| --- | --- | --- | --- |\n";

#[test]
fn the_page_of_settings_is_what_the_example_file_says() {
    let printed = Place::new()
        .run(&["config", "print", "--defaults"])
        .success()
        .stdout;
    assert_golden("docs/settings.md", &as_page(&printed));
}

#[test]
fn every_value_is_shown_with_the_place_it_came_from() {
    let place = Place::new();
    place.write(
        "sfumato.toml",
        "listen = '127.0.0.1:1'\n\n[webhooks]\ndeadline = '2s'\nallow_private = false\n",
    );
    let args = [
        "config",
        "print",
        "--config",
        "sfumato.toml",
        "--allow-private-webhooks",
    ];
    let ended = place
        .command(&args)
        .env("SFUMATO_DATA_DIR", "/elsewhere")
        .env("SFUMATO_NONSENSE", "1")
        .output()
        .unwrap();
    let ended = Ended::from(ended).success();
    let line = |key: &str| ended.stdout.lines().find(|line| line.starts_with(key)).unwrap();
    for (key, value, origin) in [
        ("listen", "\"127.0.0.1:1\"", "sfumato.toml:1"),
        ("deadline", "\"2s\"", "sfumato.toml:4"),
        ("allow_private", "true", "--allow-private-webhooks"),
        ("data_dir", "\"/elsewhere\"", "SFUMATO_DATA_DIR"),
        ("lease", "\"30s\"", "default"),
    ] {
        let line = line(key);
        assert!(
            line.contains(value) && line.ends_with(&format!("# {origin}")),
            "{line}"
        );
    }
    assert!(ended.stderr.contains("SFUMATO_NONSENSE"), "{}", ended.stderr);
}

#[test]
fn the_same_as_json_for_machines() {
    let place = Place::new();
    place.write("s.toml", "[worker]\njobs_at_once = 3\n");
    let json = place
        .run(&["config", "print", "--json", "--config", "s.toml"])
        .success()
        .json();
    let expected = serde_json::json!({ "value": 3, "origin": "file", "file": "s.toml", "line": 2 });
    assert_eq!(json["worker.jobs_at_once"], expected);
    assert_eq!(
        json["webhooks.deadline"],
        serde_json::json!({ "value": "15s", "origin": "default" })
    );
}

#[test]
fn an_error_names_the_line_and_what_may_have_been_meant() {
    let place = Place::new();
    place.write("s.toml", "# settings\n[webhooks]\ndedline = '5s'\n");
    let parts = [
        "s.toml:3",
        "webhooks.dedline",
        "did you mean `webhooks.deadline`?",
        "3 | dedline = '5s'",
    ];
    for command in [&["serve"][..], &["config", "print"], &["client", "list"]] {
        place
            .run(&[command, &["--config", "s.toml"]].concat())
            .failure(2, &parts);
    }
    let by_variable = place
        .command(&["config", "print"])
        .env("SFUMATO_CONFIG", "s.toml")
        .output()
        .unwrap();
    Ended::from(by_variable).failure(2, &parts);
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    use std::process::Stdio;
    let place = Place::new();
    let mut child = place
        .command(&["config", "print"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let ended = Ended::from(child.wait_with_output().unwrap()).success();
    assert_eq!(ended.stderr, "");
}
