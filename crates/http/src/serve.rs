//! Accepts connections and serves them, within limits, until it is told to stop.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_io_timeout::TimeoutStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use sfumato_core::chain;
use sfumato_engine::failures::network;

use crate::address::TrustedProxies;

/// Pause after the operating system could not give another connection, most often for want of descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// Bytes of the head of a request at which the connection is given up with a bare 431, and fields in it. It is more than requests may
/// have, so that what is over that limit is told in the shape of all failures.
const HEAD_BYTES_MAX: usize = 128 * 1024;
const HEAD_FIELDS_MAX: usize = 200;

/// Limits of connections.
#[derive(Clone, Debug)]
pub struct ServeSettings {
    /// Connections that are open at the same time; further ones wait in the operating system's queue.
    pub connections_max: usize,
    /// Those of them from one address, of which IPv6 counts the /64; a further one is closed at once. Proxies that are trusted
    /// and this machine have no such limit.
    pub connections_per_address_max: usize,
    /// Who is believed about where a request comes from.
    pub trusted_proxies: TrustedProxies,
    /// Longest time for the headers of a request; also how long an idle connection is kept.
    pub headers_timeout: Duration,
    /// How long a client may take nothing of an answer before its connection is closed.
    pub write_stall_timeout: Duration,
    /// How long open requests may go on after the signal to stop.
    pub shutdown_deadline: Duration,
}

impl Default for ServeSettings {
    fn default() -> Self {
        Self {
            connections_max: 4096,
            connections_per_address_max: 1024,
            trusted_proxies: TrustedProxies::default(),
            headers_timeout: Duration::from_secs(30),
            write_stall_timeout: Duration::from_secs(60),
            shutdown_deadline: Duration::from_secs(30),
        }
    }
}

/// Serves HTTP/1.1 until `shutdown`. Then no new connection is taken, idle ones are closed, requests in flight may end
/// within the deadline, and what is still open is cut off. A half-received upload that is cut off leaves nothing behind.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    settings: ServeSettings,
    shutdown: CancellationToken,
) {
    let connections = TaskTracker::new();
    let cut_off = CancellationToken::new();
    let places = Arc::new(Semaphore::new(settings.connections_max));
    let crowd = Crowd::default();
    loop {
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = accept(&listener, &places) => accepted,
        };
        let (stream, peer, place) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(error = chain(&error), "a connection could not be accepted");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Some(own) = crowd.enter(peer, &settings) else {
            tracing::debug!(%peer, "a connection beyond those of its address was closed");
            continue;
        };
        let connection = serve_connection(stream, peer, router.clone(), settings.clone(), shutdown.clone());
        let cut_off = cut_off.clone();
        connections.spawn(async move {
            tokio::select! {
                () = connection => {}
                () = cut_off.cancelled() => {}
            }
            drop((place, own));
        });
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(settings.shutdown_deadline, connections.wait())
        .await
        .is_err()
    {
        tracing::warn!(
            connections = connections.len(),
            "connections are cut off at the end of the deadline"
        );
        cut_off.cancel();
        connections.wait().await;
    }
}

type Place = tokio::sync::OwnedSemaphorePermit;

/// How many connections there are from each address.
#[derive(Clone, Debug, Default)]
struct Crowd(Arc<Mutex<HashMap<u64, usize>>>);

/// A connection among those of its address.
#[derive(Debug)]
struct OwnPlace {
    crowd: Crowd,
    network: Option<u64>,
}

impl Crowd {
    /// `None` where the address has as many as it may.
    fn enter(&self, peer: SocketAddr, settings: &ServeSettings) -> Option<OwnPlace> {
        let address = peer.ip().to_canonical();
        let crowd = self.clone();
        if address.is_loopback() || settings.trusted_proxies.trust(address) {
            return Some(OwnPlace { crowd, network: None });
        }
        let network = network(address);
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = all.entry(network).or_default();
        // One that is not there yet has room: nobody may have none at all.
        if *count >= settings.connections_per_address_max.max(1) {
            return None;
        }
        *count += 1;
        Some(OwnPlace {
            crowd,
            network: Some(network),
        })
    }
}

impl Drop for OwnPlace {
    fn drop(&mut self) {
        let Some(network) = self.network else { return };
        let mut all = self.crowd.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = all.get_mut(&network) {
            *count -= 1;
            if *count == 0 {
                all.remove(&network);
            }
        }
    }
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, Place)> {
    let place = places.clone().acquire_owned().await.map_err(io::Error::other)?;
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, place))
}

async fn serve_connection(
    stream: TcpStream,
    peer: SocketAddr,
    router: Router,
    settings: ServeSettings,
    shutdown: CancellationToken,
) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%peer, error = chain(&error), "a connection has ended already");
        return;
    }
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(settings.write_stall_timeout));
    let proxies = settings.trusted_proxies;
    let service = service_fn(move |mut request: Request<Incoming>| {
        let sender = proxies.sender(peer, request.headers());
        request.extensions_mut().insert(ConnectInfo(sender));
        let router = router.clone();
        async move {
            let answer: Result<_, Infallible> = router.oneshot(request).await;
            answer
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(settings.headers_timeout)
        .max_headers(HEAD_FIELDS_MAX)
        .max_buf_size(HEAD_BYTES_MAX)
        .serve_connection(TokioIo::new(Box::pin(stream)), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shutdown.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        // A peer that goes away is its own business; whatever failed in a request is in the access log.
        tracing::debug!(%peer, error = chain(&error), "a connection broke");
    }
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::routing::get;
    use futures::stream;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::Notify;
    use tokio::task::JoinHandle;

    use super::*;

    struct Running {
        address: SocketAddr,
        shutdown: CancellationToken,
        served: JoinHandle<()>,
        begun: Arc<Notify>,
        go_on: Arc<Notify>,
    }

    impl Running {
        async fn start(settings: ServeSettings) -> Self {
            let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
            let (begin, wait) = (begun.clone(), go_on.clone());
            let slow = move || async move {
                begin.notify_one();
                wait.notified().await;
                "done"
            };
            let endless = || async {
                Body::from_stream(stream::repeat_with(|| {
                    Ok::<_, Infallible>(axum::body::Bytes::from_static(&[0; 65536]))
                }))
            };
            let peer = |ConnectInfo(peer): ConnectInfo<SocketAddr>| async move { peer.to_string() };
            let router = Router::new()
                .route("/slow", get(slow))
                .route("/endless", get(endless))
                .route("/peer", get(peer));
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = listener.local_addr().unwrap();
            let shutdown = CancellationToken::new();
            let served = tokio::spawn(serve(listener, router, settings, shutdown.clone()));
            Self {
                address,
                shutdown,
                served,
                begun,
                go_on,
            }
        }

        async fn get(&self, path: &str) -> TcpStream {
            let mut stream = TcpStream::connect(self.address).await.unwrap();
            let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
            stream.write_all(request.as_bytes()).await.unwrap();
            stream
        }
    }

    async fn rest_of(mut stream: TcpStream) -> io::Result<String> {
        let mut text = String::new();
        stream.read_to_string(&mut text).await?;
        Ok(text)
    }

    #[tokio::test]
    async fn a_request_in_flight_ends_after_the_signal_to_stop_and_idle_connections_close() {
        let server = Running::start(ServeSettings::default()).await;
        let idle = TcpStream::connect(server.address).await.unwrap();
        let busy = server.get("/slow").await;
        server.begun.notified().await;
        server.shutdown.cancel();
        assert_eq!(rest_of(idle).await.unwrap(), "");
        server.go_on.notify_one();
        assert!(rest_of(busy).await.unwrap().ends_with("done"));
        server.served.await.unwrap();
        assert!(TcpStream::connect(server.address).await.is_err());
    }

    #[tokio::test]
    async fn what_is_not_done_at_the_deadline_is_cut_off() {
        let server = Running::start(ServeSettings {
            shutdown_deadline: Duration::from_millis(50),
            ..ServeSettings::default()
        })
        .await;
        let busy = server.get("/slow").await;
        server.begun.notified().await;
        server.shutdown.cancel();
        server.served.await.unwrap();
        assert!(rest_of(busy).await.is_ok_and(|text| text.is_empty()));
    }

    #[tokio::test]
    async fn a_client_that_dawdles_with_its_headers_loses_its_connection() {
        let server = Running::start(ServeSettings {
            headers_timeout: Duration::from_millis(50),
            ..ServeSettings::default()
        })
        .await;
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(b"GET /slow HTTP/1.1\r\nHost").await.unwrap();
        let answer = rest_of(stream).await.unwrap();
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 408"),
            "{answer}"
        );
    }

    #[tokio::test]
    async fn a_connection_on_which_nothing_comes_is_closed_at_first_and_after_a_request() {
        let server = Running::start(ServeSettings {
            headers_timeout: Duration::from_millis(50),
            ..ServeSettings::default()
        })
        .await;
        let silent = TcpStream::connect(server.address).await.unwrap();
        assert!(rest_of(silent).await.is_ok_and(|text| text.is_empty()));
        let asked = server.get("/peer").await;
        let answer = rest_of(asked).await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(!answer.contains("connection: close"), "{answer}");
    }

    /// What a head is answered with; nothing where the connection was cut before the whole of it was sent.
    async fn answer_to(head: &str) -> String {
        let server = Running::start(ServeSettings::default()).await;
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        let _cut_while_sending = stream.write_all(head.as_bytes()).await;
        let mut answer = vec![0; 64];
        let read = stream.read(&mut answer).await.unwrap_or_default();
        String::from_utf8_lossy(&answer[..read]).into_owned()
    }

    #[tokio::test]
    async fn a_head_that_is_too_large_is_refused() {
        let head = |fields: &str| format!("GET /peer HTTP/1.1\r\nHost: a\r\n{fields}\r\n");
        let many = |count: usize| -> String { (0..count).map(|n| format!("X-{n}: 1\r\n")).collect() };
        let answer = answer_to(&head(&many(90))).await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        let answer = answer_to(&head(&many(200))).await;
        assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
        let large = format!("X: {}\r\n", "x".repeat(2 * HEAD_BYTES_MAX));
        let answer = answer_to(&head(&large)).await;
        assert!(
            answer.is_empty() || answer.starts_with("HTTP/1.1 431"),
            "{answer}"
        );
    }

    #[tokio::test]
    async fn what_a_trusted_proxy_says_of_the_sender_is_believed() {
        let trusting = ServeSettings {
            trusted_proxies: TrustedProxies::new(["127.0.0.0/8".parse().unwrap()]),
            ..ServeSettings::default()
        };
        for (settings, expected) in [
            (trusting, "203.0.113.7:0"),
            (ServeSettings::default(), "127.0.0.1:"),
        ] {
            let server = Running::start(settings).await;
            let mut stream = TcpStream::connect(server.address).await.unwrap();
            let request =
                "GET /peer HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 203.0.113.7\r\nConnection: close\r\n\r\n";
            stream.write_all(request.as_bytes()).await.unwrap();
            let answer = rest_of(stream).await.unwrap();
            assert!(answer.contains(&format!("\r\n\r\n{expected}")), "{answer}");
        }
    }

    #[test]
    fn an_address_has_so_many_connections_and_a_proxy_any_number() {
        let settings = ServeSettings {
            connections_per_address_max: 2,
            trusted_proxies: TrustedProxies::new(["10.0.0.0/8".parse().unwrap()]),
            ..ServeSettings::default()
        };
        let crowd = Crowd::default();
        let enter = |address: &str| crowd.enter(SocketAddr::new(address.parse().unwrap(), 1), &settings);
        let _first = enter("2001:db8::1").unwrap();
        let second = enter("2001:db8::2").unwrap();
        assert!(enter("2001:db8::3").is_none(), "one network");
        let _elsewhere = enter("2001:db8:1::1").unwrap();
        drop(second);
        let _again = enter("2001:db8::3").unwrap();
        let many: Vec<_> = (0..10).map(|_| (enter("10.1.1.1"), enter("127.0.0.1"))).collect();
        assert!(
            many.iter()
                .all(|(proxy, local)| proxy.is_some() && local.is_some())
        );
        drop(many);
        drop(_first);
        drop(_again);
        assert_eq!(crowd.0.lock().unwrap().len(), 1, "what has gone is forgotten");
    }

    #[tokio::test]
    async fn a_client_that_takes_nothing_of_an_answer_loses_its_connection() {
        let server = Running::start(ServeSettings {
            write_stall_timeout: Duration::from_millis(50),
            ..ServeSettings::default()
        })
        .await;
        let mut stalled = server.get("/endless").await;
        let mut buffer = [0; 1024];
        assert_ne!(stalled.read(&mut buffer).await.unwrap(), 0);
        server.shutdown.cancel();
        server.served.await.unwrap();
        drop(stalled);
    }

    #[tokio::test]
    async fn a_connection_beyond_the_limit_waits_for_a_place() {
        let server = Running::start(ServeSettings {
            connections_max: 1,
            ..ServeSettings::default()
        })
        .await;
        let first = server.get("/slow").await;
        server.begun.notified().await;
        let mut second = server.get("/peer").await;
        let address = second.local_addr().unwrap();
        let mut buffer = [0; 1024];
        let early = tokio::time::timeout(Duration::from_millis(50), second.read(&mut buffer)).await;
        assert!(early.is_err(), "the second is served beside the first");
        server.go_on.notify_one();
        drop(first);
        let mut text = String::new();
        while !text.contains("127.0.0.1") {
            let read = second.read(&mut buffer).await.unwrap();
            assert_ne!(read, 0);
            text.push_str(std::str::from_utf8(&buffer[..read]).unwrap());
        }
        assert!(text.ends_with(&address.to_string()), "{text}");
    }
}
