//! The store: its connections, and what its transactions are given.

use std::sync::{Arc, Weak};

use deadpool_postgres::Pool;
use sfumato_core::store::{Call, Calls, Connections, Meter, MeterSlot, Metered, Neighbour};
use sfumato_core::time::random;
use sfumato_core::{Clock, Entropy};
use uuid::Uuid;

use crate::hook::Hook;
use crate::listen::Listener;
use crate::migrations;
use crate::open::{OpenError, Place, PostgresOptions};
use crate::sql::Sources;
use crate::words::Word;

/// A [`sfumato_core::Store`] in one PostgreSQL database, which any number of processes share.
pub struct PostgresStore {
    sources: Sources,
    pool: Pool,
    meter: MeterSlot,
    /// Ends with the store.
    _listener: Listener,
}

impl std::fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PostgresStore").finish_non_exhaustive()
    }
}

impl PostgresStore {
    /// Opens the database at `url`, `postgresql://user:password@host/database`. Its schema must be up to date
    /// ([`Self::migrate`]). Connections are encrypted unless the host is this machine or the URL says `sslmode=disable`, and
    /// then the server's certificate is checked; `sslrootcert` names a file of certificate authorities. Call it in a Tokio
    /// runtime, which the store goes on using.
    ///
    /// # Errors
    /// [`OpenError`], which says what to do.
    pub async fn open(
        url: &str,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        options: PostgresOptions,
    ) -> Result<Self, OpenError> {
        let place: Place = url.parse()?;
        migrations::check(&place).await?;
        let own = Uuid::from_bytes(random(&*entropy));
        let hook = Arc::<Hook>::default();
        Ok(Self {
            pool: place.pool(options),
            meter: MeterSlot::default(),
            _listener: Listener::start(place, hook.clone(), own),
            sources: Sources {
                clock,
                entropy,
                hook,
                last_look: Arc::default(),
            },
        })
    }

    /// Brings the schema of the database at `url` up to date, and returns the numbers of the migrations that it applied.
    /// Processes that do so at once take turns.
    ///
    /// # Errors
    /// [`OpenError`]; nothing was changed.
    pub async fn migrate(url: &str) -> Result<Vec<i64>, OpenError> {
        migrations::apply(&url.parse()?).await
    }

    /// The numbers of the migrations that [`migrate`](Self::migrate) would apply. Changes nothing.
    ///
    /// # Errors
    /// [`OpenError`].
    pub async fn pending(url: &str) -> Result<Vec<i64>, OpenError> {
        migrations::pending(&url.parse()?).await
    }

    pub(crate) const fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Hears how transactions go.
    pub(crate) const fn meter(&self) -> &MeterSlot {
        &self.meter
    }

    /// What every transaction is given beside its connection.
    pub(crate) const fn sources(&self) -> &Sources {
        &self.sources
    }
}

impl Calls for PostgresStore {
    fn call(&self, call: Call) {
        self.sources.hook.outbox.put([Word::Call(call)].into_iter());
    }

    fn attach_neighbour(&self, neighbour: Weak<dyn Neighbour>) {
        self.sources.hook.attach_neighbour(neighbour);
    }
}

impl Metered for PostgresStore {
    fn attach_meter(&self, meter: Arc<dyn Meter>) {
        self.meter.attach(meter);
    }

    fn connections(&self) -> Option<Connections> {
        let status = self.pool.status();
        Some(Connections {
            busy: status.size.saturating_sub(status.available) as u64,
            idle: status.available as u64,
            max: status.max_size as u64,
            awaited: status.waiting as u64,
        })
    }
}
