//! Where the database is, and how its connections are made.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, Pool, RecyclingMethod, Runtime, Timeouts};
use rustls::RootCertStore;
use thiserror::Error;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, Connection, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;
use url::Url;

use crate::tls;

/// How long a server may take to accept a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long what was sent may stay unacknowledged before the connection is given up: a machine that has gone away.
const SILENCE_MAX: Duration = Duration::from_secs(20);

/// How long an open transaction may do nothing. A process that is stopped in the middle of one holds locks; this is how
/// long others wait for them at most.
const IDLE_IN_TRANSACTION_MAX: Duration = Duration::from_secs(10);

/// Major version of the oldest server that the statements are tested with.
const SERVER_MIN: i32 = 15;

/// How the store works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PostgresOptions {
    /// Connections that one process has open at most, beside the one that listens.
    pub connections_max: usize,
    /// How long a request waits for a free connection.
    pub wait_max: Duration,
    /// How long one statement may take, waits for locks included.
    pub statement_max: Duration,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            connections_max: 16,
            wait_max: Duration::from_secs(10),
            statement_max: Duration::from_secs(20),
        }
    }
}

/// Why the database could not be opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The URL is none of a PostgreSQL database.
    #[error("the database URL is not understood: {why}")]
    Url {
        /// What is wrong with it. Does not repeat the URL, which may hold a password.
        why: String,
    },
    /// The certificate authorities cannot be read.
    #[error("read certificate authorities from `{path}`")]
    Certificates {
        /// The file of `sslrootcert`.
        path: PathBuf,
        /// Cause.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The server cannot be reached, or refuses us or a statement of ours.
    #[error("open the database at {server}")]
    Postgres {
        /// Host, port and name of the database.
        server: String,
        /// What the driver or the server says.
        #[source]
        source: tokio_postgres::Error,
    },
    /// The server is older than what the statements are tested with.
    #[error("the database server at {server} has version {found}; Sfumato needs {SERVER_MIN} or later")]
    TooOld {
        /// Host, port and name of the database.
        server: String,
        /// Its version, as it says.
        found: String,
    },
    /// The database keeps text in another encoding than UTF-8.
    #[error("the database at {server} has the encoding {found}; create it with ENCODING 'UTF8'")]
    Encoding {
        /// Host, port and name of the database.
        server: String,
        /// Its encoding.
        found: String,
    },
    /// Migrations of this version are missing.
    #[error(
        "the database at {server} has migration {found}, and this version of Sfumato needs {known}: run `sfumato migrate`"
    )]
    Behind {
        /// Host, port and name of the database.
        server: String,
        /// The newest migration in the database, 0 where it is empty.
        found: i64,
        /// The newest that is known.
        known: i64,
    },
    /// The database was written by a newer version.
    #[error(
        "the database at {server} has migration {found}, which this version of Sfumato does not know (it knows {known}): start a newer version, or restore a backup from before the upgrade"
    )]
    Newer {
        /// Host, port and name of the database.
        server: String,
        /// The newest migration in the database.
        found: i64,
        /// The newest that is known.
        known: i64,
    },
    /// A migration that was applied is not the one that this version knows by that number.
    #[error(
        "migration {number} of the database at {server} differs from the one that this version of Sfumato knows"
    )]
    Changed {
        /// Host, port and name of the database.
        server: String,
        /// Which one.
        number: i64,
    },
}

/// What drives a connection.
pub(crate) type Driver = Connection<Socket, <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream>;

/// A place, understood: what `postgresql://user:password@host:5432/database?sslmode=require` says.
#[derive(Clone)]
pub(crate) struct Place {
    config: Config,
    tls: MakeRustlsConnect,
    server: String,
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place")
            .field("server", &self.server)
            .finish_non_exhaustive()
    }
}

impl FromStr for Place {
    type Err = OpenError;

    fn from_str(text: &str) -> Result<Self, OpenError> {
        let mut url = Url::parse(text).map_err(not_understood)?;
        if !matches!(url.scheme(), "postgres" | "postgresql") {
            return Err(not_understood("it begins with `postgresql://`"));
        }
        let (mut mode, mut roots, mut others) = (None, None, Vec::new());
        for (name, value) in url.query_pairs() {
            match &*name {
                "sslmode" => mode = Some(ssl_mode(&value)?),
                "sslrootcert" => roots = Some(PathBuf::from(&*value)),
                _ => others.push((name.into_owned(), value.into_owned())),
            }
        }
        // The driver decodes percent signs and nothing else.
        let query = others
            .iter()
            .map(|(name, value)| format!("{}={}", escaped(name), escaped(value)));
        let query = query.collect::<Vec<_>>().join("&");
        url.set_query(Some(&*query).filter(|query| !query.is_empty()));
        let mut config =
            Config::from_str(url.as_str()).map_err(|error| not_understood(sfumato_core::chain(&error)))?;
        if config.get_hosts().is_empty() {
            return Err(not_understood("it names no host"));
        }
        if config.get_dbname().is_none() {
            return Err(not_understood("it names no database"));
        }
        let mode = mode.unwrap_or_else(|| default_mode(&config));
        config
            .ssl_mode(mode)
            .target_session_attrs(TargetSessionAttrs::ReadWrite)
            .tcp_user_timeout(SILENCE_MAX)
            .keepalives_idle(SILENCE_MAX);
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(CONNECT_TIMEOUT);
        }
        if config.get_application_name().is_none() {
            config.application_name("sfumato");
        }
        let authorities = match roots {
            Some(path) => tls::in_file(&path).map_err(|source| OpenError::Certificates { path, source })?,
            None if mode == SslMode::Disable => RootCertStore::empty(),
            None => tls::of_the_machine(),
        };
        Ok(Self {
            tls: tls::connector(authorities),
            server: server(&config),
            config,
        })
    }
}

fn not_understood(why: impl fmt::Display) -> OpenError {
    OpenError::Url { why: why.to_string() }
}

fn escaped(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes())
        .collect::<String>()
        .replace('+', "%20")
}

/// Either there is no encryption, or the certificate and the name in it are checked: whatever lies between protects
/// nothing.
fn ssl_mode(word: &str) -> Result<SslMode, OpenError> {
    match word {
        "disable" => Ok(SslMode::Disable),
        "require" | "verify-full" => Ok(SslMode::Require),
        other => Err(not_understood(format!(
            "sslmode is `disable`, or `require` or `verify-full`, which both check the server's certificate; not `{other}`"
        ))),
    }
}

/// Encryption, except where nothing leaves the machine.
fn default_mode(config: &Config) -> SslMode {
    let stays_here = |host: &Host| match host {
        Host::Unix(_) => true,
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
        }
    };
    if config.get_hosts().iter().all(stays_here) {
        SslMode::Disable
    } else {
        SslMode::Require
    }
}

/// For messages: without user and password.
fn server(config: &Config) -> String {
    let port = |index: usize| {
        let ports = config.get_ports();
        ports.get(index).or(ports.first()).copied().unwrap_or(5432)
    };
    let hosts = config
        .get_hosts()
        .iter()
        .enumerate()
        .map(|(index, host)| match host {
            Host::Tcp(name) => format!("{name}:{}", port(index)),
            Host::Unix(folder) => format!("{}:{}", folder.display(), port(index)),
        });
    let hosts = hosts.collect::<Vec<_>>().join(",");
    format!("{hosts}/{}", config.get_dbname().unwrap_or_default())
}

impl Place {
    /// Host, port and name of the database, for messages.
    pub(crate) fn server(&self) -> &str {
        &self.server
    }

    pub(crate) fn failed(&self, source: tokio_postgres::Error) -> OpenError {
        OpenError::Postgres {
            server: self.server.clone(),
            source,
        }
    }

    /// One connection outside the pool; whoever gets it drives it.
    pub(crate) async fn connect(&self) -> Result<(Client, Driver), tokio_postgres::Error> {
        self.config.connect(self.tls.clone()).await
    }

    /// Connects once, and refuses a server on which the statements would fail later.
    pub(crate) async fn check(&self) -> Result<Client, OpenError> {
        let (client, connection) = self.connect().await.map_err(|error| self.failed(error))?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(
                    error = sfumato_core::chain(&error),
                    "a connection to the database ended"
                );
            }
        });
        let row = client
            .query_one(
                "SELECT current_setting('server_version_num')::int4 / 10000, current_setting('server_version'),
                        current_setting('server_encoding')",
                &[],
            )
            .await
            .map_err(|error| self.failed(error))?;
        let (major, version, encoding): (i32, String, String) = (row.get(0), row.get(1), row.get(2));
        if major < SERVER_MIN {
            return Err(OpenError::TooOld {
                server: self.server.clone(),
                found: version,
            });
        }
        if encoding != "UTF8" {
            return Err(OpenError::Encoding {
                server: self.server.clone(),
                found: encoding,
            });
        }
        Ok(client)
    }

    /// A pool of connections, each with the limits of the options.
    pub(crate) fn pool(&self, options: PostgresOptions) -> Pool {
        let manager = ManagerConfig {
            recycling_method: RecyclingMethod::Fast,
        };
        let manager = Manager::from_config(self.config.clone(), self.tls.clone(), manager);
        let settings = session_settings(options);
        Pool::builder(manager)
            .max_size(options.connections_max.max(1))
            .runtime(Runtime::Tokio1)
            .timeouts(Timeouts {
                wait: Some(options.wait_max),
                create: Some(CONNECT_TIMEOUT * 2),
                recycle: Some(CONNECT_TIMEOUT),
            })
            .post_create(Hook::async_fn(move |client, _| {
                let settings = settings.clone();
                Box::pin(async move { client.batch_execute(&settings).await.map_err(HookError::Backend) })
            }))
            .build()
            .expect("a pool with time-outs has a runtime")
    }
}

/// Settings of every session. As statements and not as options of the connection: poolers refuse those.
fn session_settings(options: PostgresOptions) -> String {
    format!(
        "SET statement_timeout = {}; SET idle_in_transaction_session_timeout = {}; \
         SET default_transaction_isolation = 'read committed'; SET client_min_messages = 'warning'",
        options.statement_max.as_millis(),
        IDLE_IN_TRANSACTION_MAX.as_millis(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(url: &str) -> Result<Place, String> {
        url.parse::<Place>().map_err(|error| sfumato_core::chain(&error))
    }

    #[test]
    fn a_url_says_where_the_database_is_and_messages_never_repeat_the_password() {
        let place =
            place("postgresql://sfumato:s%20cret@db.example.com:6432/videos?sslmode=verify-full").unwrap();
        assert_eq!(place.server(), "db.example.com:6432/videos");
        assert_eq!(place.config.get_password(), Some(&b"s cret"[..]));
        assert_eq!(place.config.get_application_name(), Some("sfumato"));
        assert!(!format!("{place:?}").contains("cret"));
    }

    #[test]
    fn a_socket_is_given_as_the_host() {
        let place = place("postgresql:///sfumato?host=/run/postgresql&user=sfumato").unwrap();
        assert_eq!(place.server(), "/run/postgresql:5432/sfumato");
        assert_eq!(place.config.get_ssl_mode(), SslMode::Disable);
    }

    #[test]
    fn what_leaves_the_machine_is_encrypted_unless_it_is_said_otherwise() {
        let mode = |url| place(url).unwrap().config.get_ssl_mode();
        assert_eq!(mode("postgresql://a@localhost/b"), SslMode::Disable);
        assert_eq!(mode("postgresql://a@127.0.0.1/b"), SslMode::Disable);
        assert_eq!(mode("postgresql://a@10.0.0.7/b"), SslMode::Require);
        assert_eq!(mode("postgresql://a@db,localhost/b"), SslMode::Require);
        assert_eq!(
            mode("postgresql://a@10.0.0.7/b?sslmode=disable"),
            SslMode::Disable
        );
    }

    #[test]
    fn what_is_not_understood_is_said_without_the_url() {
        for (url, part) in [
            ("mysql://root:hush@db/b", "postgresql://"),
            ("postgresql://root:hush@db/b?sslmode=prefer", "sslmode"),
            ("postgresql://root:hush@db", "no database"),
            ("postgresql:///b", "no host"),
            ("postgresql://root:hush@db/b?colour=red", "colour"),
            ("hush", "not understood"),
        ] {
            let error = place(url).unwrap_err();
            assert!(error.contains(part) && !error.contains("hush"), "{url}: {error}");
        }
    }

    #[test]
    fn certificate_authorities_that_cannot_be_read_are_named() {
        let error = place("postgresql://a@db/b?sslrootcert=/nowhere/ca.pem").unwrap_err();
        assert!(error.contains("/nowhere/ca.pem"), "{error}");
    }
}
