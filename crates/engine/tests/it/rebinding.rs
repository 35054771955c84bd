//! Names whose answers change between two look-ups, and answers that mix good with bad.
//!
//! The operator has opened 127.0.0.2 alone, which stands for a public address; 127.0.0.1 on the same port is the
//! operator's own, and whoever reaches it is counted.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use sfumato_core::Outcome;
use sfumato_engine::guard::AddressPolicy;
use sfumato_engine::outbound::{Keep, Outbound};
use tokio::net::TcpListener;

use crate::addresses::Names;
use crate::outbound::{Fixed, LONG, message};
use crate::receiver::{RawServer, acknowledgement};

struct Network {
    public: RawServer,
    own: RawServer,
    names: Arc<Names>,
}

impl Network {
    async fn new() -> Self {
        loop {
            let public = TcpListener::bind("127.0.0.2:0").await.unwrap();
            let port = public.local_addr().unwrap().port();
            // The port may be taken on the other address: another pair, then.
            let Ok(own) = TcpListener::bind(("127.0.0.1", port)).await else {
                continue;
            };
            let public = RawServer::on(public, |mut stream| async move {
                crate::receiver::talk(&mut stream, |_, request| Some(acknowledgement(request, ""))).await;
            });
            let own = RawServer::on(own, |_| async {});
            let names = Names::new([public.address]);
            return Self { public, own, names };
        }
    }

    fn outbound(&self) -> Outbound {
        let policy = AddressPolicy::default().allowing(["127.0.0.2/32".parse().unwrap()]);
        Outbound::new(policy, LONG, Arc::new(Fixed)).with_resolver(self.names.clone())
    }

    fn url(&self) -> String {
        format!("http://hooks.example.com:{}/", self.public.address.port())
    }

    fn at(&self, address: &str) -> SocketAddr {
        SocketAddr::new(address.parse().unwrap(), self.public.address.port())
    }
}

#[tokio::test]
async fn a_name_that_turns_to_an_inner_address_is_refused_at_the_next_opening_and_kept_connections_go_on() {
    let network = Network::new().await;
    let keeping = network.outbound();
    let not_keeping = network.outbound().keeping(Keep {
        per_origin_max: 0,
        ..Keep::default()
    });
    let message = message(&network.url());
    assert_eq!(keeping.send(&message).await.outcome, Outcome::Ok);
    assert_eq!(not_keeping.send(&message).await.outcome, Outcome::Ok);

    for rebound in [
        vec![network.own.address],
        vec![network.public.address, network.own.address],
        vec![network.own.address, network.public.address],
        vec![network.at("::ffff:127.0.0.1")],
    ] {
        network.names.answer_with(rebound);
        let exchange = not_keeping.send(&message).await;
        assert_eq!(
            (exchange.outcome, exchange.address),
            (Outcome::BlockedAddress, None)
        );
        // It leads to the judged address for as long as it is open, whatever the name leads to.
        let exchange = keeping.send(&message).await;
        assert_eq!(
            (exchange.outcome, exchange.address),
            (Outcome::Ok, Some(network.public.address))
        );
    }
    assert_eq!((network.public.connections(), network.own.connections()), (2, 0));
}

#[tokio::test]
async fn the_name_of_a_connection_that_had_its_life_is_resolved_and_judged_anew() {
    let network = Network::new().await;
    let outbound = network.outbound().keeping(Keep {
        life_max: Duration::from_millis(1),
        ..Keep::default()
    });
    let message = message(&network.url());
    assert_eq!(outbound.send(&message).await.outcome, Outcome::Ok);
    network.names.answer_with([network.own.address]);
    // The life of a connection is measured by the machine's clock.
    tokio::time::sleep(Duration::from_millis(2)).await;
    assert_eq!(outbound.send(&message).await.outcome, Outcome::BlockedAddress);
    assert_eq!(network.own.connections(), 0);
    assert_eq!(network.names.asked(), 2);
}

#[tokio::test]
async fn an_answer_of_thousands_of_addresses_is_judged_to_its_last() {
    let network = Network::new().await;
    let outbound = network.outbound();
    let message = message(&network.url());
    let mut many = vec![network.public.address; 20_000];
    many.push(network.at("169.254.169.254"));
    network.names.answer_with(many.clone());
    let exchange = outbound.send(&message).await;
    assert_eq!(exchange.outcome, Outcome::BlockedAddress);
    assert_eq!(network.public.connections(), 0);
    many.pop();
    network.names.answer_with(many);
    assert_eq!(outbound.send(&message).await.outcome, Outcome::Ok);
    assert_eq!(network.public.connections(), 1);
}

#[tokio::test]
async fn a_redirect_to_an_inner_address_is_an_answer_and_nothing_more() {
    let own = RawServer::start(|_| async {}).await;
    let target = own.address;
    for status in [300, 301, 302, 303, 305, 307, 308] {
        let redirect = format!(
            "HTTP/1.1 {status} There\r\nlocation: http://{target}/\r\nrefresh: 0; url=http://{target}/\r\nalt-svc: h2=\"{target}\"\r\ncontent-length: 0\r\n\r\n"
        );
        let server = RawServer::answering(redirect).await;
        let policy = AddressPolicy::allowing_private();
        let outbound = Outbound::new(policy, LONG, Arc::new(Fixed));
        let exchange = outbound.send(&message(&server.url())).await;
        assert_eq!(
            (exchange.outcome, exchange.status),
            (Outcome::Status, Some(status))
        );
        assert!(
            exchange.explanation.contains("never followed"),
            "{}",
            exchange.explanation
        );
        assert_eq!(outbound.send(&message(&server.url())).await.status, Some(status));
    }
    assert_eq!(own.connections(), 0);
}
