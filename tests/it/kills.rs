//! `kill -9` again and again while uploads come in and webhooks go out: what was accepted is delivered, in order, and what
//! is delivered twice was on its way at a kill.
//!
//! `SFUMATO_KILL_ROUNDS=n` kills more often: `cargo xtask soak webhooks`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use sfumato_e2e::client::{Client, Event};
use sfumato_e2e::database::Database;
use sfumato_e2e::picture::Picture;
use sfumato_e2e::receiver::{Received, Receiver};
use sfumato_e2e::server::Server;
use sfumato_e2e::stopped::Stopped;
use sfumato_e2e::{eventually, invariants};

const ROUNDS: usize = 4;

/// Uploads that are begun in each round.
const UPLOADS: usize = 6;

/// A round in which nothing arrives any more is ended after so long: everything may have arrived already.
const QUIET: Duration = Duration::from_secs(5);

/// A login is renewed after so many rounds, long before it ends.
const ROUNDS_A_LOGIN: usize = 100;

/// What was on its way at a kill is sent again so soon after the next process is ready.
const SENT_AGAIN_MAX: Duration = Duration::from_secs(2);

fn rounds() -> usize {
    let wanted = std::env::var("SFUMATO_KILL_ROUNDS").ok();
    wanted.and_then(|text| text.parse().ok()).unwrap_or(ROUNDS)
}

/// One kill, and the process after it.
struct Kill {
    /// When the process was dead.
    at: Instant,
    /// When the next one was ready.
    ready: Instant,
    /// What was on its way, by `webhook-id`.
    on_their_way: BTreeSet<String>,
}

/// Promises 1, 2 and 3. The receiver has a thread of its own: one that waited for this test's own computing would be late with its
/// answers, and would be told again for that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_accepted_is_delivered_whenever_the_server_is_killed() -> Result<()> {
    let rounds = rounds();
    let mut server = Server::start().await?;
    let mut client = server.client("survivor").await?;
    let receiver = Receiver::start().await?;
    client.add_endpoint(&receiver.url).await?;
    let mut accepted = Vec::new();
    let mut kills = Vec::new();
    for round in 0..rounds {
        client = if round % ROUNDS_A_LOGIN == ROUNDS_A_LOGIN - 1 {
            Client::log_in(&server.url, &client.client_id, &client.secret_id).await?
        } else {
            client.at(&server.url)
        };
        let (killed, answered) = one_round(server, &client, &receiver, round).await?;
        accepted.extend(answered);
        let at = Instant::now();
        let on_their_way = Database::left_in(killed.data())?.deliveries_on_their_way()?;
        server = killed.restart().await?;
        kills.push(Kill {
            at,
            ready: Instant::now(),
            on_their_way,
        });
        if (round + 1) % ROUNDS_A_LOGIN == 0 {
            println!("{} rounds, {} arrivals", round + 1, receiver.count());
        }
    }
    let client = Client::log_in(&server.url, &client.client_id, &client.secret_id).await?;
    let events = invariants::settled(&server, &client, &[&receiver]).await?;
    invariants::hold(server, &client, &accepted).await?;
    judge(&kills, &accepted, &events, &receiver.received())
}

/// Uploads, waits for some arrivals, kills. Returns the jobs whose uploads were answered.
async fn one_round(
    server: Server,
    client: &Client,
    receiver: &Receiver,
    round: usize,
) -> Result<(Stopped, Vec<String>)> {
    let heard = receiver.count();
    let uploads: Vec<_> = (0..UPLOADS)
        .map(|upload| {
            let (client, picture) = (client.clone(), small_png(round, upload));
            tokio::spawn(async move { client.submit("a.png", picture, &[]).await })
        })
        .collect();
    // Each round kills at another moment: after another number of arrivals.
    let begun = Instant::now();
    eventually("arrivals", async || {
        let enough = receiver.count() > heard + round % (3 * UPLOADS);
        (enough || begun.elapsed() > QUIET).then_some(())
    })
    .await;
    let killed = server.kill().await?;
    let mut answered = Vec::new();
    for upload in uploads {
        // One that was cut off may or may not have been accepted; one that was answered has been.
        answered.extend(upload.await?.ok());
    }
    Ok((killed, answered))
}

fn small_png(round: usize, upload: usize) -> Vec<u8> {
    Picture::plain(
        32,
        32,
        [
            round.to_le_bytes()[0],
            round.to_le_bytes()[1],
            upload.to_le_bytes()[0],
        ],
    )
    .to_png()
}

/// Judges every repetition, and says what the kills came to.
#[expect(clippy::print_stdout, reason = "the figures are what a long run is for")]
fn judge(kills: &[Kill], accepted: &[String], events: &[Event], received: &[Received]) -> Result<()> {
    let mut arrivals: BTreeMap<&str, Vec<&Received>> = BTreeMap::new();
    for one in received {
        arrivals.entry(one.header("webhook-id")).or_default().push(one);
    }
    let failed = events.iter().filter(|event| event.status == "Failed").count();
    let mut duplicates = vec![0usize; kills.len()];
    let mut latest = Duration::ZERO;
    for (id, times) in &arrivals {
        // From the last repetition back: a kill explains one of each, and what was sent just before a kill may have been read
        // after it.
        let mut unused = kills.len();
        for pair in times.windows(2).rev() {
            let earlier = kills.partition_point(|kill| kill.at <= pair[1].at);
            let before = &kills[..earlier.min(unused)];
            let (kill, last) = before
                .iter()
                .enumerate()
                .rfind(|(_, kill)| kill.on_their_way.contains(*id))
                .with_context(|| format!("{id} came twice and was on its way at no kill"))?;
            unused = kill;
            // What was written just before the kill may have been read just after it.
            ensure!(
                pair[0].body == pair[1].body && pair[0].at <= last.ready,
                "{id} came twice after a kill"
            );
            // What a kill has cut off is the same attempt again; a next one follows a recorded failure.
            ensure!(
                pair[0].header("webhook-attempt") == pair[1].header("webhook-attempt"),
                "{id}: the receiver was late with its answer"
            );
            let sender = kills[..earlier].last().map_or(last.ready, |kill| kill.ready);
            duplicates[kill] += 1;
            latest = latest.max(pair[1].at.saturating_duration_since(sender));
        }
    }
    let worst = duplicates.iter().zip(kills).max_by_key(|(count, _)| **count);
    let (most, most_in_flight) = worst.map_or((0, 0), |(count, kill)| (*count, kill.on_their_way.len()));
    println!(
        "{} kills; {} uploads answered; {} events accepted, {} delivered, 0 lost, 0 out of order; {failed} jobs failed; \
         {} duplicates, at most {most} after one kill ({most_in_flight} on their way at it), the latest {latest:?} after the \
         next process was ready",
        kills.len(),
        accepted.len(),
        events.len(),
        arrivals.len(),
        duplicates.iter().sum::<usize>(),
    );
    ensure!(arrivals.len() == events.len(), "one event is one delivery");
    for (duplicates, kill) in duplicates.iter().zip(kills) {
        ensure!(
            *duplicates <= kill.on_their_way.len(),
            "{duplicates} duplicates after a kill"
        );
    }
    ensure!(
        latest <= SENT_AGAIN_MAX,
        "a duplicate came {latest:?} after the restart"
    );
    Ok(())
}
