//! Where traces go: what the settings say, and where they say nothing, the variables that OpenTelemetry has agreed on.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use hyper::header::{HeaderName, HeaderValue};
use sfumato_core::time::random;
use sfumato_core::{Entropy, InstallationId};
use sfumato_engine::Engine;
use sfumato_engine::traces::{Exporter, TraceSettings};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use url::Url;
use uuid::Uuid;

use crate::settings::Settings;

/// How long the last spans may take, after everything else has stopped.
const LAST_SPANS: Duration = Duration::from_secs(2);

/// A variable of this process, where it says something.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.trim().is_empty())
}

/// The address that spans are sent to; `None`: they are not. A base address gets the path of OTLP, as the standard says.
fn url(settings: &Settings, variable: impl Fn(&str) -> Option<String>) -> Option<String> {
    let under = |base: &str| format!("{}/v1/traces", base.trim_end_matches('/'));
    if let Some(endpoint) = &settings.traces_endpoint {
        return Some(under(&endpoint.0));
    }
    let off = variable("OTEL_SDK_DISABLED").is_some_and(|off| off.eq_ignore_ascii_case("true"));
    if off || variable("OTEL_TRACES_EXPORTER").is_some_and(|exporter| exporter == "none") {
        return None;
    }
    variable("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
        .or_else(|| variable("OTEL_EXPORTER_OTLP_ENDPOINT").map(|base| under(&base)))
}

/// Headers, one a line, `Name: value`; or as the variables have them, `name=value` parted by commas.
fn headers(text: &str, line: char, middle: char) -> anyhow::Result<Vec<(HeaderName, HeaderValue)>> {
    let lines = text.split(line).map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let read = |(number, line): (usize, &str)| -> anyhow::Result<_> {
        // The message does not repeat what may be a secret.
        let wrong = || format!("header {} is not written as `name{middle}value`", number + 1);
        let (name, value) = line.split_once(middle).with_context(wrong)?;
        let name = name.trim().parse::<HeaderName>().with_context(wrong)?;
        let mut value = value.trim().parse::<HeaderValue>().with_context(wrong)?;
        value.set_sensitive(true);
        Ok((name, value))
    };
    lines.enumerate().map(read).collect()
}

fn headers_of(settings: &Settings) -> anyhow::Result<Vec<(HeaderName, HeaderValue)>> {
    if let Some(path) = &settings.traces_headers_file {
        let asked = || {
            format!(
                "read the headers for the collector of traces in {}",
                path.display()
            )
        };
        let text = std::fs::read_to_string(path).with_context(asked)?;
        return headers(&text, '\n', ':').with_context(asked);
    }
    let name = ["OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"];
    match name.into_iter().find_map(|name| Some((name, variable(name)?))) {
        Some((name, text)) => headers(&text, ',', '=').with_context(|| format!("read {name}")),
        None => Ok(Vec::new()),
    }
}

/// Who makes the spans: the service, its version, and this process of it.
fn resource(settings: &Settings, installation: InstallationId, process: Uuid) -> Vec<(String, String)> {
    let mut resource: Vec<(String, String)> = variable("OTEL_RESOURCE_ATTRIBUTES")
        .unwrap_or_default()
        .split(',')
        .filter_map(|pair| pair.split_once('='))
        .map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()))
        .collect();
    let name = Some(&settings.traces_service_name).filter(|name| !name.is_empty());
    let name = name.cloned().or_else(|| variable("OTEL_SERVICE_NAME"));
    for (key, value) in [
        ("service.name", name),
        ("service.version", Some(env!("CARGO_PKG_VERSION").to_owned())),
        ("service.instance.id", Some(process.to_string())),
        ("sfumato.installation.id", Some(installation.to_string())),
        ("sfumato.roles", Some(settings.roles.to_string())),
    ] {
        if let Some(value) = value {
            resource.retain(|(known, _)| known != key);
            resource.push((key.to_owned(), value));
        }
    }
    if !resource.iter().any(|(key, _)| key == "service.name") {
        resource.push(("service.name".to_owned(), "sfumato".to_owned()));
    }
    resource
}

/// The address that spans are sent to. It is not shown whole: variables may hold more than an address.
fn address(settings: &Settings) -> anyhow::Result<Option<Url>> {
    let Some(url) = url(settings, variable) else {
        return Ok(None);
    };
    let address = Url::parse(&url).ok();
    address
        .filter(|address| matches!(address.scheme(), "http" | "https") && address.has_host())
        .context("send traces: the address of the collector is no http or https address")
        .map(Some)
}

/// The collector of traces, where there is one and it can be sent to.
///
/// # Errors
/// The address or the headers cannot be used; says which.
pub(crate) fn collector(settings: &Settings) -> anyhow::Result<Option<Url>> {
    let found = address(settings)?;
    if found.is_some() {
        headers_of(settings)?;
    }
    Ok(found)
}

/// What is to be traced and where it goes; `None`: nothing.
///
/// # Errors
/// The address or the headers cannot be used; says which.
pub(crate) fn settings(
    settings: &Settings,
    installation: InstallationId,
    entropy: &dyn Entropy,
) -> anyhow::Result<Option<TraceSettings>> {
    let Some(address) = address(settings)? else {
        return Ok(None);
    };
    let headers = headers_of(settings)?;
    let process = uuid::Builder::from_random_bytes(random(entropy)).into_uuid();
    let exporter = exporter(&address, headers, &resource(settings, installation, process))?;
    tracing::info!(
        sample_ratio = settings.traces_sample_ratio.0,
        collector = address.host_str(),
        "jobs are traced"
    );
    Ok(Some(TraceSettings {
        exporter,
        sample_ratio: settings.traces_sample_ratio.0,
    }))
}

#[cfg(feature = "otlp")]
fn exporter(
    address: &Url,
    headers: Vec<(HeaderName, HeaderValue)>,
    resource: &[(String, String)],
) -> anyhow::Result<Arc<dyn Exporter>> {
    let address = address.as_str().parse().context("send traces")?;
    let otlp = crate::otlp::Otlp::new(address, headers, resource);
    let otlp = otlp.context("read the certificate authorities of this machine, to send traces")?;
    Ok(Arc::new(otlp))
}

#[cfg(not(feature = "otlp"))]
fn exporter(
    _: &Url,
    _: Vec<(HeaderName, HeaderValue)>,
    _: &[(String, String)],
) -> anyhow::Result<Arc<dyn Exporter>> {
    anyhow::bail!("send traces: this executable was built without the feature `otlp`")
}

/// Hands spans on, beside the parts of the server: nothing waits for it, and nothing ends with it.
pub(crate) struct Export {
    stop: CancellationToken,
    running: JoinHandle<()>,
}

impl Export {
    pub(crate) fn start(engine: &Engine) -> Self {
        let (engine, stop) = (engine.clone(), CancellationToken::new());
        let until = stop.clone();
        let running = tokio::spawn(async move { engine.run_traces(until).await });
        Self { stop, running }
    }

    /// Sends what is left, as far as that is quick.
    pub(crate) async fn end(self) {
        self.stop.cancel();
        if tokio::time::timeout(LAST_SPANS, self.running).await.is_err() {
            tracing::warn!("the last spans of traces were not sent");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url_with(endpoint: &str, variables: &[(&str, &str)]) -> Option<String> {
        let settings = Settings {
            traces_endpoint: crate::settings::SettingValue::from_text(endpoint).unwrap(),
            ..Settings::default()
        };
        let variable = |name: &str| {
            let known = variables.iter().find(|(known, _)| *known == name);
            known.map(|(_, value)| (*value).to_owned())
        };
        url(&settings, variable)
    }

    #[test]
    fn the_setting_wins_over_the_variables_and_a_base_gets_the_path() {
        let base = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318/");
        let exact = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://traces:4318/in");
        let off = ("OTEL_SDK_DISABLED", "true");
        assert_eq!(url_with("", &[]), None);
        assert_eq!(
            url_with("", &[base]).as_deref(),
            Some("http://collector:4318/v1/traces")
        );
        assert_eq!(url_with("", &[base, exact]).as_deref(), Some(exact.1));
        assert_eq!(url_with("", &[base, exact, off]), None);
        let set = url_with("https://tempo.example.com/otlp", &[base, exact, off]);
        assert_eq!(set.as_deref(), Some("https://tempo.example.com/otlp/v1/traces"));
    }

    #[test]
    fn headers_are_read_from_a_file_and_from_variables_and_a_wrong_one_is_not_repeated() {
        let from_file = headers(
            "# of Tempo\nAuthorization: Bearer a=b,c\n\nX-Scope-OrgID: 1\n",
            '\n',
            ':',
        )
        .unwrap();
        let texts: Vec<_> = from_file
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
            .collect();
        assert_eq!(texts, [("authorization", "Bearer a=b,c"), ("x-scope-orgid", "1")]);
        assert!(from_file.iter().all(|(_, value)| value.is_sensitive()));
        let from_variable = headers("api-key=secret,x=y", ',', '=').unwrap();
        assert_eq!(from_variable.len(), 2);
        let wrong = headers("a: b\nsecret", '\n', ':').unwrap_err();
        let told = format!("{wrong:#}");
        assert!(told.contains("header 2") && !told.contains("secret"), "{told}");
    }
}
