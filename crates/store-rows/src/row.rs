//! A row, whichever driver fetched it, and the types that columns have.

use std::error::Error;

use uuid::Uuid;

/// Why a column cannot be read: it is not of the type that it should be, or the driver says something else.
pub type Unreadable = Box<dyn Error + Send + Sync>;

/// A row that was fetched. Columns are named by their place, from 0 on; the inner `None` is SQL's `NULL`.
pub trait Row {
    /// The name of the column at a place; `None` behind the last one.
    fn name(&self, index: usize) -> Option<&str>;

    /// A whole number.
    ///
    /// # Errors
    /// The column holds something else.
    fn integer(&self, index: usize) -> Result<Option<i64>, Unreadable>;

    /// A number with a fraction.
    ///
    /// # Errors
    /// The column holds something else.
    fn real(&self, index: usize) -> Result<Option<f64>, Unreadable>;

    /// Yes or no.
    ///
    /// # Errors
    /// The column holds something else.
    fn boolean(&self, index: usize) -> Result<Option<bool>, Unreadable>;

    /// Text.
    ///
    /// # Errors
    /// The column holds something else.
    fn text(&self, index: usize) -> Result<Option<&str>, Unreadable>;

    /// Bytes.
    ///
    /// # Errors
    /// The column holds something else.
    fn bytes(&self, index: usize) -> Result<Option<&[u8]>, Unreadable>;

    /// An identifier.
    ///
    /// # Errors
    /// The column holds something else.
    fn id(&self, index: usize) -> Result<Option<Uuid>, Unreadable>;
}

/// What can be read out of a column: `T`, and, where the column may hold `NULL`, `Option<T>`.
pub trait Value<'r>: Sized {
    /// Reads the column at a place.
    ///
    /// # Errors
    /// The column holds something else.
    fn read<R: Row>(row: &'r R, index: usize) -> Result<Self, Unreadable>;
}

fn some<T>(value: Option<T>) -> Result<T, Unreadable> {
    value.ok_or_else(|| "it is NULL".into())
}

macro_rules! values {
    ($($type:ty: $read:expr;)*) => {
        $(
            impl<'r> Value<'r> for Option<$type> {
                fn read<R: Row>(row: &'r R, index: usize) -> Result<Self, Unreadable> {
                    let read: fn(&'r R, usize) -> Result<Self, Unreadable> = $read;
                    read(row, index)
                }
            }

            impl<'r> Value<'r> for $type {
                fn read<R: Row>(row: &'r R, index: usize) -> Result<Self, Unreadable> {
                    some(Option::<$type>::read(row, index)?)
                }
            }
        )*
    };
}

values! {
    i64: R::integer;
    f64: R::real;
    bool: R::boolean;
    &'r str: R::text;
    &'r [u8]: R::bytes;
    Uuid: R::id;
    String: |row, index| Ok(row.text(index)?.map(ToOwned::to_owned));
    Vec<u8>: |row, index| Ok(row.bytes(index)?.map(ToOwned::to_owned));
}

impl<'r, const N: usize> Value<'r> for Option<[u8; N]> {
    fn read<R: Row>(row: &'r R, index: usize) -> Result<Self, Unreadable> {
        Ok(row.bytes(index)?.map(<[u8; N]>::try_from).transpose()?)
    }
}

impl<'r, const N: usize> Value<'r> for [u8; N] {
    fn read<R: Row>(row: &'r R, index: usize) -> Result<Self, Unreadable> {
        some(Option::<[u8; N]>::read(row, index)?)
    }
}
