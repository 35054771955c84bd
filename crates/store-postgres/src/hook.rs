//! What a transaction tells the couriers, and asks the one of this process, so that a delivery need not be looked for.
//!
//! A delivery that the courier of this process has a place for is leased in the transaction that makes it. Whatever was
//! promised is gathered while the transaction runs and told after its commit, here and, where it concerns them, to the
//! other processes; where the transaction is rolled back, the places are given back. If the process dies before the news
//! is told, or the answer to the commit is lost, the lease runs out and the delivery is freed by whoever reaps.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use sfumato_core::EndpointId;
use sfumato_core::store::{Admission, Call, Courier, Neighbour, News};

use crate::words::{Outbox, Word};

/// The courier of this process, and the way to the others.
#[derive(Default)]
pub(crate) struct Hook {
    courier: Mutex<Option<Weak<dyn Courier>>>,
    neighbour: Mutex<Option<Weak<dyn Neighbour>>>,
    pub(crate) outbox: Outbox,
}

impl Hook {
    pub(crate) fn attach(&self, courier: Weak<dyn Courier>) {
        *lock(&self.courier) = Some(courier);
        self.outbox.listen();
    }

    pub(crate) fn attach_neighbour(&self, neighbour: Weak<dyn Neighbour>) {
        *lock(&self.neighbour) = Some(neighbour);
        self.outbox.listen();
    }

    /// Another process has called.
    pub(crate) fn hear(&self, call: Call) {
        let neighbour = lock(&self.neighbour).as_ref().and_then(Weak::upgrade);
        if let Some(neighbour) = neighbour {
            neighbour.hear(call);
        }
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

    /// Another process has committed something.
    pub(crate) fn heard(&self, news: Vec<News>) {
        if !news.is_empty()
            && let Some(courier) = self.courier()
        {
            courier.committed(news);
        }
    }

    /// This process has committed something.
    fn tell(&self, news: Vec<News>) {
        self.outbox.put(news.iter().filter_map(Word::of));
        self.heard(news);
    }
}

/// What one transaction has promised. Unless it is told, it is taken back: also when the transaction is dropped in the
/// middle because nobody waits for it any more.
pub(crate) struct Gathered {
    hook: Arc<Hook>,
    news: Mutex<Vec<News>>,
}

impl Gathered {
    pub(crate) fn new(hook: Arc<Hook>) -> Self {
        Self {
            hook,
            news: Mutex::default(),
        }
    }

    pub(crate) fn add(&self, news: News) {
        let mut gathered = lock(&self.news);
        // One transaction may say the same of an endpoint for every delivery.
        if matches!(news, News::Leased(_)) || !gathered.contains(&news) {
            gathered.push(news);
        }
    }

    /// The transaction is committed.
    pub(crate) fn tell(self) {
        let news = std::mem::take(&mut *lock(&self.news));
        if !news.is_empty() {
            self.hook.tell(news);
        }
    }
}

impl Drop for Gathered {
    fn drop(&mut self) {
        for news in std::mem::take(&mut *lock(&self.news)) {
            if let News::Leased(dispatch) = news {
                self.hook.withdraw(dispatch.endpoint.id);
            }
        }
    }
}

fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // It holds a whole value at every instruction.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
