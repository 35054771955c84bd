//! The address guard: which URLs and addresses a webhook may reach.
//!
//! A customer chooses where the server sends requests; without a guard that is a way into the operator's network
//! (server-side request forgery, OWASP API7:2023). Registration judges a URL's syntax and a literal address in it
//! ([`judge_url`]); delivery judges both again and every address that the name resolves to ([`judge_address`]). Pure
//! functions, but for the question which addresses are this machine's: who resolves, connects and checks the peer is
//! [`crate::outbound`].
//!
//! Deliberately absent: name resolution, and any list of forbidden public names. A name is as good as its addresses.

mod address;
mod own;
mod url;

pub(crate) use address::reached_address;
pub use address::{BlockRule, BlockedAddress, judge_address};
pub(crate) use own::is_own;
pub use url::{RefusedUrl, URL_BYTES_MAX, judge_url};

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

/// What the operator allows beyond public addresses, and what he denies beyond private ones.
///
/// The default is for production: public addresses only, `http` and `https`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AddressPolicy {
    allowed: Vec<IpNet>,
    own: Vec<IpAddr>,
    listeners: Vec<SocketAddr>,
    development: bool,
    https_only: bool,
}

impl AddressPolicy {
    /// Also loopback and private addresses, and names like `localhost`: for development. Link-local addresses and the
    /// addresses of clouds' metadata services stay denied.
    pub fn allowing_private() -> Self {
        Self {
            development: true,
            ..Self::default()
        }
    }

    /// Also every address in these networks.
    #[must_use]
    pub fn allowing(mut self, networks: impl IntoIterator<Item = IpNet>) -> Self {
        self.allowed.extend(networks);
        self
    }

    /// Never these addresses, which are the server's own, unless a network that the operator allows holds them.
    #[must_use]
    pub fn denying_own(mut self, addresses: impl IntoIterator<Item = IpAddr>) -> Self {
        self.own
            .extend(addresses.into_iter().map(|address| address.to_canonical()));
        self
    }

    /// Only `https`.
    #[must_use]
    pub fn requiring_https(mut self) -> Self {
        self.https_only = true;
        self
    }

    /// Whether the operator has opened this address by name of a network or by the switch for development.
    pub fn allows_explicitly(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.allowed.iter().any(|network| network.contains(&address))
            || (self.development && address::is_for_development(address))
    }
}
