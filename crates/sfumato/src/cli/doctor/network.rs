//! What this machine reaches: names, the public address, the OpenID Connect provider; and who stands between.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use futures::future::join_all;
use http_body_util::{BodyExt, Empty, Limited};
use hyper::StatusCode;
use hyper_rustls::HttpsConnectorBuilder;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::json;
use sfumato_core::endpoint::EndpointState;
use sfumato_core::{Clock, Store, StoreError};
use sfumato_engine::identity::Challenge;
use sfumato_engine::openid;
use sfumato_engine::outbound::{self, Resolve, SystemResolver};
use sfumato_engine::system::{SystemClock, SystemEntropy};
use url::{Host, Url};

use super::Check;
use crate::blur::report::counted;
use crate::data_dir::DataDir;
use crate::settings::{DatabaseUrl, Settings, StorageLocation};
use crate::{instance, server};

/// A name that is not found, or an address that does not answer, within this time.
const DEADLINE: Duration = Duration::from_secs(5);

/// Answers of name servers that take longer hold deliveries up.
const SLOW: Duration = Duration::from_secs(1);

/// The answer of `/healthz` is shorter.
const ANSWER_BYTES_MAX: usize = 1024;

/// Names of endpoints that are looked up at most.
const NAMES_MAX: usize = 32;

pub(super) async fn examine(settings: &Settings, store: Option<&dyn Store>) -> Vec<Check> {
    let (names, address, provider) = tokio::join!(
        names(settings, store),
        public_url(settings),
        openid_provider(settings)
    );
    let mut checks = vec![names, authorities(settings)];
    checks.extend(proxies(settings));
    checks.extend(address);
    checks.extend(provider);
    checks
}

/// Looks the names up that the server will: those of the settings and of endpoints, by the resolver of webhooks. No other name
/// leaves this machine.
async fn names(settings: &Settings, store: Option<&dyn Store>) -> Check {
    let name = "DNS";
    let mut names = names_of_settings(settings);
    if let Some(store) = store {
        match names_of_endpoints(store).await {
            Ok(found) => names.extend(found.into_iter().take(NAMES_MAX)),
            Err(error) => {
                let detail = format!("failed to list the endpoints: {error}");
                return Check::failed(name, detail, "see what is said of the database");
            }
        }
    }
    // Known to every machine: what fails here fails everywhere.
    names.insert("localhost".to_owned());
    let resolver = SystemResolver::default();
    let begun = std::time::Instant::now();
    let answers = join_all(names.iter().map(|name| look_up(&resolver, name))).await;
    let took = begun.elapsed();
    let failed: Vec<_> = names
        .iter()
        .zip(answers)
        .filter_map(|(name, answer)| answer.err().map(|why| format!("{name} ({why})")))
        .collect();
    let mend = "check the name servers in /etc/resolv.conf (in a container: its DNS settings), and the names themselves";
    if !failed.is_empty() {
        let detail = format!(
            "{} of {} names are not found: {}",
            failed.len(),
            names.len(),
            failed.join(", ")
        );
        return Check::warning(name, detail, mend);
    }
    let detail = format!(
        "{} found in {} ms",
        counted(names.len(), "name"),
        took.as_millis()
    );
    if took > SLOW {
        Check::warning(name, detail, mend)
    } else {
        Check::ok(name, detail)
    }
}

async fn look_up(resolver: &SystemResolver, name: &str) -> Result<(), String> {
    match tokio::time::timeout(DEADLINE, resolver.resolve(name, 443)).await {
        Ok(Ok(addresses)) if addresses.is_empty() => Err("it has no address".to_owned()),
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(error.to_string()),
        Err(_) => Err(format!("no answer within {} s", DEADLINE.as_secs())),
    }
}

/// Names, and no literal addresses.
fn name_of(url: &Url) -> Option<String> {
    match url.host() {
        Some(Host::Domain(name)) => Some(name.to_owned()),
        _ => None,
    }
}

/// The name of a database's server. Its scheme is none that the standard of URLs knows, so that addresses look like names.
fn name_of_database(url: &DatabaseUrl) -> Option<String> {
    let name = name_of(&Url::parse(url.expose()).ok()?)?;
    let is_socket = name.contains('%');
    let several = name.contains(',');
    (!is_socket && !several && name.parse::<IpAddr>().is_err()).then_some(name)
}

fn names_of_settings(settings: &Settings) -> BTreeSet<String> {
    let issuer = settings.openid_issuer.as_ref();
    let storage = settings.storage_endpoint.as_ref();
    let collector = settings.traces_endpoint.as_ref();
    let database = settings.database_url.as_ref();
    [
        settings.public_url.as_ref().map(|url| url.to_url()),
        issuer.and_then(|issuer| Url::parse(issuer.as_str()).ok()),
        storage.and_then(|endpoint| Url::parse(&endpoint.0).ok()),
        collector.and_then(|collector| Url::parse(&collector.0).ok()),
    ]
    .iter()
    .flatten()
    .filter_map(name_of)
    .chain(database.and_then(name_of_database))
    .collect()
}

async fn names_of_endpoints(store: &dyn Store) -> Result<BTreeSet<String>, StoreError> {
    let mut names = BTreeSet::new();
    for client in store.clients().await? {
        for endpoint in store.endpoints(client.id).await? {
            let is_called = endpoint.state != EndpointState::Disabled;
            if let Some(url) = is_called
                .then(|| Url::parse(endpoint.url.as_str()).ok())
                .flatten()
            {
                names.extend(name_of(&url));
            }
        }
        if names.len() >= NAMES_MAX {
            break;
        }
    }
    Ok(names)
}

/// Whether https endpoints can be reached at all.
fn authorities(settings: &Settings) -> Check {
    let name = "certificate authorities";
    let (count, errors) = outbound::trusted_authorities();
    let mend = "install the package ca-certificates, or name a file by the variable SSL_CERT_FILE";
    if count > 0 {
        return Check::ok(name, format!("{count} are trusted"));
    }
    let mut detail = "none is trusted: every https endpoint fails".to_owned();
    if !errors.is_empty() {
        detail = format!("{detail} ({})", errors.join("; "));
    }
    let is_needed = settings.openid_issuer.is_some()
        || settings.webhooks_require_https
        || matches!(settings.storage, StorageLocation::S3(_)) && !settings.storage_allow_http;
    if is_needed {
        Check::failed(name, detail, mend)
    } else {
        Check::warning(name, detail, mend)
    }
}

/// Proxies of the environment, which one part of the server obeys and the others do not.
fn proxies(settings: &Settings) -> Option<Check> {
    let variables = ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"];
    let set: Vec<_> = variables
        .into_iter()
        .flat_map(|name| [name.to_owned(), name.to_lowercase()])
        .filter(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()))
        .collect();
    if set.is_empty() {
        return None;
    }
    let mut detail = format!(
        "{} set: webhooks and OpenID Connect never go through a proxy",
        set.join(", ")
    );
    if matches!(settings.storage, StorageLocation::S3(_)) {
        detail.push_str(", and originals and results on their way to the bucket do");
    }
    let mend = "unset them for the server, or name the bucket's host in NO_PROXY; let webhooks and sign-ins out directly";
    Some(Check::warning("proxy", detail, mend))
}

/// Whether clients reach the server under the address that results begin with.
async fn public_url(settings: &Settings) -> Vec<Check> {
    let name = "public URL";
    let Some(public) = &settings.public_url else {
        return vec![Check::ok(name, "not set: the host that each request names")];
    };
    let url = public.to_url();
    let mut checks = Vec::new();
    if url.scheme() != "https" && !stays_here(&url) {
        checks.push(Check::warning(
            name,
            format!("{public} is not https: tokens, originals and results cross the network in the clear"),
            "put a reverse proxy that speaks TLS in front, and name its address",
        ));
    }
    checks.push(answered(&public.to_string(), challenge(settings).as_ref()).await);
    checks
}

/// Who answers under the public URL.
async fn answered(public: &str, challenge: Option<&Challenge>) -> Check {
    let name = "public URL";
    let asked = format!("{public}/healthz");
    let question = challenge.map(|challenge| format!("?challenge={}", challenge.question()));
    let (status, body) = match ask(&format!("{asked}{}", question.unwrap_or_default())).await {
        Ok(answer) => answer,
        Err(error) => {
            return Check::warning(
                name,
                format!("{asked} does not answer from here: {error:#}"),
                "start the server; then see the name, the port, the certificate and the reverse proxy",
            );
        }
    };
    match Answer::read(status, &body, challenge) {
        Answer::OfThisInstallation => Check::ok(name, format!("{asked} answers as this installation")),
        Answer::WithoutQuestion => Check::ok(
            name,
            format!(
                "{asked} answers as this server does; which installation it is can be seen where the master key is"
            ),
        ),
        Answer::OfAnother => Check::warning(
            name,
            format!(
                "{asked} is answered by another installation of Sfumato: clients would send it what is meant for this one"
            ),
            "let the name and the reverse proxy lead to this server, or set `public_url` to an address that does; where both are to \
             be one installation, give them one database and one master key",
        ),
        Answer::Unproved => Check::warning(
            name,
            format!("{asked} is answered by a Sfumato that does not say which installation it is"),
            "it is an older version, of this installation or another, or the reverse proxy cuts off what stands behind `?`: see \
             where the name leads, and upgrade what runs there",
        ),
        Answer::Foreign => Check::warning(
            name,
            format!("{asked} answers {status}, and not as this server does"),
            "something else answers there, or the reverse proxy does not pass on to this server: see its configuration",
        ),
    }
}

/// A question that only this installation answers, where its master key is at hand. What is wrong with the key is said elsewhere.
fn challenge(settings: &Settings) -> Option<Challenge> {
    let keys = instance::keys_if_any(settings, &DataDir::unopened(&settings.data_dir));
    Some(keys.ok()??.challenge(&SystemEntropy))
}

/// What an answer of `/healthz` says of whoever gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Answer {
    OfThisInstallation,
    /// It is a Sfumato's, and nobody has asked whose.
    WithoutQuestion,
    OfAnother,
    /// It is that of a version that knows no question.
    Unproved,
    /// It is not what `/healthz` says, but a page of something else.
    Foreign,
}

impl Answer {
    fn read(status: StatusCode, body: &[u8], challenge: Option<&Challenge>) -> Self {
        let Ok(serde_json::Value::Object(mut answer)) = serde_json::from_slice(body) else {
            return Self::Foreign;
        };
        let proof = answer.remove("proof");
        if !status.is_success() || serde_json::Value::Object(answer) != json!({"status": "ok"}) {
            return Self::Foreign;
        }
        match (challenge, proof) {
            (None, _) => Self::WithoutQuestion,
            (Some(_), None) => Self::Unproved,
            (Some(challenge), Some(proof))
                if proof.as_str().is_some_and(|proof| challenge.is_met_by(proof)) =>
            {
                Self::OfThisInstallation
            }
            (Some(_), Some(_)) => Self::OfAnother,
        }
    }
}

fn stays_here(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(ip)) => IpAddr::V4(ip).is_loopback(),
        Some(Host::Ipv6(ip)) => IpAddr::V6(ip).is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

async fn ask(url: &str) -> anyhow::Result<(StatusCode, Bytes)> {
    let connector = HttpsConnectorBuilder::new()
        .with_native_roots()
        .context("read the certificate authorities of this machine")?
        .https_or_http()
        .enable_http1()
        .build();
    let client: Client<_, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build(connector);
    let asked = tokio::time::timeout(DEADLINE, client.get(url.parse()?)).await;
    let late = || format!("no answer within {} s", DEADLINE.as_secs());
    let answer = asked.with_context(late)??;
    let status = answer.status();
    let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect();
    // What is longer is no answer of this server's, and neither is one that breaks off.
    let body = tokio::time::timeout(DEADLINE, body).await.with_context(late)?;
    Ok((status, body.map(|body| body.to_bytes()).unwrap_or_default()))
}

async fn openid_provider(settings: &Settings) -> Option<Check> {
    let name = "OpenID Connect";
    let provider = match server::openid(settings) {
        Ok(provider) => provider?,
        Err(error) => {
            let mend = "name a readable file that holds the secret by `openid.client_secret_file`";
            return Some(Check::failed(name, format!("failed to {error:#}"), mend));
        }
    };
    let issuer = provider.issuer.to_string();
    Some(match openid::reach(provider, SystemClock.now()).await {
        Ok(()) => Check::ok(name, format!("{issuer} gives its document and keys")),
        Err(error) => Check::warning(
            name,
            format!("{issuer}: {}", sfumato_core::chain(&error)),
            "until it answers nobody signs in by it; see that this machine reaches it, and that `openid.issuer` is letter by \
             letter what its document says",
        ),
    })
}

#[cfg(test)]
mod tests {
    use sfumato_engine::access::Keys;

    use super::*;

    #[test]
    fn a_name_of_a_database_is_no_address_and_no_socket() {
        let name = |url: &str| name_of_database(&url.parse().unwrap());
        assert_eq!(
            name("postgres://a:b@db.example.com:5433/v"),
            Some("db.example.com".into())
        );
        for url in [
            "postgres://a@127.0.0.1/v",
            "postgres://a@[::1]/v",
            "postgres://a@%2Frun%2Fpostgresql/v",
            "postgres://a@one,two/v",
            "postgres:///v",
        ] {
            assert_eq!(name(url), None, "{url}");
        }
    }

    #[test]
    fn an_answer_shows_whose_it_is() {
        let challenge = Keys::derive(&[1; 32]).challenge(&SystemEntropy);
        let answer = |body: &str| Answer::read(StatusCode::OK, body.as_bytes(), Some(&challenge));
        assert_eq!(answer(r#"{"status": "ok"}"#), Answer::Unproved);
        for proof in ["null", "\"\"", "\"AAAAAAAAAAAAAAAAAAAAAA\"", "7"] {
            let body = format!(r#"{{"status": "ok", "proof": {proof}}}"#);
            assert_eq!(answer(&body), Answer::OfAnother, "{body}");
        }
        for other in [
            "",
            "ok",
            "<html>",
            "{}",
            r#"{"status":"UP"}"#,
            r#"{"status":"ok","db":1}"#,
        ] {
            assert_eq!(answer(other), Answer::Foreign, "{other}");
        }
        let health = br#"{"status":"ok"}"#;
        assert_eq!(
            Answer::read(StatusCode::OK, health, None),
            Answer::WithoutQuestion
        );
        assert_eq!(
            Answer::read(StatusCode::BAD_GATEWAY, health, Some(&challenge)),
            Answer::Foreign
        );
    }
}
