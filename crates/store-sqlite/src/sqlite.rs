//! The store: its connections, and how a call reaches one of them.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use rusqlite::Connection;
use sfumato_core::store::{Calls, Meter, MeterSlot, Metered, Purpose};
use sfumato_core::{Clock, Entropy, StoreError};

use crate::error::OpenError;
use crate::hook::Hook;
use crate::open::{self, SqliteOptions};
use crate::readers::{self, Readers};
use crate::sql::Sources;
use crate::writer::{self, Undo, Writer};

/// A [`sfumato_core::Store`] in one SQLite file.
pub struct SqliteStore {
    sources: Sources,
    meter: MeterSlot,
    mode: Mode,
}

enum Mode {
    Threads { writer: Writer, readers: Readers },
    Inline(Mutex<Connection>),
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteStore").finish_non_exhaustive()
    }
}

impl SqliteStore {
    /// Opens the file at `path`, makes it where it is missing, and brings its schema up to date.
    ///
    /// # Errors
    /// [`OpenError`], which says what to do.
    pub fn open(
        path: &Path,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        options: SqliteOptions,
    ) -> Result<Self, OpenError> {
        let hook = Arc::<Hook>::default();
        let connection = open::writer(path)?;
        let writer = Writer::start(connection, hook.clone(), options.queue_max, options.batch_max).map_err(
            |source| OpenError::Io {
                path: path.to_owned(),
                source,
            },
        )?;
        let readers = Readers::new(path.to_owned(), options.readers_max);
        Ok(Self {
            sources: Sources::new(clock, entropy, hook),
            meter: MeterSlot::default(),
            mode: Mode::Threads { writer, readers },
        })
    }

    /// Brings the schema of the file at `path` up to date, as [`SqliteStore::open`] does, and returns the numbers of the
    /// migrations that it applied.
    ///
    /// # Errors
    /// [`OpenError`]; nothing was changed.
    pub fn migrate(path: &Path) -> Result<Vec<i64>, OpenError> {
        open::migrated(path).map(|(_, applied)| applied)
    }

    /// The numbers of the migrations that [`SqliteStore::migrate`] would apply to a file that exists. Changes nothing.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn pending(path: &Path) -> Result<Vec<i64>, OpenError> {
        open::pending(path)
    }

    /// What [`SqliteStore::open`] opens, without threads: every call runs to its end in the caller. For a simulator with a clock of its own, in
    /// which a wait for another thread would count as idleness.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open_inline(
        path: &Path,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, OpenError> {
        let hook = Arc::<Hook>::default();
        let connection = Mutex::new(open::writer(path)?);
        Ok(Self {
            sources: Sources::new(clock, entropy, hook),
            meter: MeterSlot::default(),
            mode: Mode::Inline(connection),
        })
    }

    /// What every write is given beside its connection.
    pub(crate) const fn sources(&self) -> &Sources {
        &self.sources
    }

    pub(crate) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection, &Sources) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.write_undoing(Undo::Alone, work).await
    }

    /// See [`Undo`].
    pub(crate) async fn write_undoing<T: Send + 'static>(
        &self,
        undo: Undo,
        work: impl FnOnce(&Connection, &Sources) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let sources = self.sources.clone();
        let work = move |connection: &Connection| work(connection, &sources);
        let begun = Instant::now();
        let answer = match &self.mode {
            Mode::Threads { writer, .. } => writer.run(undo, work).await,
            Mode::Inline(connection) => writer::run_inline(
                &connection.lock().unwrap_or_else(PoisonError::into_inner),
                &self.sources.hook,
                undo,
                work,
            ),
        };
        self.meter.tell(Purpose::Write, begun.elapsed(), &answer);
        answer
    }

    pub(crate) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let begun = Instant::now();
        let answer = match &self.mode {
            Mode::Threads { readers, .. } => readers.run(work).await,
            Mode::Inline(connection) => {
                readers::run_inline(&connection.lock().unwrap_or_else(PoisonError::into_inner), work)
            }
        };
        self.meter.tell(Purpose::Read, begun.elapsed(), &answer);
        answer
    }
}

/// One process has the file to itself.
impl Calls for SqliteStore {}

impl Metered for SqliteStore {
    fn attach_meter(&self, meter: Arc<dyn Meter>) {
        self.meter.attach(meter);
    }
}
