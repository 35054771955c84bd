//! The few calls of the API that the demo and the trial of a release make, as any client would make them.

use std::time::Duration;

use anyhow::{Context, bail};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use ureq::http::{Method, Request};
use ureq::{Agent, SendBody};

use crate::manifest::Hash;
use crate::serve::Credentials;

/// The demo's picture has under a megabyte; its answers are smaller still.
const ANSWER_BYTES_MAX: u64 = 64 * 1024 * 1024;
const CALL_DEADLINE: Duration = Duration::from_secs(60);

/// A webhook endpoint.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Endpoint {
    pub(crate) webhook_token: String,
}

/// A job's status.
#[derive(Debug, Deserialize)]
pub(crate) struct Job {
    pub(crate) status: String,
    pub(crate) output_media: Option<String>,
    pub(crate) output_json: Option<String>,
    pub(crate) error: Option<String>,
}

/// A login.
#[derive(Debug)]
pub(crate) struct Api {
    agent: Agent,
    base: String,
    token: String,
}

impl Api {
    /// Logs in.
    ///
    /// # Errors
    /// As every call: no connection, or an answer other than success.
    pub(crate) fn log_in(base: &str, credentials: &Credentials) -> anyhow::Result<Self> {
        #[derive(Deserialize)]
        struct Login {
            token: String,
        }
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(CALL_DEADLINE))
            .build()
            .into();
        let mut api = Self {
            agent,
            base: base.trim_end_matches('/').to_owned(),
            token: String::new(),
        };
        let body = json!({ "clientId": credentials.client_id, "secretId": credentials.secret_id });
        let login: Login = api.post("/login", "application/json", body.to_string().into_bytes())?;
        api.token = login.token;
        Ok(api)
    }

    /// The access token.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// Registers a webhook endpoint.
    pub(crate) fn register(&self, url: &str) -> anyhow::Result<Endpoint> {
        let body = json!({ "webhookUrl": url }).to_string();
        self.post("/webhook-url", "application/json", body.into_bytes())
    }

    /// Uploads a picture and returns the job's identifier.
    pub(crate) fn upload(&self, name: &str, picture: &[u8]) -> anyhow::Result<String> {
        #[derive(Deserialize)]
        struct Accepted {
            anonymization_job_id: String,
        }
        let (content_type, body) = multipart(&[("output_detections_url", "true")], name, picture);
        let accepted: Accepted = self.post("/innovation-service/anonymization", &content_type, body)?;
        Ok(accepted.anonymization_job_id)
    }

    /// Asks for a job.
    pub(crate) fn job(&self, id: &str) -> anyhow::Result<Job> {
        let url = format!(
            "{}/innovation-service/anonymization?anonymization_job_id={id}",
            self.base
        );
        read(&self.download(&url)?)
    }

    /// Fetches what an answer named.
    pub(crate) fn download(&self, url: &str) -> anyhow::Result<Vec<u8>> {
        self.call(Method::GET, url, None, Vec::new())
    }

    fn post<T: DeserializeOwned>(&self, path: &str, content_type: &str, body: Vec<u8>) -> anyhow::Result<T> {
        let url = format!("{}{path}", self.base);
        read(&self.call(Method::POST, &url, Some(content_type), body)?)
    }

    fn call(
        &self,
        method: Method,
        url: &str,
        content_type: Option<&str>,
        body: Vec<u8>,
    ) -> anyhow::Result<Vec<u8>> {
        let what = format!("{method} {url}");
        let mut request = Request::builder().method(method).uri(url);
        if !self.token.is_empty() {
            request = request.header("authorization", format!("Bearer {}", self.token));
        }
        let mut answer = match content_type {
            Some(kind) => {
                let request = request.header("content-type", kind).body(body);
                self.agent.run(request.with_context(|| format!("write {what}"))?)
            }
            None => {
                let request = request.body(SendBody::none());
                self.agent.run(request.with_context(|| format!("write {what}"))?)
            }
        }
        .with_context(|| what.clone())?;
        let bytes = answer
            .body_mut()
            .with_config()
            .limit(ANSWER_BYTES_MAX)
            .read_to_vec()
            .with_context(|| format!("read the answer of {what}"))?;
        if !answer.status().is_success() {
            bail!(
                "{what} answered {}: {}",
                answer.status(),
                String::from_utf8_lossy(&bytes)
            );
        }
        Ok(bytes)
    }
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> anyhow::Result<T> {
    serde_json::from_slice(bytes)
        .with_context(|| format!("understand the answer {}", String::from_utf8_lossy(bytes)))
}

/// The content type and the body of a form with text fields and one file (RFC 7578).
fn multipart(fields: &[(&str, &str)], file_name: &str, file: &[u8]) -> (String, Vec<u8>) {
    // The hash of the file cannot stand in the file.
    let boundary = Hash::of(file);
    let mut body = Vec::new();
    for (name, value) in fields {
        let part =
            format!("--{boundary}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend_from_slice(part.as_bytes());
    }
    let head = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"input_media\"; filename=\"{file_name}\"\r\n\
         Content-Type: image/png\r\n\r\n"
    );
    body.extend_from_slice(head.as_bytes());
    body.extend_from_slice(file);
    body.extend_from_slice(format!("\r\n--{boundary}--\r\n").as_bytes());
    (format!("multipart/form-data; boundary={boundary}"), body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_has_its_fields_and_its_file_between_boundaries() {
        let (content_type, body) = multipart(&[("a", "1")], "p.png", b"\x89PNG");
        let boundary = content_type.split_once("boundary=").unwrap().1;
        assert!(boundary.len() <= 70, "RFC 2046 allows 70 characters");
        let text = body.iter().map(|byte| char::from(*byte)).collect::<String>();
        let parts: Vec<_> = text.split(&format!("--{boundary}")).collect();
        assert_eq!(parts.len(), 4);
        assert_eq!(
            parts[1],
            "\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n"
        );
        assert!(parts[2].ends_with("\r\n\r\n\u{89}PNG\r\n"), "{}", parts[2]);
        assert_eq!(parts[3], "--\r\n");
    }
}
