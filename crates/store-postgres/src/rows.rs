//! Rows as the driver fetches them.

use sfumato_store_rows::Unreadable;
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;
use uuid::Uuid;

pub(crate) use sfumato_store_rows::{client_state, client_state_name, position};

/// A row that the driver has fetched.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fetched<'r>(&'r Row);

/// What reads a row of a named table.
pub(crate) type Reader<'r> = sfumato_store_rows::Reader<Fetched<'r>>;

impl<'r> From<&'r Row> for Fetched<'r> {
    fn from(row: &'r Row) -> Self {
        Self(row)
    }
}

impl<'r> Fetched<'r> {
    /// The driver's own words are one half of what went wrong.
    fn get<T: FromSql<'r>>(&self, index: usize) -> Result<T, Unreadable> {
        let got = self.0.try_get(index);
        got.map_err(|error| sfumato_core::chain(&error).to_string().into())
    }
}

impl sfumato_store_rows::Row for Fetched<'_> {
    fn name(&self, index: usize) -> Option<&str> {
        Some(self.0.columns().get(index)?.name())
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
        self.get(index)
    }

    fn bytes(&self, index: usize) -> Result<Option<&[u8]>, Unreadable> {
        self.get(index)
    }

    fn id(&self, index: usize) -> Result<Option<Uuid>, Unreadable> {
        self.get(index)
    }
}

sfumato_store_rows::row_readers!(Row);
