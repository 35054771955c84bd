//! Judging the URL of a webhook endpoint.

use std::net::IpAddr;

use thiserror::Error;
use url::{Host, Url};

use super::{AddressPolicy, judge_address};

/// Longest URL of an endpoint.
pub const URL_BYTES_MAX: usize = 2_000;

/// Ports from 1024 upward on which no web server is expected and another service well may listen: a request to one of
/// them is likelier an attack on that service than a webhook. With the ports that browsers refuse (the Fetch standard,
/// "bad port"). Below 1024 only 80 and 443 are open. Sorted.
const SERVICE_PORTS: [u16; 68] = [
    1080,  // SOCKS
    1099,  // Java RMI
    1433,  // SQL Server
    1434,  // SQL Server browser
    1521,  // Oracle
    1719,  // H.323 gatekeepers
    1720,  // H.323
    1723,  // PPTP
    1883,  // MQTT
    2049,  // NFS
    2181,  // ZooKeeper
    2375,  // Docker
    2376,  // Docker over TLS
    2377,  // Docker swarm
    2379,  // etcd
    2380,  // etcd peers
    3128,  // HTTP proxies
    3260,  // iSCSI
    3268,  // LDAP global catalogue
    3269,  // the same over TLS
    3306,  // MySQL
    3389,  // remote desktop
    3659,  // Apple SASL
    4045,  // NFS locks
    4190,  // Sieve
    4369,  // Erlang port mapper
    5060,  // SIP
    5061,  // SIP over TLS
    5432,  // PostgreSQL
    5433,  // PostgreSQL, second instance
    5671,  // AMQP over TLS
    5672,  // AMQP
    5900,  // VNC
    5984,  // CouchDB
    5985,  // WinRM
    5986,  // WinRM over TLS
    6000,  // X11
    6379,  // Redis
    6380,  // Redis over TLS
    6443,  // Kubernetes API
    6566,  // SANE
    6665,  // IRC
    6666,  // IRC
    6667,  // IRC
    6668,  // IRC
    6669,  // IRC
    6679,  // IRC over TLS
    6697,  // IRC over TLS
    7001,  // WebLogic, Cassandra
    8009,  // AJP
    8125,  // StatsD
    8300,  // Consul servers
    8500,  // Consul
    8600,  // Consul DNS
    9042,  // Cassandra clients
    9092,  // Kafka
    9100,  // raw printing
    9200,  // Elasticsearch
    9300,  // Elasticsearch nodes
    9870,  // Hadoop name node
    10080, // Amanda
    10250, // Kubernetes kubelet
    10255, // the same, read only
    11211, // Memcached
    25672, // RabbitMQ nodes
    27017, // MongoDB
    27018, // MongoDB shards
    27019, // MongoDB configuration
];

/// A URL may not be a webhook endpoint. The message is for the client and tells nothing of the operator's network:
/// whatever address or name is at fault, it is [`RefusedUrl::Host`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RefusedUrl {
    /// More than [`URL_BYTES_MAX`].
    #[error("webhookUrl: is longer than {URL_BYTES_MAX} bytes")]
    TooLong,
    /// Not an absolute URL in plain spelling.
    #[error(
        "webhookUrl: is not a URL; write it as https://host/path, with every other character percent-encoded"
    )]
    Syntax,
    /// Another scheme than `http` and `https`.
    #[error("webhookUrl: begins with another scheme than https or http")]
    Scheme,
    /// `http` where the operator requires `https`.
    #[error("webhookUrl: must begin with https")]
    HttpsRequired,
    /// `user:password@`.
    #[error(
        "webhookUrl: holds a user name or password; requests carry the X-Auth-Token header as their proof instead"
    )]
    UserInfo,
    /// `#…`, which is never sent.
    #[error("webhookUrl: holds a fragment (#…), which is never sent; leave it out")]
    Fragment,
    /// A port that webhooks may not reach.
    #[error(
        "webhookUrl: names a port that webhooks may not reach; use 80, 443, or one from 1024 upward that no well-known service uses"
    )]
    Port,
    /// A host that webhooks may not reach.
    #[error(
        "webhookUrl: names a host that webhooks may not reach; use the full name of a host on the public internet"
    )]
    Host,
}

/// Judges the syntax of a URL and a literal address in it. Needs no name resolution; what a name resolves to is judged
/// at each connection.
///
/// # Errors
/// [`RefusedUrl`].
pub fn judge_url(text: &str, policy: &AddressPolicy) -> Result<Url, RefusedUrl> {
    if text.len() > URL_BYTES_MAX {
        return Err(RefusedUrl::TooLong);
    }
    // The URL standard mends a great deal (spaces around, tabs inside, backslashes, one slash or five). What needs
    // mending is read differently by different programs, which is how guards are passed.
    if text
        .chars()
        .any(|c| c.is_control() || c.is_whitespace() || c == '\\')
    {
        return Err(RefusedUrl::Syntax);
    }
    let (scheme, rest) = text.split_once(':').ok_or(RefusedUrl::Syntax)?;
    let https = scheme.eq_ignore_ascii_case("https");
    if !https && !scheme.eq_ignore_ascii_case("http") {
        return Err(RefusedUrl::Scheme);
    }
    let rest = rest.strip_prefix("//").ok_or(RefusedUrl::Syntax)?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err(RefusedUrl::UserInfo);
    }
    // A percent sign is an encoded host name or the zone of an IPv6 address: nobody needs either.
    if authority.is_empty() || authority.contains('%') {
        return Err(RefusedUrl::Syntax);
    }
    if rest.contains('#') {
        return Err(RefusedUrl::Fragment);
    }
    let url = Url::parse(text).map_err(|_| RefusedUrl::Syntax)?;
    if policy.https_only && !https {
        return Err(RefusedUrl::HttpsRequired);
    }
    let host = url.host().ok_or(RefusedUrl::Syntax)?;
    let port = url.port_or_known_default().unwrap_or(0);
    judge_host(&host, policy)?;
    judge_port(port)?;
    if policy.is_listening_host(&host, port) {
        return Err(RefusedUrl::Host);
    }
    Ok(url)
}

fn judge_host(host: &Host<&str>, policy: &AddressPolicy) -> Result<(), RefusedUrl> {
    let address = match host {
        Host::Domain(name) => return judge_name(name, policy),
        Host::Ipv4(ip) => IpAddr::V4(*ip),
        Host::Ipv6(ip) => IpAddr::V6(*ip),
    };
    judge_address(address, policy).map_err(|_| RefusedUrl::Host)
}

/// `name` is in lower case and ASCII: the parser of URLs sees to it.
fn judge_name(name: &str, policy: &AddressPolicy) -> Result<(), RefusedUrl> {
    // One dot at the end marks a full name; the resolver drops it, and so must whoever compares.
    let name = name.strip_suffix('.').unwrap_or(name);
    if name.len() > 253 || name.split('.').any(|label| label.is_empty() || label.len() > 63) {
        return Err(RefusedUrl::Host);
    }
    if policy.development {
        return Ok(());
    }
    let top = name.rsplit('.').next().unwrap_or_default();
    if top == name || matches!(top, "localhost" | "local" | "internal") {
        return Err(RefusedUrl::Host);
    }
    Ok(())
}

fn judge_port(port: u16) -> Result<(), RefusedUrl> {
    let open = matches!(port, 80 | 443) || (port >= 1024 && SERVICE_PORTS.binary_search(&port).is_err());
    if open { Ok(()) } else { Err(RefusedUrl::Port) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_service_ports_is_sorted_for_the_search() {
        assert!(SERVICE_PORTS.is_sorted());
    }
}
