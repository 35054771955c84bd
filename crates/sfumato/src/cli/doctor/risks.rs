//! Settings that open what should be closed.

use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

use ipnet::IpNet;

use super::{Check, keys};
use crate::settings::{Loaded, Origin, Settings};

const NAME: &str = "settings";

/// Where machines of clouds tell their credentials to whoever asks.
const METADATA: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);

/// A network that is larger has no one who could answer for it.
const PROXIES_PREFIX_MIN: u8 = 7;

/// Everything that is dangerous, or one line that nothing is.
pub(super) fn examine(loaded: &Loaded) -> Vec<Check> {
    let settings = &loaded.settings;
    let found: Vec<Check> = [
        webhooks(settings),
        listening(settings),
        metrics(settings),
        proxies(settings),
        roles(settings),
        password(loaded),
    ]
    .into_iter()
    .flatten()
    .collect();
    if found.is_empty() {
        vec![Check::ok(NAME, "none of them opens what should be closed")]
    } else {
        found
    }
}

fn webhooks(settings: &Settings) -> Option<Check> {
    if settings.allow_private_webhooks {
        return Some(Check::warning(
            NAME,
            "`webhooks.allow_private` is on: every client can make this server send requests to this machine and into your network",
            "turn it off; `webhooks.allowed_networks` names single networks that endpoints may lie in",
        ));
    }
    let holds = |network: &&IpNet| {
        network.contains(&IpAddr::V4(METADATA)) || network.contains(&IpAddr::V4(Ipv4Addr::LOCALHOST))
    };
    let wide = settings.webhook_networks.0.iter().find(holds)?;
    Some(Check::warning(
        NAME,
        format!(
            "`webhooks.allowed_networks` has {wide}, in which this machine or the address {METADATA} lies: every client reaches \
             what is served there"
        ),
        "name the networks of the receivers alone",
    ))
}

/// Sfumato speaks no TLS itself.
fn listening(settings: &Settings) -> Option<Check> {
    let is_tls = settings
        .public_url
        .as_ref()
        .is_some_and(|url| url.to_url().scheme() == "https");
    let address = settings.listen.ip();
    if address.is_loopback() || is_tls {
        return None;
    }
    Some(Check::warning(
        NAME,
        format!(
            "`listen` is {}, and no `public_url` says that a proxy speaks TLS in front: tokens, originals and results cross the \
             network in the clear",
            settings.listen
        ),
        "listen on 127.0.0.1, put a reverse proxy that speaks TLS in front, and name its address by `public_url`",
    ))
}

fn metrics(settings: &Settings) -> Option<Check> {
    let address = settings
        .metrics_listen
        .filter(|address| is_public(address.ip()))?;
    Some(Check::warning(
        NAME,
        format!("`metrics_listen` is {address}: whoever reaches it reads how much this server does"),
        "name an address of the network in which Prometheus lies, or keep the port from clients by a firewall",
    ))
}

/// Every address of the machine, or one that is not kept for a network of one's own.
fn is_public(address: IpAddr) -> bool {
    if address.is_unspecified() {
        return true;
    }
    match address.to_canonical() {
        IpAddr::V4(v4) => !v4.is_private() && !v4.is_loopback() && !v4.is_link_local(),
        IpAddr::V6(v6) => !v6.is_loopback() && !v6.is_unique_local() && !v6.is_unicast_link_local(),
    }
}

fn proxies(settings: &Settings) -> Option<Check> {
    let trusted = &settings.trusted_proxies.0;
    if let Some(wide) = trusted
        .iter()
        .find(|network| network.prefix_len() <= PROXIES_PREFIX_MIN)
    {
        return Some(Check::warning(
            NAME,
            format!(
                "`limits.trusted_proxies` has {wide}: whoever lies in it says in `X-Forwarded-For` where it comes from, and no \
                 limit of addresses holds it"
            ),
            "name the addresses of your proxies alone",
        ));
    }
    let behind_a_proxy = settings.listen.ip().is_loopback()
        && settings
            .public_url
            .as_ref()
            .is_some_and(|url| url.to_url().scheme() == "https");
    (behind_a_proxy && trusted.is_empty()).then(|| {
        Check::warning(
            NAME,
            "a proxy on this machine speaks TLS, as it seems, and `limits.trusted_proxies` does not name it: limits of addresses \
             hold nobody, and the audit log shows the proxy",
            "set `limits.trusted_proxies = \"127.0.0.1/32,::1/128\"`, and let the proxy write `X-Forwarded-For`",
        )
    })
}

fn roles(settings: &Settings) -> Option<Check> {
    let missing = settings.roles.missing();
    (settings.database_url.is_none() && !missing.is_empty()).then(|| {
        Check::warning(
            NAME,
            format!(
                "`roles` lacks {}, and nothing else can use this data folder meanwhile",
                missing.join(", ")
            ),
            "leave `roles` out on SQLite",
        )
    })
}

/// A password in the address of the database lies where others may look.
fn password(loaded: &Loaded) -> Option<Check> {
    let url = loaded.settings.database_url.as_ref()?;
    if !url.has_password() {
        return None;
    }
    let detail = match loaded.origin("database_url") {
        Origin::Flag(flag) => format!("the password in {flag} is shown to every user by `ps`"),
        Origin::File { path, .. } if is_read_by_others(&path) => format!(
            "every user of this machine can read the database's password in {}",
            path.display()
        ),
        _ => return None,
    };
    Some(Check::warning(
        NAME,
        detail,
        "put it into the variable SFUMATO_DATABASE_URL, out of a file that only the server's user can read, and change it",
    ))
}

fn is_read_by_others(path: &Path) -> bool {
    keys::others_read(path)
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;
    use crate::settings::SettingValue;

    fn found(change: impl FnOnce(&mut Settings)) -> Vec<Check> {
        let mut loaded = Loaded::defaults();
        change(&mut loaded.settings);
        examine(&loaded)
    }

    fn says(change: impl FnOnce(&mut Settings), part: &str) {
        let found = found(change);
        assert!(
            found
                .iter()
                .any(|check| check.state == State::Warning && check.detail.contains(part)),
            "{part}: {found:?}"
        );
    }

    fn value<T: SettingValue>(text: &str) -> T {
        T::from_text(text).unwrap()
    }

    #[test]
    fn the_defaults_are_not_dangerous() {
        let found = found(|_| ());
        assert_eq!((found.len(), found[0].state), (1, State::Ok), "{found:?}");
    }

    #[test]
    fn each_dangerous_setting_is_named() {
        says(|s| s.allow_private_webhooks = true, "webhooks.allow_private");
        says(
            |s| s.webhook_networks = value("169.254.0.0/16"),
            "169.254.169.254",
        );
        says(|s| s.listen = "0.0.0.0:8080".parse().unwrap(), "`listen`");
        says(
            |s| s.metrics_listen = Some("0.0.0.0:9090".parse().unwrap()),
            "`metrics_listen`",
        );
        says(|s| s.trusted_proxies = value("0.0.0.0/0"), "trusted_proxies");
        says(|s| s.roles = value("api"), "`roles`");
        says(
            |s| s.public_url = Some("https://blur.example.com".parse().unwrap()),
            "does not name it",
        );
    }

    #[test]
    fn what_is_usual_behind_a_proxy_is_not() {
        let usual = |s: &mut Settings| {
            s.listen = "0.0.0.0:8080".parse().unwrap();
            s.public_url = Some("https://blur.example.com".parse().unwrap());
            s.metrics_listen = Some("10.0.0.7:9090".parse().unwrap());
            s.trusted_proxies = value("10.0.0.0/8");
            s.webhook_networks = value("10.1.0.0/16");
        };
        assert_eq!(found(usual)[0].state, State::Ok);
    }
}
