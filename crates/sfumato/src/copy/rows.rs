//! The rows of a copy: written table by table, then read back and compared.

use anyhow::{Context, bail, ensure};
use sfumato_core::store::{Row, RowSource, RowTarget, TABLES, Table, Value};
use sha2::{Digest, Sha256};

use crate::output;

/// Rows that are read, and written in one transaction.
const BATCH: usize = 1_000;

/// Refuses a target that is not empty and not that of an earlier attempt to copy the same installation.
///
/// # Errors
/// It is another installation's, or one that has been used since.
pub(crate) async fn check(source: &dyn RowSource, target: &dyn RowSource) -> anyhow::Result<()> {
    let [installation, clients, ..] = TABLES;
    let begun = target.count_rows(installation).await? > 0;
    if !begun {
        ensure!(
            target.count_rows(clients).await? == 0,
            "copy into the database: it has clients already, and a copy goes into an empty one"
        );
        return Ok(());
    }
    if digest(source, installation).await? != digest(target, installation).await? {
        bail!("copy into the database: it belongs to another installation");
    }
    for table in TABLES.into_iter().filter(|table| !table.counts) {
        let (there, here) = (target.count_rows(table).await?, source.count_rows(table).await?);
        ensure!(
            there <= here,
            "copy into the database: its table `{}` has {there} rows and that of the source has {here}, so that it has been \
             used since it was copied",
            table.name
        );
    }
    Ok(())
}

/// How many rows there are to copy.
///
/// # Errors
/// The database cannot answer.
pub(super) async fn count(source: &dyn RowSource) -> anyhow::Result<u64> {
    let mut rows = 0;
    for table in TABLES {
        rows += source.count_rows(table).await?;
    }
    Ok(rows)
}

/// Copies every table and compares what came of it.
///
/// # Errors
/// A database cannot answer, or something else came of it.
pub(crate) async fn copy(source: &dyn RowSource, target: &dyn RowTarget) -> anyhow::Result<()> {
    for table in TABLES {
        let columns = source.columns(table).await?;
        ensure!(
            columns == target.columns(table).await?,
            "copy the table `{}`: both databases do not have the same columns",
            table.name
        );
        let copied = if table.counts {
            replace(source, target, table, &columns).await
        } else {
            add(source, target, table, &columns).await
        };
        let (rows, added) = copied.with_context(|| format!("copy the table `{}`", table.name))?;
        if rows > 0 {
            output::note(format!(
                "{:<16} {rows:>10} rows, {added} of them copied now",
                table.name
            ));
        }
    }
    target.end_copy().await?;
    for table in TABLES {
        ensure!(
            digest(source, table).await? == digest(target, table).await?,
            "copy the table `{}`: what was written is not what was read; the target must not be used",
            table.name
        );
    }
    Ok(())
}

async fn add(
    source: &dyn RowSource,
    target: &dyn RowTarget,
    table: Table,
    columns: &[String],
) -> anyhow::Result<(u64, u64)> {
    let (mut rows, mut added) = (0, 0);
    let mut pages = Pages::new(source, table, columns);
    while let Some(page) = pages.next().await? {
        rows += page.len() as u64;
        added += target.add_rows(table, columns, page).await?;
    }
    Ok((rows, added))
}

/// Counters are few: one row for each client and hour.
async fn replace(
    source: &dyn RowSource,
    target: &dyn RowTarget,
    table: Table,
    columns: &[String],
) -> anyhow::Result<(u64, u64)> {
    let mut all = Vec::new();
    let mut pages = Pages::new(source, table, columns);
    while let Some(page) = pages.next().await? {
        all.extend(page);
    }
    let rows = all.len() as u64;
    target.replace_rows(table, columns, all).await?;
    Ok((rows, rows))
}

/// The rows of a table, some at a time.
struct Pages<'a> {
    source: &'a dyn RowSource,
    table: Table,
    columns: &'a [String],
    after: Option<Vec<Value>>,
}

impl<'a> Pages<'a> {
    fn new(source: &'a dyn RowSource, table: Table, columns: &'a [String]) -> Self {
        Self {
            source,
            table,
            columns,
            after: None,
        }
    }

    async fn next(&mut self) -> anyhow::Result<Option<Vec<Row>>> {
        let after = self.after.as_deref();
        let page = self
            .source
            .rows_after(self.table, self.columns, after, BATCH)
            .await?;
        let Some(last) = page.last() else { return Ok(None) };
        let key = self.table.key.iter().map(|key| {
            let index = self.columns.iter().position(|column| column == key);
            let index = index.with_context(|| format!("find the column `{key}`"))?;
            Ok(last[index].clone())
        });
        self.after = Some(key.collect::<anyhow::Result<_>>()?);
        Ok(Some(page))
    }
}

/// How many rows a table has, and one hash of all of them.
async fn digest(source: &dyn RowSource, table: Table) -> anyhow::Result<(u64, [u8; 32])> {
    let columns = source.columns(table).await?;
    let mut pages = Pages::new(source, table, &columns);
    let (mut rows, mut hash) = (0, Sha256::new());
    while let Some(page) = pages.next().await? {
        rows += page.len() as u64;
        page.iter().flatten().for_each(|value| absorb(&mut hash, value));
    }
    Ok((rows, hash.finalize().into()))
}

/// Each value with its kind and length, so that no two rows look alike that are not.
fn absorb(hash: &mut Sha256, value: &Value) {
    let (kind, bytes) = match value {
        Value::Null => (0_u8, Vec::new()),
        Value::Integer(number) => (1, number.to_le_bytes().to_vec()),
        Value::Real(number) => (2, number.to_le_bytes().to_vec()),
        // PostgreSQL keeps no U+0000, which is written as another character.
        Value::Text(text) => (3, text.replace('\0', "\u{fffd}").into_bytes()),
        Value::Bytes(bytes) => (4, bytes.clone()),
    };
    hash.update([kind]);
    hash.update((bytes.len() as u64).to_le_bytes());
    hash.update(bytes);
}
