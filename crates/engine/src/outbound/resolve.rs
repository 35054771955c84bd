//! Looking names up.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures::FutureExt;
use futures::future::{BoxFuture, Shared};
use tokio::sync::{Semaphore, oneshot};

/// Names that are looked up at the same time. The system's resolver occupies a thread until it gives up, and the same threads
/// read files and the database: endpoints with silent name servers must not use all of them.
const LOOKUPS_MAX: usize = 64;

/// Looks names up.
pub trait Resolve: Send + Sync + 'static {
    /// The addresses of a name, in order of preference.
    fn resolve<'a>(&'a self, name: &'a str, port: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>>;
}

type Found = Result<Vec<SocketAddr>, Arc<io::Error>>;
type Running = HashMap<(String, u16), Shared<oneshot::Receiver<Found>>>;

/// The operating system's resolver.
///
/// Who asks for a name that is being looked up waits for that answer. A name whose servers are silent so occupies one
/// thread, however many deliveries go there, and leaves the others to other names. Nothing is remembered.
pub struct SystemResolver {
    look_up: fn(&str, u16) -> io::Result<Vec<SocketAddr>>,
    running: Arc<Mutex<Running>>,
    places: Arc<Semaphore>,
}

impl Default for SystemResolver {
    fn default() -> Self {
        Self {
            look_up: |name, port| Ok((name, port).to_socket_addrs()?.collect()),
            running: Arc::default(),
            places: Arc::new(Semaphore::new(LOOKUPS_MAX)),
        }
    }
}

impl fmt::Debug for SystemResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SystemResolver")
            .field("running", &lock(&self.running).len())
            .finish_non_exhaustive()
    }
}

impl Resolve for SystemResolver {
    fn resolve<'a>(&'a self, name: &'a str, port: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        Box::pin(async move {
            match self.join(name, port).await {
                Ok(Ok(addresses)) => Ok(addresses),
                Ok(Err(error)) => Err(io::Error::new(error.kind(), error)),
                Err(given_up) => Err(io::Error::other(given_up)),
            }
        })
    }
}

impl SystemResolver {
    fn join(&self, name: &str, port: u16) -> Shared<oneshot::Receiver<Found>> {
        let key = (name.to_owned(), port);
        let mut running = lock(&self.running);
        if let Some(answer) = running.get(&key) {
            return answer.clone();
        }
        let (tell, told) = oneshot::channel();
        let told = told.shared();
        running.insert(key.clone(), told.clone());
        drop(running);
        let (look_up, running, places) = (self.look_up, self.running.clone(), self.places.clone());
        // A task of its own: it goes on when all who wait have met their deadline, and it is what they would wait for again.
        tokio::spawn(async move {
            let found = look_up_when_there_is_room(look_up, &key, &places).await;
            lock(&running).remove(&key);
            // Nobody may be waiting any more.
            let _ = tell.send(found.map_err(Arc::new));
        });
        told
    }
}

async fn look_up_when_there_is_room(
    look_up: fn(&str, u16) -> io::Result<Vec<SocketAddr>>,
    (name, port): &(String, u16),
    places: &Semaphore,
) -> io::Result<Vec<SocketAddr>> {
    let _place = places.acquire().await.map_err(io::Error::other)?;
    let (name, port) = (name.clone(), *port);
    tokio::task::spawn_blocking(move || look_up(&name, port))
        .await
        .map_err(io::Error::other)?
}

fn lock(running: &Mutex<Running>) -> MutexGuard<'_, Running> {
    // Each change of it is whole.
    running.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
    use std::thread;

    use futures::future::{join_all, poll_immediate};

    use super::*;

    fn with(look_up: fn(&str, u16) -> io::Result<Vec<SocketAddr>>) -> SystemResolver {
        SystemResolver {
            look_up,
            ..SystemResolver::default()
        }
    }

    #[tokio::test]
    async fn the_system_knows_itself_and_literal_addresses() {
        let resolver = SystemResolver::default();
        let found = resolver.resolve("localhost", 80).await.unwrap();
        assert!(
            !found.is_empty()
                && found
                    .iter()
                    .all(|address| address.ip().is_loopback() && address.port() == 80)
        );
        assert!(lock(&resolver.running).is_empty());
    }

    #[tokio::test]
    async fn who_asks_for_a_name_that_is_being_looked_up_waits_for_that_answer_and_who_asks_later_does_not() {
        static ASKED: AtomicUsize = AtomicUsize::new(0);
        static OPEN: AtomicBool = AtomicBool::new(false);
        let resolver = with(|name, port| {
            ASKED.fetch_add(1, Ordering::SeqCst);
            while !OPEN.load(Ordering::SeqCst) {
                thread::yield_now();
            }
            if name == "bad" {
                return Err(io::Error::new(io::ErrorKind::NotFound, "no such host"));
            }
            Ok(vec![SocketAddr::from(([192, 0, 2, 1], port))])
        });
        let same = (0..20).map(|_| resolver.resolve("slow", 80));
        let others = [("slow", 443), ("bad", 80)].map(|(name, port)| resolver.resolve(name, port));
        let mut all = join_all(same.chain(others));
        assert!(poll_immediate(&mut all).await.is_none());
        while ASKED.load(Ordering::SeqCst) < 3 {
            thread::yield_now();
            tokio::task::yield_now().await;
        }
        OPEN.store(true, Ordering::SeqCst);
        let mut all = all.await;
        let bad = all.pop().unwrap().unwrap_err();
        assert_eq!(bad.kind(), io::ErrorKind::NotFound);
        assert!(bad.to_string().contains("no such host"));
        assert_eq!(all.pop().unwrap().unwrap()[0].port(), 443);
        assert!(all.into_iter().all(|answer| answer.unwrap()[0].port() == 80));
        assert_eq!(ASKED.load(Ordering::SeqCst), 3);
        resolver.resolve("slow", 80).await.unwrap();
        assert_eq!(ASKED.load(Ordering::SeqCst), 4);
    }

    #[tokio::test]
    async fn a_look_up_that_panics_is_an_error_and_is_not_waited_for_again() {
        let resolver = with(|_, _| panic!("on purpose"));
        for _ in 0..2 {
            assert!(resolver.resolve("name", 80).await.is_err());
        }
        assert!(lock(&resolver.running).is_empty());
    }
}
