//! A client of the API, as thin as a customer's.

use anyhow::{Context, Result, ensure};
use reqwest::header::{CONTENT_TYPE, SET_COOKIE};
use reqwest::multipart::{Form, Part};
use reqwest::redirect::Policy;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

use crate::eventually;
use sfumato_testkit::secrets;

/// A client that has logged in.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    base: String,
    /// Its login name.
    pub client_id: String,
    /// Its secret.
    pub secret_id: String,
    /// Its access token.
    pub token: String,
    /// Its refresh token.
    pub refresh_token: String,
}

/// An HTTP client without a proxy.
///
/// # Panics
/// Never with these settings.
pub fn http() -> reqwest::Client {
    reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client without TLS is always built")
}

/// A person signs in to the Manager by name and password.
///
/// # Errors
/// When the server refuses.
pub async fn sign_in(base: &str, name: &str, password: &str) -> Result<()> {
    let http = reqwest::Client::builder()
        .no_proxy()
        .redirect(Policy::none())
        .build()?;
    let answer = http
        .post(format!("{base}/manager/sign-in"))
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(format!("name={name}&password={}", password.replace(' ', "+")))
        .send()
        .await?;
    let session = answer.headers().get(SET_COOKIE);
    ensure!(
        answer.status() == 303 && session.is_some(),
        "sign-in: {}",
        answer.status()
    );
    Ok(())
}

impl Client {
    /// `POST /login`.
    ///
    /// # Errors
    /// When the server refuses.
    pub async fn log_in(base: &str, client_id: &str, secret_id: &str) -> Result<Self> {
        secrets::remember("a client's secret", secret_id);
        let http = http();
        let body = json!({"clientId": client_id, "secretId": secret_id});
        let answer = http.post(format!("{base}/login")).json(&body).send().await?;
        ensure!(answer.status() == 200, "login: {}", answer.text().await?);
        let grant: Value = answer.json().await?;
        let text = |member: &str| {
            grant[member]
                .as_str()
                .map(str::to_owned)
                .context("the grant lacks a member")
        };
        let made = Self {
            http,
            base: base.to_owned(),
            client_id: client_id.to_owned(),
            secret_id: secret_id.to_owned(),
            token: String::new(),
            refresh_token: String::new(),
        };
        Ok(made.with_tokens(&text("token")?, &text("refreshToken")?))
    }

    /// The same login at a server that has come back elsewhere.
    #[must_use]
    pub fn at(&self, base: &str) -> Self {
        Self {
            base: base.to_owned(),
            http: http(),
            ..self.clone()
        }
    }

    /// The same client with other tokens.
    #[must_use]
    pub fn with_tokens(&self, token: &str, refresh_token: &str) -> Self {
        secrets::remember("an access token", token);
        secrets::remember("a refresh token", refresh_token);
        Self {
            token: token.to_owned(),
            refresh_token: refresh_token.to_owned(),
            ..self.clone()
        }
    }

    /// A request with the access token.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.base))
            .bearer_auth(&self.token)
    }

    /// Uploads a file with text fields; returns the answer, whatever it is.
    ///
    /// # Errors
    /// When there is no answer.
    pub async fn upload(&self, name: &str, content: Vec<u8>, fields: &[(&str, &str)]) -> Result<Response> {
        let mut form = Form::new();
        for (field, value) in fields {
            form = form.text((*field).to_owned(), (*value).to_owned());
        }
        let form = form.part("input_media", Part::bytes(content).file_name(name.to_owned()));
        let path = "/innovation-service/anonymization";
        Ok(self.request(Method::POST, path).multipart(form).send().await?)
    }

    /// Uploads a file and returns the job's identifier.
    ///
    /// # Errors
    /// When the upload is not accepted.
    pub async fn submit(&self, name: &str, content: Vec<u8>, fields: &[(&str, &str)]) -> Result<String> {
        let answer = self.upload(name, content, fields).await?;
        ensure!(
            answer.status() == 200,
            "upload: {} {}",
            answer.status(),
            answer.text().await?
        );
        let answer: Value = answer.json().await?;
        answer["anonymization_job_id"]
            .as_str()
            .map(str::to_owned)
            .context("no job identifier")
    }

    /// A job's status document.
    ///
    /// # Errors
    /// When there is no answer or it is not 200.
    pub async fn status(&self, job: &str) -> Result<Value> {
        let path = format!("/innovation-service/anonymization?anonymization_job_id={job}");
        let answer = self.request(Method::GET, &path).send().await?;
        ensure!(
            answer.status() == 200,
            "status: {} {}",
            answer.status(),
            answer.text().await?
        );
        Ok(answer.json().await?)
    }

    /// Waits until a job has ended and returns its status document.
    pub async fn finished(&self, job: &str) -> Value {
        eventually("the job to end", async || {
            let status = self.status(job).await.ok()?;
            matches!(
                status["status"].as_str(),
                Some("Succeeded" | "Failed" | "Revoked")
            )
            .then_some(status)
        })
        .await
    }

    /// Uploads, waits for success and downloads: the result and, where it was asked for, the detections document.
    ///
    /// # Errors
    /// When anything but success comes out.
    pub async fn anonymize(
        &self,
        name: &str,
        content: Vec<u8>,
        fields: &[(&str, &str)],
    ) -> Result<(Vec<u8>, Option<Value>)> {
        let job = self.submit(name, content, fields).await?;
        let status = self.finished(&job).await;
        ensure!(status["status"] == "Succeeded", "the job ended as {status}");
        let media = self
            .download(status["output_media"].as_str().context("no output_media")?)
            .await?;
        let document = match status["output_json"].as_str() {
            Some(url) => Some(serde_json::from_slice(&self.download(url).await?)?),
            None => None,
        };
        Ok((media, document))
    }

    /// Downloads a result by its URL.
    ///
    /// # Errors
    /// When it is not there.
    pub async fn download(&self, url: &str) -> Result<Vec<u8>> {
        let answer = self.http.get(url).bearer_auth(&self.token).send().await?;
        ensure!(answer.status() == 200, "download: {}", answer.status());
        Ok(answer.bytes().await?.to_vec())
    }

    /// Adds a webhook endpoint and returns its object.
    ///
    /// # Errors
    /// When it is not accepted.
    pub async fn add_endpoint(&self, url: &str) -> Result<Value> {
        let body = json!({"webhookUrl": url});
        let answer = self
            .request(Method::POST, "/webhook-url")
            .json(&body)
            .send()
            .await?;
        ensure!(
            answer.status() == 201,
            "endpoint: {} {}",
            answer.status(),
            answer.text().await?
        );
        let endpoint: Value = answer.json().await?;
        let id = endpoint["uuid"]
            .as_str()
            .context("an endpoint without an identifier")?;
        let path = format!("/webhook-url/{id}/signing-secret");
        let signing: Value = self.request(Method::GET, &path).send().await?.json().await?;
        for (what, value) in [
            ("a webhook token", &endpoint["webhookToken"]),
            ("a signing secret", &signing["signingSecret"]),
        ] {
            secrets::remember(what, value.as_str().context("an endpoint without its secrets")?);
        }
        Ok(endpoint)
    }

    /// Every event of the client's jobs, in the order of their commits.
    ///
    /// # Errors
    /// When the server does not answer as documented.
    pub async fn events(&self) -> Result<Vec<Event>> {
        let mut events = Vec::new();
        let mut after = String::new();
        loop {
            let path = format!("/events?limit=1000&after={after}");
            let page: Value = self.request(Method::GET, &path).send().await?.json().await?;
            let listed = page["events"].as_array().context("no list of events")?;
            for event in listed {
                let text = |member: &str| event[member].as_str().map(str::to_owned);
                events.push(Event {
                    task: text("taskId").context("an event without its job")?,
                    status: text("status").context("an event without a status")?,
                    sequence: event["sequence"]
                        .as_u64()
                        .context("an event without its number")?,
                });
            }
            if listed.is_empty() {
                return Ok(events);
            }
            after = page["next"].as_str().context("no cursor")?.to_owned();
        }
    }
}

/// A change of a job's status, as it is read back.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Event {
    /// The job.
    pub task: String,
    /// What it has become.
    pub status: String,
    /// 1, 2, 3 … within the job.
    pub sequence: u64,
}

impl Event {
    /// Whether nothing comes after it.
    pub fn is_terminal(&self) -> bool {
        ["Succeeded", "Failed"].contains(&self.status.as_str())
    }
}
