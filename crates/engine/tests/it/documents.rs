//! What docs/webhooks.md says is true: its snippets verify real requests, its schedule is the one that is kept.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use sfumato_core::schedule::{DELIVERY_LIFETIME, retry_delay};
use sfumato_core::{
    AckPolicy, ClientId, Clock, Credentials, DeliveryId, EventStatus, JobId, PublicJobId, SigningSecret,
    Timestamp, WebhookToken, WebhookUrl,
};
use sfumato_engine::outbound::{Addressee, WebhookMessage};
use sfumato_engine::system::{SystemClock, SystemEntropy};

use crate::verify::verify;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/webhooks.md")
}

fn document() -> String {
    std::fs::read_to_string(path()).unwrap()
}

/// The one block of this language.
fn snippet(language: &str) -> String {
    let document = document();
    let (_, rest) = document.split_once(&format!("```{language}\n")).unwrap();
    rest.split_once("\n```").unwrap().0.to_owned() + "\n"
}

/// A request that a server signs at a time, as headers, body, secret and whether it is to be believed.
struct Case {
    headers: Vec<(String, String)>,
    body: String,
    secret: String,
    right: bool,
}

fn signed(credentials: &Credentials, at: Timestamp) -> (Vec<(String, String)>, String) {
    let job = PublicJobId {
        client: ClientId::new(&SystemClock, &SystemEntropy),
        job: JobId::new(&SystemClock, &SystemEntropy),
    };
    let id = DeliveryId::new(&SystemClock, &SystemEntropy);
    let to = Addressee {
        url: &WebhookUrl::from_judged("https://receiver.example/hook"),
        ack: AckPolicy::default(),
        credentials,
    };
    let message = WebhookMessage::new(id, job, EventStatus::Succeeded, 3, 1, &to, at);
    let headers = message.headers.into_iter();
    (
        headers.map(|(name, value)| (name.to_owned(), value)).collect(),
        String::from_utf8(message.body).unwrap(),
    )
}

fn cases() -> Vec<Case> {
    let now = SystemClock.now();
    let before = Credentials {
        token: WebhookToken::generate(&SystemEntropy).into(),
        signing_secret: SigningSecret::generate(&SystemEntropy).into(),
    };
    let next = SigningSecret::generate(&SystemEntropy);
    let mut overlap = before.clone();
    overlap.signing_secret = before.signing_secret.clone().rotate(next, DAY, now).unwrap();
    let (old, new) = (
        before.signing_secret.current.expose(),
        overlap.signing_secret.current.expose(),
    );
    let case = |credentials: &Credentials, at, secret: &str, right| {
        let (headers, body) = signed(credentials, at);
        Case {
            headers,
            body,
            secret: secret.to_owned(),
            right,
        }
    };
    let mut cases = vec![
        case(&before, now, &old, true),
        case(&overlap, now, &old, true),
        case(&overlap, now, &new, true),
        case(&before, now, &new, false),
        case(&before, now.before(Duration::from_secs(600)), &old, false),
        case(&before, now.after(Duration::from_secs(600)), &old, false),
        case(&before, now.before(Duration::from_secs(200)), &old, true),
    ];
    let mut tampered = case(&before, now, &old, false);
    tampered.body = tampered.body.replace("Succeeded", "Failed");
    cases.push(tampered);
    for name in ["webhook-id", "webhook-timestamp", "webhook-signature"] {
        let mut without = case(&before, now, &old, false);
        without.headers.retain(|(header, _)| header != name);
        cases.push(without);
        for nonsense in ["", "soon", "v1,", "v1,AAAA"] {
            let mut wrong = case(&before, now, &old, false);
            for (header, value) in &mut wrong.headers {
                if header == name {
                    *value = nonsense.to_owned();
                }
            }
            cases.push(wrong);
        }
    }
    cases
}

/// Runs a program on the cases, which it reads as JSON from its input; `None` where the interpreter is not installed.
#[expect(
    clippy::disallowed_methods,
    reason = "the snippets of the document are run as their readers run them"
)]
fn run(interpreter: &str, extension: &str, program: &str, cases: &[Case]) -> Vec<bool> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(format!("program.{extension}"));
    std::fs::write(&file, program).unwrap();
    let mut child = Command::new(interpreter)
        .arg(&file)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{interpreter} ({error}): `cargo xtask setup --tests` installs it"));
    let cases: Vec<Value> = cases
        .iter()
        .map(|case| {
            let headers = case
                .headers
                .iter()
                .map(|(name, value)| (name.clone(), json!(value)));
            let headers: serde_json::Map<String, Value> = headers.collect();
            json!({"headers": headers, "body": case.body, "secret": case.secret})
        })
        .collect();
    let input = serde_json::to_vec(&cases).unwrap();
    child.stdin.take().unwrap().write_all(&input).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{interpreter} failed");
    serde_json::from_slice(&output.stdout).unwrap()
}

const PYTHON: &str = r#"
import json, sys
print(json.dumps([verify(c["headers"], c["body"].encode(), c["secret"]) for c in json.load(sys.stdin)]))
"#;

const JAVASCRIPT: &str = r#"
import { readFileSync } from "node:fs";
const cases = JSON.parse(readFileSync(0, "utf8"));
console.log(JSON.stringify(cases.map((c) => verify(c.headers, Buffer.from(c.body), c.secret))));
"#;

const PHP: &str = r#"
$cases = json_decode(stream_get_contents(STDIN), true);
echo json_encode(array_map(fn ($c) => verify($c['headers'], $c['body'], $c['secret']), $cases));
"#;

#[test]
fn promise_6_the_snippets_of_the_document_tell_right_requests_from_wrong_ones() {
    let cases = cases();
    let expected: Vec<bool> = cases.iter().map(|case| case.right).collect();
    for (interpreter, extension, language, harness) in [
        ("python3", "py", "python", PYTHON),
        ("node", "mjs", "javascript", JAVASCRIPT),
        ("php", "php", "php", PHP),
    ] {
        let program = snippet(language) + harness;
        let verified = run(interpreter, extension, &program, &cases);
        assert_eq!(verified, expected, "{language}");
    }
}

#[test]
fn promise_6_the_rust_snippet_of_the_document_is_the_one_that_is_compiled_here() {
    let source = include_str!("verify.rs");
    assert_eq!(snippet("rust"), source, "docs/webhooks.md and verify.rs differ");
    for case in cases() {
        let header = |wanted: &str| {
            let found = case.headers.iter().find(|(name, _)| name == wanted);
            found.map(|(_, value)| value.as_str())
        };
        let now = SystemClock.now().as_seconds();
        assert_eq!(
            verify(header, case.body.as_bytes(), &case.secret, now),
            case.right,
            "{:?}",
            case.headers
        );
    }
}

/// `1 h 42 min`: the two largest units.
fn spoken(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let units = [("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)];
    let mut rest = seconds;
    let mut parts = Vec::new();
    for (name, size) in units {
        if rest >= size && parts.len() < 2 {
            parts.push(format!("{} {name}", rest / size));
            rest %= size;
        }
    }
    match parts.is_empty() {
        true => "at once".into(),
        false => parts.join(" "),
    }
}

fn schedule() -> String {
    let mut table = "| attempt | after the one before | after the event |\n| --- | --- | --- |\n".to_owned();
    table.push_str("| 1 | | at once |\n");
    let (mut attempt, mut since_event) = (1, Duration::ZERO);
    loop {
        let wait = retry_delay(attempt, 0.5);
        since_event += wait;
        if since_event > DELIVERY_LIFETIME {
            return table;
        }
        attempt += 1;
        table.push_str(&format!(
            "| {attempt} | {} | {} |\n",
            spoken(wait),
            spoken(since_event)
        ));
    }
}

#[test]
fn the_schedule_of_the_document_is_the_one_that_is_kept() {
    let (begin, end) = ("<!-- schedule -->\n\n", "\n<!-- end of schedule -->");
    let text = document();
    let (before, rest) = text.split_once(begin).unwrap();
    let (table, after) = rest.split_once(end).unwrap();
    if std::env::var_os("SFUMATO_BLESS").is_some() {
        let text = format!("{before}{begin}{}{end}{after}", schedule());
        std::fs::write(path(), text).unwrap();
        return;
    }
    assert_eq!(table, schedule(), "SFUMATO_BLESS=1 rewrites it");
}
