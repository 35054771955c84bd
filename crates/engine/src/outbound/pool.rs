//! Connections that are kept between messages.
//!
//! A connection is kept under the origin (scheme, host, port) that it was opened for, together with the address that was
//! judged then. It is used for nothing else: another name that leads to the same address gets a connection, a
//! certificate check and a judgement of its own. Whoever puts a connection back vouches that the answer was read to its
//! end and well framed ([`super::conversation`]); here it is held to its age, to silence, and to a bounded number.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use super::connect::Link;

/// How long connections are kept, and how many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// Longest time without a message. Receivers and the middleboxes before them forget silent connections.
    pub idle_max: Duration,
    /// Longest time since it was opened: so long may a name lead to where it no longer does.
    pub life_max: Duration,
    /// Idle connections of one origin.
    pub per_origin_max: usize,
    /// Idle connections in all.
    pub in_all_max: usize,
}

impl Default for Keep {
    fn default() -> Self {
        Self {
            idle_max: Duration::from_secs(30),
            life_max: Duration::from_secs(5 * 60),
            per_origin_max: 64,
            in_all_max: 256,
        }
    }
}

struct Idle {
    link: Link,
    /// When it is closed: the earlier of both limits, and of the receiver's own where it has named one.
    until: Instant,
}

#[derive(Default)]
struct Shelf {
    /// Oldest first.
    by_origin: HashMap<Arc<str>, VecDeque<Idle>>,
    count: usize,
    swept: bool,
}

/// The connections that are kept. It never opens one.
pub(super) struct Pool {
    keep: Keep,
    shelf: Mutex<Shelf>,
}

impl Pool {
    pub(super) fn new(keep: Keep) -> Arc<Self> {
        Arc::new(Self {
            keep,
            shelf: Mutex::default(),
        })
    }

    /// The connection to this origin that was used last, if one is still good.
    pub(super) fn take(&self, origin: &str, now: Instant) -> Option<Link> {
        let mut shelf = self.shelf();
        loop {
            let idle = shelf.by_origin.get_mut(origin)?;
            let newest = idle.pop_back();
            if idle.is_empty() {
                shelf.by_origin.remove(origin);
            }
            let mut newest = newest?;
            shelf.count -= 1;
            if newest.until > now && newest.link.is_silent() {
                return Some(newest.link);
            }
        }
    }

    /// Keeps a connection for `wish` at most, where the receiver has named a time.
    pub(super) fn put(self: &Arc<Self>, link: Link, wish: Option<Duration>, now: Instant) {
        let idle_max = wish.map_or(self.keep.idle_max, |wish| wish.min(self.keep.idle_max));
        let until = (now + idle_max).min(link.opened_at + self.keep.life_max);
        if until <= now || self.keep.per_origin_max == 0 || self.keep.in_all_max == 0 {
            return;
        }
        let mut shelf = self.shelf();
        let idle = shelf.by_origin.entry(link.origin.clone()).or_default();
        idle.push_back(Idle { link, until });
        if idle.len() > self.keep.per_origin_max {
            idle.pop_front();
        } else {
            shelf.count += 1;
        }
        if shelf.count > self.keep.in_all_max {
            shelf.drop_first_to_end();
        }
        if !shelf.swept {
            shelf.swept = true;
            tokio::spawn(sweep(Arc::downgrade(self), self.keep.idle_max));
        }
    }

    /// Closes what is kept of an origin. Where one kept connection turned out to be dead, the others are no better.
    pub(super) fn forget(&self, origin: &str) {
        let mut shelf = self.shelf();
        if let Some(idle) = shelf.by_origin.remove(origin) {
            shelf.count -= idle.len();
        }
    }

    /// Closes what has had its time, what the peer has closed and what it has spoken on; whether anything is left.
    fn close_ended(&self, now: Instant) -> bool {
        let mut shelf = self.shelf();
        let mut count = 0;
        shelf.by_origin.retain(|_, idle| {
            idle.retain_mut(|idle| idle.until > now && idle.link.is_silent());
            count += idle.len();
            !idle.is_empty()
        });
        shelf.count = count;
        shelf.swept = count > 0;
        count > 0
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        // What a panic leaves behind is connections, and each is tried before it is used.
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelf {
    fn drop_first_to_end(&mut self) {
        let first = self
            .by_origin
            .iter()
            .filter_map(|(origin, idle)| Some((idle.front()?.until, origin.clone())))
            .min();
        let Some((_, origin)) = first else { return };
        if let Some(idle) = self.by_origin.get_mut(&origin) {
            idle.pop_front();
            if idle.is_empty() {
                self.by_origin.remove(&origin);
            }
            self.count -= 1;
        }
    }
}

/// Runs while anything is kept, so that a connection is closed in time also where no message follows.
async fn sweep(pool: Weak<Pool>, idle_max: Duration) {
    // A tenth late at most.
    let pause = idle_max.div_f64(10.0).max(Duration::from_millis(10));
    loop {
        tokio::time::sleep(pause).await;
        let Some(pool) = pool.upgrade() else { return };
        if !pool.close_ended(Instant::now()) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn link(origin: &str, opened_at: Instant) -> (Link, DuplexStream) {
        let (ours, theirs) = tokio::io::duplex(64);
        let link = Link {
            stream: Box::new(ours),
            origin: origin.into(),
            peer: "192.0.2.1:443".parse().unwrap(),
            tls: None,
            opened_at,
        };
        (link, theirs)
    }

    fn keep() -> Keep {
        Keep {
            per_origin_max: 2,
            in_all_max: 3,
            ..Keep::default()
        }
    }

    async fn is_closed(stream: &mut DuplexStream) -> bool {
        matches!(stream.read(&mut [0]).await, Ok(0))
    }

    #[tokio::test]
    async fn a_connection_is_handed_out_once_and_for_its_origin_alone() {
        let (pool, now) = (Pool::new(keep()), Instant::now());
        let (first, _peer) = link("https://a.example", now);
        pool.put(first, None, now);
        for other in [
            "http://a.example",
            "https://a.example:8443",
            "https://b.example",
            "https://a.example.",
        ] {
            assert!(pool.take(other, now).is_none(), "{other}");
        }
        assert!(pool.take("https://a.example", now).is_some());
        assert!(pool.take("https://a.example", now).is_none());
    }

    #[tokio::test]
    async fn a_connection_ends_when_it_was_idle_or_open_for_too_long_or_as_the_receiver_wishes() {
        let (pool, now) = (Pool::new(Keep::default()), Instant::now());
        for (age, wish, good) in [
            (0, None, 30),
            (280, None, 20),
            (0, Some(5 * SECOND), 5),
            (0, Some(90 * SECOND), 30),
        ] {
            let opened_at = now - age * SECOND;
            for (later, kept) in [(good * SECOND - SECOND / 1000, true), (good * SECOND, false)] {
                let (link, _peer) = link("https://a.example", opened_at);
                pool.put(link, wish, now);
                let taken = pool.take("https://a.example", now + later);
                assert_eq!(taken.is_some(), kept, "{age} {wish:?} {later:?}");
            }
        }
        let (old, mut peer) = link("https://a.example", now - 300 * SECOND);
        pool.put(old, None, now);
        assert!(pool.take("https://a.example", now).is_none());
        assert!(is_closed(&mut peer).await);
    }

    #[tokio::test]
    async fn a_connection_that_the_peer_has_closed_or_spoken_on_is_not_used() {
        let (pool, now) = (Pool::new(Keep::default()), Instant::now());
        let (closed, peer) = link("https://a.example", now);
        drop(peer);
        pool.put(closed, None, now);
        let (spoken, mut talker) = link("https://a.example", now);
        talker.write_all(b"HTTP/1.1 200 OK\r\n").await.unwrap();
        pool.put(spoken, None, now);
        assert!(pool.take("https://a.example", now).is_none());

        let (quiet, _peer) = link("https://a.example", now);
        pool.put(quiet, None, now);
        let (spoken, mut talker) = link("https://a.example", now);
        talker.write_all(b"x").await.unwrap();
        pool.put(spoken, None, now);
        assert!(pool.close_ended(now));
        assert!(pool.take("https://a.example", now).is_some());
        assert!(!pool.close_ended(now));
    }

    #[tokio::test]
    async fn the_number_of_connections_is_bounded_by_origin_and_in_all_and_the_oldest_goes_first() {
        let (pool, now) = (Pool::new(keep()), Instant::now());
        let mut peers = Vec::new();
        for (age, origin) in [(9, "a"), (8, "b"), (7, "b"), (6, "b"), (5, "c"), (4, "c")] {
            let (link, peer) = link(origin, now);
            pool.put(link, None, now - age * SECOND);
            peers.push(peer);
        }
        let mut closed = Vec::new();
        for peer in &mut peers {
            let read = tokio::time::timeout(Duration::from_millis(1), is_closed(peer)).await;
            closed.push(read.unwrap_or(false));
        }
        assert_eq!(closed, [true, true, true, false, false, false]);
        assert_eq!(pool.shelf().count, 3);
        pool.forget("c");
        assert_eq!(pool.shelf().count, 1);
        assert!(pool.take("c", now).is_none());
        assert!(pool.take("b", now).is_some());
    }

    #[tokio::test]
    async fn nothing_is_kept_where_nothing_may_be() {
        let now = Instant::now();
        for none in [
            Keep {
                per_origin_max: 0,
                ..keep()
            },
            Keep {
                in_all_max: 0,
                ..keep()
            },
            Keep {
                idle_max: Duration::ZERO,
                ..keep()
            },
        ] {
            let pool = Pool::new(none);
            let (link, mut peer) = link("a", now);
            pool.put(link, None, now);
            assert!(is_closed(&mut peer).await);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_is_closed_although_no_message_follows() {
        // The clock of the sweep is the test's, the limit is in the past of the real one.
        let pool = Pool::new(Keep {
            idle_max: Duration::from_millis(1),
            ..Keep::default()
        });
        let (link, mut peer) = link("a", Instant::now());
        pool.put(link, None, Instant::now());
        assert!(is_closed(&mut peer).await);
        assert_eq!(pool.shelf().count, 0);
    }
}
