//! Many lives of deliveries in virtual time, each following from a seed: the real engine and the real store, receivers
//! whose mood changes, a network that goes away, endpoints that are deleted, and crashes at any point where the courier
//! waits. Afterwards everything is well again, and the promises are checked against what the receivers saw.
//!
//! `SFUMATO_SEED=n` runs one seed; `SFUMATO_SIM_SECONDS=n` runs fresh seeds for so long.

mod dice;
mod judge;
mod life;
mod receivers;

use std::time::{Duration, Instant};

use sfumato_core::time::random;
use sfumato_engine::system::SystemEntropy;

/// Seeds that have failed once, a line each.
const FAILED_ONCE: &str = include_str!("sim/seeds.txt");

/// Seeds that every run of the tests looks at.
const ORDINARY: std::ops::Range<u64> = 1..3;

fn live(seed: u64) -> Vec<String> {
    let life = std::panic::catch_unwind(|| life::run(seed));
    life.unwrap_or_else(|panic| {
        let what = panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()))
            .unwrap_or_default();
        panic!("SFUMATO_SEED={seed} cargo nextest run -E 'test(sim)': {what}")
    })
}

fn seed_of_the_environment() -> Option<u64> {
    std::env::var("SFUMATO_SEED").ok()?.parse().ok()
}

/// Promises 1 to 4, 8 and 9 under faults.
#[test]
fn every_life_keeps_the_promises() {
    if let Some(seed) = seed_of_the_environment() {
        for line in live(seed) {
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
    let seconds = std::env::var("SFUMATO_SIM_SECONDS")
        .ok()
        .and_then(|text| text.parse().ok());
    let until = Instant::now() + Duration::from_secs(seconds.unwrap_or(0));
    while Instant::now() < until {
        live(u64::from(u32::from_le_bytes(random(&SystemEntropy))));
    }
}

#[test]
fn a_seed_gives_the_same_life_every_time() {
    let first = live(7);
    assert!(first.len() > 100, "{} things happened", first.len());
    assert_eq!(first, live(7));
}
