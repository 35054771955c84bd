//! The dashboard. Its queries are read by Prometheus itself, each as a recording rule, as there is no tool of Grafana's that
//! would read them without a server; everything else is compared with Grafana's own types by the compiler of TypeScript, since
//! Grafana ignores options and values that it does not know.

use std::path::Path;

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::process::{command, run};
use crate::report::note;

const DASHBOARD: &str = "deploy/grafana/sfumato.json";
/// What Grafana puts in the place of its variables, or could.
const VARIABLES: [(&str, &str); 2] = [("$__rate_interval", "5m"), ("$job", ".*")];

/// The folder with Grafana's types, what a dashboard of ours is made of, and mistakes that have to be refused.
pub(crate) const TYPES: &str = "xtask/src/deploy/grafana";

/// Lets `promtool` read every query, and compares the dashboard with Grafana's types.
///
/// # Errors
/// A query is refused or names a variable that nobody replaces, Grafana does not know a property or a value, or a mistake is
/// not found.
pub(super) fn check(root: &Path) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(root.join(DASHBOARD)).with_context(|| format!("read {DASHBOARD}"))?;
    let dashboard = serde_json::from_str(&text).with_context(|| format!("read {DASHBOARD}"))?;
    check_queries(&dashboard)?;
    check_types(root, &text)
}

/// Compiles the dashboard as a literal of its type: properties that a type lacks are errors in literals alone.
fn check_types(root: &Path, dashboard: &str) -> anyhow::Result<()> {
    let types = root.join(TYPES);
    let place = tempfile::tempdir().context("make a folder for the dashboard's literal")?;
    let literal = place.path().join("sfumato.ts");
    // On one line with what stands before it, so that the compiler names the lines of the file.
    let text = format!(
        "import type {{ Dashboard }} from {}; export const dashboard: Dashboard = {dashboard}",
        json!(types.join("dashboard.ts"))
    );
    std::fs::write(&literal, text).with_context(|| format!("write {}", literal.display()))?;
    let settings = place.path().join("tsconfig.json");
    let files = [literal, types.join("refused.ts")];
    let own = json!({ "extends": types.join("tsconfig.json"), "include": [], "files": files });
    std::fs::write(&settings, own.to_string()).with_context(|| format!("write {}", settings.display()))?;
    note(&format!(
        "the types of {DASHBOARD}, whose lines the compiler names"
    ));
    run(command(types.join("node_modules/.bin/tsc"))
        .arg("--project")
        .arg(&settings))
}

fn check_queries(dashboard: &Value) -> anyhow::Result<()> {
    let rules = rules(dashboard)?;
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
