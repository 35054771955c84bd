//! A cluster on real servers, in which processes are killed, frozen and restarted while uploads come in and webhooks go out, and
//! database and storage go away for moments. What was promised holds: every accepted job ends once, every end is told to every
//! endpoint, in order, every result is what was recorded, and nothing is left over.
//!
//! `SFUMATO_CHAOS_SECONDS=n` goes on for longer, `SFUMATO_CHAOS_SEED=n` repeats the choices of an earlier run.

mod fleet;
mod load;
mod proof;

use std::time::{Duration, Instant};

use anyhow::Result;

use fleet::Fleet;
use load::Load;

/// How long things happen where nobody says.
const SECONDS: u64 = 10;

/// Numbers that look random and are the same for the same seed (SplitMix64).
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        let bound = u64::try_from(bound.max(1)).expect("bounds are small");
        usize::try_from(self.roll() % bound).expect("bounds are small")
    }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().and_then(|text| text.parse().ok())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_cluster_keeps_its_promises_whatever_dies() -> Result<()> {
    let seed = number("SFUMATO_CHAOS_SEED").unwrap_or_else(|| {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        now.map_or(0, |since| since.as_secs())
    });
    let span = Duration::from_secs(number("SFUMATO_CHAOS_SECONDS").unwrap_or(SECONDS));
    println!(
        "SFUMATO_CHAOS_SEED={seed} SFUMATO_CHAOS_SECONDS={}",
        span.as_secs()
    );
    let mut dice = Dice(seed);
    let mut fleet = Fleet::start().await?;
    let load = Load::start(&fleet).await?;
    let begin = Instant::now();
    while begin.elapsed() < span {
        tokio::time::sleep(Duration::from_millis(300 + dice.roll() % 1_200)).await;
        fleet.misfortune(&mut dice).await?;
    }
    fleet.recover().await?;
    let history = load.stop().await?;
    println!("{}", fleet.summary());
    proof::everything(fleet, history).await
}
