//! The door to other programs.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

/// A command of a program that is found on the search path.
#[expect(
    clippy::disallowed_methods,
    reason = "the tasks of the workspace are made of other programs"
)]
pub(crate) fn command(program: impl AsRef<std::ffi::OsStr>) -> Command {
    Command::new(program)
}

/// A command of the cargo that runs this task, in the workspace.
pub(crate) fn cargo(root: &Path) -> Command {
    let mut cargo = command(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root);
    cargo
}

/// Whether the command can be started and succeeds; what it prints is thrown away.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Runs a command before the user's eyes.
///
/// # Errors
/// It cannot be started or does not succeed; the message is the line that repeats it.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    let line = shell_line(command);
    crate::report::note(&format!("$ {line}"));
    let status = command.status().with_context(|| format!("start `{line}`"))?;
    if !status.success() {
        bail!("`{line}` ended with {status}; run this line to see it again");
    }
    Ok(())
}

/// Runs a command and returns what it wrote to standard output; the user sees its standard error.
///
/// # Errors
/// It cannot be started or does not succeed.
pub(crate) fn output(command: &mut Command) -> anyhow::Result<Vec<u8>> {
    let line = shell_line(command);
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .with_context(|| format!("start `{line}`"))?;
    if !output.status.success() {
        bail!("`{line}` ended with {}", output.status);
    }
    Ok(output.stdout)
}

/// The command as one would type it.
pub(crate) fn shell_line(command: &Command) -> String {
    let settings = command.get_envs().filter_map(|(name, value)| {
        Some(format!(
            "{}={}",
            name.to_string_lossy(),
            quoted(&value?.to_string_lossy())
        ))
    });
    let program = short(Path::new(command.get_program()));
    let arguments = command
        .get_args()
        .map(|argument| quoted(&argument.to_string_lossy()));
    settings
        .chain([quoted(&program)])
        .chain(arguments)
        .collect::<Vec<_>>()
        .join(" ")
}

/// The shortest name that starts the same program from here.
fn short(program: &Path) -> String {
    if program.file_name().is_some_and(|name| name == "cargo") {
        return "cargo".to_owned();
    }
    let here = std::env::current_dir().unwrap_or_default();
    program
        .strip_prefix(here)
        .unwrap_or(program)
        .display()
        .to_string()
}

fn quoted(text: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "-_=./:,+@%".contains(character);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_repeats_the_command_when_it_is_pasted() {
        let mut sample = command("/somewhere/bin/cargo");
        sample
            .env("RUSTDOCFLAGS", "-D warnings")
            .args(["doc", "--features=a,b", "it's", ""]);
        assert_eq!(
            shell_line(&sample),
            r"RUSTDOCFLAGS='-D warnings' cargo doc --features=a,b 'it'\''s' ''"
        );
    }

    #[test]
    fn a_program_below_the_current_folder_is_shown_from_there() {
        let here = std::env::current_dir().unwrap();
        assert_eq!(
            shell_line(&command(here.join("target/release/sfumato"))),
            "target/release/sfumato"
        );
        assert_eq!(shell_line(&command("/usr/bin/env")), "/usr/bin/env");
    }

    #[test]
    fn a_program_that_is_not_there_does_not_succeed() {
        assert!(succeeds(command("true").arg("ignored")));
        assert!(!succeeds(&mut command("false")));
        assert!(!succeeds(&mut command("no-such-program-anywhere")));
    }

    #[test]
    fn a_failure_names_the_line() {
        let error = run(command("sh").args(["-c", "exit 3"])).unwrap_err().to_string();
        assert!(error.contains("sh -c 'exit 3'"), "{error}");
        assert!(error.contains('3'), "{error}");
    }
}
