//! Both tools that read the advisory database accept the same advisories: those of `deny.toml`, where the reasons stand.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Context;

use super::{File, Finding};

/// What `cargo deny` reads.
pub(super) const DENY: &str = "deny.toml";
/// What `cargo audit` reads.
pub(super) const AUDIT: &str = ".cargo/audit.toml";

/// Finds advisories that only one of the tools accepts.
///
/// # Errors
/// One of the files cannot be read as what it is.
pub(super) fn check(files: &[File]) -> anyhow::Result<Vec<Finding>> {
    let (Some(deny), Some(audit)) = (text(files, DENY), text(files, AUDIT)) else {
        return Ok(Vec::new());
    };
    let deny = accepted(deny).with_context(|| format!("read {DENY}"))?;
    let audit = accepted(audit).with_context(|| format!("read {AUDIT}"))?;
    let only = |path: &str, these: &BTreeSet<String>, others: &BTreeSet<String>| {
        let finding = |id: &String| Finding {
            path: path.into(),
            problem: format!("accepts {id}; {DENY} and {AUDIT} have to accept the same"),
        };
        these.difference(others).map(finding).collect::<Vec<_>>()
    };
    Ok([only(DENY, &deny, &audit), only(AUDIT, &audit, &deny)].concat())
}

fn text<'a>(files: &'a [File], name: &str) -> Option<&'a str> {
    let (_, text) = files.iter().find(|(path, _)| path == Path::new(name))?;
    Some(text)
}

/// The advisories of `advisories.ignore`, which are names or tables with a name and a reason.
fn accepted(text: &str) -> anyhow::Result<BTreeSet<String>> {
    let settings: toml::Table = text.parse()?;
    let list = settings
        .get("advisories")
        .and_then(|advisories| advisories.get("ignore")?.as_array())
        .context("find `advisories.ignore`")?;
    list.iter()
        .map(|entry| {
            let id = entry.get("id").unwrap_or(entry);
            Ok(id.as_str().context("find the name of an advisory")?.to_owned())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_advisory_that_one_tool_alone_accepts_is_found() {
        let files = |deny: &str, audit: &str| -> Vec<File> {
            let settings = |list: &str| format!("[advisories]\nignore = [{list}]\n");
            vec![(DENY.into(), settings(deny)), (AUDIT.into(), settings(audit))]
        };
        let (first, second) = ("RUSTSEC-2000-0001", "RUSTSEC-2000-0002");
        let with_reason = |id: &str| format!("{{ id = \"{id}\", reason = \"because\" }}");
        let same = files(&with_reason(first), &format!("\"{first}\""));
        assert_eq!(check(&same).unwrap(), []);
        let other = check(&files(&with_reason(first), &format!("\"{second}\""))).unwrap();
        let found: Vec<_> = other
            .iter()
            .map(|finding| (finding.path.to_str().unwrap(), &finding.problem[8..25]))
            .collect();
        assert_eq!(found, [(DENY, first), (AUDIT, second)]);
    }
}
