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
use sfumato_e2e::dice::Dice;

use fleet::Fleet;
use load::Load;

/// How long things happen where nobody says.
const SECONDS: u64 = 10;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().and_then(|text| text.parse().ok())
}

#[expect(clippy::disallowed_methods, reason = "a seed that no run has had")]
fn fresh_seed() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_cluster_keeps_its_promises_whatever_dies() -> Result<()> {
    let seed = number("SFUMATO_CHAOS_SEED").unwrap_or_else(fresh_seed);
    let span = Duration::from_secs(number("SFUMATO_CHAOS_SECONDS").unwrap_or(SECONDS));
    println!(
        "SFUMATO_CHAOS_SEED={seed} SFUMATO_CHAOS_SECONDS={}",
        span.as_secs()
    );
    let mut dice = Dice::new(seed);
    let mut fleet = Fleet::start().await?;
    let load = Load::start(&fleet).await?;
    let begin = Instant::now();
    while begin.elapsed() < span {
        tokio::time::sleep(Duration::from_millis(300 + dice.below(1_200))).await;
        fleet.misfortune(&mut dice).await?;
    }
    fleet.recover().await?;
    let history = load.stop().await?;
    println!("{}", fleet.summary());
    proof::everything(fleet, history).await
}
