//! `/metrics`, and that what is written for operators names only what is told there.

use std::collections::BTreeSet;

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
