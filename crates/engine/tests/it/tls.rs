//! TLS of the hardened client: whom it trusts, and what a customer is told when it does not.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use sfumato_core::Outcome;
use sfumato_engine::guard::AddressPolicy;
use sfumato_engine::outbound::{Exchange, Outbound};
use tokio::io::AsyncWriteExt;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{self, RootCertStore, ServerConfig, SupportedProtocolVersion};

use crate::addresses::Names;
use crate::outbound::{Fixed, LONG, message};
use crate::receiver::{RawServer, read_request};

/// A certificate authority of the test.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        roots
    }

    /// A receiver with a certificate for these names that keeps the contract.
    async fn receiver(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> RawServer {
        self.receiver_speaking(names, change, rustls::ALL_VERSIONS).await
    }

    async fn receiver_speaking(
        &self,
        names: &[&str],
        change: impl FnOnce(&mut CertificateParams),
        versions: &[&'static SupportedProtocolVersion],
    ) -> RawServer {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            )
            .unwrap();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(config));
        RawServer::start(move |stream| {
            let acceptor = acceptor.clone();
            async move {
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    return;
                };
                assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
                let request = read_request(&mut stream).await;
                let body = request.split_once("\r\n\r\n").unwrap().1;
                let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len());
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        })
        .await
    }
}

fn trusting(roots: RootCertStore, address: SocketAddr) -> Outbound {
    Outbound::new(AddressPolicy::allowing_private(), LONG, Arc::new(Fixed))
        .with_roots(roots)
        .with_resolver(Names::new([address]))
}

async fn send_to(outbound: &Outbound, host: &str, server: &RawServer) -> Exchange {
    let url = format!("https://{host}:{}/", server.address.port());
    outbound.send(&message(&url)).await
}

#[tokio::test]
async fn a_receiver_with_a_certificate_of_a_trusted_authority_is_called() {
    let authority = Authority::new("the receiver's");
    let server = authority
        .receiver(&["hooks.example.com", "127.0.0.1"], |_| {})
        .await;
    let outbound = trusting(authority.roots(), server.address);
    for host in [
        "hooks.example.com",
        "HOOKS.example.com",
        "hooks.example.com.",
        "127.0.0.1",
    ] {
        let exchange = send_to(&outbound, host, &server).await;
        assert_eq!(exchange.outcome, Outcome::Ok, "{host}: {exchange:?}");
        assert!(exchange.tls.unwrap().starts_with("TLS 1.3, TLS13_"));
        assert!(exchange.phases.tls_ms.is_some_and(|ms| ms > 0.0));
    }
    let old = authority
        .receiver_speaking(&["hooks.example.com"], |_| {}, &[&rustls::version::TLS12])
        .await;
    let exchange = send_to(
        &trusting(authority.roots(), old.address),
        "hooks.example.com",
        &old,
    )
    .await;
    assert_eq!(exchange.outcome, Outcome::Ok, "{exchange:?}");
    assert!(exchange.tls.unwrap().starts_with("TLS 1.2, TLS_ECDHE_"));
}

#[tokio::test]
async fn a_certificate_that_proves_nothing_is_a_tls_failure_in_words() {
    let authority = Authority::new("the receiver's");
    let server = authority.receiver(&["hooks.example.com"], |_| {}).await;
    let expect = |exchange: Exchange, words: &str| {
        assert_eq!(
            (exchange.outcome, exchange.status),
            (Outcome::Tls, None),
            "{exchange:?}"
        );
        assert!(exchange.explanation.contains(words), "{}", exchange.explanation);
        assert!(exchange.internal.is_some() && exchange.tls.is_none());
        assert!(exchange.phases.headers_ms.is_none());
    };

    let strangers = Authority::new("a stranger").roots();
    let exchange = send_to(&trusting(strangers, server.address), "hooks.example.com", &server).await;
    expect(exchange, "not of a trusted authority");

    let system = Outbound::new(AddressPolicy::allowing_private(), LONG, Arc::new(Fixed))
        .with_resolver(Names::new([server.address]));
    expect(
        send_to(&system, "hooks.example.com", &server).await,
        "not of a trusted authority",
    );

    let exchange = send_to(
        &trusting(authority.roots(), server.address),
        "other.example.com",
        &server,
    )
    .await;
    expect(exchange, "for another name");

    let server = authority
        .receiver(&["hooks.example.com"], |params| {
            params.not_after = date_time_ymd(2001, 1, 1);
        })
        .await;
    let exchange = send_to(
        &trusting(authority.roots(), server.address),
        "hooks.example.com",
        &server,
    )
    .await;
    expect(exchange, "has expired");

    let server = RawServer::start(|mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        let _ = stream.shutdown().await;
    })
    .await;
    let exchange = send_to(
        &trusting(authority.roots(), server.address),
        "hooks.example.com",
        &server,
    )
    .await;
    expect(exchange, "TLS 1.2 or 1.3");
}

#[tokio::test]
async fn a_handshake_that_never_ends_is_left_at_the_deadline() {
    let server = RawServer::start(|stream| async move {
        // Holding the connection without a word is the attack.
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    let outbound = Outbound::new(
        AddressPolicy::allowing_private(),
        Duration::from_millis(300),
        Arc::new(Fixed),
    );
    let exchange = send_to(&outbound, "127.0.0.1", &server).await;
    assert_eq!(exchange.outcome, Outcome::TimeoutTotal);
    assert!(
        exchange.explanation.contains("TLS handshake"),
        "{}",
        exchange.explanation
    );
    assert_eq!(exchange.address, Some(server.address));
}
