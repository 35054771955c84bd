//! From a URL to a connection whose peer has been judged.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{self, ClientConfig, ProtocolVersion, RootCertStore};
use url::{Host, Position, Url};

use super::failure::{Blocked, Failure};
use super::{CONNECT_SHARE, Outbound, Phase, Progress};
use crate::guard::{AddressPolicy, BlockRule, BlockedAddress, is_own, judge_address, reached_address};

/// Addresses of one name that are tried. All of them are judged.
const ADDRESSES_TRIED_MAX: usize = 8;

/// How long one address is tried alone before the next joins it (RFC 8305, the recommended connection attempt delay).
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// A connection, in clear or in TLS.
pub(super) trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Connection for T {}

/// An open connection whose peer has been judged.
pub(super) struct Link {
    pub(super) stream: Box<dyn Connection>,
    /// `https://host:port`, without the port where it is the scheme's own.
    pub(super) origin: Arc<str>,
    pub(super) peer: SocketAddr,
    pub(super) tls: Option<Arc<str>>,
    pub(super) opened_at: std::time::Instant,
}

impl Link {
    /// Whether the peer has neither closed nor spoken out of turn. Bytes that nobody asked for would be taken for the
    /// answer to the next message.
    pub(super) fn is_silent(&mut self) -> bool {
        let mut byte = [0];
        let mut buffer = ReadBuf::new(&mut byte);
        let mut context = Context::from_waker(Waker::noop());
        Pin::new(&mut *self.stream)
            .poll_read(&mut context, &mut buffer)
            .is_pending()
    }
}

impl Outbound {
    /// Opens a connection to the origin of a URL: resolve once, judge every address, connect to a judged one, check the
    /// peer, speak TLS where the scheme says so.
    pub(super) async fn open(&self, url: &Url, progress: &mut Progress) -> Result<Link, Failure> {
        progress.enter(Phase::Dns);
        let connect_until = Instant::now() + self.deadline.mul_f64(CONNECT_SHARE);
        let host = url.host().ok_or(Failure::Dns { source: None })?;
        let port = url.port_or_known_default().unwrap_or(443);
        let addresses = timeout_at(connect_until, self.addresses(&host, port))
            .await
            .unwrap_or_else(|_| {
                Err(Failure::Dns {
                    source: Some(io::ErrorKind::TimedOut.into()),
                })
            })?;
        progress.enter(Phase::Connect);
        let stream = timeout_at(connect_until, first_to_connect(&addresses))
            .await
            .map_err(|_| Failure::ConnectTimeout)?
            .map_err(|source| Failure::Connect { source })?;
        let peer = stream.peer_addr().map_err(|source| Failure::Connect { source })?;
        check_peer(peer, &addresses, &self.policy)?;
        // After the check: a customer sees it when he tries an endpoint.
        progress.address = Some(peer);
        let opened_at = std::time::Instant::now();
        // One small request and one small answer: waiting to fill a packet only costs time.
        let _ = stream.set_nodelay(true);
        let origin = Arc::from(&url[..Position::BeforePath]);
        let link = |stream, tls| Link {
            stream,
            origin,
            peer,
            tls,
            opened_at,
        };
        if url.scheme() != "https" {
            return Ok(link(Box::new(stream), None));
        }
        progress.enter(Phase::Tls);
        let stream = TlsConnector::from(self.tls.clone())
            .connect(server_name(&host)?, stream)
            .await
            .map_err(|source| Failure::Tls { source })?;
        let tls = describe(stream.get_ref().1);
        progress.tls = Some(tls.clone());
        Ok(link(Box::new(stream), Some(tls.into())))
    }

    /// The addresses of a host, every one of them judged: one bad address rejects the name, for whoever mixes good and
    /// bad ones hopes for a race.
    async fn addresses(&self, host: &Host<&str>, port: u16) -> Result<Vec<SocketAddr>, Failure> {
        let addresses = match host {
            Host::Ipv4(ip) => vec![SocketAddr::new(IpAddr::V4(*ip), port)],
            Host::Ipv6(ip) => vec![SocketAddr::new(IpAddr::V6(*ip), port)],
            Host::Domain(name) => self
                .resolver
                .resolve(name, port)
                .await
                .map_err(|source| Failure::Dns { source: Some(source) })?,
        };
        if addresses.is_empty() {
            return Err(Failure::Dns { source: None });
        }
        for address in &addresses {
            // A resolver that answers with another port would lead past the judgement of ports.
            if address.port() != port {
                return Err(Failure::Blocked(Blocked::Port));
            }
            judge(*address, &self.policy).map_err(|blocked| Failure::Blocked(Blocked::Address(blocked)))?;
        }
        Ok(addresses)
    }
}

/// The guard's judgement, and whether the address is one of this machine's.
fn judge(address: SocketAddr, policy: &AddressPolicy) -> Result<(), BlockedAddress> {
    let ip = address.ip();
    judge_address(ip, policy)?;
    let is_own = || !policy.allows_explicitly(ip) && is_own(reached_address(ip));
    if policy.is_listener(address) || is_own() {
        return Err(BlockedAddress {
            address: ip,
            rule: BlockRule::Own,
        });
    }
    Ok(())
}

/// The peer must be one of the addresses that were judged, and is judged again: nothing between the two steps is
/// trusted.
fn check_peer(peer: SocketAddr, judged: &[SocketAddr], policy: &AddressPolicy) -> Result<(), Failure> {
    judge_address(peer.ip(), policy).map_err(|blocked| Failure::Blocked(Blocked::Address(blocked)))?;
    let same = |judged: &SocketAddr| {
        judged.ip().to_canonical() == peer.ip().to_canonical() && judged.port() == peer.port()
    };
    if judged.iter().any(same) {
        Ok(())
    } else {
        Err(Failure::Blocked(Blocked::Peer(peer)))
    }
}

/// Tries the addresses in order, each next one when the one before has failed or is slow (RFC 8305, simplified).
async fn first_to_connect(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut waiting = addresses.iter().take(ADDRESSES_TRIED_MAX);
    let mut racing = FuturesUnordered::new();
    let mut last_error = io::Error::from(io::ErrorKind::AddrNotAvailable);
    loop {
        if let Some(address) = waiting.next() {
            racing.push(TcpStream::connect(*address));
        }
        tokio::select! {
            result = racing.next() => match result {
                Some(Ok(stream)) => return Ok(stream),
                Some(Err(error)) => last_error = error,
                None => return Err(last_error),
            },
            () = tokio::time::sleep(ATTEMPT_DELAY), if waiting.len() > 0 => {}
        }
    }
}

/// The certificate authorities that the operating system trusts. Without any, every `https` endpoint fails with a TLS
/// error, and the log says why.
pub(super) fn native_roots() -> RootCertStore {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    let (added, _) = roots.add_parsable_certificates(found.certs);
    if added == 0 {
        tracing::warn!(
            errors = ?found.errors,
            "no certificate authorities were found; https webhooks will fail (install the package ca-certificates)"
        );
    }
    roots
}

pub(super) fn tls_config(roots: RootCertStore) -> Arc<ClientConfig> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("the provider has cipher suites for TLS 1.2 and 1.3")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Arc::new(config)
}

fn server_name(host: &Host<&str>) -> Result<ServerName<'static>, Failure> {
    match host {
        Host::Ipv4(ip) => Ok(ServerName::from(IpAddr::V4(*ip))),
        Host::Ipv6(ip) => Ok(ServerName::from(IpAddr::V6(*ip))),
        Host::Domain(name) => {
            // Certificates name hosts without the dot at the end.
            let name = name.strip_suffix('.').unwrap_or(name);
            ServerName::try_from(name.to_owned()).map_err(|error| Failure::Tls {
                source: io::Error::new(io::ErrorKind::InvalidInput, error),
            })
        }
    }
}

fn describe(connection: &rustls::ClientConnection) -> String {
    let version = match connection.protocol_version() {
        Some(ProtocolVersion::TLSv1_3) => "TLS 1.3",
        Some(ProtocolVersion::TLSv1_2) => "TLS 1.2",
        _ => "TLS",
    };
    match connection
        .negotiated_cipher_suite()
        .and_then(|suite| suite.suite().as_str())
    {
        Some(suite) => format!("{version}, {suite}"),
        None => version.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peer_that_was_not_judged_is_refused() {
        let policy = AddressPolicy::default();
        let judged: Vec<SocketAddr> = vec!["8.8.8.8:443".parse().unwrap()];
        assert!(check_peer("8.8.8.8:443".parse().unwrap(), &judged, &policy).is_ok());
        assert!(check_peer("[::ffff:8.8.8.8]:443".parse().unwrap(), &judged, &policy).is_ok());
        assert!(check_peer("8.8.4.4:443".parse().unwrap(), &judged, &policy).is_err());
        assert!(check_peer("8.8.8.8:80".parse().unwrap(), &judged, &policy).is_err());
        let private: Vec<SocketAddr> = vec!["10.0.0.1:443".parse().unwrap()];
        assert!(check_peer(private[0], &private, &policy).is_err());
    }
}
