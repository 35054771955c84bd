//! Which addresses are this machine's, and where this server itself listens: the one question of the guard to the system.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};

use url::Host;

use super::{AddressPolicy, reached_address};

impl AddressPolicy {
    /// Never these addresses with these ports, at which this server itself answers, whatever networks the operator allows. One
    /// that stands for every address is every address of this machine.
    #[must_use]
    pub fn denying_listeners(mut self, listeners: impl IntoIterator<Item = SocketAddr>) -> Self {
        self.listeners.extend(listeners);
        self
    }

    /// Whether this server itself would answer there.
    pub(crate) fn is_listener(&self, address: SocketAddr) -> bool {
        let reached = reached_address(address.ip());
        let answers = |listener: &SocketAddr| {
            let ip = listener.ip().to_canonical();
            // Whoever connects to what stands for every address reaches this machine.
            let same = ip == reached || reached.is_unspecified();
            listener.port() == address.port() && (same || (ip.is_unspecified() && is_local(reached)))
        };
        self.listeners.iter().any(answers)
    }

    /// Whether this server itself would answer to a host of a URL, as far as that can be told without a name resolution.
    pub(super) fn is_listening_host(&self, host: &Host<&str>, port: u16) -> bool {
        let addresses = match host {
            Host::Ipv4(ip) => vec![IpAddr::V4(*ip)],
            Host::Ipv6(ip) => vec![IpAddr::V6(*ip)],
            // These names are loopback's (RFC 6761).
            Host::Domain(name) => match name.strip_suffix('.').unwrap_or(name).rsplit('.').next() {
                Some("localhost") => vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()],
                _ => vec![],
            },
        };
        let mut addresses = addresses.into_iter();
        addresses.any(|ip| self.is_listener(SocketAddr::new(ip, port)))
    }
}

fn is_local(address: IpAddr) -> bool {
    address.is_loopback() || is_own(address)
}

/// Whether an address is one of this machine's. Connecting a datagram socket sends nothing but has the system choose
/// the route and with it the source address, which for an address of its own is that address.
pub(crate) fn is_own(address: IpAddr) -> bool {
    let address = address.to_canonical();
    let any = match address {
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
    };
    let source = || -> io::Result<IpAddr> {
        let socket = UdpSocket::bind((any, 0))?;
        // The port is never called; any other than 0 will do.
        socket.connect((address, 9))?;
        Ok(socket.local_addr()?.ip())
    };
    source().is_ok_and(|source| source == address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_system_tells_which_addresses_are_this_machines() {
        assert!(is_own(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        assert!(!is_own(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1))));
    }

    #[test]
    fn a_server_that_listens_everywhere_is_reached_by_every_address_of_its_machine_and_by_no_other() {
        let policy = AddressPolicy::default().denying_listeners(["0.0.0.0:8080".parse().unwrap()]);
        for (address, listens) in [
            ("127.0.0.1:8080", true),
            ("127.9.9.9:8080", true),
            ("0.0.0.0:8080", true),
            ("[::]:8080", true),
            ("[::1]:8080", true),
            ("[::ffff:127.0.0.1]:8080", true),
            ("[64:ff9b::7f00:1]:8080", true),
            ("127.0.0.1:8081", false),
            ("192.0.2.1:8080", false),
        ] {
            assert_eq!(policy.is_listener(address.parse().unwrap()), listens, "{address}");
        }
    }
}
