//! A proxy before the S3-compatible server: it breaks what it is told to, remembers what was asked, and lists uploads in
//! parts, which `s3s-fs` cannot.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::body::{Frame, Incoming};
use hyper::header::{HOST, HeaderName};
use hyper::service::service_fn;
use hyper::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;

/// What is asked.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) query: String,
    pub(crate) headers: HeaderMap,
}

impl Call {
    pub(crate) fn is_part(&self) -> bool {
        self.method == Method::PUT && self.query.contains("partNumber=")
    }

    pub(crate) fn is_completion(&self) -> bool {
        self.method == Method::POST && self.query.contains("uploadId=")
    }

    fn begins_upload(&self) -> bool {
        self.method == Method::POST && self.query.contains("uploads=")
    }
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing.
    None,
    /// It answers with this status and does nothing.
    Status(u16),
    /// It does what is asked, and the connection ends before the answer.
    AnswerLost,
    /// It never answers.
    Silence,
    /// The connection ends after so many bytes of the answer's body.
    Cut(usize),
}

type Decide = Box<dyn FnMut(&Call) -> Fault + Send>;
type Body = BoxBody<Bytes, io::Error>;

struct Inner {
    upstream: String,
    client: Client<HttpConnector, Full<Bytes>>,
    decide: Mutex<Decide>,
    calls: Mutex<Vec<Call>>,
    /// Uploads in parts that were begun: their names.
    unfinished: Mutex<BTreeMap<String, String>>,
}

/// A running proxy.
#[derive(Clone)]
pub(crate) struct Proxy {
    inner: Arc<Inner>,
    pub(crate) endpoint: String,
}

impl Proxy {
    pub(crate) async fn start(upstream: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let inner = Arc::new(Inner {
            upstream: upstream.to_owned(),
            client: Client::builder(TokioExecutor::new()).build_http(),
            decide: Mutex::new(Box::new(|_| Fault::None)),
            calls: Mutex::default(),
            unfinished: Mutex::default(),
        });
        let served = Arc::clone(&inner);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let inner = Arc::clone(&served);
                let service = service_fn(move |request| {
                    let inner = Arc::clone(&inner);
                    async move { inner.answer(request).await }
                });
                tokio::spawn(async move {
                    let connection = hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service);
                    // A connection that breaks is what the tests are about.
                    let _broken = connection.await;
                });
            }
        });
        Self { inner, endpoint }
    }

    /// From here on, breaks what this says.
    pub(crate) fn breaks(&self, decide: impl FnMut(&Call) -> Fault + Send + 'static) {
        *self.inner.decide.lock().unwrap() = Box::new(decide);
    }

    pub(crate) fn calls(&self) -> Vec<Call> {
        self.inner.calls.lock().unwrap().clone()
    }

    /// Uploads in parts that were begun, and neither completed nor aborted.
    pub(crate) fn unfinished(&self) -> usize {
        self.inner.unfinished.lock().unwrap().len()
    }
}

impl Inner {
    async fn answer(&self, request: Request<Incoming>) -> io::Result<Response<Body>> {
        let (parts, body) = request.into_parts();
        let call = Call {
            method: parts.method.clone(),
            path: parts.uri.path().to_owned(),
            query: parts.uri.query().unwrap_or_default().to_owned(),
            headers: parts.headers.clone(),
        };
        self.calls.lock().unwrap().push(call.clone());
        let content = body.collect().await.map_err(io::Error::other)?.to_bytes();
        let fault = (self.decide.lock().unwrap())(&call);
        match fault {
            Fault::Status(status) => {
                let mut response = Response::new(whole("<Error><Code>Broken</Code></Error>"));
                *response.status_mut() = StatusCode::from_u16(status).unwrap();
                return Ok(response);
            }
            Fault::Silence => std::future::pending().await,
            Fault::None | Fault::AnswerLost | Fault::Cut(_) => {}
        }
        if call.method == Method::GET && call.query.contains("uploads=") {
            return Ok(Response::new(whole(self.list())));
        }
        let response = self.forward(&parts, content).await?;
        let (head, content) = response;
        if head.status.is_success() {
            self.note(&call, &content);
        }
        match fault {
            Fault::AnswerLost => Err(io::Error::other("the answer is lost")),
            Fault::Cut(bytes) if content.len() > bytes => {
                let frames = [
                    Ok(Frame::data(content.slice(..bytes))),
                    Err(io::Error::other("the connection ends")),
                ];
                let body = BodyExt::boxed(StreamBody::new(futures::stream::iter(frames)));
                Ok(Response::from_parts(head, body))
            }
            _ => Ok(Response::from_parts(head, whole(content))),
        }
    }

    async fn forward(
        &self,
        parts: &hyper::http::request::Parts,
        content: Bytes,
    ) -> io::Result<(hyper::http::response::Parts, Bytes)> {
        let target = format!("{}{}", self.upstream, parts.uri);
        let mut request = Request::new(Full::new(content));
        *request.method_mut() = parts.method.clone();
        *request.uri_mut() = target.parse::<Uri>().map_err(io::Error::other)?;
        // The signature covers the name under which the proxy was asked.
        *request.headers_mut() = parts.headers.clone();
        assert!(request.headers().contains_key(HOST));
        let response = self.client.request(request).await.map_err(io::Error::other)?;
        let (head, body) = response.into_parts();
        let content = body.collect().await.map_err(io::Error::other)?.to_bytes();
        Ok((head, content))
    }

    fn note(&self, call: &Call, answer: &[u8]) {
        let mut unfinished = self.unfinished.lock().unwrap();
        if call.begins_upload() {
            let answer = String::from_utf8_lossy(answer);
            let id = between(&answer, "<UploadId>", "</UploadId>").unwrap();
            let name = call.path.splitn(3, '/').nth(2).unwrap();
            // The only mark in the names of the tests that an address escapes.
            unfinished.insert(id.to_owned(), name.replace("%3D", "="));
        } else if call.is_completion() || (call.method == Method::DELETE && call.query.contains("uploadId="))
        {
            unfinished.retain(|id, _| !call.query.contains(id.as_str()));
        }
    }

    fn list(&self) -> String {
        let unfinished = self.unfinished.lock().unwrap();
        let uploads = unfinished.iter().map(|(id, name)| {
            format!(
                "<Upload><Key>{name}</Key><UploadId>{id}</UploadId><Initiated>2020-01-01T00:00:00.000Z</Initiated></Upload>"
            )
        });
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ListMultipartUploadsResult>{}<IsTruncated>false</IsTruncated></ListMultipartUploadsResult>",
            uploads.collect::<String>()
        )
    }
}

fn whole(content: impl Into<Bytes>) -> Body {
    Full::new(content.into()).map_err(|never| match never {}).boxed()
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    rest.split_once(after).map(|(found, _)| found)
}

/// Every request was one that any store can answer.
pub(crate) fn assert_plain(calls: &[Call]) {
    for call in calls {
        for conditional in ["if-none-match", "if-match"] {
            let name = HeaderName::from_static(conditional);
            assert!(!call.headers.contains_key(&name), "{call:?}");
        }
    }
}
