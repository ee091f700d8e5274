//! Values that go into statements and come out of rows.

use anyhow::{Context as _, anyhow};
use contracts::Timestamp;
use contracts::money::Currency;

use crate::failure::Result;

/// What a column can hold in both databases: text, bigint, bytes or nothing.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Value {
    /// SQL null.
    Null,
    /// A bigint; also times (microseconds since the epoch) and truth (0 or 1).
    Int(i64),
    /// A text.
    Text(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

/// One row of an answer; columns by position from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row(pub(super) Vec<Value>);

impl Row {
    /// The column at this place.
    ///
    /// # Errors
    /// When there is none, or it holds something else: a fault of our own.
    pub fn get<T: FromValue>(&self, column: usize) -> Result<T> {
        let value = self
            .0
            .get(column)
            .with_context(|| format!("no column {column}"))?;
        let read = T::from_value(value).with_context(|| format!("column {column}"))?;
        Ok(read)
    }

    /// All values, for comparing whole rows.
    #[must_use]
    pub fn values(&self) -> &[Value] {
        &self.0
    }
}

/// Can be a parameter of a statement.
pub trait ToValue {
    /// The value as the database stores it.
    fn to_value(&self) -> Value;
}

/// Can be read from a column.
pub trait FromValue: Sized {
    /// Reads the stored value.
    ///
    /// # Errors
    /// When it is of another kind or form.
    fn from_value(value: &Value) -> anyhow::Result<Self>;
}

impl ToValue for Value {
    fn to_value(&self) -> Value {
        self.clone()
    }
}

impl ToValue for i64 {
    fn to_value(&self) -> Value {
        Value::Int(*self)
    }
}

impl ToValue for bool {
    fn to_value(&self) -> Value {
        Value::Int(i64::from(*self))
    }
}

impl ToValue for str {
    fn to_value(&self) -> Value {
        Value::Text(self.to_owned())
    }
}

impl ToValue for String {
    fn to_value(&self) -> Value {
        Value::Text(self.clone())
    }
}

impl ToValue for Vec<u8> {
    fn to_value(&self) -> Value {
        Value::Bytes(self.clone())
    }
}

impl ToValue for Timestamp {
    fn to_value(&self) -> Value {
        Value::Int(self.as_microsecond())
    }
}

impl<T: ToValue> ToValue for Option<T> {
    fn to_value(&self) -> Value {
        self.as_ref().map_or(Value::Null, ToValue::to_value)
    }
}

impl<T: ToValue + ?Sized> ToValue for &T {
    fn to_value(&self) -> Value {
        (**self).to_value()
    }
}

impl FromValue for i64 {
    fn from_value(value: &Value) -> anyhow::Result<Self> {
        match value {
            Value::Int(int) => Ok(*int),
            other => Err(anyhow!("expected a bigint, found {other:?}")),
        }
    }
}

impl FromValue for bool {
    fn from_value(value: &Value) -> anyhow::Result<Self> {
        i64::from_value(value).map(|int| int != 0)
    }
}

impl FromValue for String {
    fn from_value(value: &Value) -> anyhow::Result<Self> {
        match value {
            Value::Text(text) => Ok(text.clone()),
            other => Err(anyhow!("expected text, found {other:?}")),
        }
    }
}

impl FromValue for Vec<u8> {
    fn from_value(value: &Value) -> anyhow::Result<Self> {
        match value {
            Value::Bytes(bytes) => Ok(bytes.clone()),
            other => Err(anyhow!("expected bytes, found {other:?}")),
        }
    }
}

impl FromValue for Timestamp {
    fn from_value(value: &Value) -> anyhow::Result<Self> {
        Ok(Timestamp::from_microsecond(i64::from_value(value)?)?)
    }
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: &Value) -> anyhow::Result<Self> {
        match value {
            Value::Null => Ok(None),
            some => T::from_value(some).map(Some),
        }
    }
}

/// Types that are stored as the text they display and parse.
macro_rules! stored_as_text {
    ($($name:ty),+ $(,)?) => {$(
        impl ToValue for $name {
            fn to_value(&self) -> Value {
                Value::Text(self.to_string())
            }
        }

        impl FromValue for $name {
            fn from_value(value: &Value) -> anyhow::Result<Self> {
                let text = String::from_value(value)?;
                text.parse().map_err(|error| anyhow!("{text:?}: {error}"))
            }
        }
    )+};
}

stored_as_text!(Currency);
contracts::every_id!(stored_as_text);
