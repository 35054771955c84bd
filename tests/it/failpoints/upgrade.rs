//! An installation of an earlier schema whose upgrade dies in the middle of it: nothing of it is there, and the next one ends with
//! everything.

use std::collections::BTreeSet;

use anyhow::{Context, Result, ensure};
use sfumato_e2e::client::{Client, sign_in};
use sfumato_e2e::eventually;
use sfumato_e2e::receiver::Receiver;
use sfumato_e2e::server::{Launch, Server, Stores};
use sfumato_e2e::stopped::Stopped;
use sfumato_testkit::earlier::{CLIENT_ID, FILES, PASSWORD, RESULT, SECRET, TOKEN_BEFORE, job};

use super::died_there;

/// The first migration makes a table, the second one changes the rows of jobs.
const MIGRATIONS: u32 = 2;

pub(super) async fn dies_inside(stores: Stores) -> Result<()> {
    let receiver = Receiver::start().await?;
    let old = Stopped::left_by_schema_1(stores, &receiver.url).await?;
    let as_it_was = (old.schema()?, old.rows_of_schema_1()?);
    for time in 1..=MIGRATIONS {
        let plan = format!("migration_half:abort:{time}");
        let dying = Launch::with_failpoints().env("SFUMATO_FAILPOINT", &plan);
        let (status, log) = match stores {
            Stores::Embedded => old.fails_as(dying).await?,
            Stores::Shared => old.migrate_as(dying).await?,
        };
        died_there("migration_half", status, &log)?;
        ensure!(
            (old.schema()?, old.rows_of_schema_1()?) == as_it_was,
            "something is left of the upgrade that died at {plan}"
        );
    }
    if stores == Stores::Shared {
        let (status, log) = old.migrate_as(Launch::ordinary()).await?;
        ensure!(status.success(), "migrate: {log}");
        ensure!(
            old.rows_of_schema_1()? == as_it_was.1,
            "the migration has changed rows"
        );
    }
    goes_on(old.restart().await?, &receiver).await
}

/// What waited is done and told, what there was is there, and everything is as its row says.
async fn goes_on(server: Server, receiver: &Receiver) -> Result<()> {
    let client = Client::log_in(&server.url, CLIENT_ID, SECRET).await?;
    for number in [20, 26, 27, 28] {
        let status = client.finished(&job(number)).await;
        ensure!(status["status"] == "Succeeded", "{status}");
    }
    for number in [21, 25] {
        let status = client.status(&job(number)).await?;
        let result = status["output_media"].as_str().context("no result")?;
        ensure!(client.download(result).await? == RESULT, "{status}");
    }
    let expected = [
        (20, &["Sent", "Succeeded"][..]),
        (21, &["Succeeded"]),
        (24, &["Succeeded"]),
        (25, &["Succeeded"]),
        (26, &["Succeeded"]),
        (27, &["Succeeded"]),
        (28, &["Succeeded"]),
    ];
    eventually("what waited to be told", async || {
        let told = expected.iter().all(|(number, statuses)| {
            let heard = receiver.statuses(&job(*number));
            statuses
                .iter()
                .all(|status| heard.iter().any(|one| one == status))
        });
        told.then_some(())
    })
    .await;
    let tokens: BTreeSet<_> = receiver
        .received()
        .iter()
        .map(|one| one.header("x-auth-token").to_owned())
        .collect();
    ensure!(tokens == [TOKEN_BEFORE.to_owned()].into(), "{tokens:?}");
    sign_in(&server.url, "ada", PASSWORD).await?;
    // Originals are kept by the client's policy, but for the one that was to be deleted.
    let (kept, deleted): (Vec<_>, Vec<_>) = FILES
        .iter()
        .map(|(name, _)| *name)
        .filter(|name| name.starts_with("uploads/"))
        .partition(|name| !name.ends_with("123"));
    ensure!(deleted.len() == 1, "{deleted:?}");
    eventually("the original of a cancelled job to go", async || {
        let stored = server.stored("uploads").await;
        stored
            .iter()
            .map(|one| &*one.name)
            .eq(kept.iter().copied())
            .then_some(())
    })
    .await;
    let (status, stopped, log) = server.terminate().await?;
    ensure!(status.success(), "{}", log.join("\n"));
    let files = stopped.verify().await?;
    ensure!(
        ["missing", "damaged", "withoutJob"]
            .iter()
            .all(|what| files[what] == 0),
        "{files}"
    );
    Ok(())
}
