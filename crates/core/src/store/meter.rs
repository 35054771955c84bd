//! How a store is doing, for whoever counts it.

use std::sync::Arc;
use std::time::Duration;

use super::StoreError;

/// What a transaction is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Purpose {
    /// It only reads.
    Read,
    /// It writes.
    Write,
}

impl Purpose {
    /// Every purpose.
    pub const ALL: [Purpose; 2] = [Purpose::Read, Purpose::Write];

    /// The word in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

/// Hears how transactions go. It must not wait.
pub trait Meter: Send + Sync {
    /// A call has been answered: how long after it was made, waits for a connection or the writer and repetitions taken in,
    /// and whether the database failed it. One that was refused by a rule has not failed.
    fn transaction(&self, purpose: Purpose, took: Duration, failed: bool);

    /// A transaction is run once more: it stood in the way of another one, or its connection broke.
    fn run_again(&self);
}

/// Connections to a database server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Connections {
    /// In use.
    pub busy: u64,
    /// Open and free.
    pub idle: u64,
    /// The most that are opened.
    pub max: u64,
    /// Calls that wait for one.
    pub awaited: u64,
}

/// A store that can be asked how it is doing.
pub trait Metered {
    /// From here on `meter` hears how transactions go. The first one stays.
    fn attach_meter(&self, meter: Arc<dyn Meter>);

    /// Its connections; `None` where there is no server.
    fn connections(&self) -> Option<Connections> {
        None
    }
}

/// The place of a store's meter. What is not metered costs nothing.
#[derive(Default)]
pub struct MeterSlot(std::sync::OnceLock<Arc<dyn Meter>>);

impl MeterSlot {
    /// See [`Metered::attach_meter`].
    pub fn attach(&self, meter: Arc<dyn Meter>) {
        // The first one stays.
        let _ = self.0.set(meter);
    }

    /// The meter, where there is one.
    pub fn get(&self) -> Option<&dyn Meter> {
        self.0.get().map(|meter| &**meter)
    }

    /// Tells of a call that was answered.
    pub fn tell<T>(&self, purpose: Purpose, took: Duration, answer: &Result<T, StoreError>) {
        if let Some(meter) = self.get() {
            let failed = matches!(
                answer,
                Err(StoreError::Unavailable { .. } | StoreError::Full { .. } | StoreError::Corrupt { .. })
            );
            meter.transaction(purpose, took, failed);
        }
    }
}
