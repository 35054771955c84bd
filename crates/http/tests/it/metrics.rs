//! `/metrics`, and that what is written for operators names only what is told there.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;
use sfumato_http::{ServeSettings, operations_router, serve};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::server::{Server, http, jpeg};

const ALERTS: &str = include_str!("../../../../deploy/prometheus/alerts.yml");
const DASHBOARD: &str = include_str!("../../../../deploy/grafana/sfumato.json");
const MANUAL: &str = include_str!("../../../../docs/metrics.md");

async fn metrics(server: &Server) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let operations = operations_router(server.engine.clone());
    let serving = tokio::spawn(serve(
        listener,
        operations,
        ServeSettings::default(),
        stop.clone(),
    ));
    let answer = http()
        .get(format!("http://{address}/metrics"))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(
        answer.headers()["content-type"],
        "text/plain; version=0.0.4; charset=utf-8"
    );
    let text = answer.text().await.unwrap();
    stop.cancel();
    serving.await.unwrap();
    text
}

/// The value of one series.
fn value(text: &str, series: &str) -> f64 {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {series} in\n{text}"))
        .parse()
        .unwrap()
}

#[tokio::test]
async fn what_the_server_does_is_told_where_clients_do_not_come() {
    let server = Server::start().await;
    let client = server.client("newsroom").await;
    let job = client.upload(jpeg(b"some bytes"), &[]).await;
    server.succeed(&job, b"result", None).await;
    client.upload(jpeg(b""), &[]).await;
    let on_the_api = http().get(server.url("/metrics")).send().await.unwrap();
    assert_eq!(on_the_api.status(), 404);

    let text = metrics(&server).await;
    for (series, expected) in [
        ("sfumato_jobs_accepted_total{kind=\"picture\"}", 2.0),
        ("sfumato_jobs_accepted_total{kind=\"video\"}", 0.0),
        ("sfumato_jobs{state=\"queued\"}", 1.0),
        ("sfumato_jobs{state=\"succeeded\"}", 1.0),
        ("sfumato_up{part=\"database\"}", 1.0),
        ("sfumato_up{part=\"storage\"}", 1.0),
        (
            "sfumato_http_requests_total{surface=\"api\",method=\"POST\",route=\"/innovation-service/anonymization\",status=\"2xx\"}",
            2.0,
        ),
        (
            "sfumato_http_requests_total{surface=\"api\",method=\"GET\",route=\"none\",status=\"4xx\"}",
            1.0,
        ),
    ] {
        assert!(
            (value(&text, series) - expected).abs() < f64::EPSILON,
            "{series}\n{text}"
        );
    }
    for more_than_nothing in [
        "sfumato_jobs_accepted_bytes_total",
        "sfumato_stored_bytes{what=\"originals\"}",
        "process_resident_memory_bytes",
        "process_open_fds",
    ] {
        assert!(
            value(&text, more_than_nothing) > 0.0,
            "{more_than_nothing}\n{text}"
        );
    }
    for secret in [job.split("-SRV_").next().unwrap(), "newsroom", &client.secret_id] {
        assert!(!text.contains(secret), "{secret}\n{text}");
    }
}

/// Names of metrics as they stand after `# TYPE`, with what their kind adds.
fn told(text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let (name, kind) = line.split_once(' ').unwrap();
        names.insert(name.to_owned());
        if kind == "histogram" {
            names.extend(["_bucket", "_sum", "_count"].map(|end| format!("{name}{end}")));
        }
    }
    names
}

/// Everything in a text that is named as our metrics are.
fn named(text: &str) -> BTreeSet<String> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| word.starts_with("sfumato_") || word.starts_with("process_"))
        .map(str::to_owned)
        .collect()
}

#[tokio::test]
async fn the_manual_names_every_metric_and_alerts_and_dashboard_only_those() {
    let server = Server::start().await;
    // Requests have no series before the first.
    http().get(server.url("/healthz")).send().await.unwrap();
    let told = told(&metrics(&server).await);
    let bare: BTreeSet<String> = told
        .iter()
        .filter(|name| {
            !["_bucket", "_sum", "_count"]
                .iter()
                .any(|end| name.ends_with(end))
        })
        .cloned()
        .collect();
    let manual = named(MANUAL);
    assert_eq!(
        bare.difference(&manual).collect::<Vec<_>>(),
        Vec::<&String>::new()
    );
    for (what, text) in [("manual", MANUAL), ("alerts", ALERTS), ("dashboard", DASHBOARD)] {
        let unknown: Vec<_> = named(text).difference(&told).cloned().collect();
        assert!(
            unknown.is_empty(),
            "the {what} names {unknown:?}, which nobody tells"
        );
    }
}

/// Which values each label of each metric has, as they are told.
type Labels = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// Labels that Prometheus adds, and those of a histogram's buckets.
const ADDED: [&str; 3] = ["instance", "job", "le"];

fn labels_told(text: &str) -> Labels {
    let mut told = Labels::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let series = line.rsplit_once(' ').unwrap().0;
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let of_metric = told.entry(name.to_owned()).or_default();
        for (label, _, value) in selectors(labels) {
            of_metric.entry(label).or_default().insert(value);
        }
    }
    // A request has a class of status that no request here has had; the classes are those of HTTP.
    let statuses = (1..=5).map(|class| format!("{class}xx"));
    let requests = told.get_mut("sfumato_http_requests_total").unwrap();
    requests.get_mut("status").unwrap().extend(statuses);
    requests
        .get_mut("surface")
        .unwrap()
        .extend(["api", "manager"].map(str::to_owned));
    told
}

/// `label`, operator and value of each selector between braces.
fn selectors(text: &str) -> Vec<(String, String, String)> {
    let inside = text.split('}').next().unwrap();
    let parts: Vec<_> = inside.split('"').collect();
    let pairs = parts.as_chunks::<2>().0.iter();
    pairs
        .map(|[name, value]| {
            let name = name.trim_start_matches([',', ' ']);
            let at = name.find(['=', '!']).unwrap();
            (name[..at].to_owned(), name[at..].to_owned(), (*value).to_owned())
        })
        .collect()
}

/// What a query names that is not told: labels and values in its selectors, and labels that it groups by.
fn not_told(query: &str, told: &Labels) -> Vec<String> {
    let mut unknown = Vec::new();
    let mut known: BTreeSet<&str> = ADDED.into();
    for name in named(query) {
        let labels = told.get(&name).unwrap_or_else(|| panic!("{name} of {query}"));
        known.extend(labels.keys().map(String::as_str));
        for (at, _) in query.match_indices(&name) {
            let Some(behind) = query[at + name.len()..].strip_prefix('{') else {
                continue;
            };
            for (label, operator, value) in selectors(behind) {
                let is_known = match labels.get(&label) {
                    Some(values) => operator.contains('~') || values.contains(&value),
                    None => ADDED.contains(&label.as_str()),
                };
                if !is_known {
                    unknown.push(format!("{name}{{{label}{operator}\"{value}\"}}"));
                }
            }
        }
    }
    for group in query.split("by (").skip(1) {
        let group = group.split(')').next().unwrap();
        for label in group.split(',').map(str::trim) {
            if !known.contains(label) {
                unknown.push(format!("by ({label}) in {query}"));
            }
        }
    }
    unknown
}

/// Labels that a text shows of a query's outcome and that the outcome does not have: it has those that the query groups by,
/// none where it adds up everything, and all of its metrics' otherwise.
fn not_shown(query: &str, shown: &[String], told: &Labels) -> Vec<String> {
    let groups = query.split("by (").skip(1);
    let groups = groups.flat_map(|group| group.split(')').next().unwrap().split(','));
    let groups: BTreeSet<&str> = groups.map(str::trim).collect();
    let adds_up = ["sum", "min", "max", "avg"]
        .iter()
        .any(|begin| query.trim_start_matches([' ', '\n', '>', '-']).starts_with(begin));
    let has = |label: &String| {
        let of_metrics = || {
            let mut labels = named(query).into_iter().filter_map(|name| told.get(&name));
            ADDED.contains(&label.as_str()) || labels.any(|labels| labels.contains_key(label))
        };
        groups.contains(label.as_str()) || (groups.is_empty() && !adds_up && of_metrics())
    };
    shown
        .iter()
        .filter(|label| !has(label))
        .map(|label| format!("{label} shown of {query}"))
        .collect()
}

/// The words between `begin` and a character that is no part of a label.
fn words_behind(text: &str, begin: &str) -> Vec<String> {
    let words = text.split(begin).skip(1).map(|rest| {
        rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .next()
            .unwrap()
    });
    words.map(str::to_owned).collect()
}

#[tokio::test]
async fn alerts_and_dashboard_know_the_labels_and_values_that_are_told() {
    let server = Server::start().await;
    http().get(server.url("/healthz")).send().await.unwrap();
    let told = labels_told(&metrics(&server).await);
    let mut wrong = Vec::new();

    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels
        .iter()
        .filter_map(|panel| panel["targets"].as_array())
        .flatten();
    let mut queries = 0;
    for target in targets {
        let query = target["expr"].as_str().unwrap();
        wrong.extend(not_told(query, &told));
        let legend = target["legendFormat"].as_str().unwrap_or_default();
        wrong.extend(not_shown(query, &words_behind(legend, "{{"), &told));
        queries += 1;
    }
    assert!(queries >= 40, "{queries}");

    let mut alerts = 0;
    for alert in ALERTS.split("- alert: ").skip(1) {
        let query = alert.split("expr:").nth(1).unwrap();
        let query = query.split(" for:").next().unwrap();
        let query = query.split(" labels:").next().unwrap();
        wrong.extend(not_told(query, &told));
        wrong.extend(not_shown(query, &words_behind(alert, "$labels."), &told));
        alerts += 1;
    }
    assert!(alerts >= 10, "{alerts}");
    assert_eq!(wrong, Vec::<String>::new());
}

#[tokio::test]
async fn the_manual_names_the_labels_of_each_metric_and_their_values() {
    let server = Server::start().await;
    http().get(server.url("/healthz")).send().await.unwrap();
    let text = metrics(&server).await;
    let told = labels_told(&text);
    let quoted = |cell: &str| -> BTreeSet<String> {
        let spans = cell.split('`').skip(1).step_by(2);
        spans.map(str::to_owned).collect()
    };
    let mut rows = 0;
    for line in MANUAL
        .lines()
        .filter(|line| line.starts_with("| `sfumato_") || line.starts_with("| `process_"))
    {
        let cells: Vec<_> = line.split('|').map(str::trim).collect();
        let name = cells[1].trim_matches('`');
        let series = match cells[2] {
            "histogram" => format!("{name}_count"),
            _ => name.to_owned(),
        };
        let labels = told.get(&series).unwrap_or_else(|| panic!("{series}"));
        let known: BTreeSet<String> = labels.keys().cloned().collect();
        assert_eq!(quoted(cells[3]), known, "labels of {name}");
        // Methods and routes are too many, and the outcomes of deliveries stand in another document.
        let values: BTreeSet<String> = labels
            .iter()
            .filter(|(label, _)| !["method", "route", "status", "outcome"].contains(&label.as_str()))
            .flat_map(|(_, values)| values.iter().cloned())
            .collect();
        let listed: BTreeSet<String> = quoted(cells[4])
            .into_iter()
            .filter(|word| word.chars().all(|c| c.is_ascii_lowercase() || c == '_'))
            .collect();
        let made_up: Vec<_> = listed.difference(&values).collect();
        assert!(made_up.is_empty(), "{name} has no {made_up:?}");
        // Where some values of a label are listed, all are.
        for (label, values) in labels {
            let some = values.iter().any(|value| listed.contains(value));
            let missing: Vec<_> = values.difference(&listed).collect();
            assert!(
                !some || missing.is_empty(),
                "{missing:?} of the label {label} of {name} is not in the manual"
            );
        }
        rows += 1;
    }
    assert!(rows >= 40, "{rows}");
}

#[test]
fn the_dashboard_has_a_query_in_every_panel_and_no_two_panels_in_one_place() {
    let dashboard: Value = serde_json::from_str(DASHBOARD).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    assert!(panels.len() >= 10, "{}", panels.len());
    let mut places = BTreeSet::new();
    for panel in panels {
        let title = panel["title"].as_str().unwrap();
        let place = &panel["gridPos"];
        assert!(
            places.insert((place["x"].as_u64(), place["y"].as_u64())),
            "{title}"
        );
        assert!(
            place["x"].as_u64().unwrap() + place["w"].as_u64().unwrap() <= 24,
            "{title}"
        );
        if panel["type"] == "row" {
            continue;
        }
        let targets = panel["targets"].as_array().unwrap();
        assert!(!targets.is_empty(), "{title}");
        for target in targets {
            assert!(!target["expr"].as_str().unwrap().is_empty(), "{title}");
            assert_eq!(target["datasource"]["uid"], "${datasource}", "{title}");
        }
    }
}
