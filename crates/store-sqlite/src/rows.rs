//! Rows as the driver fetches them.

use rusqlite::Row;
use rusqlite::types::FromSql;
use sfumato_store_rows::Unreadable;
use uuid::Uuid;

pub(crate) use sfumato_store_rows::{client_state, client_state_name, position};

/// The bytes of an identifier as they are stored.
pub(crate) const fn key(uuid: Uuid) -> [u8; 16] {
    *uuid.as_bytes()
}

/// A row that the driver has fetched.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fetched<'r, 's>(&'r Row<'s>);

/// What reads a row of a named table.
pub(crate) type Reader<'r, 's> = sfumato_store_rows::Reader<Fetched<'r, 's>>;

impl<'r, 's> From<&'r Row<'s>> for Fetched<'r, 's> {
    fn from(row: &'r Row<'s>) -> Self {
        Self(row)
    }
}

impl Fetched<'_, '_> {
    fn get<T: FromSql>(&self, index: usize) -> Result<T, Unreadable> {
        Ok(self.0.get(index)?)
    }
}

impl sfumato_store_rows::Row for Fetched<'_, '_> {
    fn name(&self, index: usize) -> Option<&str> {
        self.0.as_ref().column_name(index).ok()
    }

    fn integer(&self, index: usize) -> Result<Option<i64>, Unreadable> {
        self.get(index)
    }

    fn real(&self, index: usize) -> Result<Option<f64>, Unreadable> {
        self.get(index)
    }

    fn boolean(&self, index: usize) -> Result<Option<bool>, Unreadable> {
        self.get(index)
    }

    fn text(&self, index: usize) -> Result<Option<&str>, Unreadable> {
        Ok(self.0.get_ref(index)?.as_str_or_null()?)
    }

    fn bytes(&self, index: usize) -> Result<Option<&[u8]>, Unreadable> {
        Ok(self.0.get_ref(index)?.as_blob_or_null()?)
    }

    fn id(&self, index: usize) -> Result<Option<Uuid>, Unreadable> {
        Ok(self.get::<Option<[u8; 16]>>(index)?.map(Uuid::from_bytes))
    }
}

sfumato_store_rows::row_readers!(Row<'_>);
