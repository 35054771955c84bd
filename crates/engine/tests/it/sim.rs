//! Many lives of deliveries in virtual time, each following from a seed: the real engine and the real store, receivers
//! whose mood changes, a network that goes away, endpoints that are deleted, and crashes at any point where the courier
//! waits. Afterwards everything is well again, and the promises are checked against what the receivers saw.
//!
//! `SFUMATO_SEED=n` runs one seed; `SFUMATO_SIM_SECONDS=n` runs fresh seeds for so long, `SFUMATO_SIM_EVENTS=n` until so
//! many events have happened in them, and says what they came to.

mod dice;
mod judge;
mod life;
mod receivers;

use std::time::{Duration, Instant};

use sfumato_core::time::random;
use sfumato_engine::system::SystemEntropy;

use life::{Lived, Totals};

/// Seeds that have failed once, a line each.
const FAILED_ONCE: &str = include_str!("sim/seeds.txt");

/// Seeds that every run of the tests looks at.
const ORDINARY: std::ops::Range<u64> = 1..3;

fn live(seed: u64) -> Lived {
    lived(seed).unwrap_or_else(|what| panic!("{what}"))
}

/// A life, or what went wrong in it and the command that repeats it.
fn lived(seed: u64) -> Result<Lived, String> {
    std::panic::catch_unwind(|| life::run(seed)).map_err(|panic| {
        let what = panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
            .unwrap_or_default();
        format!("SFUMATO_SEED={seed} cargo nextest run -E 'test(sim)': {what}")
    })
}

fn number_of_the_environment(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

fn fresh_seed() -> u64 {
    u64::from(u32::from_le_bytes(random(&SystemEntropy)))
}

/// Lives fresh lives until they have had so many events, says what they came to, and returns what went wrong.
#[expect(clippy::print_stdout, reason = "the figures are what a long run is for")]
fn live_for(events: u64) -> Vec<String> {
    let (mut all, mut lives, mut broken) = (Totals::default(), 0u64, Vec::new());
    let begun = Instant::now();
    while all.events < events {
        lives += 1;
        match lived(fresh_seed()) {
            Ok(lived) => all.add(&lived.totals),
            Err(what) => {
                println!("{what}");
                broken.push(what);
            }
        }
        if lives.is_multiple_of(100) || all.events >= events {
            println!(
                "{lives} lives in {:.0?}: {} events, {} deliveries, {} POSTs, {} crashes and stops; {} lives broke a promise",
                begun.elapsed(),
                all.events,
                all.deliveries,
                all.posts,
                all.disturbances,
                broken.len()
            );
        }
    }
    broken
}

/// Promises 1 to 4, 8 and 9 under faults.
#[test]
fn every_life_keeps_the_promises() {
    if let Some(seed) = number_of_the_environment("SFUMATO_SEED") {
        for line in live(seed).trace {
            println!("{line}");
        }
        return;
    }
    let failed_once = FAILED_ONCE
        .lines()
        .filter_map(|line| line.split(' ').next()?.parse().ok());
    for seed in failed_once.chain(ORDINARY) {
        live(seed);
    }
    let seconds = number_of_the_environment("SFUMATO_SIM_SECONDS");
    let until = Instant::now() + Duration::from_secs(seconds.unwrap_or(0));
    while Instant::now() < until {
        live(fresh_seed());
    }
    let broken = live_for(number_of_the_environment("SFUMATO_SIM_EVENTS").unwrap_or(0));
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn a_seed_gives_the_same_life_every_time() {
    let first = live(7).trace;
    assert!(first.len() > 100, "{} things happened", first.len());
    assert_eq!(first, live(7).trace);
}
