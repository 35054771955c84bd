use std::future::Future;
use std::task::{Context, Poll, Waker};

use super::*;

impl LoginFailures {
    fn must_wait(&self, login: Counted, now: Timestamp) -> Option<Duration> {
        match self.try_begin(login, now) {
            Ok(begun) => {
                begun.unheard();
                None
            }
            Err(Held::For(wait)) => Some(wait),
            Err(Held::ByOthers) => panic!("nothing is under way"),
        }
    }

    /// A failure, whether it was let in or not.
    fn record(&self, login: Counted, now: Timestamp) {
        self.end(login, End::Failed, now);
    }

    fn succeeded(&self, login: Counted, now: Timestamp) {
        self.end(login, End::Succeeded, now);
    }
}

#[derive(Debug)]
struct Still(Timestamp);

impl Clock for Still {
    fn now(&self) -> Timestamp {
        self.0
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_seconds(seconds)
}

fn address(text: &str) -> Option<IpAddr> {
    Some(text.parse().unwrap())
}

#[test]
fn a_pair_waits_for_longer_with_each_failure_and_others_do_not_wait() {
    let failures = LoginFailures::new(3, Duration::from_secs(60));
    let pair = failures.pair("client_a", address("192.0.2.1"));
    for second in 0..3 {
        assert_eq!(failures.must_wait(pair, at(second)), None);
        failures.record(pair, at(second));
    }
    assert_eq!(failures.must_wait(pair, at(22)), Some(Duration::from_secs(40)));
    let elsewhere = failures.pair("client_a", address("192.0.2.2"));
    assert_eq!(failures.must_wait(elsewhere, at(22)), None);
    let other = failures.pair("client_b", address("192.0.2.1"));
    assert_eq!(failures.must_wait(other, at(22)), None);
    assert_eq!(failures.must_wait(pair, at(62)), None);
    failures.record(pair, at(62));
    assert_eq!(failures.must_wait(pair, at(62)), Some(Duration::from_secs(120)));
    failures.record(pair, at(182));
    assert_eq!(failures.must_wait(pair, at(182)), Some(Duration::from_secs(240)));
    // Whoever leaves it alone for a while begins anew.
    assert_eq!(failures.must_wait(pair, at(482)), None);
    failures.record(pair, at(482));
    assert_eq!(failures.must_wait(pair, at(482)), None);
}

#[test]
fn nobody_waits_for_longer_than_a_quarter_of_an_hour_and_a_success_ends_it() {
    let failures = LoginFailures::new(1, Duration::from_secs(60));
    let pair = failures.pair("client_a", address("192.0.2.1"));
    let mut now = at(0);
    for _ in 0..40 {
        failures.record(pair, now);
        now = now.after(failures.must_wait(pair, now).unwrap());
    }
    failures.record(pair, now);
    assert_eq!(failures.must_wait(pair, now), Some(WAIT_MAX));
    failures.succeeded(pair, now);
    assert_eq!(failures.must_wait(pair, now), None);
}

#[test]
fn one_ipv6_network_is_one_address() {
    let failures = LoginFailures::new(1, Duration::from_secs(60));
    failures.record(failures.pair("a", address("2001:db8::1")), at(0));
    assert!(
        failures
            .must_wait(failures.pair("a", address("2001:db8::ffff")), at(1))
            .is_some()
    );
    assert!(
        failures
            .must_wait(failures.pair("a", address("2001:db8:0:1::1")), at(1))
            .is_none()
    );
}

/// The `n`th of many addresses.
fn elsewhere(n: u32) -> Option<IpAddr> {
    Some(IpAddr::from((0x0a00_0000 + n).to_be_bytes()))
}

#[test]
fn a_name_that_is_guessed_from_everywhere_waits_and_its_owner_where_it_was_before_does_not() {
    let failures = LoginFailures::new(3, Duration::from_secs(60));
    let owner = failures.login("client_a", address("192.0.2.1"));
    failures.succeeded(owner, at(0));
    for n in 0..30 {
        let guess = failures.login("client_a", elsewhere(n));
        assert_eq!(failures.must_wait(guess, at(1)), None, "{n}");
        failures.record(guess, at(1));
    }
    let next = failures.login("client_a", elsewhere(30));
    assert_eq!(failures.must_wait(next, at(1)), Some(Duration::from_secs(60)));
    assert_eq!(failures.must_wait(owner, at(1)), None);
    let other = failures.login("client_b", elsewhere(31));
    assert_eq!(failures.must_wait(other, at(1)), None);
    // Each further guess, one a wait, doubles it; a success of the owner does not reset it.
    failures.record(next, at(61));
    failures.succeeded(owner, at(61));
    let after = failures.login("client_a", elsewhere(32));
    assert_eq!(failures.must_wait(after, at(61)), Some(Duration::from_secs(120)));
    // The owner is still held to its own failures.
    for _ in 0..3 {
        failures.record(owner, at(62));
    }
    assert_eq!(failures.must_wait(owner, at(62)), Some(Duration::from_secs(60)));
}

#[test]
fn an_address_that_tries_many_names_waits_and_who_shares_it_and_got_in_before_does_not() {
    let failures = LoginFailures::new(3, Duration::from_secs(60));
    let neighbour = failures.login("client_n", address("192.0.2.1"));
    failures.succeeded(neighbour, at(0));
    for n in 0..15 {
        let guess = failures.login(&format!("client_{n}"), address("192.0.2.1"));
        assert_eq!(failures.must_wait(guess, at(1)), None, "{n}");
        failures.record(guess, at(1));
    }
    let next = failures.login("client_x", address("192.0.2.1"));
    assert_eq!(failures.must_wait(next, at(1)), Some(Duration::from_secs(60)));
    assert_eq!(failures.must_wait(neighbour, at(1)), None);
    let away = failures.login("client_x", address("192.0.2.2"));
    assert_eq!(failures.must_wait(away, at(1)), None);
}

#[test]
fn one_program_with_a_wrong_secret_holds_up_nobody_else() {
    let failures = LoginFailures::new(10, Duration::from_secs(60));
    let stuck = failures.login("client_a", address("192.0.2.1"));
    // For a day, it asks each second.
    for second in 0..86_400 {
        if failures.must_wait(stuck, at(second)).is_none() {
            failures.record(stuck, at(second));
        }
    }
    let neighbour = failures.login("client_b", address("192.0.2.1"));
    assert_eq!(failures.must_wait(neighbour, at(86_400)), None);
    let elsewhere = failures.login("client_a", address("192.0.2.2"));
    assert_eq!(failures.must_wait(elsewhere, at(86_400)), None);
}

#[test]
fn tries_at_the_same_time_are_counted_before_they_end() {
    let failures = LoginFailures::new(3, Duration::from_secs(60));
    let guess = failures.login("client_a", address("192.0.2.1"));
    let mut under_way: Vec<_> = (0..3)
        .map(|_| failures.try_begin(guess, at(0)).unwrap())
        .collect();
    assert_eq!(failures.try_begin(guess, at(0)).unwrap_err(), Held::ByOthers);
    let other = failures.login("client_a", address("192.0.2.2"));
    assert_eq!(failures.must_wait(other, at(0)), None);
    under_way.pop().unwrap().unheard();
    // One that is left in the middle has failed, and one that ends late does not forget those before.
    drop(failures.try_begin(guess, at(5)).unwrap());
    assert_eq!(failures.try_begin(guess, at(5)).unwrap_err(), Held::ByOthers);
    for guess in under_way {
        guess.failed();
    }
    assert_eq!(failures.must_wait(guess, at(5)), Some(Duration::from_secs(60)));
    // After the wait they come one by one.
    let next = failures.try_begin(guess, at(65)).unwrap();
    assert_eq!(failures.try_begin(guess, at(65)).unwrap_err(), Held::ByOthers);
    next.failed();
    assert_eq!(failures.must_wait(guess, at(65)), Some(Duration::from_secs(120)));
}

#[test]
fn many_addresses_at_the_same_time_are_counted_for_the_name() {
    let failures = LoginFailures::new(1, Duration::from_secs(60));
    let guess = |n| failures.try_begin(failures.login("client_a", elsewhere(n)), at(0));
    let under_way: Vec<_> = (0..10).map(|n| guess(n).unwrap()).collect();
    assert_eq!(guess(10).unwrap_err(), Held::ByOthers);
    drop(under_way);
    assert_eq!(guess(10).unwrap_err(), Held::For(Duration::from_secs(60)));
}

#[test]
fn whoever_waits_for_others_goes_on_where_they_succeed_and_is_refused_where_they_fail() {
    let failures = LoginFailures::new(1, Duration::from_secs(60));
    let login = failures.login("client_a", address("192.0.2.1"));
    let clock = Still(at(0));
    let mut context = Context::from_waker(Waker::noop());
    let first = failures.try_begin(login, at(0)).unwrap();
    let mut second = pin!(failures.begin(login, &clock));
    let mut third = pin!(failures.begin(login, &clock));
    assert!(second.as_mut().poll(&mut context).is_pending());
    assert!(third.as_mut().poll(&mut context).is_pending());
    first.succeeded();
    let Poll::Ready(Ok(second)) = second.as_mut().poll(&mut context) else {
        panic!("the first has succeeded");
    };
    assert!(third.as_mut().poll(&mut context).is_pending());
    second.failed();
    let Poll::Ready(Err(wait)) = third.as_mut().poll(&mut context) else {
        panic!("the second has failed");
    };
    assert_eq!(wait, Duration::from_secs(60));
    assert_eq!(failures.must_wait(login, at(60)), None);
}

#[test]
fn memory_is_bounded_and_keeps_the_count_of_the_name_that_is_guessed() {
    let failures = LoginFailures::new(1, Duration::from_secs(60));
    // Each counts for a pair and an address.
    for n in 0..COUNTS_MAX as u32 / 2 + 50 {
        failures.record(failures.login("client_a", elsewhere(n)), at(0));
    }
    for n in 0..KNOWN_MAX as u32 + 50 {
        failures.succeeded(failures.login("client_b", elsewhere(n)), at(0));
    }
    let sizes = |memory: MutexGuard<'_, Memory>| (memory.counts.len(), memory.known.len());
    assert_eq!(sizes(failures.memory()), (COUNTS_MAX, KNOWN_MAX));
    let next = failures.login("client_a", elsewhere(1_000_000));
    assert_eq!(failures.must_wait(next, at(0)), Some(WAIT_MAX));
    failures.record(failures.pair("late", None), at(2_000));
    assert_eq!(failures.memory().counts.len(), 1, "what is over goes first");
}

#[test]
fn a_clock_that_jumps_back_lets_everybody_in() {
    let failures = LoginFailures::new(1, Duration::from_secs(60));
    let pair = failures.pair("a", None);
    failures.record(pair, at(1_000));
    assert_eq!(failures.must_wait(pair, at(10)), None);
}
