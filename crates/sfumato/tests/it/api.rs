//! A client of a running server.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;

use crate::support::{Place, request};

/// A client that has logged in.
#[derive(Clone)]
pub(crate) struct Client {
    address: SocketAddr,
    bearer: String,
}

impl Client {
    /// Makes a client on the command line, and logs in.
    pub(crate) fn create(place: &Place, address: SocketAddr) -> Self {
        let args = ["client", "create", "--data-dir", "data", "--name", "a", "--json"];
        let credentials = place.run(&args).success();
        Self::log_in(address, credentials.stdout.trim())
    }

    /// Logs in with `{"clientId": …, "secretId": …}`.
    pub(crate) fn log_in(address: SocketAddr, credentials: &str) -> Self {
        let json = [("Content-Type", "application/json")];
        let answer = body_of(&request(address, "POST /login", &json, credentials));
        let token = answer["token"].as_str().unwrap_or_else(|| panic!("{answer}"));
        Self {
            address,
            bearer: format!("Bearer {token}"),
        }
    }

    /// The same client of another server of the installation.
    pub(crate) fn at(&self, address: SocketAddr) -> Self {
        Self {
            address,
            ..self.clone()
        }
    }

    pub(crate) fn send(&self, head: &str, body: &str) -> Value {
        body_of(&self.answer(head, body))
    }

    pub(crate) fn answer(&self, head: &str, body: &str) -> String {
        let headers = [
            ("Authorization", self.bearer.as_str()),
            ("Content-Type", "application/json"),
        ];
        request(self.address, head, &headers, body)
    }

    pub(crate) fn add_endpoint(&self, url: &str) -> String {
        let made = self.send("POST /webhook-url", &format!("{{\"webhookUrl\":\"{url}\"}}"));
        made["uuid"]
            .as_str()
            .unwrap_or_else(|| panic!("{made}"))
            .to_owned()
    }

    /// Everything of an endpoint that its receiver relies on.
    pub(crate) fn credentials(&self, endpoint: &str) -> (Value, Value) {
        let shown = self.send(&format!("GET /webhook-url/{endpoint}"), "");
        assert!(shown["webhookToken"].is_string(), "{shown}");
        (shown, self.signing_secret(endpoint))
    }

    pub(crate) fn signing_secret(&self, endpoint: &str) -> Value {
        self.send(&format!("GET /webhook-url/{endpoint}/signing-secret"), "")
    }

    /// Uploads a picture that nobody works on.
    pub(crate) fn upload(&self, name: &str) -> String {
        let answer = self.upload_with(name, &[], &[]);
        let body = body_of(&answer);
        let job = body["anonymization_job_id"].as_str();
        job.unwrap_or_else(|| panic!("{answer}")).to_owned()
    }

    /// The same with text fields and headers of its own; the whole answer.
    pub(crate) fn upload_with(
        &self,
        name: &str,
        fields: &[(&str, &str)],
        headers: &[(&str, &str)],
    ) -> String {
        let fields: String = fields
            .iter()
            .map(|(field, value)| {
                format!("--b\r\nContent-Disposition: form-data; name=\"{field}\"\r\n\r\n{value}\r\n")
            })
            .collect();
        let body = format!(
            "{fields}--b\r\nContent-Disposition: form-data; name=\"input_media\"; filename=\"{name}.bmp\"\r\n\r\nBM\x06\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x01\0\0\0{name}\r\n--b--\r\n"
        );
        let own = [
            ("Authorization", self.bearer.as_str()),
            ("Content-Type", "multipart/form-data; boundary=b"),
        ];
        let head = "POST /innovation-service/anonymization";
        request(self.address, head, &[&own[..], headers].concat(), &body)
    }

    /// Begins an upload that does not go on, once the server has asked for its body.
    pub(crate) fn begin_upload(&self) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).unwrap();
        let head = format!(
            "POST /innovation-service/anonymization HTTP/1.1\r\nHost: a\r\nAuthorization: {}\r\nContent-Type: multipart/form-data; \
             boundary=b\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n\r\n",
            self.bearer
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut go_on = [0; 12];
        stream.read_exact(&mut go_on).unwrap();
        assert_eq!(&go_on, b"HTTP/1.1 100");
        stream
    }

    pub(crate) fn status(&self, job: &str) -> Value {
        let head = format!("GET /innovation-service/anonymization?anonymization_job_id={job}");
        self.send(&head, "")
    }
}

/// The JSON of an answer.
pub(crate) fn body_of(answer: &str) -> Value {
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{error}: {answer}"))
}
