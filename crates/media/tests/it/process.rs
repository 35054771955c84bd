//! The executable by itself.

use std::process::{Command, Output, Stdio};

use crate::support::assets_dir;

fn run(arguments: &[&str]) -> Output {
    #[expect(
        clippy::disallowed_methods,
        reason = "the executable is started without the pool on purpose"
    )]
    Command::new(env!("CARGO_BIN_EXE_sfumato-media"))
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

#[test]
fn help_says_what_it_is_and_that_it_is_not_for_hands() {
    let output = run(&["--help"]);
    let text = String::from_utf8(output.stdout).unwrap();
    // Where the lines break depends on the terminal.
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(output.status.success());
    assert!(
        text.contains("Not meant to be called by hand") && text.contains("--assets"),
        "{text}"
    );
}

#[test]
fn started_without_its_descriptors_it_ends_with_a_clear_line() {
    let output = run(&["--assets", assets_dir().to_str().unwrap()]);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(
        text.contains("descriptor 3 is not") && text.contains("sfumato-media --help"),
        "{text}"
    );
}
