//! The queries of the dashboard, read by Prometheus itself: each as a recording rule, as there is no tool of Grafana's that
//! would read them without a server.

use std::path::Path;

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::process::{command, run};
use crate::report::note;

const DASHBOARD: &str = "deploy/grafana/sfumato.json";
/// What Grafana puts in the place of its variables, or could.
const VARIABLES: [(&str, &str); 2] = [("$__rate_interval", "5m"), ("$job", ".*")];

/// Lets `promtool` read every query.
///
/// # Errors
/// One of them is refused, or names a variable that nobody replaces.
pub(super) fn check(root: &Path) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(root.join(DASHBOARD)).with_context(|| format!("read {DASHBOARD}"))?;
    let dashboard = serde_json::from_str(&text).with_context(|| format!("read {DASHBOARD}"))?;
    let rules = rules(&dashboard)?;
    let place = tempfile::tempdir().context("make a folder for the rules")?;
    let file = place.path().join("dashboard.yml");
    let group = json!({ "groups": [{ "name": "dashboard", "rules": rules }] });
    // What is JSON is YAML.
    std::fs::write(&file, group.to_string()).with_context(|| format!("write {}", file.display()))?;
    note(&format!("{} queries of {DASHBOARD}", rules.len()));
    run(command("promtool").args(["check", "rules"]).arg(&file))
}

/// A rule for each query.
fn rules(dashboard: &Value) -> anyhow::Result<Vec<Value>> {
    let list = |value: &Value, name: &str| value[name].as_array().cloned().unwrap_or_default();
    let mut rules = Vec::new();
    for panel in list(dashboard, "panels") {
        // Panels of a row that is folded lie in it.
        for panel in list(&panel, "panels").iter().chain([&panel]) {
            for target in list(panel, "targets") {
                let title = panel["title"].as_str().unwrap_or_default();
                let query = target["expr"]
                    .as_str()
                    .with_context(|| format!("find the query of a target of `{title}`"))?;
                let query = VARIABLES.iter().fold(query.to_owned(), |query, (name, value)| {
                    query.replace(name, value)
                });
                ensure!(
                    !query.contains('$'),
                    "`{title}` has a variable that is no variable of the dashboard: {query}"
                );
                rules.push(json!({ "record": format!("dashboard:query:{}", rules.len()), "expr": query }));
            }
        }
    }
    ensure!(!rules.is_empty(), "{DASHBOARD} has no query");
    Ok(rules)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_are_found_in_panels_and_in_folded_rows() {
        let panel = |query: &str| json!({ "title": "a", "targets": [{ "expr": query }] });
        let dashboard = json!({ "panels": [
            panel("rate(x{job=~\"$job\"}[$__rate_interval])"),
            { "title": "b", "panels": [panel("y")] },
        ] });
        let queries: Vec<_> = rules(&dashboard)
            .unwrap()
            .iter()
            .map(|rule| rule["expr"].clone())
            .collect();
        assert_eq!(queries, ["rate(x{job=~\".*\"}[5m])", "y"]);
    }

    #[test]
    fn a_variable_that_nobody_replaces_is_refused() {
        let dashboard = json!({ "panels": [{ "title": "a", "targets": [{ "expr": "x[$__range]" }] }] });
        assert!(rules(&dashboard).is_err());
        assert!(rules(&json!({ "panels": [] })).is_err());
    }
}
