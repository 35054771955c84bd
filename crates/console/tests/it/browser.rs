//! A server on a free port, and browsers that visit it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use reqwest::header::{CONTENT_TYPE, COOKIE, LOCATION, ORIGIN, SET_COOKIE};
use reqwest::redirect::Policy;
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use sfumato_console::{ConsoleSettings, router};
use sfumato_core::{Clock, Role, Timestamp};
use sfumato_engine::access::Keys;
use sfumato_engine::admission::RateSettings;
use sfumato_engine::blobs::Blobs;
use sfumato_engine::guard::AddressPolicy;
use sfumato_engine::system::SystemEntropy;
use sfumato_engine::{Engine, EngineSettings, Parts};
use sfumato_http::{ServeSettings, TrustedProxies, serve};
use sfumato_store_sqlite::{SqliteOptions, SqliteStore};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio_util::sync::{CancellationToken, DropGuard};

/// The password of everybody in these tests.
pub(crate) const PASSWORD: &str = "correct horse battery staple";

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
    pub(crate) clock: Arc<TestClock>,
    pub(crate) store: Arc<SqliteStore>,
    pub(crate) blobs: Blobs,
    _folder: TempDir,
    _stop: DropGuard,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::start_with(ConsoleSettings::default()).await
    }

    pub(crate) async fn start_with(settings: ConsoleSettings) -> Self {
        Self::start_on(settings, RateSettings::default()).await
    }

    /// A server that takes requests only so often.
    pub(crate) async fn start_on(settings: ConsoleSettings, rates: RateSettings) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(TestClock(AtomicI64::new(1_900_000_000_000_000)));
        let entropy = Arc::new(SystemEntropy);
        let store = SqliteStore::open(
            &folder.path().join("sfumato.db"),
            clock.clone(),
            entropy.clone(),
            SqliteOptions::default(),
        )
        .unwrap();
        let store = Arc::new(store);
        let blobs = Blobs::open_folder(&folder.path().join("blobs")).unwrap();
        let engine = Engine::new(Parts {
            store: store.clone(),
            blobs: blobs.clone(),
            media: None,
            clock: clock.clone(),
            entropy,
            keys: Keys::derive(&[7; 32]),
            settings: EngineSettings {
                // Receivers of tests listen on loopback.
                addresses: AddressPolicy::allowing_private(),
                rates,
                ..EngineSettings::default()
            },
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let manager = router(engine.clone(), settings);
        // Tests say in `X-Forwarded-For` from where they come.
        let limits = ServeSettings {
            trusted_proxies: TrustedProxies::new(["127.0.0.0/8".parse().unwrap()]),
            ..ServeSettings::default()
        };
        tokio::spawn(serve(listener, manager, limits, stop.clone()));
        Self {
            address,
            engine,
            clock,
            store,
            blobs,
            _folder: folder,
            _stop: stop.drop_guard(),
        }
    }

    /// A browser that knows nothing of this server yet.
    pub(crate) fn browser(&self) -> Browser {
        Browser {
            base: format!("http://{}", self.address),
            http: reqwest::Client::builder()
                .redirect(Policy::none())
                .build()
                .unwrap(),
            cookies: BTreeMap::new(),
        }
    }

    /// A user who has chosen the password.
    pub(crate) async fn user(&self, name: &str, role: Role) {
        let (_, link) = self.engine.create_user(name, role).await.unwrap();
        self.engine
            .choose_password(link.expose(), PASSWORD)
            .await
            .unwrap();
    }

    /// A browser in which a user of this name, made for it, has signed in.
    pub(crate) async fn signed_in(&self, name: &str, role: Role) -> Browser {
        self.user(name, role).await;
        let mut browser = self.browser();
        let answer = browser.sign_in(name, PASSWORD).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
        browser
    }
}

/// What a browser got.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// Where it leads on to.
    pub(crate) fn location(&self) -> &str {
        self.header(LOCATION.as_str())
    }

    /// The token that forms of this page bring.
    pub(crate) fn csrf(&self) -> String {
        let (_, rest) = self
            .text
            .split_once(r#"<meta name="csrf-token" content=""#)
            .unwrap();
        rest.split('"').next().unwrap().to_owned()
    }
}

/// Keeps cookies, and names the origin of what it sends, as browsers do.
#[derive(Clone)]
pub(crate) struct Browser {
    pub(crate) base: String,
    pub(crate) http: reqwest::Client,
    pub(crate) cookies: BTreeMap<String, String>,
}

impl Browser {
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        self.http
            .request(method, format!("{}{path}", self.base))
            .header(COOKIE, cookies.join("; "))
    }

    pub(crate) async fn send(&mut self, request: RequestBuilder) -> Answer {
        let response: Response = request.send().await.unwrap();
        for cookie in response.headers().get_all(SET_COOKIE) {
            let cookie = cookie.to_str().unwrap();
            let (name, value) = cookie.split(';').next().unwrap().split_once('=').unwrap();
            if cookie.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        Answer {
            status: response.status(),
            headers: response.headers().clone(),
            text: response.text().await.unwrap(),
        }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        let request = self.request(Method::GET, path);
        self.send(request).await
    }

    /// Goes where an answer leads on to.
    pub(crate) async fn follow(&mut self, answer: &Answer) -> Answer {
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
        self.get(answer.location()).await
    }

    /// A form as a page of this server has it, without a token.
    pub(crate) fn form(&self, path: &str, fields: &[(&str, &str)]) -> RequestBuilder {
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        self.request(Method::POST, path)
            .header(ORIGIN, &self.base)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(body)
    }

    /// Sends a form with the token of this session.
    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let csrf = self.get("/manager/account").await.csrf();
        let mut all = vec![("csrf", csrf.as_str())];
        all.extend(fields);
        let request = self.form(path, &all);
        self.send(request).await
    }

    pub(crate) async fn sign_in(&mut self, name: &str, password: &str) -> Answer {
        let request = self.form("/manager/sign-in", &[("name", name), ("password", password)]);
        self.send(request).await
    }
}
