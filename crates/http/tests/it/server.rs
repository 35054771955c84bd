//! A server on a free port, and clients of it.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};
use sfumato_core::job::{JobOutcome, JobResult, JobState};
use sfumato_core::store::JobLimits;
use sfumato_core::{Clock, Job, PublicJobId, ResultId, Store, Timestamp, WorkerId};
use sfumato_engine::access::Keys;
use sfumato_engine::blobs::{Blobs, ResultPart};
use sfumato_engine::guard::AddressPolicy;
use sfumato_engine::system::SystemEntropy;
use sfumato_engine::{Engine, EngineSettings, Parts};
use sfumato_http::{HttpSettings, ServeSettings, TrustedProxies, router, serve};
use sfumato_store_sqlite::{SqliteOptions, SqliteStore};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

/// The smallest content that is recognised as a JPEG, followed by something to tell files apart.
pub(crate) fn jpeg(tail: &[u8]) -> Vec<u8> {
    [&[0xFF, 0xD8, 0xFF, 0xE0][..], &[0; 12], tail].concat()
}

/// The same for PNG.
pub(crate) fn png(tail: &[u8]) -> Vec<u8> {
    [&b"\x89PNG\r\n\x1a\n"[..], &[0; 8], tail].concat()
}

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub(crate) struct TestClock(AtomicI64);

impl TestClock {
    pub(crate) fn advance(&self, by: Duration) {
        let micros = i64::try_from(by.as_micros()).unwrap();
        self.0.fetch_add(micros, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) engine: Engine,
    pub(crate) store: Arc<SqliteStore>,
    pub(crate) blobs: Blobs,
    pub(crate) clock: Arc<TestClock>,
    pub(crate) folder: TempDir,
    _stop: DropGuard,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_, _| {}).await
    }

    pub(crate) async fn start_with(adjust: impl FnOnce(&mut EngineSettings, &mut HttpSettings)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let blobs = Blobs::open_folder(&folder.path().join("blobs")).unwrap();
        Self::start_on(folder, blobs, adjust).await
    }

    /// A server whose originals and results lie elsewhere than in its folder.
    pub(crate) async fn start_on(
        folder: TempDir,
        blobs: Blobs,
        adjust: impl FnOnce(&mut EngineSettings, &mut HttpSettings),
    ) -> Self {
        // Later than the moment at which any token of another run was made, on a whole second.
        let clock = Arc::new(TestClock(AtomicI64::new(1_900_000_000_000_000)));
        let entropy = Arc::new(SystemEntropy);
        let database = folder.path().join("sfumato.db");
        let store = SqliteStore::open(
            &database,
            clock.clone(),
            entropy.clone(),
            SqliteOptions::default(),
        )
        .unwrap();
        let store = Arc::new(store);
        let mut settings = EngineSettings {
            addresses: AddressPolicy::allowing_private(),
            ..EngineSettings::default()
        };
        let mut http = HttpSettings::default();
        adjust(&mut settings, &mut http);
        let engine = Engine::new(Parts {
            store: store.clone(),
            blobs: blobs.clone(),
            media: None,
            clock: clock.clone(),
            entropy,
            keys: Keys::derive(&[7; 32]),
            settings,
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let api = router(engine.clone(), http);
        // Tests say in `X-Forwarded-For` from where they come.
        let limits = ServeSettings {
            trusted_proxies: TrustedProxies::new(["127.0.0.0/8".parse().unwrap()]),
            ..ServeSettings::default()
        };
        tokio::spawn(serve(listener, api, limits, stop.clone()));
        Self {
            address,
            engine,
            store,
            blobs,
            clock,
            folder,
            _stop: stop.drop_guard(),
        }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A new client that has logged in.
    pub(crate) async fn client(&self, name: &str) -> Client {
        let (client, secret) = self.engine.create_client(name).await.unwrap();
        let mut client = Client {
            http: http(),
            base: self.url(""),
            client_id: client.key.as_str().to_owned(),
            secret_id: secret.expose().to_owned(),
            token: String::new(),
            refresh_token: String::new(),
        };
        client.log_in().await;
        client
    }

    /// The job as it is stored.
    pub(crate) async fn job(&self, public: &str) -> Job {
        let id: PublicJobId = public.parse().unwrap();
        self.store.job(id.client, id.job).await.unwrap().unwrap()
    }

    /// Does a worker's part: claims this job, which must be the only one that waits.
    pub(crate) async fn claim(&self, public: &str) -> Job {
        let worker = WorkerId::from_uuid(uuid::Uuid::from_u128(1));
        let jobs = self
            .store
            .claim_jobs(worker, JobLimits::both(10), Duration::from_secs(30))
            .await
            .unwrap();
        assert_eq!(jobs.len(), 1);
        assert_eq!(jobs[0].public_id().to_string(), public);
        jobs.into_iter().next().unwrap()
    }

    pub(crate) async fn finish(&self, public: &str, outcome: JobOutcome) -> Job {
        let job = self.claim(public).await;
        let JobState::Running { lease, .. } = job.state else {
            panic!("a claimed job is running");
        };
        self.store.finish_job(job.id, &lease, outcome).await.unwrap()
    }

    /// Does a worker's part with success.
    pub(crate) async fn succeed(&self, public: &str, media: &[u8], document: Option<&[u8]>) -> ResultId {
        let id = ResultId::new(&*self.clock, &SystemEntropy);
        let written = self.blobs.put_result(id, ResultPart::Media, media).await.unwrap();
        let mut described = None;
        if let Some(document) = document {
            let written = self
                .blobs
                .put_result(id, ResultPart::Document, document)
                .await
                .unwrap();
            described = Some((written.bytes, written.sha256));
        }
        let result = JobResult {
            id,
            format: self.job(public).await.upload.format,
            bytes: written.bytes,
            sha256: written.sha256,
            document: described,
            faces: 1,
            plates: 0,
            warnings: vec![],
        };
        self.finish(public, JobOutcome::Succeeded(result)).await;
        id
    }

    /// Every file of the storage.
    pub(crate) fn stored_files(&self) -> Vec<PathBuf> {
        let mut files = vec![];
        let mut folders = vec![self.folder.path().join("blobs")];
        while let Some(folder) = folders.pop() {
            // A folder that has become empty is removed meanwhile.
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    folders.push(path)
                } else {
                    files.push(path)
                }
            }
        }
        files
    }

    /// Waits until what was left of a broken upload is deleted.
    pub(crate) async fn nothing_is_stored(&self) {
        eventually("the storage is empty", || self.stored_files().is_empty()).await;
    }
}

/// Waits for a condition, for as long as a loaded machine may need.
pub(crate) async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + Duration::from_secs(20);
    while !condition() {
        assert!(
            std::time::Instant::now() < deadline,
            "it never came true that {what}"
        );
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

pub(crate) fn http() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().unwrap()
}

/// The same from another address of this machine.
pub(crate) fn http_from(address: &str) -> reqwest::Client {
    let address: IpAddr = address.parse().unwrap();
    reqwest::Client::builder()
        .no_proxy()
        .local_address(address)
        .build()
        .unwrap()
}

#[derive(Clone, Debug)]
pub(crate) struct Client {
    pub(crate) http: reqwest::Client,
    pub(crate) base: String,
    pub(crate) client_id: String,
    pub(crate) secret_id: String,
    pub(crate) token: String,
    pub(crate) refresh_token: String,
}

impl Client {
    pub(crate) async fn log_in(&mut self) {
        let body = json!({"clientId": self.client_id, "secretId": self.secret_id});
        let answer = self
            .http
            .post(format!("{}/login", self.base))
            .json(&body)
            .send()
            .await
            .unwrap();
        let grant = ok(answer).await;
        self.token = text(&grant["token"]);
        self.refresh_token = text(&grant["refreshToken"]);
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.base))
            .bearer_auth(&self.token)
    }

    pub(crate) fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    pub(crate) fn post(&self, path: &str) -> RequestBuilder {
        self.request(Method::POST, path)
    }

    pub(crate) fn post_form(&self, form: Form) -> RequestBuilder {
        self.post("/innovation-service/anonymization").multipart(form)
    }

    /// Uploads a picture with options and returns the job.
    pub(crate) async fn upload(&self, content: Vec<u8>, fields: &[(&str, &str)]) -> String {
        let part = Part::bytes(content).file_name("picture.jpg");
        let mut form = Form::new().part("input_media", part);
        for (name, value) in fields {
            form = form.text((*name).to_owned(), (*value).to_owned());
        }
        let answer = ok(self.post_form(form).send().await.unwrap()).await;
        text(&answer["anonymization_job_id"])
    }

    pub(crate) async fn status(&self, job: &str) -> Value {
        let request = self
            .get("/innovation-service/anonymization")
            .query(&[("anonymization_job_id", job)]);
        ok(request.send().await.unwrap()).await
    }
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// The JSON of an answer with status 200.
pub(crate) async fn ok(answer: Response) -> Value {
    let status = answer.status();
    let body = answer.text().await.unwrap();
    assert_eq!(status, StatusCode::OK, "{body}");
    serde_json::from_str(&body).unwrap()
}

/// Checks that an answer is a failure of the one shape with this status; returns its message.
pub(crate) async fn failed(answer: Response, status: u16) -> String {
    assert_eq!(answer.headers()["content-type"], "application/json");
    let got = answer.status();
    let body = answer.text().await.unwrap();
    assert_eq!(got.as_u16(), status, "{body}");
    failure(&body, status)
}

/// The same for the body alone.
pub(crate) fn failure(body: &str, status: u16) -> String {
    let body: Value = serde_json::from_str(body).unwrap();
    let members: Vec<&str> = body.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, ["error", "message", "statusCode"]);
    assert_eq!(body["statusCode"], status);
    let reason = StatusCode::from_u16(status).unwrap().canonical_reason();
    assert_eq!(body["error"].as_str(), reason);
    let message = text(&body["message"]);
    assert!(!message.is_empty());
    message
}
