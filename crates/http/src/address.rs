//! From which address a request comes, where proxies stand in front.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The networks whose word about where a request comes from is taken. Nobody's by default: anybody can write
/// `X-Forwarded-For`.
#[derive(Clone, Debug, Default)]
pub struct TrustedProxies(Arc<[IpNet]>);

impl TrustedProxies {
    /// Trusts the addresses in these networks.
    pub fn new(networks: impl IntoIterator<Item = IpNet>) -> Self {
        Self(networks.into_iter().collect())
    }

    /// Whether an address is that of a proxy.
    pub fn trust(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Whoever sent a request to the first proxy that is trusted: the last address in `X-Forwarded-For` that is no trusted
    /// proxy itself. What stands before it was written by who knows whom, in whatever bytes. The peer, where that is no proxy,
    /// and the last proxy that is known, where what it says is no address.
    pub(crate) fn sender(&self, peer: SocketAddr, headers: &HeaderMap) -> SocketAddr {
        let mut sender = peer;
        let lines = headers.get_all(X_FORWARDED_FOR).iter().rev();
        // A line is split before it is read: a proxy appends to the line of its client, and what that wrote must not make the
        // address unreadable that stands behind it.
        for hop in lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b',')) {
            if !self.trust(sender.ip()) {
                break;
            }
            let Some(address) = address(hop) else {
                break;
            };
            sender = address;
        }
        sender
    }
}

/// Some proxies add the port.
fn address(hop: &[u8]) -> Option<SocketAddr> {
    let hop = str::from_utf8(hop.trim_ascii()).ok()?;
    let bare = hop.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    let ip = bare
        .unwrap_or(hop)
        .parse()
        .map(|ip: IpAddr| SocketAddr::new(ip, 0));
    ip.or_else(|_| hop.parse()).ok()
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn sender(peer: &str, lines: &[&str]) -> String {
        let lines: Vec<&[u8]> = lines.iter().map(|line| line.as_bytes()).collect();
        sender_of_bytes(peer, &lines)
    }

    fn sender_of_bytes(peer: &str, lines: &[&[u8]]) -> String {
        let networks = ["10.0.0.0/8", "fd00::/8"].map(|network| network.parse().unwrap());
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(X_FORWARDED_FOR, HeaderValue::from_bytes(line).unwrap());
        }
        let peer = format!("{peer}:1000").parse().unwrap();
        TrustedProxies::new(networks)
            .sender(peer, &headers)
            .ip()
            .to_string()
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        assert_eq!(sender("192.0.2.9", &["198.51.100.1"]), "192.0.2.9");
        assert_eq!(sender("10.1.1.1", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(sender("[::ffff:10.1.1.1]", &["198.51.100.1"]), "198.51.100.1");
        assert_eq!(sender("10.1.1.1", &[]), "10.1.1.1");
        assert_eq!(
            TrustedProxies::default()
                .sender("10.1.1.1:1".parse().unwrap(), &HeaderMap::new())
                .port(),
            1
        );
    }

    #[test]
    fn what_a_client_writes_before_the_proxies_counts_for_nothing() {
        assert_eq!(sender("10.1.1.1", &["203.0.113.7, 198.51.100.1"]), "198.51.100.1");
        assert_eq!(
            sender("10.1.1.1", &["203.0.113.7, 198.51.100.1, 10.2.2.2"]),
            "198.51.100.1"
        );
        assert_eq!(
            sender("10.1.1.1", &["203.0.113.7", "198.51.100.1"]),
            "198.51.100.1"
        );
        assert_eq!(sender("10.1.1.1", &["203.0.113.7, nonsense"]), "10.1.1.1");
    }

    #[test]
    fn bytes_that_are_no_text_hide_nothing_that_a_proxy_appends() {
        for (lines, expected) in [
            // In front of the address, in the same line and in lines of their own.
            (&[&b"\x80, 198.51.100.1"[..]][..], "198.51.100.1"),
            (
                &[&b"\x80,\xff\xfe,198.51.100.1, 10.2.2.2"[..]][..],
                "198.51.100.1",
            ),
            (&[&b"\x80"[..], b"198.51.100.1"][..], "198.51.100.1"),
            (
                &[&b"203.0.113.7, \x80"[..], b"\x80, 198.51.100.1", b"10.2.2.2"][..],
                "198.51.100.1",
            ),
            // A proxy that appends nothing readable: it is the last that is known.
            (&[&b"198.51.100.1, \x80"[..]][..], "10.1.1.1"),
            (&[&b"198.51.100.1"[..], b"\x80", b"10.2.2.2"][..], "10.2.2.2"),
            (&[&b""[..], b" , ,"][..], "10.1.1.1"),
        ] {
            assert_eq!(sender_of_bytes("10.1.1.1", lines), expected, "{lines:?}");
        }
    }

    #[test]
    fn ports_and_brackets_are_understood() {
        assert_eq!(sender("[fd00::1]", &["[2001:db8::1]:4711"]), "2001:db8::1");
        assert_eq!(sender("[fd00::1]", &["[2001:db8::1]"]), "2001:db8::1");
        assert_eq!(sender("[fd00::1]", &["198.51.100.1:80"]), "198.51.100.1");
    }
}
