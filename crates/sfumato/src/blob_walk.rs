//! Every file that the database refers to, one after the other.

use anyhow::{Context, bail};
use sfumato_core::store::{JobFilter, Store};
use sfumato_core::user::Scope;
use sfumato_engine::blobs::{Recorded, Standing, recorded_of};

use crate::output;

/// Jobs that are asked for at once.
const BATCH: usize = 500;

/// Files after which a word is said about how far it is.
const TOLD_EVERY: u64 = 10_000;

/// What was found, and what was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    /// Jobs that were looked at.
    pub(crate) jobs: u64,
    /// Files that are what was recorded.
    pub(crate) right: u64,
    /// Files that are not there.
    pub(crate) missing: u64,
    /// Files that are something else.
    pub(crate) wrong: u64,
    /// Bytes that were worked on.
    pub(crate) bytes: u64,
}

impl Tally {
    /// The files in a half sentence.
    pub(crate) fn copied(self) -> String {
        format!("{} files ({} bytes of them now)", self.right, self.bytes)
    }

    /// Whether every file is there.
    ///
    /// # Errors
    /// One is not, or is something else.
    pub(crate) fn judge(self) -> anyhow::Result<()> {
        if self.missing + self.wrong > 0 {
            bail!(
                "find every file as it was recorded: {} are missing and {} are damaged; they are named above",
                self.missing,
                self.wrong
            );
        }
        Ok(())
    }
}

/// Has something done with every file that a job refers to, and counts what came of it and how many bytes it took.
///
/// # Errors
/// The database or the storage cannot answer.
pub(crate) async fn walk(
    store: &dyn Store,
    work: impl AsyncFn(&Recorded) -> anyhow::Result<(Standing, u64)>,
) -> anyhow::Result<Tally> {
    let mut tally = Tally::default();
    let mut before = None;
    loop {
        let page = store
            .jobs(Scope::All, &JobFilter::default(), before, BATCH)
            .await?;
        for job in &page.jobs {
            tally.jobs += 1;
            for recorded in recorded_of(job) {
                let worked = work(&recorded).await;
                let (standing, bytes) =
                    worked.with_context(|| format!("work on the file {}", recorded.name))?;
                tally.bytes += bytes;
                note(&mut tally, &recorded, standing);
            }
        }
        before = page.next;
        if before.is_none() {
            return Ok(tally);
        }
    }
}

fn note(tally: &mut Tally, recorded: &Recorded, standing: Standing) {
    match standing {
        Standing::Right => tally.right += 1,
        Standing::Missing => {
            tally.missing += 1;
            output::note(format!("missing: {}", recorded.name));
        }
        Standing::Wrong => {
            tally.wrong += 1;
            output::note(format!("damaged: {}", recorded.name));
        }
    }
    let seen = tally.right + tally.missing + tally.wrong;
    if seen.is_multiple_of(TOLD_EVERY) {
        output::note(format!("{seen} files"));
    }
}
