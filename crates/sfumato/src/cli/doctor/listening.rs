//! The addresses that the server takes: whether they can be had.

use std::io;
use std::net::SocketAddr;

use tokio::net::TcpSocket;

use super::Check;
use crate::data_dir::DataDir;
use crate::settings::Settings;

/// Beside a server that holds the data folder the addresses are its own, and nothing is tried.
pub(super) fn examine(settings: &Settings) -> Vec<Check> {
    let addresses = [
        ("listen", Some(settings.listen)),
        ("metrics_listen", settings.metrics_listen),
    ];
    let is_held = DataDir::unopened(&settings.data_dir).is_locked();
    addresses
        .into_iter()
        .filter_map(|(name, address)| {
            let address = address?;
            Some(if is_held {
                Check::ok(
                    name,
                    format!("{address}; not tried while a server holds the data folder"),
                )
            } else {
                judge(name, address, take(address))
            })
        })
        .collect()
}

/// Takes the address without listening, so that nobody connects to what is gone at once.
fn take(address: SocketAddr) -> io::Result<()> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    // As the server does: what is left of connections of an earlier one does not count.
    socket.set_reuseaddr(true)?;
    socket.bind(address)
}

fn judge(name: &'static str, address: SocketAddr, taken: io::Result<()>) -> Check {
    let Err(error) = taken else {
        return Check::ok(name, format!("{address} can be taken"));
    };
    let mend = match error.kind() {
        io::ErrorKind::AddrInUse => {
            "stop the process that has it (`ss -ltnp` names it), or choose another port; beside a running server give the doctor \
             its --data-dir"
        }
        io::ErrorKind::PermissionDenied => {
            "choose a port from 1024 on and put a reverse proxy in front, or grant CAP_NET_BIND_SERVICE (`AmbientCapabilities=` in a \
             unit of systemd)"
        }
        io::ErrorKind::AddrNotAvailable => "name an address that this machine has (`ip address` lists them)",
        _ => "choose another address",
    };
    Check::failed(name, format!("{address} cannot be taken: {error}"), mend)
}

#[cfg(test)]
mod tests {
    use super::super::State;
    use super::*;

    #[test]
    fn each_reason_has_its_own_way_out() {
        let address = SocketAddr::from(([127, 0, 0, 1], 80));
        let check = |kind: io::ErrorKind| judge("listen", address, Err(kind.into()));
        for (kind, part) in [
            (io::ErrorKind::AddrInUse, "ss -ltnp"),
            (io::ErrorKind::PermissionDenied, "CAP_NET_BIND_SERVICE"),
            (io::ErrorKind::AddrNotAvailable, "ip address"),
        ] {
            let found = check(kind);
            assert_eq!(found.state, State::Failed);
            assert!(found.mend.is_some_and(|mend| mend.contains(part)));
        }
        assert_eq!(judge("listen", address, Ok(())).state, State::Ok);
    }
}
