//! `sfumato doctor`: what is broken for real is found, and what to do about it is said.

mod broken;
mod postgres;

use std::os::unix::fs::PermissionsExt;

use crate::support::{Ended, Place, doctor_args};

#[test]
fn what_is_missing_is_named_with_what_to_do_and_fails() {
    let place = Place::new();
    let ended = place.run(&["doctor", "--media-program", "absent"]);
    assert_eq!(ended.code, Some(1), "{}", ended.stdout);
    for part in [
        "failed",
        "media program",
        "--media-program",
        "clock",
        "data folder",
    ] {
        assert!(ended.stdout.contains(part), "{}", ended.stdout);
    }
    assert!(!place.path("sfumato-data").exists(), "it changes nothing");
}

/// A media program that says what it has and then answers every task with an end.
fn program(place: &Place, layers: &str) -> String {
    let ready = format!(r#"{{"ready":{{"models":["m"],"layers":{layers}}}}}"#);
    let mut frame = u32::try_from(ready.len()).unwrap().to_be_bytes().to_vec();
    frame.extend(ready.as_bytes());
    let frame = place.write("said.frame", frame);
    let script = format!(
        "#!/bin/sh\nPATH=/usr/bin:/bin\ncat '{}'\nhead -c 9 > /dev/null\n",
        frame.display()
    );
    let program = place.write("media", script);
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    program.display().to_string()
}

#[test]
fn each_layer_is_listed_and_a_missing_one_weighs_as_the_settings_say() {
    let place = Place::new();
    let program = program(
        &place,
        r#"{"rlimits":true,"no_new_privs":true,"landlock":"none","seccomp":true}"#,
    );
    for (mode, weight) in [("require", "failed"), ("prefer", "warning")] {
        let args = doctor_args(&place, &program, &["--json", "--sandbox", mode]);
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let ended = place.run(&args);
        let findings = ended.json();
        let state = |name: &str| {
            let checks = findings["checks"].as_array().unwrap();
            let check = checks.iter().find(|check| check["name"] == name);
            check.unwrap_or_else(|| panic!("no {name}: {findings}"))["state"].clone()
        };
        assert_eq!(state("landlock"), weight);
        assert_eq!(state("seccomp"), "ok");
        // The program ends instead of working.
        assert_eq!((state("trial picture"), ended.code), ("failed".into(), Some(1)));
    }
}

/// What `doctor` finds beside an idle media program, with the settings of these variables.
fn doctor(place: &Place, variables: &[(&str, &str)], args: &[&str]) -> Found {
    let program = place.idle_media_program();
    let args = doctor_args(place, &program, &[&["--json"], args].concat());
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let mut command = place.command(&args);
    for name in [
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "http_proxy",
        "https_proxy",
        "all_proxy",
    ] {
        command.env_remove(name);
    }
    command.envs(variables.iter().copied());
    Found(Ended::from(command.output().unwrap()).json())
}

/// What was found.
struct Found(serde_json::Value);

impl Found {
    fn checks(&self) -> impl Iterator<Item = &serde_json::Value> {
        self.0["checks"].as_array().unwrap().iter()
    }

    /// That a check of this name came out like this, with this part in what is said of it. What is not right says how to mend
    /// it.
    #[track_caller]
    fn says(&self, name: &str, state: &str, part: &str) -> &Self {
        let said = self.checks().any(|check| {
            check["name"] == name
                && check["state"] == state
                && check["detail"].as_str().unwrap().contains(part)
        });
        assert!(said, "no `{name}` that is {state} with `{part}` in {:#}", self.0);
        for check in self.checks() {
            let mend = check["mend"].as_str().unwrap_or_default();
            assert_eq!(check["state"] == "ok", mend.is_empty(), "{check}");
        }
        self
    }
}
