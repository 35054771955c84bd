//! What the writer tells the courier of this process, and asks it, so that a delivery need not be looked for.
//!
//! A delivery that the courier has a place for is leased in the transaction that makes it. Whatever was promised is
//! gathered while the transaction runs and told after its commit; where the transaction, or the request in it, is rolled
//! back, the places are given back. If the process dies before the news is told, the lease is void at the next start.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use sfumato_core::store::{Admission, Courier, News};
use sfumato_core::{ClientId, Endpoint, EndpointId, StoreError};

/// The courier, and what the open transaction is going to tell it.
#[derive(Default)]
pub(crate) struct Hook {
    courier: Mutex<Option<Weak<dyn Courier>>>,
    gathered: Mutex<Vec<News>>,
    /// The endpoints that hear of a client's jobs, as the open transaction has read them last.
    hearers: Mutex<Option<(ClientId, Arc<[Endpoint]>)>>,
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

    /// The endpoints that hear of a client's jobs: read once for many submissions that follow each other.
    pub(crate) fn hearers(
        &self,
        client: ClientId,
        read: impl FnOnce() -> Result<Vec<Endpoint>, StoreError>,
    ) -> Result<Arc<[Endpoint]>, StoreError> {
        let mut known = lock(&self.hearers);
        if let Some((of, hearers)) = &*known
            && *of == client
        {
            return Ok(hearers.clone());
        }
        let hearers: Arc<[Endpoint]> = read()?.into();
        *known = Some((client, hearers.clone()));
        Ok(hearers)
    }

    /// Something begins that may change endpoints, or another process may have changed them.
    pub(crate) fn forget_hearers(&self) {
        *lock(&self.hearers) = None;
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use sfumato_core::delivery::Outcome;
    use sfumato_core::event::EventStatus::Sent;
    use sfumato_core::replay::ReplaySelection;
    use sfumato_core::store::EndpointChange;
    use sfumato_core::{ReplayId, Store};
    use sfumato_testkit::{COURIER, LEASE, SimClock, SimEntropy, World};

    use super::*;
    use crate::SqliteStore;

    /// A courier with so many places, and what it has heard.
    #[derive(Default)]
    struct Ears {
        places: Mutex<usize>,
        heard: Mutex<Vec<News>>,
    }

    impl Ears {
        fn places(&self) -> usize {
            *lock(&self.places)
        }

        fn heard(&self) -> Vec<News> {
            std::mem::take(&mut *lock(&self.heard))
        }
    }

    impl Courier for Ears {
        fn admit(&self, _: EndpointId) -> Option<Admission> {
            let mut places = lock(&self.places);
            *places = places.checked_sub(1)?;
            Some(Admission {
                worker: COURIER,
                lease_for: LEASE,
            })
        }

        fn withdraw(&self, _: EndpointId) {
            *lock(&self.places) += 1;
        }

        fn committed(&self, news: Vec<News>) {
            lock(&self.heard).extend(news);
        }
    }

    fn world(places: usize) -> (World, Arc<Ears>, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("sfumato.db");
        let (clock, entropy) = (Arc::<SimClock>::default(), Arc::new(SimEntropy::new(1)));
        let store = SqliteStore::open_inline(&path, clock.clone(), entropy.clone()).unwrap();
        let ears = Arc::new(Ears::default());
        *lock(&ears.places) = places;
        let courier: Arc<dyn Courier> = ears.clone();
        store.attach_courier(Arc::downgrade(&courier));
        (World::new(Arc::new(store), clock, entropy), ears, folder)
    }

    #[tokio::test]
    async fn a_delivery_is_leased_when_it_is_made_where_there_is_a_place_and_waits_otherwise() {
        let (world, ears, _folder) = world(1);
        let client = world.client().await.id;
        let endpoint = world.endpoint(client).await;
        let first = world.submitted(client).await;
        let [News::Leased(dispatch)] = &ears.heard()[..] else {
            panic!("the first is leased");
        };
        assert_eq!((dispatch.delivery.job, &dispatch.endpoint), (first.id, &endpoint));
        assert_eq!(world.records(&first).await[0].delivery, dispatch.delivery);
        let second = world.submitted(client).await;
        assert_eq!(ears.heard(), [News::Waiting(endpoint.id)]);
        assert_eq!(world.history(&second).await, [(Sent, "pending")]);
        assert_eq!(world.dispatch().await.delivery.job, second.id);
        world.attempted(dispatch, Outcome::Ok).await;
        assert_eq!(world.history(&first).await, [(Sent, "delivered")]);
    }

    #[tokio::test]
    async fn what_follows_in_a_chain_and_what_may_not_be_called_is_not_leased_when_it_is_made() {
        let (world, ears, _folder) = world(10);
        let client = world.client().await.id;
        world.endpoint(client).await;
        let job = world.running(client).await;
        assert_eq!(ears.places(), 9, "promise 3: `Started` waits for `Sent`");
        let heard = ears.heard();
        let [News::Leased(sent)] = &heard[..] else {
            panic!("{heard:?}");
        };
        let gone = sfumato_core::Attempt {
            status: Some(410),
            ..world.attempt(sent, Outcome::Status)
        };
        world.record(sent, &gone).await;
        world.finish(&job, world.success()).await;
        world.submitted(client).await;
        assert_eq!(ears.places(), 9, "the endpoint is held");
    }

    #[tokio::test]
    async fn what_is_rolled_back_gives_its_place_back_and_is_not_told() {
        let (world, ears, _folder) = world(1);
        let client = world.client().await.id;
        world.endpoint(client).await;
        let job = world.unsubmitted(client);
        world.store.submit(&job).await.unwrap();
        assert_eq!((ears.places(), ears.heard().len()), (0, 1));
        let refused = world.store.submit(&job).await;
        assert!(matches!(refused, Err(StoreError::Unavailable { .. })));
        assert_eq!((ears.places(), ears.heard().len()), (0, 0));
        let hook = Hook::default();
        let courier: Arc<dyn Courier> = ears.clone();
        hook.attach(Arc::downgrade(&courier));
        let dispatch = {
            world.store.hand_back_deliveries(COURIER).await.unwrap();
            world.dispatch().await
        };
        let mark = hook.mark();
        hook.gather(News::Leased(Box::new(dispatch)));
        hook.forget_after(mark);
        hook.tell();
        assert_eq!((ears.places(), ears.heard().len()), (1, 0));
    }

    #[tokio::test]
    async fn what_a_replay_opens_or_makes_and_an_endpoint_that_is_released_are_told() {
        let (world, ears, _folder) = world(0);
        let client = world.client().await.id;
        let (old, job) = (world.endpoint(client).await, world.submitted(client).await);
        world.attempted(&world.dispatch().await, Outcome::Ok).await;
        let young = world.endpoint(client).await;
        ears.heard();
        for (endpoint, told) in [(&old, 1), (&young, 2)] {
            let id = ReplayId::new(&*world.clock, &*world.entropy);
            let everything = ReplaySelection {
                since: job.created_at,
                until: world.now().after(LEASE),
                statuses: vec![],
                standings: vec![],
                job: None,
            };
            let begun = world.store.create_replay(client, endpoint.id, id, &everything);
            begun.await.unwrap();
            assert_eq!(ears.heard(), []);
            world.store.advance_replay(id, 10).await.unwrap();
            assert_eq!(ears.heard(), [News::Waiting(endpoint.id)]);
            assert_eq!(world.history(&job).await, vec![(Sent, "pending"); told]);
        }
        let changed = News::Changed(old.id);
        for (active, told) in [
            (false, vec![changed.clone()]),
            (true, vec![changed, News::Waiting(old.id)]),
        ] {
            let change = EndpointChange {
                active: Some(active),
                ..EndpointChange::default()
            };
            let changed = world.store.update_endpoint(client, old.id, change);
            changed.await.unwrap();
            assert_eq!(ears.heard(), told);
        }
    }

    #[tokio::test]
    async fn the_endpoints_of_a_client_are_read_once_until_something_may_have_changed_them() {
        let (world, _ears, _folder) = world(0);
        let client = world.client().await.id;
        let endpoint = world.endpoint(client).await;
        let hook = Hook::default();
        let first = hook.hearers(client, || Ok(vec![endpoint.clone()])).unwrap();
        let again = hook.hearers(client, || panic!("it is known")).unwrap();
        assert!(Arc::ptr_eq(&first, &again));
        let other = world.client().await.id;
        assert!(hook.hearers(other, || Ok(vec![])).unwrap().is_empty());
        hook.forget_hearers();
        assert!(hook.hearers(other, || Err(StoreError::LeaseLost)).is_err());
    }

    #[tokio::test]
    async fn a_courier_that_is_gone_is_asked_nothing() {
        let (world, ears, _folder) = world(5);
        let client = world.client().await.id;
        world.endpoint(client).await;
        drop(ears);
        let job = world.submitted(client).await;
        assert_eq!(world.history(&job).await, [(Sent, "pending")]);
    }
}
