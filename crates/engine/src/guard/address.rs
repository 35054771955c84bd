//! Judging one IP address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{Ipv4Net, Ipv6Net};
use thiserror::Error;

use super::AddressPolicy;

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(a: u16, b: u16, prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, 0, 0, 0, 0, 0, 0), prefix)
}

/// What is not globally reachable by the IANA special-purpose registry (RFC 6890), and Azure's wire server.
const DENIED_V4: [Ipv4Net; 16] = [
    v4(0, 0, 0, 0, 8),
    v4(10, 0, 0, 0, 8),
    v4(100, 64, 0, 0, 10),
    v4(127, 0, 0, 0, 8),
    v4(168, 63, 129, 16, 32),
    v4(169, 254, 0, 0, 16),
    v4(172, 16, 0, 0, 12),
    v4(192, 0, 0, 0, 24),
    v4(192, 0, 2, 0, 24),
    v4(192, 88, 99, 0, 24),
    v4(192, 168, 0, 0, 16),
    v4(198, 18, 0, 0, 15),
    v4(198, 51, 100, 0, 24),
    v4(203, 0, 113, 0, 24),
    v4(224, 0, 0, 0, 4),
    v4(240, 0, 0, 0, 4),
];

/// The only IPv6 space that is handed out as global unicast.
const GLOBAL_V6: Ipv6Net = v6(0x2000, 0, 3);

/// Parts of the global space that lead elsewhere: IETF protocols with Teredo (which carries an IPv4 address of its
/// own), documentation, 6to4 (the same), documentation again.
const DENIED_V6: [Ipv6Net; 4] = [
    v6(0x2001, 0, 23),
    v6(0x2001, 0xdb8, 32),
    v6(0x2002, 0, 16),
    v6(0x3fff, 0, 20),
];

/// The well-known prefix of NAT64 (RFC 6052): the last 32 bits are the IPv4 address that is really called.
const NAT64: Ipv6Net = v6(0x64, 0xff9b, 96);

const DEVELOPMENT_V4: [Ipv4Net; 4] = [
    v4(10, 0, 0, 0, 8),
    v4(127, 0, 0, 0, 8),
    v4(172, 16, 0, 0, 12),
    v4(192, 168, 0, 0, 16),
];

const UNIQUE_LOCAL_V6: Ipv6Net = v6(0xfc00, 0, 7);

/// Where clouds have their metadata services within the range of unique local addresses, which the switch for
/// development opens. The services at IPv4 addresses lie in ranges that it does not open.
const METADATA_V6: [Ipv6Net; 6] = [
    v6(0xfd00, 0x42, 32),   // Scaleway
    v6(0xfd00, 0xc1, 32),   // Oracle
    v6(0xfd00, 0x100, 32),  // Alibaba
    v6(0xfd00, 0xec2, 32),  // Amazon
    v6(0xfd00, 0xa9fe, 32), // Akamai
    v6(0xfd20, 0xce, 32),   // Google
];

/// An address may not be called. For the operator: customers are not told what a name resolves to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("webhooks may not reach {address}: {rule}")]
pub struct BlockedAddress {
    /// The address as it was given.
    pub address: IpAddr,
    /// The rule that it breaks.
    pub rule: BlockRule,
}

/// Why an address is blocked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum BlockRule {
    /// It is not an address of the public internet.
    #[error("not a public address")]
    NotPublic,
    /// It is the server's own.
    #[error("the server's own address")]
    Own,
}

/// Judges one address: a literal of a URL, each address of a resolved name, and the peer of a connection.
///
/// An IPv4 address in IPv6 notation (`::ffff:0:0/96`, and NAT64's `64:ff9b::/96`) is judged as the IPv4 address that it
/// leads to.
///
/// # Errors
/// [`BlockedAddress`].
pub fn judge_address(address: IpAddr, policy: &AddressPolicy) -> Result<(), BlockedAddress> {
    let reached = reached_address(address);
    if policy.allows_explicitly(address) || policy.allows_explicitly(reached) {
        return Ok(());
    }
    let blocked = |rule| Err(BlockedAddress { address, rule });
    if policy.own.contains(&reached) {
        return blocked(BlockRule::Own);
    }
    let public = match reached {
        IpAddr::V4(ip) => !DENIED_V4.iter().any(|network| network.contains(&ip)),
        IpAddr::V6(ip) => GLOBAL_V6.contains(&ip) && !DENIED_V6.iter().any(|network| network.contains(&ip)),
    };
    if public {
        Ok(())
    } else {
        blocked(BlockRule::NotPublic)
    }
}

/// The address that one leads to: the IPv4 one inside of it, where there is one.
pub(crate) fn reached_address(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(ip) if NAT64.contains(&ip) => {
            let [.., a, b, c, d] = ip.octets();
            IpAddr::V4(Ipv4Addr::new(a, b, c, d))
        }
        canonical => canonical,
    }
}

pub(super) fn is_for_development(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(ip) => DEVELOPMENT_V4.iter().any(|network| network.contains(&ip)),
        IpAddr::V6(ip) => {
            ip == Ipv6Addr::LOCALHOST
                || (UNIQUE_LOCAL_V6.contains(&ip) && !METADATA_V6.iter().any(|network| network.contains(&ip)))
        }
    }
}
