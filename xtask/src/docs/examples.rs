//! What readers are told to put into files, read by the programs that the files are for: settings by `sfumato`, those of
//! Prometheus by its own tool.

use std::path::Path;
use std::process::Command;

use anyhow::Context;

use super::markdown::{self, Block, Mark};
use super::{Page, pages};
use crate::process::{command, shell_line};
use crate::report::note;
use crate::workspace;

/// Lets programs read the examples of all pages, by the debug build.
///
/// # Errors
/// One of them is refused; all are printed.
pub(crate) fn read(root: &Path) -> anyhow::Result<()> {
    let sfumato = workspace::target()?.join("debug/sfumato");
    let place = tempfile::tempdir().context("make a folder for the examples")?;
    let (mut read, mut refused) = (0, Vec::new());
    for page in pages(root)? {
        for block in markdown::blocks(&page.text) {
            let Some(reading) = reading(&block, &sfumato, place.path())? else {
                continue;
            };
            read += 1;
            refused.extend(refusal(reading, &page, &block)?);
        }
    }
    super::settle("examples are refused", refused)?;
    note(&format!("{read} examples of settings are read"));
    Ok(())
}

/// The command that reads a block, which it puts into a file.
fn reading(block: &Block, sfumato: &Path, place: &Path) -> anyhow::Result<Option<Command>> {
    if matches!(block.mark, Mark::NotRun(_)) {
        return Ok(None);
    }
    let file = place.join(format!("example.{}", block.language));
    let mut reading = match block.language.as_str() {
        "toml" => {
            let mut reading = command(sfumato);
            reading.args(["config", "print", "--config"]);
            reading
        }
        "yaml" => {
            let mut reading = command("promtool");
            reading.args(["check", "config", "--syntax-only"]);
            reading
        }
        _ => return Ok(None),
    };
    std::fs::write(&file, &block.body).with_context(|| format!("write {}", file.display()))?;
    reading.arg(&file).current_dir(place);
    Ok(Some(reading))
}

/// What the program says of a block that it does not take.
fn refusal(mut reading: Command, page: &Page, block: &Block) -> anyhow::Result<Option<String>> {
    let said = reading
        .output()
        .with_context(|| format!("start {}", shell_line(&reading)))?;
    let text = String::from_utf8_lossy(&said.stderr);
    Ok((!said.status.success()).then(|| format!("{}:{}: {}", page.path.display(), block.line, text.trim())))
}
