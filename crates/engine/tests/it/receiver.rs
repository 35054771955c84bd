//! Receivers of webhooks on real sockets: one that behaves as it is told, and bare sockets that misbehave.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use futures::future::BoxFuture;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::task::AbortOnDropHandle;

/// One request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap_or_default())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("a webhook is JSON")
    }

    pub(crate) fn task_id(&self) -> String {
        self.json()["taskId"].as_str().unwrap_or_default().to_owned()
    }

    pub(crate) fn status(&self) -> String {
        self.json()["status"].as_str().unwrap_or_default().to_owned()
    }
}

/// The answer that the contract asks for.
pub(crate) fn acknowledge(received: &Received) -> Response {
    Json(json!({"taskId": received.task_id()})).into_response()
}

/// A plain answer.
pub(crate) fn answer(status: u16, body: &str) -> Response {
    (StatusCode::from_u16(status).unwrap(), body.to_owned()).into_response()
}

type Answerer = dyn Fn(Received) -> BoxFuture<'static, Response> + Send + Sync;

/// A receiver that keeps what arrives.
pub(crate) struct Receiver {
    pub(crate) address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
    _server: AbortOnDropHandle<()>,
}

impl Receiver {
    /// One that keeps the contract.
    pub(crate) async fn obedient() -> Self {
        Self::answering(|received| acknowledge(&received)).await
    }

    /// One that answers at once.
    pub(crate) async fn answering(answer: impl Fn(Received) -> Response + Send + Sync + 'static) -> Self {
        Self::start(Arc::new(move |received| {
            let response = answer(received);
            Box::pin(async move { response })
        }))
        .await
    }

    /// One that may take its time.
    pub(crate) async fn awaiting<F>(answer: impl Fn(Received) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Response> + Send + 'static,
    {
        Self::start(Arc::new(move |received| Box::pin(answer(received)))).await
    }

    async fn start(answerer: Arc<Answerer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let received = Arc::new(Mutex::new(Vec::new()));
        let kept = received.clone();
        let app = Router::new().fallback(move |request: Request<Body>| {
            let (kept, answerer) = (kept.clone(), answerer.clone());
            async move {
                let (parts, body) = request.into_parts();
                let received = Received {
                    uri: parts.uri,
                    headers: parts.headers,
                    body: to_bytes(body, 1 << 20).await.unwrap().to_vec(),
                };
                kept.lock().unwrap().push(received.clone());
                answerer(received).await
            }
        });
        let server = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self {
            address,
            received,
            _server: AbortOnDropHandle::new(server),
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    /// Waits until at least `count` requests have arrived.
    pub(crate) async fn wait_for(&self, count: usize) -> Vec<Received> {
        until(&format!("{count} requests"), || async {
            let received = self.received();
            (received.len() >= count).then_some(received)
        })
        .await
    }
}

/// A receiver whose answers the test switches between 200 by the contract and another status.
pub(crate) async fn switchable(status: u16) -> (Receiver, Arc<AtomicBool>) {
    let well = Arc::new(AtomicBool::new(false));
    let switch = well.clone();
    let receiver = Receiver::answering(move |received| {
        if switch.load(Ordering::SeqCst) {
            acknowledge(&received)
        } else {
            answer(status, "no")
        }
    })
    .await;
    (receiver, well)
}

/// A receiver that answers each request when the test adds a permit.
pub(crate) async fn gated() -> (Receiver, Arc<Semaphore>) {
    let gate = Arc::new(Semaphore::new(0));
    let kept = gate.clone();
    let receiver = Receiver::awaiting(move |received| {
        let gate = kept.clone();
        async move {
            gate.acquire().await.unwrap().forget();
            acknowledge(&received)
        }
    })
    .await;
    (receiver, gate)
}

/// A listener whose connections are served by a function; counts them.
pub(crate) struct RawServer {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
    _server: AbortOnDropHandle<()>,
}

impl RawServer {
    pub(crate) async fn start<F>(serve: impl Fn(TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self::on(listener, serve)
    }

    pub(crate) fn on<F>(listener: TcpListener, serve: impl Fn(TcpStream) -> F + Send + 'static) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = connections.clone();
        let server = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                counted.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream));
            }
        });
        Self {
            address,
            connections,
            _server: AbortOnDropHandle::new(server),
        }
    }

    /// One that reads the request and answers these bytes, then closes.
    pub(crate) async fn answering(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self::start(move |mut stream| {
            let bytes = bytes.clone();
            async move {
                read_request(&mut stream).await;
                let _ = stream.write_all(&bytes).await;
                let _ = stream.shutdown().await;
            }
        })
        .await
    }

    /// One that answers every request of a connection by its number, counted from 0, and closes where there is no answer.
    pub(crate) async fn talking(
        answer: impl Fn(usize, &str) -> Option<Vec<u8>> + Clone + Send + 'static,
    ) -> Self {
        Self::start(move |mut stream| {
            let answer = answer.clone();
            async move { talk(&mut stream, answer).await }
        })
        .await
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/hook", self.address)
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// See [`RawServer::talking`].
pub(crate) async fn talk(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    answer: impl Fn(usize, &str) -> Option<Vec<u8>>,
) {
    for number in 0.. {
        let request = read_request(stream).await;
        if request.is_empty() {
            return;
        }
        let Some(bytes) = answer(number, &request) else {
            return;
        };
        if stream.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

/// The bytes of the answer that the contract asks for, with more headers (each with its line end).
pub(crate) fn acknowledgement(request: &str, headers: &str) -> Vec<u8> {
    let body = request.split_once("\r\n\r\n").unwrap().1;
    format!(
        "HTTP/1.1 200 OK\r\n{headers}content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

/// A listener whose queue is full: whoever connects hears nothing. It lasts as long as the value.
pub(crate) struct Silent {
    pub(crate) address: SocketAddr,
    _listener: TcpListener,
    _queue: Vec<TcpStream>,
}

impl Silent {
    pub(crate) async fn on(address: SocketAddr) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(address).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut queue = Vec::new();
        while let Ok(stream) =
            tokio::time::timeout(Duration::from_millis(200), TcpStream::connect(address)).await
        {
            queue.push(stream.unwrap());
        }
        Self {
            address,
            _listener: listener,
            _queue: queue,
        }
    }
}

/// Reads one request with a `content-length` from a stream, as text.
pub(crate) async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head
                .lines()
                .filter_map(|line| line.split_once(':'))
                .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
                .and_then(|(_, value)| value.trim().parse::<usize>().ok())
                .unwrap_or(0);
            if body.len() >= length {
                return text;
            }
        }
        if stream.read_buf(&mut bytes).await.unwrap_or(0) == 0 {
            return text;
        }
    }
}

/// Waits for a condition; fails the test when it has not come true for a long time.
pub(crate) async fn until<T, F: Future<Output = Option<T>>>(what: &str, check: impl Fn() -> F) -> T {
    let began = Instant::now();
    loop {
        if let Some(value) = check().await {
            return value;
        }
        assert!(
            began.elapsed() < Duration::from_secs(20),
            "waited in vain for {what}"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
