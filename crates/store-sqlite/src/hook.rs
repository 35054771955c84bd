//! What the writer tells the courier of this process, and asks it, so that a delivery need not be looked for.
//!
//! A delivery that the courier has a place for is leased in the transaction that makes it. Whatever was promised is
//! gathered while the transaction runs and told after its commit; where the transaction, or the request in it, is rolled
//! back, the places are given back. If the process dies before the news is told, the lease is void at the next start.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use sfumato_core::EndpointId;
use sfumato_core::store::{Admission, Courier, News};

/// The courier, and what the open transaction is going to tell it.
#[derive(Default)]
pub(crate) struct Hook {
    courier: Mutex<Option<Weak<dyn Courier>>>,
    gathered: Mutex<Vec<News>>,
}

impl Hook {
    pub(crate) fn attach(&self, courier: Weak<dyn Courier>) {
        *lock(&self.courier) = Some(courier);
    }

    fn courier(&self) -> Option<Arc<dyn Courier>> {
        lock(&self.courier).as_ref().and_then(Weak::upgrade)
    }

    pub(crate) fn admit(&self, endpoint: EndpointId) -> Option<Admission> {
        self.courier()?.admit(endpoint)
    }

    pub(crate) fn withdraw(&self, endpoint: EndpointId) {
        if let Some(courier) = self.courier() {
            courier.withdraw(endpoint);
        }
    }

    /// Remembers what is to be told if the transaction is committed.
    pub(crate) fn gather(&self, news: News) {
        lock(&self.gathered).push(news);
    }

    /// How much has been gathered: what [`Hook::forget_after`] takes.
    pub(crate) fn mark(&self) -> usize {
        lock(&self.gathered).len()
    }

    /// What was gathered after the mark has been rolled back.
    pub(crate) fn forget_after(&self, mark: usize) {
        let forgotten = lock(&self.gathered).split_off(mark);
        let Some(courier) = self.courier() else { return };
        for news in forgotten {
            if let News::Leased(dispatch) = news {
                courier.withdraw(dispatch.endpoint.id);
            }
        }
    }

    /// The transaction is committed.
    pub(crate) fn tell(&self) {
        let news = std::mem::take(&mut *lock(&self.gathered));
        if !news.is_empty()
            && let Some(courier) = self.courier()
        {
            courier.committed(news);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Both hold a whole value at every instruction.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
