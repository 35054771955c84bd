//! How many processes a pool has.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The processes of a pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Processes {
    /// Those that load their models, and take no task yet.
    pub starting: u64,
    /// Those that are ready: idle or at work.
    pub alive: u64,
    /// How many have got ready, ever.
    pub started: u64,
    /// How many were replaced because they had done as many tasks as one may.
    pub recycled: u64,
}

/// Counts the processes of a pool.
#[derive(Debug, Default)]
pub(crate) struct Census {
    starting: Arc<AtomicU64>,
    alive: Arc<AtomicU64>,
    started: AtomicU64,
    recycled: AtomicU64,
}

/// One of those that are counted. Dropped, it is none any more.
#[derive(Debug)]
pub(crate) struct Counted(Arc<AtomicU64>);

impl Counted {
    fn among(count: &Arc<AtomicU64>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Census {
    /// A process is being started.
    pub(crate) fn starting(&self) -> Counted {
        Counted::among(&self.starting)
    }

    /// A process is ready.
    pub(crate) fn ready(&self) -> Counted {
        self.started.fetch_add(1, Ordering::Relaxed);
        Counted::among(&self.alive)
    }

    /// A process is replaced because it has done enough.
    pub(crate) fn recycled(&self) {
        self.recycled.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count(&self) -> Processes {
        Processes {
            starting: self.starting.load(Ordering::Relaxed),
            alive: self.alive.load(Ordering::Relaxed),
            started: self.started.load(Ordering::Relaxed),
            recycled: self.recycled.load(Ordering::Relaxed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_counts_until_it_is_gone() {
        let census = Census::default();
        let starting = census.starting();
        assert_eq!(census.count().starting, 1);
        drop(starting);
        let (one, another) = (census.ready(), census.ready());
        drop(one);
        census.recycled();
        let expected = Processes {
            starting: 0,
            alive: 1,
            started: 2,
            recycled: 1,
        };
        assert_eq!(census.count(), expected);
        drop(another);
        assert_eq!(census.count().alive, 0);
    }
}
