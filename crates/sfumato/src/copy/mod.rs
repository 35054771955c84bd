//! Moving an installation from one database to another, and from one storage to another.

mod end;
pub(crate) mod rows;

use anyhow::Context;
use sfumato_core::store::Store;
use sfumato_engine::blobs::{Blobs, Standing};

use crate::blob_walk::{self, Tally};
use crate::settings::Settings;
use crate::{output, storage};

use end::End;

/// Where an installation is copied from, and where to.
pub(crate) struct Way {
    /// Names the database and the storage that are read.
    pub(crate) from: Settings,
    /// Names those that are written to.
    pub(crate) to: Settings,
}

/// Copies the rows and files of an installation. What is there already from an earlier attempt is left as it is.
///
/// # Errors
/// The source is in use or damaged, the target is not empty, or one of them cannot answer.
pub(crate) async fn run(way: &Way) -> anyhow::Result<()> {
    let source = End::source(&way.from).await?;
    let installation = source.installation().await?;
    let target = End::target(&way.to).await?;
    rows::check(&*source.rows, &*target.rows).await?;
    let (old, new) = (source.blobs()?, target.blobs()?);
    storage::claim(&new, target.settings, &target.dir, installation).await?;
    rows::copy(&*source.rows, &*target.rows).await?;
    let moves = source.storage_name() != target.storage_name();
    let tally = if moves {
        copy_blobs(&*source.store, &old, &new).await?
    } else {
        examine(&*source.store, &new).await?
    };
    output::line(format!("copied and compared every row, and {}", tally.copied()))?;
    output::note(target.key_is_needed(&source));
    tally.judge()
}

/// Reads all that [`run`] would copy, and writes nothing.
///
/// # Errors
/// As [`run`].
pub(crate) async fn rehearse(way: &Way) -> anyhow::Result<()> {
    let source = End::source(&way.from).await?;
    source.installation().await?;
    if let Some(target) = End::existing_target(&way.to).await? {
        rows::check(&*source.rows, &*target.rows).await?;
    }
    let rows = rows::count(&*source.rows).await?;
    let tally = examine(&*source.store, &source.blobs()?).await?;
    output::line(format!("{rows} rows and {} would be copied", tally.copied()))?;
    tally.judge()
}

async fn examine(store: &dyn Store, blobs: &Blobs) -> anyhow::Result<Tally> {
    let walk = blob_walk::walk(store, async |recorded| {
        Ok((blobs.examine(recorded).await?, recorded.written.bytes))
    });
    walk.await.context("read the files")
}

/// Copies every file that the database refers to and that is not there yet.
///
/// # Errors
/// The database or a storage cannot answer.
pub(crate) async fn copy_blobs(store: &dyn Store, from: &Blobs, to: &Blobs) -> anyhow::Result<Tally> {
    let walk = blob_walk::walk(store, async |recorded| {
        if to.examine(recorded).await? == Standing::Right {
            return Ok((Standing::Right, 0));
        }
        let standing = to.copy_from(from, recorded).await?;
        Ok((standing, recorded.written.bytes))
    });
    walk.await.context("copy the files")
}
