//! TLS of the hardened client: whom it trusts, and what a customer is told when it does not.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, date_time_ymd,
};
use sfumato_core::Outcome;
use sfumato_engine::guard::AddressPolicy;
use sfumato_engine::outbound::{Exchange, Outbound};
use tokio::io::AsyncWriteExt;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;
use tokio_rustls::rustls::{self, RootCertStore, ServerConfig, SupportedProtocolVersion};

use crate::addresses::Names;
use crate::hostile_framing::tells_the_customer_enough_and_no_address;
use crate::outbound::{Fixed, LONG, message};
use crate::receiver::{RawServer, acknowledgement, read_request, talk};

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
        let acceptor = self.acceptor(names, change, versions);
        RawServer::start(move |stream| {
            let acceptor = acceptor.clone();
            async move {
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    return;
                };
                assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"http/1.1"[..]));
                talk(&mut stream, |_, request| Some(acknowledgement(request, ""))).await;
                let _ = stream.shutdown().await;
            }
        })
        .await
    }
}

impl Authority {
    fn acceptor(
        &self,
        names: &[&str],
        change: impl FnOnce(&mut CertificateParams),
        versions: &[&'static SupportedProtocolVersion],
    ) -> TlsAcceptor {
        let names: Vec<String> = names.iter().map(|&name| name.to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        accepting(certificate, &key, versions)
    }
}

fn accepting(
    certificate: Certificate,
    key: &KeyPair,
    versions: &[&'static SupportedProtocolVersion],
) -> TlsAcceptor {
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
    TlsAcceptor::from(Arc::new(config))
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
    for host in [
        "hooks.example.com",
        "HOOKS.example.com",
        "hooks.example.com.",
        "127.0.0.1",
    ] {
        let outbound = trusting(authority.roots(), server.address);
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

#[tokio::test]
async fn a_self_signed_certificate_and_one_of_tomorrow_and_one_for_servers_of_mail_prove_nothing() {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["hooks.example.com".to_owned()]).unwrap();
    let acceptor = accepting(params.self_signed(&key).unwrap(), &key, rustls::ALL_VERSIONS);
    let authority = Authority::new("the receiver's");
    let tomorrow = authority.acceptor(
        &["hooks.example.com"],
        |params| params.not_before = date_time_ymd(4000, 1, 1),
        rustls::ALL_VERSIONS,
    );
    let mail = authority.acceptor(
        &["hooks.example.com"],
        |params| params.extended_key_usages = vec![ExtendedKeyUsagePurpose::EmailProtection],
        rustls::ALL_VERSIONS,
    );
    for (acceptor, words) in [
        (acceptor, "not of a trusted authority"),
        (tomorrow, "certificate is not valid"),
        (mail, "certificate is not valid"),
    ] {
        let server = RawServer::start(move |stream| {
            let acceptor = acceptor.clone();
            async move {
                let _ = acceptor.accept(stream).await;
            }
        })
        .await;
        let outbound = trusting(authority.roots(), server.address);
        let exchange = send_to(&outbound, "hooks.example.com", &server).await;
        assert_eq!(exchange.outcome, Outcome::Tls, "{exchange:?}");
        tells_the_customer_enough_and_no_address(&exchange, words);
    }
}

#[tokio::test]
async fn a_handshake_is_made_once_for_a_kept_connection_and_again_for_another_name_at_the_same_address() {
    let authority = Authority::new("the receiver's");
    let server = authority
        .receiver(&["hooks.example.com", "other.example.com"], |_| {})
        .await;
    let outbound = trusting(authority.roots(), server.address);
    for _ in 0..3 {
        let exchange = send_to(&outbound, "hooks.example.com", &server).await;
        assert_eq!(exchange.outcome, Outcome::Ok, "{exchange:?}");
        assert!(exchange.tls.unwrap().starts_with("TLS 1.3, "));
    }
    assert_eq!(server.connections(), 1);
    let exchange = send_to(&outbound, "other.example.com", &server).await;
    assert_eq!(exchange.outcome, Outcome::Ok);
    assert_eq!(server.connections(), 2);
    let exchange = send_to(&outbound, "stranger.example.com", &server).await;
    assert_eq!(exchange.outcome, Outcome::Tls);
    assert_eq!(server.connections(), 3);
}

#[tokio::test]
async fn a_receiver_that_breaks_within_tls_is_told_by_where_it_breaks() {
    let authority = Authority::new("the receiver's");
    let acceptor = authority.acceptor(&["hooks.example.com"], |_| {}, rustls::ALL_VERSIONS);
    for (answer, outcome, words) in [
        // The connection is cut without the end that TLS has: what came may be less than was sent.
        (
            "HTTP/1.1 200 OK\r\n\r\n{\"taskId\"",
            Outcome::Connect,
            "closed the connection",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{",
            Outcome::Connect,
            "closed the connection",
        ),
        ("", Outcome::Connect, "closed the connection"),
    ] {
        let acceptor = acceptor.clone();
        let server = RawServer::start(move |stream| {
            let acceptor = acceptor.clone();
            async move {
                let mut stream = acceptor.accept(stream).await.unwrap();
                read_request(&mut stream).await;
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.flush().await;
            }
        })
        .await;
        let outbound = trusting(authority.roots(), server.address);
        let exchange = send_to(&outbound, "hooks.example.com", &server).await;
        assert_eq!(exchange.outcome, outcome, "{answer}: {exchange:?}");
        tells_the_customer_enough_and_no_address(&exchange, words);
    }
    for bytes in [
        &[][..],
        &[0x15, 3, 1, 0, 2, 2, 40],
        b"HTTP/1.1 400 Bad\r\n\r\n",
        &[0xff; 100],
        &[0x16, 3, 3, 0xff, 0xff],
    ] {
        let server = RawServer::start(move |mut stream| async move {
            let _ = stream.write_all(bytes).await;
            let _ = stream.shutdown().await;
        })
        .await;
        let outbound = trusting(authority.roots(), server.address);
        let exchange = send_to(&outbound, "hooks.example.com", &server).await;
        assert_eq!(exchange.outcome, Outcome::Tls, "{bytes:?}: {exchange:?}");
        tells_the_customer_enough_and_no_address(&exchange, "TLS 1.2 or 1.3");
    }
}

#[tokio::test]
async fn a_handshake_that_drips_is_left_at_the_deadline() {
    let server = RawServer::start(|mut stream| async move {
        // The head of a record of 16 KiB, and then a byte now and then.
        let _ = stream.write_all(&[0x16, 3, 3, 0x40, 0]).await;
        while stream.write_all(&[2]).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    })
    .await;
    let outbound = Outbound::new(
        AddressPolicy::allowing_private(),
        Duration::from_millis(300),
        Arc::new(Fixed),
    );
    let exchange = send_to(&outbound, "127.0.0.1", &server).await;
    assert_eq!(exchange.outcome, Outcome::TimeoutTotal);
    tells_the_customer_enough_and_no_address(&exchange, "TLS handshake");
}
