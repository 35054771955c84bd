//! The corpus of forbidden spellings through both gates: registration and delivery.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::future::BoxFuture;
use sfumato_core::Outcome;
use sfumato_engine::guard::{AddressPolicy, RefusedUrl, judge_address, judge_url};
use sfumato_engine::outbound::{Outbound, Resolve};
use tokio_rustls::rustls::RootCertStore;
use url::{Host, Url};

use crate::addresses::Names;
use crate::outbound::{Fixed, LONG, message};
use crate::receiver::RawServer;

const FORBIDDEN: &str = include_str!("spellings/forbidden.txt");
const ALLOWED: &str = include_str!("spellings/allowed.txt");

/// The URLs of a corpus; the second part is whether a line is a host.
fn urls(corpus: &'static str, scheme: &str, port: &str) -> Vec<(String, bool)> {
    let mut is_host = true;
    let mut urls = Vec::new();
    for line in corpus.split('\n') {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if line.starts_with("[host] ") || line.starts_with("[url] ") {
            is_host = line.starts_with("[host] ");
        } else if is_host {
            urls.push((format!("{scheme}://{line}{port}/"), true));
        } else {
            urls.push((line.replace("{port}", port.trim_start_matches(':')), false));
        }
    }
    urls
}

/// Answers every name with an address of this machine and counts how often it is asked.
struct Everything {
    address: SocketAddr,
    asked: AtomicUsize,
}

impl Resolve for Everything {
    fn resolve<'a>(&'a self, _name: &'a str, port: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let answer = SocketAddr::new(self.address.ip(), port);
        Box::pin(async move { Ok(vec![answer]) })
    }
}

/// A listener on every address of this machine, of both families where it has both.
async fn everywhere() -> RawServer {
    let listener = match tokio::net::TcpListener::bind("[::]:0").await {
        Ok(listener) => listener,
        Err(_) => tokio::net::TcpListener::bind("0.0.0.0:0").await.unwrap(),
    };
    RawServer::on(listener, |_| async {})
}

fn production() -> Outbound {
    Outbound::new(AddressPolicy::default(), LONG, Arc::new(Fixed)).with_roots(RootCertStore::empty())
}

#[test]
fn the_corpus_is_large_and_no_line_stands_in_it_twice() {
    let mut all = urls(FORBIDDEN, "http", "");
    let count = all.len();
    assert!(count >= 400, "{count}");
    all.sort();
    all.dedup();
    assert_eq!(all.len(), count);
    assert!(urls(ALLOWED, "http", "").len() >= 100);
}

#[test]
fn registration_refuses_every_forbidden_spelling() {
    for (scheme, port) in [("http", ""), ("https", ":8443"), ("HTTP", ":9000")] {
        for (url, is_host) in urls(FORBIDDEN, scheme, port) {
            let refused = judge_url(&url, &AddressPolicy::default()).expect_err(&url);
            if is_host {
                assert!(
                    matches!(
                        refused,
                        RefusedUrl::Host | RefusedUrl::Syntax | RefusedUrl::UserInfo
                    ),
                    "{url}: {refused:?}"
                );
            }
        }
    }
}

#[tokio::test]
async fn delivery_refuses_every_forbidden_spelling_without_a_connection_or_a_question_to_the_resolver() {
    let server = everywhere().await;
    let names = Arc::new(Everything {
        address: server.address,
        asked: AtomicUsize::new(0),
    });
    let outbound = production().with_resolver(names.clone());
    let port = format!(":{}", server.address.port());
    for scheme in ["http", "https"] {
        for (url, _) in urls(FORBIDDEN, scheme, &port) {
            let exchange = outbound.send(&message(&url)).await;
            assert_eq!(exchange.outcome, Outcome::BlockedAddress, "{url}: {exchange:?}");
            assert_eq!((exchange.address, exchange.status), (None, None), "{url}");
            assert!(exchange.phases.connect_ms.is_none(), "{url}");
        }
    }
    assert_eq!(names.asked.load(Ordering::SeqCst), 0);
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn delivery_refuses_a_good_name_that_resolves_to_a_forbidden_address_alone_or_among_good_ones() {
    let server = everywhere().await;
    let port = server.address.port();
    let url = format!("http://hooks.example.com:{port}/");
    let addresses: Vec<IpAddr> = urls(FORBIDDEN, "http", "")
        .iter()
        .filter_map(|(url, is_host)| is_host.then(|| Url::parse(url).ok()).flatten())
        .filter_map(|url| match url.host()? {
            Host::Ipv4(ip) => Some(IpAddr::V4(ip)),
            Host::Ipv6(ip) => Some(IpAddr::V6(ip)),
            Host::Domain(_) => None,
        })
        .collect();
    assert!(addresses.len() >= 400, "{}", addresses.len());
    let names = Names::new([]);
    let outbound = production().with_resolver(names.clone());
    let good: SocketAddr = (IpAddr::from([8, 8, 8, 8]), port).into();
    for address in addresses {
        assert!(
            judge_address(address, &AddressPolicy::default()).is_err(),
            "{address}"
        );
        let bad = SocketAddr::new(address, port);
        for answer in [vec![bad], vec![good, bad], vec![bad, good], vec![good, bad, good]] {
            names.answer_with(answer);
            let exchange = outbound.send(&message(&url)).await;
            assert_eq!(exchange.outcome, Outcome::BlockedAddress, "{address}");
            assert!(
                exchange.address.is_none() && exchange.phases.connect_ms.is_none(),
                "{address}"
            );
            assert!(
                !exchange.explanation.contains(&address.to_string()),
                "{}",
                exchange.explanation
            );
        }
    }
    assert_eq!(server.connections(), 0);
}

#[test]
fn what_only_looks_forbidden_is_accepted() {
    for (url, _) in urls(ALLOWED, "https", "") {
        let judged = judge_url(&url, &AddressPolicy::default());
        assert!(judged.is_ok(), "{url}: {judged:?}");
    }
}
