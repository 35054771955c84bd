//! The sockets on which the server is asked.

use std::net::SocketAddr;

use anyhow::Context;
use tokio::net::{TcpListener, TcpSocket};

use crate::settings::Settings;

/// Connections that the system holds until they are taken.
const BACKLOG: u32 = 1024;

/// The addresses of the server, taken but closed: the engine has to know them, and nobody is to wait while it gets ready.
pub(super) struct Sockets {
    main: Taken,
    metrics: Option<Taken>,
}

/// What they are once they are open.
pub(super) struct Listeners {
    /// The API and the Manager, or the probes.
    pub(super) main: TcpListener,
    /// `/metrics`, where it has an address of its own.
    pub(super) metrics: Option<TcpListener>,
}

struct Taken {
    socket: TcpSocket,
    address: SocketAddr,
    what: String,
}

impl Sockets {
    /// Takes the addresses that the settings name; for port 0 the system chooses one.
    ///
    /// # Errors
    /// One cannot be had.
    pub(super) fn take(settings: &Settings) -> anyhow::Result<Self> {
        let metrics = settings.metrics_listen;
        let take_metrics = |address| Taken::take(address, format!("listen on {address} for /metrics"));
        Ok(Self {
            main: Taken::take(settings.listen, format!("listen on {}", settings.listen))?,
            metrics: metrics.map(take_metrics).transpose()?,
        })
    }

    /// Where this server answers.
    pub(super) fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        let metrics = self.metrics.as_ref();
        [self.main.address]
            .into_iter()
            .chain(metrics.map(|taken| taken.address))
    }

    /// Lets connections come.
    ///
    /// # Errors
    /// Another process listens there.
    pub(super) fn open(self) -> anyhow::Result<Listeners> {
        Ok(Listeners {
            main: self.main.open()?,
            metrics: self.metrics.map(Taken::open).transpose()?,
        })
    }
}

impl Taken {
    fn take(address: SocketAddr, what: String) -> anyhow::Result<Self> {
        let take = || {
            let socket = match address {
                SocketAddr::V4(_) => TcpSocket::new_v4(),
                SocketAddr::V6(_) => TcpSocket::new_v6(),
            }?;
            // As the standard library does: connections of the run before may linger.
            socket.set_reuseaddr(true)?;
            socket.bind(address)?;
            let address = socket.local_addr()?;
            std::io::Result::Ok((socket, address))
        };
        let (socket, address) = take().with_context(|| what.clone())?;
        Ok(Self {
            socket,
            address,
            what,
        })
    }

    fn open(self) -> anyhow::Result<TcpListener> {
        self.socket.listen(BACKLOG).context(self.what)
    }
}
