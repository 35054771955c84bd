//! Traces: one from the upload to the acknowledged webhook, from however many processes, and nothing that depends on them.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use axum::http::StatusCode;
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::Value;
use sfumato_e2e::client::{Client, http};
use sfumato_e2e::cluster::free_address;
use sfumato_e2e::collector::{Arrived, Collector};
use sfumato_e2e::eventually;
use sfumato_e2e::picture::astronaut_png;
use sfumato_e2e::receiver::Receiver;
use sfumato_e2e::server::{Launch, Server};
use sfumato_testkit::secrets;
use tempfile::TempDir;

/// The trace and the span that the client's requests say they were sent in.
const SENDER: (&str, &str) = ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331");

/// What a file is called that no span may name.
const FILE_NAME: &str = "face-of-a-stranger.png";

fn launch(collector: &str) -> Launch {
    Launch::ordinary()
        .env("SFUMATO_LOG__FORMAT", "json")
        .env("SFUMATO_TELEMETRY__ENDPOINT", collector)
}

/// Uploads a picture in a span of the client's, and returns the job and what the answer calls the request.
async fn upload(client: &Client, flags: &str) -> Result<(String, String)> {
    let (trace, span) = SENDER;
    let file = Part::bytes(astronaut_png()).file_name(FILE_NAME);
    let answer = client
        .request(Method::POST, "/innovation-service/anonymization")
        .header("traceparent", format!("00-{trace}-{span}-{flags}"))
        .multipart(Form::new().part("input_media", file))
        .send()
        .await?;
    let request = answer.headers()["x-request-id"].to_str()?.to_owned();
    let answer: Value = answer.json().await?;
    let job = answer["anonymization_job_id"].as_str().context("a job")?;
    Ok((job.to_owned(), request))
}

/// The lines of the log that say this, as JSON.
fn lines(log: &[String], message: &str) -> Vec<Value> {
    log.iter()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|line| line["message"] == message)
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The spans of one trace, checked: each has one name of its own and a parent that is there, and none begins before its parent
/// or ends before it begins.
struct Trace {
    spans: Vec<Arrived>,
    names: BTreeMap<String, String>,
}

impl Trace {
    fn checked(spans: Vec<Arrived>) -> Self {
        let traces: BTreeSet<_> = spans.iter().map(|it| &it.span.trace_id).collect();
        assert_eq!(traces.len(), 1, "one trace");
        let ids: BTreeMap<String, Arrived> = spans
            .iter()
            .map(|arrived| (hex(&arrived.span.span_id), arrived.clone()))
            .collect();
        assert_eq!(ids.len(), spans.len(), "no identifier is given twice");
        for arrived in &spans {
            let span = &arrived.span;
            assert!(span.start_time_unix_nano <= span.end_time_unix_nano, "{span:?}");
            if span.name == "upload" {
                assert!(span.parent_span_id.is_empty());
                continue;
            }
            let parent = ids.get(&hex(&span.parent_span_id));
            let parent = &parent
                .unwrap_or_else(|| panic!("{} has no parent", span.name))
                .span;
            assert!(
                parent.start_time_unix_nano <= span.start_time_unix_nano,
                "{} begins before {}",
                span.name,
                parent.name
            );
        }
        let names = ids.iter().map(|(id, it)| (id.clone(), it.span.name.clone()));
        Self {
            names: names.collect(),
            spans,
        }
    }

    /// Names of spans with those of their parents.
    fn hangs(&self) -> BTreeSet<(String, String)> {
        let parent = |arrived: &Arrived| self.names.get(&hex(&arrived.span.parent_span_id));
        self.spans
            .iter()
            .map(|it| (it.span.name.clone(), parent(it).cloned().unwrap_or_default()))
            .collect()
    }

    fn named(&self, name: &str) -> Vec<&Arrived> {
        let mut named: Vec<_> = self.spans.iter().filter(|it| it.span.name == name).collect();
        named.sort_by_key(|it| it.span.start_time_unix_nano);
        named
    }

    fn one(&self, name: &str) -> &Arrived {
        let named = self.named(name);
        assert_eq!(named.len(), 1, "{name}");
        named[0]
    }
}

/// Whether everything has arrived that belongs to a job with one endpoint.
fn whole(spans: &[Arrived]) -> bool {
    let delivered = |it: &&Arrived| {
        it.span.name == "POST" && it.attribute("sfumato.delivery.state").as_deref() == Some("delivered")
    };
    spans.iter().filter(delivered).count() >= 3 && spans.iter().any(|it| it.span.name == "job")
}

/// An upload in a span of the client's and a receiver that refuses once: one trace, from however many processes.
async fn one_trace(server: Server, collector: Collector, processes: usize) -> Result<()> {
    let client = server.client("newsroom").await?;
    let receiver = Receiver::start().await?;
    let endpoint = client.add_endpoint(&receiver.url).await?;
    let (job, request) = upload(&client, "01").await?;
    assert_eq!(client.finished(&job).await["status"], "Succeeded");
    let spans = eventually("the whole trace", async || {
        let spans = collector.spans();
        whole(&spans).then_some(spans)
    })
    .await;
    let (own, foreign): (Vec<_>, Vec<_>) = spans
        .into_iter()
        .partition(|it| hex(&it.span.trace_id) != SENDER.0);
    let trace = Trace::checked(own);
    let trace_id = hex(&trace.one("upload").span.trace_id);
    check_shape(&trace);
    check_links(&trace, &foreign);
    let makers: BTreeSet<_> = trace
        .spans
        .iter()
        .map(|it| &it.resource["service.instance.id"])
        .collect();
    assert_eq!(makers.len(), processes);
    assert!(
        trace
            .spans
            .iter()
            .all(|it| it.resource["service.name"] == "sfumato")
    );
    let text = format!("{:?}", trace.spans);
    for secret in [
        FILE_NAME,
        &receiver.url,
        endpoint["webhookToken"].as_str().context("a token")?,
    ] {
        assert!(!text.contains(secret));
    }
    assert_eq!(secrets::found_in(&text), None);
    check_log(&server.log(), &trace_id, &request);
    Ok(())
}

fn check_shape(trace: &Trace) {
    let hangs = trace.hangs();
    for (name, parent) in [
        ("upload", ""),
        ("receive", "upload"),
        ("store original", "upload"),
        ("accept", "upload"),
        ("event Sent", "upload"),
        ("event Started", "upload"),
        ("event Succeeded", "upload"),
        ("job", "upload"),
        ("wait", "job"),
        ("attempt", "job"),
        ("media process", "attempt"),
        ("decode", "media process"),
        ("inference", "media process"),
        ("encode", "media process"),
        ("store result", "attempt"),
        ("record", "attempt"),
        ("POST", "event Sent"),
        ("POST", "event Started"),
        ("POST", "event Succeeded"),
    ] {
        let pair = (name.to_owned(), parent.to_owned());
        assert!(
            hangs.contains(&pair),
            "{name} does not hang from {parent}: {hangs:?}"
        );
    }
    for (before, after) in [
        ("receive", "store original"),
        ("store original", "accept"),
        ("wait", "attempt"),
        ("media process", "store result"),
        ("decode", "inference"),
        ("inference", "encode"),
    ] {
        let (before, after) = (&trace.one(before).span, &trace.one(after).span);
        assert!(
            before.end_time_unix_nano <= after.start_time_unix_nano,
            "{} ends after {} begins",
            before.name,
            after.name
        );
    }
    assert!(trace.one("job").attribute("sfumato.hidden.faces").as_deref() == Some("1"));
}

fn check_links(trace: &Trace, foreign: &[Arrived]) {
    let root = &trace.one("upload").span;
    let links: Vec<_> = root
        .links
        .iter()
        .map(|link| (hex(&link.trace_id), hex(&link.span_id)))
        .collect();
    assert_eq!(links, [(SENDER.0.to_owned(), SENDER.1.to_owned())]);
    let [request] = foreign else {
        panic!("one span is in the trace of the client: {foreign:?}");
    };
    assert_eq!(request.span.name, "POST /innovation-service/anonymization");
    assert_eq!(hex(&request.span.parent_span_id), SENDER.1);
    assert_eq!(request.span.links[0].span_id, root.span_id);
}

fn check_log(log: &[String], trace: &str, request: &str) {
    let requests = lines(log, "a request was answered");
    let uploads: Vec<_> = requests
        .iter()
        .filter(|line| line["request.id"] == request)
        .collect();
    let [upload] = uploads[..] else {
        panic!("a request is one line: {uploads:?}");
    };
    assert_eq!(upload["route"], "/innovation-service/anonymization");
    assert_eq!(
        (&upload["status"], &upload["surface"]),
        (&200.into(), &"api".into())
    );
    assert!(
        upload["bytes_in"]
            .as_u64()
            .is_some_and(|bytes| bytes > astronaut_png().len() as u64)
    );
    assert!(upload["bytes_out"].as_u64().is_some_and(|bytes| bytes > 0));
    assert!(upload["client.id"].is_string() && upload["peer"].is_string());
    let ends = lines(log, "a job ended");
    let [end] = &ends[..] else {
        panic!("a job is one line: {ends:?}");
    };
    assert_eq!(
        (&end["state"], &end["kind"]),
        (&"succeeded".into(), &"picture".into())
    );
    assert_eq!((&end["attempts"], &end["faces"]), (&1.into(), &1.into()));
    for member in ["wait_ms", "work_ms", "bytes_in", "bytes_out"] {
        assert!(end[member].is_number(), "{member}: {end}");
    }
    for line in [upload, end] {
        assert_eq!(line["trace.id"], trace);
    }
    assert_eq!(upload["job.id"], end["job.id"]);
}

#[tokio::test]
async fn an_upload_is_one_trace_until_its_webhooks_are_acknowledged() -> Result<()> {
    let collector = Collector::start().await?;
    let server = launch(&collector.url).start().await?;
    one_trace(server, collector, 1).await
}

#[tokio::test]
async fn processes_of_one_installation_write_into_one_trace() -> Result<()> {
    let collector = Collector::start().await?;
    let server = Server::start_cluster(&launch(&collector.url)).await?;
    one_trace(server, collector, 3).await
}

#[tokio::test]
async fn a_webhook_that_is_refused_first_is_in_the_trace_twice() -> Result<()> {
    let collector = Collector::start().await?;
    let server = launch(&collector.url).start().await?;
    let client = server.client("newsroom").await?;
    let receiver = Receiver::start().await?;
    receiver.refuse(1);
    client.add_endpoint(&receiver.url).await?;
    // A file that is no picture: its two events are told before the refused one is tried again, and one waits for the other.
    let job = client
        .submit("broken.png", astronaut_png()[..64].to_vec(), &[])
        .await?;
    assert_eq!(client.finished(&job).await["status"], "Failed");
    let delivered = |it: &Arrived| it.attribute("sfumato.delivery.state").as_deref() == Some("delivered");
    let spans = eventually("the last event is acknowledged", async || {
        let spans = collector.spans();
        let last = |it: &Arrived| it.attribute("sfumato.event").as_deref() == Some("Failed") && delivered(it);
        (spans.iter().any(last) && spans.iter().any(|it| it.span.name == "job")).then_some(spans)
    })
    .await;
    let trace = Trace::checked(spans);
    let posts = trace.named("POST");
    let statuses: Vec<_> = posts
        .iter()
        .filter_map(|it| it.attribute("http.response.status_code"))
        .collect();
    assert_eq!(statuses.first().map(String::as_str), Some("503"), "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| *status == "503").count(), 1);
    assert_eq!(posts[0].span.status.as_ref().map(|status| status.code), Some(2));
    let failed = trace.one("job");
    assert_eq!(failed.attribute("sfumato.job.state").as_deref(), Some("failed"));
    let ends = lines(&server.log(), "a job ended");
    assert!(
        ends[0]["reason"]
            .as_str()
            .is_some_and(|reason| !reason.is_empty())
    );
    Ok(())
}

#[tokio::test]
async fn without_a_collector_everything_goes_on_and_what_is_lost_is_counted() -> Result<()> {
    let collector = Collector::start().await?;
    collector.answer(StatusCode::BAD_REQUEST);
    let metrics = free_address();
    let server = launch(&collector.url)
        .env("SFUMATO_METRICS_LISTEN", &metrics)
        .start()
        .await?;
    let client = server.client("newsroom").await?;
    let (job, _) = upload(&client, "00").await?;
    assert_eq!(client.finished(&job).await["status"], "Succeeded");
    eventually("refused spans are counted", async || {
        let text = http()
            .get(format!("http://{metrics}/metrics"))
            .send()
            .await
            .ok()?;
        let text = text.text().await.ok()?;
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix("sfumato_spans_dropped_total{reason=\"refused\"} "))?;
        (line.parse::<u64>().ok()? > 0).then_some(())
    })
    .await;

    // Nobody listens there.
    let away = format!("http://{}", free_address());
    let server = launch(&away).start().await?;
    let client = server.client("newsroom").await?;
    let (job, _) = upload(&client, "01").await?;
    assert_eq!(client.finished(&job).await["status"], "Succeeded");
    eventually("the operator is told", async || {
        let told = lines(
            &server.log(),
            "spans wait, and are dropped when they are too many",
        );
        (!told.is_empty()).then_some(())
    })
    .await;
    let (status, _, _) = server.terminate().await?;
    assert!(status.success(), "{status}");
    Ok(())
}

#[tokio::test]
async fn a_ratio_of_nothing_sends_nothing_and_headers_come_from_a_file() -> Result<()> {
    let collector = Collector::start().await?;
    let server = launch(&collector.url)
        .env("SFUMATO_TELEMETRY__SAMPLE_RATIO", "0")
        .start()
        .await?;
    let client = server.client("newsroom").await?;
    let (job, _) = upload(&client, "01").await?;
    assert_eq!(client.finished(&job).await["status"], "Succeeded");
    let (_, _, log) = server.terminate().await?;
    assert_eq!(collector.requests(), 0);
    assert!(lines(&log, "a job ended")[0].get("trace.id").is_none());

    let folder = TempDir::new()?;
    let headers = folder.path().join("headers");
    let secret = "Bearer a-secret-of-the-collector";
    secrets::remember("a header for the collector", secret);
    tokio::fs::write(&headers, format!("Authorization: {secret}\n")).await?;
    let server = launch(&collector.url)
        .env("SFUMATO_TELEMETRY__HEADERS_FILE", &headers.display().to_string())
        .start()
        .await?;
    let client = server.client("newsroom").await?;
    upload(&client, "00").await?;
    // What has not gone yet goes with the end of the process.
    server.terminate().await?;
    let sent = collector.headers();
    assert!(!sent.is_empty());
    assert!(sent.iter().all(|headers| headers["authorization"] == secret));
    assert!(
        sent.iter()
            .all(|headers| headers["content-type"] == "application/x-protobuf")
    );
    Ok(())
}
