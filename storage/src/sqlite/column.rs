//! Values as columns, and columns by name. What can't be understood is an error here, never a default.

use protocol::time::Timestamp;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, Value, ValueRef};
use rusqlite::{Error, Result, Row, Statement};
use serde::{Serialize, de::DeserializeOwned};
use std::cell::Cell;

/// The one record format there is.
pub(super) const FORMAT: i64 = 1;

/// A row whose columns are read by name, roughly in their order. SQLite offers the names only one by one, so each
/// search begins behind the column that was found last.
pub(super) struct Columns<'a> {
    row: &'a Row<'a>,
    next: Cell<usize>,
}

impl<'a> Columns<'a> {
    pub(super) const fn of(row: &'a Row<'a>) -> Self {
        Self { row, next: Cell::new(0) }
    }

    pub(super) fn get<T: FromSql>(&self, name: &str) -> Result<T> {
        self.row.get(self.index(name)?)
    }

    pub(super) fn get_ref(&self, name: &str) -> Result<ValueRef<'a>> {
        self.row.get_ref(self.index(name)?)
    }

    fn index(&self, name: &str) -> Result<usize> {
        let (statement, next): (&Statement<'_>, _) = (self.row.as_ref(), self.next.get());
        let is_it = |index: &usize| statement.column_name(*index).is_ok_and(|own| own == name);
        let found = (next..statement.column_count()).chain(0..next).find(is_it);
        let index = found.ok_or_else(|| Error::InvalidColumnName(name.to_owned()))?;
        self.next.set(index + 1);
        Ok(index)
    }
}

/// Reads the column `v`, and fails unless it is the format this program knows.
pub(super) struct Format;

impl FromSql for Format {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_i64()? {
            FORMAT => Ok(Self),
            other => Err(other_error(format!("record format {other}; this program knows {FORMAT}"))),
        }
    }
}

/// An instant, as milliseconds. The end of time is what fits a signed 64-bit number.
pub(super) struct At(pub(super) Timestamp);

impl FromSql for At {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let millis = u64::try_from(value.as_i64()?).map_err(|_| FromSqlError::InvalidType)?;
        Ok(Self(Timestamp::from_millis(millis)))
    }
}

impl ToSql for At {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(i64::try_from(self.0.millis()).unwrap_or(i64::MAX).into())
    }
}

/// A number that only grows.
pub(super) struct Count(pub(super) u64);

impl FromSql for Count {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        u64::try_from(value.as_i64()?).map(Self).map_err(|_| FromSqlError::InvalidType)
    }
}

impl ToSql for Count {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(i64::try_from(self.0).unwrap_or(i64::MAX).into())
    }
}

/// A nested value, as JSON text.
pub(super) struct Json<T>(pub(super) T);

impl<T: DeserializeOwned> FromSql for Json<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        serde_json::from_str(value.as_str()?).map(Self).map_err(other_error)
    }
}

impl<T: Serialize> ToSql for Json<T> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let text =
            serde_json::to_string(&self.0).map_err(|e| rusqlite::Error::ToSqlConversionFailure(e.into()))?;
        Ok(ToSqlOutput::Owned(Value::Text(text)))
    }
}

/// A value whose serde form is one string, stored without JSON's quotes.
pub(super) struct Word<T>(pub(super) T);

impl<T: DeserializeOwned> FromSql for Word<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let text = serde_json::Value::String(value.as_str()?.to_owned());
        serde_json::from_value(text).map(Self).map_err(other_error)
    }
}

impl<T: Serialize> ToSql for Word<T> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match serde_json::to_value(&self.0) {
            Ok(serde_json::Value::String(text)) => Ok(ToSqlOutput::Owned(Value::Text(text))),
            Ok(_) => Err(rusqlite::Error::ToSqlConversionFailure("not a word".into())),
            Err(error) => Err(rusqlite::Error::ToSqlConversionFailure(error.into())),
        }
    }
}

fn other_error(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> FromSqlError {
    FromSqlError::Other(error.into())
}
