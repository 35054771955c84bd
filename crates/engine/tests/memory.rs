//! Memory of the outbound client while receivers answer without an end. A process of its own, so that nothing but the
//! client grows in it.
#![forbid(unsafe_code)]
#![expect(
    clippy::unwrap_used,
    reason = "a test that meets an error fails, also in its helpers"
)]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use sfumato_core::endpoint::AckPolicy;
use sfumato_core::{Clock, Outcome, Timestamp};
use sfumato_engine::guard::AddressPolicy;
use sfumato_engine::outbound::{Outbound, WebhookMessage};

/// What three answers may cost.
const GROWTH_KIB_MAX: u64 = 5 * 1024;

const ANSWER_BYTES: usize = 300 << 20;

/// Room for 64 KiB of body with its framing.
static CHUNK: [u8; 64 << 10] = [b' '; 64 << 10];

struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        Timestamp::from_seconds(1_700_000_000)
    }
}

/// A receiver whose answers are 300 MB; in chunks, or until it closes.
fn receiver(head: &'static str, chunked: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(head.as_bytes());
                let mut sent = 0;
                while sent < ANSWER_BYTES {
                    let framed = if chunked {
                        stream.write_all(b"10000\r\n")
                    } else {
                        Ok(())
                    };
                    let written = framed.and_then(|()| stream.write_all(&CHUNK)).and_then(|()| {
                        if chunked {
                            stream.write_all(b"\r\n")
                        } else {
                            Ok(())
                        }
                    });
                    if written.is_err() {
                        return;
                    }
                    sent += CHUNK.len();
                }
            });
        }
    });
    url
}

/// A line of /proc/self/status, in KiB.
fn status_kib(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim_matches(|c: char| !c.is_ascii_digit()).parse().unwrap()
}

#[test]
fn three_answers_of_300_mb_grow_the_process_by_five_megabytes_at_most() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let outbound = Outbound::new(
        AddressPolicy::allowing_private(),
        Duration::from_secs(15),
        Arc::new(Fixed),
    );
    let urls = [
        receiver("HTTP/1.1 200 OK\r\n\r\n", false),
        receiver("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", true),
        receiver("HTTP/1.1 500 No\r\ncontent-length: 314572800\r\n\r\n", false),
    ];
    let messages = urls.map(|url| WebhookMessage {
        url,
        headers: vec![("content-type", "application/json".to_owned())],
        body: b"{}".to_vec(),
        task_id: "t-1".to_owned(),
        ack: AckPolicy::Strict,
    });
    let all_at_once = || {
        runtime.block_on(futures::future::join_all(
            messages.iter().map(|message| outbound.send(message)),
        ))
    };
    // Once beforehand, for what any exchange allocates and keeps.
    all_at_once();
    let before = status_kib("VmRSS:");
    // Sets the peak back to what is there (proc(5), clear_refs).
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    for exchange in all_at_once() {
        assert_eq!(exchange.outcome, Outcome::BodyTooLarge, "{exchange:?}");
    }
    let growth = status_kib("VmHWM:").saturating_sub(before);
    assert!(growth <= GROWTH_KIB_MAX, "{growth} KiB");
}
