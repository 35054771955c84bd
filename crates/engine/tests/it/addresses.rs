//! Names and addresses of the hardened client: what is resolved, judged, tried and refused.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use std::{io, iter};

use futures::future::BoxFuture;
use sfumato_core::Outcome;
use sfumato_engine::guard::{AddressPolicy, RefusedUrl, judge_url};
use sfumato_engine::outbound::{Outbound, Resolve};

use crate::outbound::{Fixed, LONG, message, outbound};
use crate::receiver::{RawServer, Receiver, Silent};

/// Answers with these addresses and counts how often it is asked.
pub(crate) struct Names {
    addresses: Mutex<Vec<SocketAddr>>,
    asked: AtomicUsize,
}

impl Names {
    pub(crate) fn new(addresses: impl IntoIterator<Item = SocketAddr>) -> Arc<Self> {
        Arc::new(Self {
            addresses: Mutex::new(addresses.into_iter().collect()),
            asked: AtomicUsize::new(0),
        })
    }

    pub(crate) fn answer_with(&self, addresses: impl IntoIterator<Item = SocketAddr>) {
        *self.addresses.lock().unwrap() = addresses.into_iter().collect();
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

impl Resolve for Names {
    fn resolve<'a>(&'a self, _name: &'a str, _port: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        Box::pin(async move { Ok(self.addresses.lock().unwrap().clone()) })
    }
}

struct Unresolved;

impl Resolve for Unresolved {
    fn resolve<'a>(&'a self, name: &'a str, _port: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(async move {
            if name.starts_with("slow") {
                std::future::pending::<()>().await;
            }
            Err(io::Error::other("no such host"))
        })
    }
}

#[tokio::test]
async fn a_blocked_address_is_never_connected_to_and_never_named_to_the_customer() {
    let server = RawServer::start(|_| async {}).await;
    let port = server.address.port();
    let at = |host: &str| SocketAddr::new(host.parse().unwrap(), port);
    let production = || Outbound::new(AddressPolicy::default(), LONG, Arc::new(Fixed));
    for host in [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "[::ffff:127.0.0.1]",
        "localhost",
        "[::1]",
        "0",
    ] {
        let exchange = production()
            .send(&message(&format!("http://{host}:{port}/")))
            .await;
        assert_eq!(exchange.outcome, Outcome::BlockedAddress, "{host}");
    }
    for (answers, blocked) in [
        (vec![at("127.0.0.1")], "127.0.0.1"),
        (vec![at("::ffff:127.0.0.1")], "127.0.0.1"),
        (vec![at("8.8.8.8"), at("127.0.0.1")], "127.0.0.1"),
        (vec![at("127.0.0.1"), at("8.8.8.8")], "127.0.0.1"),
        (
            vec![at("2606:4700::1111"), at("8.8.8.8"), at("169.254.169.254")],
            "169.254.169.254",
        ),
        (vec![at("64:ff9b::10.0.0.1")], "64:ff9b::a00:1"),
        (
            vec![SocketAddr::new("8.8.8.8".parse().unwrap(), 22)],
            "another port",
        ),
    ] {
        let exchange = production()
            .with_resolver(Names::new(answers))
            .send(&message(&format!("http://hooks.example.com:{port}/")))
            .await;
        assert_eq!(
            (exchange.outcome, exchange.address),
            (Outcome::BlockedAddress, None),
            "{blocked}"
        );
        assert!(
            !exchange.explanation.contains(blocked),
            "{}",
            exchange.explanation
        );
        let internal = exchange.internal.unwrap();
        assert!(internal.contains(blocked), "{internal}");
    }
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_name_is_resolved_once_and_the_judged_address_is_the_one_that_is_called() {
    let receiver = Receiver::obedient().await;
    let names = Names::new([receiver.address]);
    let exchange = outbound(LONG)
        .with_resolver(names.clone())
        .send(&message(&format!(
            "http://hooks.example.com:{}/x",
            receiver.address.port()
        )))
        .await;
    assert_eq!(
        (exchange.outcome, exchange.address),
        (Outcome::Ok, Some(receiver.address))
    );
    assert_eq!(names.asked(), 1);
    let host = format!("hooks.example.com:{}", receiver.address.port());
    assert_eq!(receiver.received()[0].header("host"), host);
    assert_eq!(receiver.received()[0].uri.path(), "/x");
}

#[tokio::test]
async fn the_next_address_is_tried_when_one_refuses_or_is_silent() {
    let receiver = Receiver::obedient().await;
    let port = receiver.address.port();
    let dead = SocketAddr::new("127.0.0.9".parse().unwrap(), port);
    let names = Names::new([dead, receiver.address]);
    let url = format!("http://hooks.example.com:{port}/");
    let exchange = outbound(LONG).with_resolver(names).send(&message(&url)).await;
    assert_eq!(
        (exchange.outcome, exchange.address),
        (Outcome::Ok, Some(receiver.address))
    );

    let silent = Silent::on(SocketAddr::new("127.0.0.8".parse().unwrap(), port)).await;
    let names = Names::new([silent.address, receiver.address]);
    let exchange = outbound(LONG).with_resolver(names).send(&message(&url)).await;
    assert_eq!(
        (exchange.outcome, exchange.address),
        (Outcome::Ok, Some(receiver.address)),
        "{exchange:?}"
    );
}

#[tokio::test]
async fn a_name_that_does_not_resolve_is_a_dns_failure() {
    let failing = || outbound(Duration::from_millis(300)).with_resolver(Arc::new(Unresolved));
    let exchange = failing().send(&message("https://gone.example.com/")).await;
    assert_eq!(exchange.outcome, Outcome::Dns);
    assert!(exchange.internal.unwrap().contains("no such host"));
    let exchange = failing().send(&message("https://slow.example.com/")).await;
    assert_eq!(exchange.outcome, Outcome::Dns, "{exchange:?}");
    assert!(exchange.phases.dns_ms.is_some() && exchange.phases.connect_ms.is_none());
    let empty = outbound(LONG).with_resolver(Names::new(iter::empty()));
    assert_eq!(
        empty.send(&message("https://empty.example.com/")).await.outcome,
        Outcome::Dns
    );
}

#[tokio::test]
async fn an_endpoint_of_before_https_was_required_is_not_called_and_told_why() {
    let receiver = Receiver::obedient().await;
    let policy = AddressPolicy::allowing_private().requiring_https();
    let strict = Outbound::new(policy, LONG, Arc::new(Fixed));
    let exchange = strict.send(&message(&receiver.url())).await;
    assert_eq!(
        (exchange.outcome, exchange.address),
        (Outcome::BlockedAddress, None)
    );
    assert!(
        exchange.explanation.contains("must begin with https"),
        "{}",
        exchange.explanation
    );
    assert!(receiver.received().is_empty());
}

#[tokio::test]
async fn the_server_itself_is_no_receiver_whatever_networks_are_allowed_and_another_port_is() {
    let server = RawServer::start(|_| async {}).await;
    let port = server.address.port();
    let listener = SocketAddr::new("0.0.0.0".parse().unwrap(), port);
    let everything = ["0.0.0.0/0", "::/0"].map(|network| network.parse().unwrap());
    for policy in [
        AddressPolicy::default().allowing(everything),
        AddressPolicy::allowing_private().allowing(everything),
    ] {
        let policy = policy.denying_listeners([listener]);
        for host in [
            "127.0.0.1",
            "127.1",
            "2130706433",
            "0x7f.0.0.1",
            "127.3.2.1",
            "0",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[64:ff9b::127.0.0.1]",
            "[::1]",
            "[::]",
            "localhost",
            "LOCALHOST.",
            "a.localhost",
        ] {
            let url = format!("http://{host}:{port}/login");
            assert_eq!(judge_url(&url, &policy), Err(RefusedUrl::Host), "{url}");
            let outbound = Outbound::new(policy.clone(), LONG, Arc::new(Fixed));
            assert_eq!(
                outbound.send(&message(&url)).await.outcome,
                Outcome::BlockedAddress,
                "{url}"
            );
        }
        let names = Names::new([SocketAddr::new("127.0.0.1".parse().unwrap(), port)]);
        let outbound = Outbound::new(policy.clone(), LONG, Arc::new(Fixed)).with_resolver(names);
        let by_name = outbound
            .send(&message(&format!("http://hooks.example.com:{port}/")))
            .await;
        assert_eq!(by_name.outcome, Outcome::BlockedAddress);
        assert!(judge_url(&format!("http://127.0.0.1:{}/", port ^ 1), &policy).is_ok());
    }
    assert_eq!(server.connections(), 0);
}
