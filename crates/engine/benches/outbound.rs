//! Processor time that the outbound client spends on one acknowledged message: `cargo bench -p sfumato-engine`.
//!
//! The receiver answers from threads of its own, so that the figure is the client's alone. Messages go out in clear to
//! a literal address, sixteen at a time, which is what one endpoint is sent.
#![forbid(unsafe_code)]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use sfumato_core::endpoint::AckPolicy;
use sfumato_core::{Clock, Outcome, Timestamp};
use sfumato_engine::guard::AddressPolicy;
use sfumato_engine::outbound::{Outbound, WebhookMessage};

const AT_ONCE: usize = 16;
const WARM_UP: usize = 500;
const MESSAGES: usize = 20_000;
const TASK: &str = "00000000-0000-0000-0000-000000000002-SRV_ANONYMIZATION-0000000000000000000003";

struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(1_700_000_000)
    }
}

#[expect(clippy::print_stdout, reason = "the figures are what a bench is for")]
fn main() {
    let connections = Arc::new(AtomicUsize::new(0));
    let url = receiver(&connections);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime needs no more than this process has");
    let outbound = Outbound::new(
        AddressPolicy::allowing_private(),
        Duration::from_secs(15),
        Arc::new(Fixed),
    );
    let message = message(&url);
    runtime.block_on(send(&outbound, &message, WARM_UP));
    let opened = connections.load(Ordering::SeqCst);
    let before = thread_ns();
    runtime.block_on(send(&outbound, &message, MESSAGES));
    let spent = thread_ns() - before;
    println!(
        "outbound: {:.1} µs of processor time a message, {MESSAGES} messages over {} new connections",
        spent as f64 / 1e3 / MESSAGES as f64,
        connections.load(Ordering::SeqCst) - opened,
    );
}

async fn send(outbound: &Outbound, message: &WebhookMessage, count: usize) {
    let mut running = FuturesUnordered::new();
    for sent in 0..count {
        running.push(outbound.send(message));
        if sent >= AT_ONCE {
            let exchange = running.next().await.expect("sixteen are running");
            assert_eq!(exchange.outcome, Outcome::Ok, "{exchange:?}");
        }
    }
    while let Some(exchange) = running.next().await {
        assert_eq!(exchange.outcome, Outcome::Ok, "{exchange:?}");
    }
}

fn message(url: &str) -> WebhookMessage {
    let headers = [
        ("content-type", "application/json"),
        ("user-agent", "Sfumato/bench"),
        ("x-auth-token", "wis-wht_ABCDEFGHIJKLMNOPQR"),
        ("webhook-id", "00000000-0000-0000-0000-000000000004"),
        ("webhook-timestamp", "1700000000"),
        (
            "webhook-signature",
            "v1,AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        ),
        ("webhook-attempt", "1"),
        ("webhook-sequence", "1"),
    ];
    WebhookMessage {
        url: url.to_owned(),
        headers: headers.map(|(name, value)| (name, value.to_owned())).to_vec(),
        body: format!(r#"{{"taskId":"{TASK}","status":"Succeeded"}}"#).into_bytes(),
        task_id: TASK.to_owned(),
        ack: AckPolicy::Strict,
    }
}

/// A receiver that keeps the contract, and the connection for as long as the client wants it.
fn receiver(connections: &Arc<AtomicUsize>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let url = format!(
        "http://{}/hook",
        listener.local_addr().expect("a listener has an address")
    );
    let connections = connections.clone();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            connections.fetch_add(1, Ordering::SeqCst);
            thread::spawn(move || serve(stream));
        }
    });
    url
}

fn serve(mut stream: TcpStream) {
    let answer = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ndate: Tue, 14 Nov 2023 22:13:20 GMT\r\ncontent-length: {}\r\n\r\n{{\"taskId\":\"{TASK}\"}}",
        TASK.len() + 13
    );
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(read @ 1..) = stream.read(&mut buffer) {
        request.extend_from_slice(&buffer[..read]);
        // The body of the only message there is ends like this.
        if request.ends_with(b"\"Succeeded\"}") {
            let close = request
                .to_ascii_lowercase()
                .windows(17)
                .any(|w| w == b"connection: close");
            request.clear();
            if stream.write_all(answer.as_bytes()).is_err() || close {
                return;
            }
        }
    }
}

/// Nanoseconds of processor time of this thread, user and system (proc(5), `schedstat`).
fn thread_ns() -> u64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux has /proc");
    let first = stat.split_whitespace().next().expect("it has three fields");
    first.parse().expect("the first is a number")
}
