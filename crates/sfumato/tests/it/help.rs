use crate::support::{Ended, Place, assert_golden};

const COMMANDS: [&[&str]; 41] = [
    &[],
    &["serve"],
    &["client"],
    &["client", "create"],
    &["client", "list"],
    &["client", "rotate-secret"],
    &["client", "set"],
    &["client", "show"],
    &["client", "disable"],
    &["client", "enable"],
    &["user"],
    &["user", "create"],
    &["user", "list"],
    &["user", "set-password"],
    &["user", "disable"],
    &["user", "enable"],
    &["user", "delete"],
    &["blur"],
    &["detect"],
    &["models"],
    &["models", "list"],
    &["models", "verify"],
    &["listen"],
    &["webhook"],
    &["webhook", "check"],
    &["backup"],
    &["restore"],
    &["secrets"],
    &["secrets", "status"],
    &["secrets", "rotate"],
    &["secrets", "prune"],
    &["secrets", "rotate-master"],
    &["copy"],
    &["verify"],
    &["migrate"],
    &["doctor"],
    &["health"],
    &["config"],
    &["config", "print"],
    &["completions"],
    &["man"],
];

#[test]
fn every_command_explains_itself_with_examples() {
    let place = Place::new();
    for command in COMMANDS {
        let ended = place.run(&[command, &["--help"]].concat()).success();
        for part in ["Usage: sfumato", "Example", "sfumato "] {
            assert!(ended.stdout.contains(part), "{command:?}: {}", ended.stdout);
        }
    }
}

#[test]
fn no_command_is_left_out() {
    let place = Place::new();
    for command in COMMANDS {
        let help = place.run(&[command, &["--help"]].concat()).success().stdout;
        let (_, listed) = help.split_once("\nCommands:\n").unwrap_or_default();
        let listed = listed.lines().take_while(|line| !line.is_empty());
        // What is longer goes on with deeper lines.
        let names = listed.filter_map(|line| line.strip_prefix("  ")?.split_once("  "));
        for (name, _) in names.filter(|(name, _)| !name.is_empty() && *name != "help") {
            let path = [command, &[name]].concat();
            assert!(COMMANDS.contains(&&path[..]), "{path:?}");
        }
    }
}

#[test]
fn the_version_is_the_one_of_the_package() {
    let ended = Place::new().run(&["--version"]).success();
    assert_eq!(ended.stdout, format!("sfumato {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn a_wrong_command_line_is_exit_code_2() {
    let place = Place::new();
    for args in [
        &[][..],
        &["surf"],
        &["serve", "--listne", "127.0.0.1:0"],
        &["blur", "a.jpg"],
        &["client", "create"],
    ] {
        assert_eq!(place.run(args).code, Some(2), "{args:?}");
    }
    place
        .run(&["serve", "--listen", "8080"])
        .failure(2, &["--listen", "127.0.0.1:8080"]);
}

#[test]
fn completions_know_every_command_in_every_shell() {
    let place = Place::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = place.run(&["completions", shell]).success().stdout;
        for command in [
            "serve",
            "rotate-secret",
            "blur",
            "detect",
            "--allow-private-webhooks",
        ] {
            let written = command.trim_start_matches('-');
            assert!(script.contains(written), "{shell} does not know {command}");
        }
    }
}

#[test]
fn the_reference_in_the_repository_is_what_the_commands_print() {
    let place = Place::new();
    let mut page = String::from(
        "# Command line\n\nWritten by the tests from `--help` of each command (`SFUMATO_BLESS=1` rewrites it); for settings see \
         `config.example.toml`.\n",
    );
    for command in COMMANDS {
        let args = [command, &["--help"]].concat();
        let mut process = place.command(&args);
        let ended = Ended::from(process.env("COLUMNS", "100").output().unwrap()).success();
        let name = [&["sfumato"], command].concat().join(" ");
        let text: Vec<_> = ended.stdout.trim_end().lines().map(str::trim_end).collect();
        page.push_str(&format!("\n## `{name}`\n\n```text\n{}\n```\n", text.join("\n")));
    }
    assert_golden("docs/cli.md", &page);
}

#[test]
fn every_command_has_its_manual_page() {
    let place = Place::new();
    place.run(&["man", "pages"]).success();
    for command in COMMANDS {
        let name = [&["sfumato"], command].concat().join("-");
        let page = std::fs::read_to_string(place.path(&format!("pages/{name}.1"))).unwrap();
        for part in [".SH NAME", ".SH SYNOPSIS", "Example", env!("CARGO_PKG_VERSION")] {
            assert!(page.contains(part), "{name}: {page}");
        }
    }
}
