//! A page as a program: its blocks one after the other, as a reader would type them.

use anyhow::bail;

use super::markdown::{Block, Mark};

/// Numbers of ports in the pages, which are others where a test runs beside other programs.
const PORTS: [&str; 2] = ["8080", "9000"];

/// What begins the program: the first command that fails ends it, and with it what runs in the background.
const HEAD: &str = "\
set -euo pipefail
trap 'trap - EXIT; kill $(jobs -p) 2> /dev/null || true; wait' EXIT
";

/// Languages whose blocks are programs.
const PROGRAMS: [&str; 3] = ["javascript", "python", "typescript"];

/// Which word ends a file that is written by the script; no page has it.
const END: &str = "END_OF_THE_BLOCK";

/// The program of a page for bash, with these ports in the place of those that the page names; `None` for a page that tells
/// its readers to type nothing.
///
/// A block of `sh` is run. A block of another language whose first line is a comment that names a file becomes this file.
///
/// # Errors
/// A mark does not fit its block, or a program has no file.
pub(super) fn of_page(name: &str, blocks: &[Block], ports: [u16; 2]) -> anyhow::Result<Option<String>> {
    let runs = |block: &&Block| block.language == "sh" && !matches!(block.mark, Mark::NotRun(_));
    if blocks.iter().find(runs).is_none() {
        return Ok(None);
    }
    let mut script = String::from(HEAD);
    for block in blocks {
        let place = format!("{name}:{}", block.line);
        let body = with_ports(&block.body, ports);
        match (&block.mark, block.language.as_str()) {
            (Mark::NotRun(_), _) => {}
            (Mark::Plain, "sh") => script.push_str(&format!("echo '== {place}'\n{body}")),
            (Mark::Background(log), "sh") => {
                let command = body.trim();
                if command.contains('\n') {
                    bail!("{place}: what runs in the background is one line");
                }
                script.push_str(&format!(
                    "echo '== {place}'\nexec {command} > '{log}.log' 2>&1 &\n"
                ));
            }
            (Mark::Background(_), other) => bail!("{place}: {other} cannot run in the background"),
            (Mark::Plain, language) => match file_name(&block.body) {
                Some(file) => script.push_str(&format!("cat > '{file}' <<'{END}'\n{body}{END}\n")),
                None if PROGRAMS.contains(&language) => {
                    bail!(
                        "{place}: a program begins with a comment that names its file, so that it can be run"
                    )
                }
                None => {}
            },
        }
    }
    Ok(Some(script))
}

/// The file that a block is, by its first line: `# anonymize.py`, `// anonymize.mjs`.
fn file_name(body: &str) -> Option<&str> {
    let first = body.lines().next()?;
    let name = first.strip_prefix("# ").or_else(|| first.strip_prefix("// "))?;
    let (_, extension) = name.rsplit_once('.')?;
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
    (!extension.is_empty() && name.chars().all(is_plain)).then_some(name)
}

fn with_ports(body: &str, ports: [u16; 2]) -> String {
    let mut body = body.to_owned();
    for (named, port) in PORTS.iter().zip(ports) {
        body = body.replace(named, &port.to_string());
    }
    body
}

#[cfg(test)]
mod tests {
    use super::super::markdown;
    use super::*;

    #[test]
    fn a_page_is_run_from_top_to_bottom_with_its_own_ports() {
        let page = "```python\n# tell.py\nprint('8080')\n```\n\
                    <!-- background: server -->\n```sh\nserve --listen 127.0.0.1:8080\n```\n\
                    ```sh\npython3 tell.py\n```\n<!-- not run: it is long -->\n```sh\nsleep 1d\n```\n\
                    ```json\n{}\n```\n";
        let script = of_page("a.md", &markdown::blocks(page), [1, 2]).unwrap().unwrap();
        assert_eq!(
            script.strip_prefix(HEAD).unwrap(),
            "cat > 'tell.py' <<'END_OF_THE_BLOCK'\n# tell.py\nprint('1')\nEND_OF_THE_BLOCK\n\
             echo '== a.md:6'\nexec serve --listen 127.0.0.1:1 > 'server.log' 2>&1 &\n\
             echo '== a.md:9'\npython3 tell.py\n"
        );
    }

    #[test]
    fn a_page_without_commands_is_no_program() {
        let page = "```python\n# tell.py\n```\n<!-- not run: why -->\n```sh\nx\n```\n";
        assert_eq!(of_page("a.md", &markdown::blocks(page), [1, 2]).unwrap(), None);
    }

    #[test]
    fn what_could_not_be_run_is_refused() {
        for page in [
            "<!-- background: a -->\n```sh\none\ntwo\n```\n```sh\n```\n",
            "<!-- background: a -->\n```python\none\n```\n```sh\n```\n",
            "```python\nprint()\n```\n```sh\n```\n",
        ] {
            assert!(
                of_page("a.md", &markdown::blocks(page), [1, 2]).is_err(),
                "{page}"
            );
        }
    }
}
