//! Single statements: parameters in, rows out, errors sorted.

use anyhow::{Context as _, anyhow};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode};

use crate::db::row::{Row, Value};
use crate::db::unavailable;
use crate::failure::{Failure, Result};

pub(in crate::db) fn query(
    connection: &Connection,
    sql: &str,
    params: &[Value],
) -> Result<Vec<Row>> {
    let mut statement = connection
        .prepare_cached(sql)
        .map_err(|error| failure(error, sql))?;
    bind(&mut statement, params).map_err(|error| failure(error, sql))?;
    let columns = statement.column_count();
    let mut rows = statement.raw_query();
    let mut answer = Vec::new();
    while let Some(row) = rows.next().map_err(|error| failure(error, sql))? {
        let mut values = Vec::with_capacity(columns);
        for column in 0..columns {
            values.push(read(
                row.get_ref(column).map_err(|error| failure(error, sql))?,
            )?);
        }
        answer.push(Row(values));
    }
    Ok(answer)
}

pub(in crate::db) fn execute(connection: &Connection, sql: &str, params: &[Value]) -> Result<u64> {
    let mut statement = connection
        .prepare_cached(sql)
        .map_err(|error| failure(error, sql))?;
    bind(&mut statement, params).map_err(|error| failure(error, sql))?;
    let changed = statement
        .raw_execute()
        .map_err(|error| failure(error, sql))?;
    Ok(u64::try_from(changed).unwrap_or(u64::MAX))
}

/// Binds by name, because SQLite numbers `$n` by first appearance and not by `n`.
fn bind(statement: &mut rusqlite::CachedStatement<'_>, params: &[Value]) -> rusqlite::Result<()> {
    for (place, value) in params.iter().enumerate() {
        let name = parameter_name(place);
        if let Some(index) = statement.parameter_index(&name)? {
            statement.raw_bind_parameter(index, value)?;
        }
    }
    Ok(())
}

fn parameter_name(place: usize) -> std::borrow::Cow<'static, str> {
    const NAMES: [&str; 12] = [
        "$1", "$2", "$3", "$4", "$5", "$6", "$7", "$8", "$9", "$10", "$11", "$12",
    ];
    match NAMES.get(place) {
        Some(name) => (*name).into(),
        None => format!("${}", place + 1).into(),
    }
}

impl rusqlite::ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(int) => ValueRef::Integer(*int),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Bytes(bytes) => ValueRef::Blob(bytes),
        }))
    }
}

fn read(value: ValueRef<'_>) -> Result<Value> {
    Ok(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(int) => Value::Int(int),
        ValueRef::Text(text) => Value::Text(
            std::str::from_utf8(text)
                .context("a text column")?
                .to_owned(),
        ),
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
        ValueRef::Real(_) => return Err(Failure::Broken(anyhow!("a column holds a float"))),
    })
}

/// Sorts a driver's error: the disk and the file are the surroundings' fault, the rest is ours.
fn failure(error: rusqlite::Error, sql: &str) -> Failure {
    match error.sqlite_error_code() {
        Some(
            ErrorCode::DiskFull
            | ErrorCode::SystemIoFailure
            | ErrorCode::DatabaseBusy
            | ErrorCode::DatabaseLocked
            | ErrorCode::CannotOpen
            | ErrorCode::ReadOnly
            | ErrorCode::OutOfMemory
            | ErrorCode::DatabaseCorrupt
            | ErrorCode::NotADatabase,
        ) => unavailable(&error),
        _ => Failure::Broken(anyhow::Error::new(error).context(format!("in: {sql}"))),
    }
}
