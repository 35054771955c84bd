//! Where a person on this machine, or whoever the operator means by the public address, reaches a server.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::settings::Settings;

/// What links begin with, without a slash at the end: the public address, where the settings name one, or `listen`.
pub(crate) fn of(settings: &Settings, listen: SocketAddr) -> String {
    match &settings.public_url {
        Some(url) => url.to_string(),
        None => format!("http://{}", reachable(listen)),
    }
}

/// Where a server on this machine is reached that listens there. What stands for every address is none to call.
pub(crate) fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_on_every_address_is_asked_on_loopback() {
        for (listen, asked) in [
            ("0.0.0.0:8080", "127.0.0.1:8080"),
            ("[::]:80", "[::1]:80"),
            ("10.0.0.1:1", "10.0.0.1:1"),
        ] {
            assert_eq!(reachable(listen.parse().unwrap()), asked.parse().unwrap());
        }
    }

    #[test]
    fn links_begin_with_the_public_address_or_with_one_that_can_be_called() {
        let listen = "0.0.0.0:18140".parse().unwrap();
        let mut settings = Settings::default();
        assert_eq!(of(&settings, listen), "http://127.0.0.1:18140");
        settings.public_url = Some("https://blur.example.com".parse().unwrap());
        assert_eq!(of(&settings, listen), "https://blur.example.com");
    }
}
