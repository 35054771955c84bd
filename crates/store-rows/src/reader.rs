//! Columns by their names.

use std::cell::Cell;
use std::fmt::Display;
use std::str::FromStr;

use sfumato_core::{EventPosition, Sealed, StoreError, Timestamp};
use uuid::Uuid;

use crate::row::{Row, Value};

/// A row of a named table, which can say what is wrong with it.
#[derive(Debug)]
pub struct Reader<R> {
    row: R,
    table: &'static str,
    /// Where the next column is looked for first: rows are mostly read in the order of their columns.
    next: Cell<usize>,
}

impl<R: Row> Reader<R> {
    /// Reads a row of a table.
    pub fn new(row: impl Into<R>, table: &'static str) -> Self {
        Self {
            row: row.into(),
            table,
            next: Cell::new(0),
        }
    }

    /// The error of a column that breaks a rule.
    pub fn corrupt(&self, column: &'static str, why: impl Display) -> StoreError {
        let id = self
            .find("id")
            .and_then(|index| self.row.id(index).ok().flatten());
        StoreError::Corrupt {
            table: self.table,
            column,
            row: id.map_or_else(|| "?".into(), |id| id.to_string()),
            why: why.to_string(),
        }
    }

    /// A column as it is stored.
    ///
    /// # Errors
    /// The query has no such column, or it holds something else.
    pub fn get<'r, T: Value<'r>>(&'r self, column: &'static str) -> Result<T, StoreError> {
        let index = self
            .find(column)
            .ok_or_else(|| self.corrupt(column, "the query does not return it"))?;
        self.next.set(index + 1);
        T::read(&self.row, index).map_err(|error| self.corrupt(column, error))
    }

    /// Comparing every name from the first on, for each column of each row, would take long.
    fn find(&self, column: &str) -> Option<usize> {
        let next = self.next.get();
        if self.row.name(next) == Some(column) {
            return Some(next);
        }
        (0..)
            .map_while(|index| self.row.name(index))
            .position(|name| name == column)
    }

    /// A point in time.
    ///
    /// # Errors
    /// As [`Reader::get`].
    pub fn time(&self, column: &'static str) -> Result<Timestamp, StoreError> {
        self.get(column).map(Timestamp::from_micros)
    }

    /// A point in time, where there is one.
    ///
    /// # Errors
    /// As [`Reader::get`].
    pub fn optional_time(&self, column: &'static str) -> Result<Option<Timestamp>, StoreError> {
        Ok(self.get::<Option<i64>>(column)?.map(Timestamp::from_micros))
    }

    /// A credential.
    ///
    /// # Errors
    /// As [`Reader::get`], or it is not one.
    pub fn sealed<T>(&self, column: &'static str) -> Result<Sealed<T>, StoreError> {
        Sealed::from_stored(self.get(column)?).map_err(|error| self.corrupt(column, error))
    }

    /// A credential, where there is one.
    ///
    /// # Errors
    /// As [`Reader::sealed`].
    pub fn optional_sealed<T>(&self, column: &'static str) -> Result<Option<Sealed<T>>, StoreError> {
        let stored = self.get::<Option<Vec<u8>>>(column)?;
        let sealed = stored.map(Sealed::from_stored).transpose();
        sealed.map_err(|error| self.corrupt(column, error))
    }

    /// An identifier of whatever kind, where there is one.
    ///
    /// # Errors
    /// As [`Reader::get`].
    pub fn optional_id(&self, column: &'static str) -> Result<Option<Uuid>, StoreError> {
        self.get(column)
    }

    /// A number in the range of its type.
    ///
    /// # Errors
    /// As [`Reader::get`], or it lies outside.
    pub fn number<T: TryFrom<i64, Error: Display>>(&self, column: &'static str) -> Result<T, StoreError> {
        T::try_from(self.get::<i64>(column)?).map_err(|error| self.corrupt(column, error))
    }

    /// A number in the range of its type, where there is one.
    ///
    /// # Errors
    /// As [`Reader::number`].
    pub fn optional_number<T: TryFrom<i64, Error: Display>>(
        &self,
        column: &'static str,
    ) -> Result<Option<T>, StoreError> {
        let number = self.get::<Option<i64>>(column)?.map(T::try_from).transpose();
        number.map_err(|error| self.corrupt(column, error))
    }

    /// What a word stands for.
    ///
    /// # Errors
    /// As [`Reader::get`], or it stands for nothing.
    pub fn parse<T: FromStr<Err: Display>>(&self, column: &'static str) -> Result<T, StoreError> {
        let word: &str = self.get(column)?;
        word.parse().map_err(|error| self.corrupt(column, error))
    }

    /// What a word stands for, where there is one.
    ///
    /// # Errors
    /// As [`Reader::parse`].
    pub fn optional_parse<T: FromStr<Err: Display>>(
        &self,
        column: &'static str,
    ) -> Result<Option<T>, StoreError> {
        let word: Option<&str> = self.get(column)?;
        let parsed = word.map(str::parse).transpose();
        parsed.map_err(|error| self.corrupt(column, error))
    }

    /// The position of an event.
    ///
    /// # Errors
    /// As [`Reader::number`].
    pub fn position(&self, column: &'static str) -> Result<EventPosition, StoreError> {
        self.number(column).map(EventPosition::new)
    }
}

/// The position of an event, as it is stored.
pub fn position(position: EventPosition) -> i64 {
    i64::try_from(position.get()).unwrap_or(i64::MAX)
}

macro_rules! ids {
    ($($name:ident: $type:ident;)*) => {
        impl<R: Row> Reader<R> {
            $(
                #[doc = concat!("A [`sfumato_core::", stringify!($type), "`].")]
                ///
                /// # Errors
                /// As [`Reader::get`].
                pub fn $name(&self, column: &'static str) -> Result<sfumato_core::$type, StoreError> {
                    self.get(column).map(sfumato_core::$type::from_uuid)
                }
            )*
        }
    };
}

ids! {
    client_id: ClientId;
    login_id: LoginId;
    job_id: JobId;
    upload_id: UploadId;
    result_id: ResultId;
    endpoint_id: EndpointId;
    event_id: EventId;
    delivery_id: DeliveryId;
    replay_id: ReplayId;
    attempt_id: AttemptId;
    worker_id: WorkerId;
    user_id: UserId;
    session_id: SessionId;
    audit_id: AuditId;
    installation_id: InstallationId;
}

#[cfg(test)]
mod tests {
    use sfumato_core::JobId;

    use super::*;
    use crate::row::Unreadable;

    /// A row whose columns hold whole numbers, or nothing, and identifiers in those called `id`.
    struct Numbers(&'static [(&'static str, Option<i64>)]);

    const ID: Uuid = Uuid::from_u128(7);

    impl Row for Numbers {
        fn name(&self, index: usize) -> Option<&str> {
            Some(self.0.get(index)?.0)
        }

        fn integer(&self, index: usize) -> Result<Option<i64>, Unreadable> {
            Ok(self.0[index].1)
        }

        fn real(&self, _: usize) -> Result<Option<f64>, Unreadable> {
            Err("it is a whole number".into())
        }

        fn boolean(&self, _: usize) -> Result<Option<bool>, Unreadable> {
            Err("it is a whole number".into())
        }

        fn text(&self, _: usize) -> Result<Option<&str>, Unreadable> {
            Err("it is a whole number".into())
        }

        fn bytes(&self, _: usize) -> Result<Option<&[u8]>, Unreadable> {
            Err("it is a whole number".into())
        }

        fn id(&self, index: usize) -> Result<Option<Uuid>, Unreadable> {
            Ok((self.0[index].0 == "id").then_some(ID))
        }
    }

    fn read(columns: &'static [(&'static str, Option<i64>)]) -> Reader<Numbers> {
        Reader::new(Numbers(columns), "things")
    }

    fn told<T: std::fmt::Debug>(found: Result<T, StoreError>) -> String {
        found.unwrap_err().to_string()
    }

    #[test]
    fn columns_are_found_in_any_order() {
        let row = read(&[("a", Some(1)), ("b", Some(2)), ("c", Some(3))]);
        for (column, value) in [("a", 1), ("b", 2), ("a", 1), ("c", 3), ("c", 3), ("b", 2)] {
            assert_eq!(row.number::<u8>(column).unwrap(), value);
        }
    }

    #[test]
    fn what_breaks_a_rule_is_named_with_its_row() {
        let row = read(&[("id", None), ("size", Some(-1)), ("none", None)]);
        assert_eq!(row.job_id("id").unwrap(), JobId::from_uuid(ID));
        for (found, why) in [
            (told(row.number::<u8>("size")), "out of range"),
            (told(row.number::<u8>("none")), "NULL"),
            (told(row.get::<&str>("size")), "whole number"),
            (told(row.get::<i64>("gone")), "does not return it"),
        ] {
            assert!(
                found.contains(why) && found.contains("things") && found.contains(&ID.to_string()),
                "{found}"
            );
        }
        assert_eq!(row.optional_number::<u8>("none").unwrap(), None);
        let nameless = read(&[("size", Some(-1))]);
        assert!(told(nameless.number::<u8>("size")).contains('?'));
    }
}
