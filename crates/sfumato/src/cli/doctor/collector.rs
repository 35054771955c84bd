//! The collector of traces: whether it can be reached, and whether its headers can be read.

use std::time::Duration;

use anyhow::Context;
use tokio::net::TcpStream;
use url::Url;

use super::Check;
use crate::settings::Settings;
use crate::traces;

const NAME: &str = "collector of traces";

/// An address that does not answer within this time is not there.
const DEADLINE: Duration = Duration::from_secs(5);

/// Nothing where nothing is traced.
pub(super) async fn examine(settings: &Settings) -> Option<Check> {
    let address = match traces::collector(settings) {
        Ok(address) => address?,
        Err(error) => {
            return Some(Check::failed(
                NAME,
                format!("failed to {error:#}"),
                "name a collector by `telemetry.endpoint` and a readable file of headers by `telemetry.headers_file`",
            ));
        }
    };
    // An address may hold more than its host.
    let shown = address.host_str().unwrap_or_default().to_owned();
    Some(match connect(&address).await {
        Ok(()) => Check::ok(NAME, format!("{shown} takes connections")),
        Err(error) => Check::warning(
            NAME,
            format!("{shown} takes no connection from here: {error:#}"),
            "start it, and see the name, the port and the firewall; until then spans are dropped, and jobs go on",
        ),
    })
}

async fn connect(address: &Url) -> anyhow::Result<()> {
    let (host, port) = (address.host_str(), address.port_or_known_default());
    let (host, port) = host.zip(port).context("the address has no host")?;
    let host = host.trim_matches(['[', ']']);
    let connecting = tokio::time::timeout(DEADLINE, TcpStream::connect((host, port)));
    connecting
        .await
        .with_context(|| format!("no answer within {} s", DEADLINE.as_secs()))??;
    Ok(())
}
