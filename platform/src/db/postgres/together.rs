//! One statement in place of many that differ in their parameters only: each costs a server and a
//! client several hundredths of a millisecond beside its work, which is often less.

use std::fmt::Write as _;

use anyhow::anyhow;
use tokio_postgres::Statement;
use tokio_postgres::types::{ToSql, Type};

use crate::db::row::{Row, Value};
use crate::failure::{Failure, Result};

/// A parameter of such a statement.
pub(super) type Given<'a> = Box<dyn ToSql + Sync + 'a>;

/// A value or an array of values, as a parameter.
pub(super) fn given_as<'a>(value: impl ToSql + Sync + 'a) -> Given<'a> {
    Box::new(value)
}

/// A query, or several in one, with all that it needs.
pub(super) struct Asked<'a> {
    pub(super) statement: Statement,
    pub(super) params: Vec<Given<'a>>,
}

/// The first columns of rows, each as an array.
pub(super) fn columns<'a>(
    rows: impl Iterator<Item = &'a [Value]> + Clone,
    count: usize,
) -> Vec<Vec<&'a Value>> {
    let column = |number| rows.clone().filter_map(|row| row.get(number)).collect();
    (0..count).map(column).collect()
}

/// A query for one set of parameters as one for many, which come as an array for each parameter. Its
/// rows begin with the place of their set, from 1. It is planned as the one is (`offset 0` keeps it by
/// itself): a join with the arrays would be planned once, while the table is small, to read all of it.
pub(super) fn query_for_each(sql: &str, kinds: &[Type]) -> String {
    let given = given(kinds, " with ordinality", ", place");
    let one = of_given(sql);
    format!(
        "select given.place, answer.* from {given} \
         cross join lateral (select * from ({one}) as one offset 0) as answer"
    )
}

/// The rows for each of some sets of parameters, of which they tell first.
pub(super) fn by_place(rows: Vec<Row>, count: usize) -> Result<Vec<Vec<Row>>> {
    let mut sets: Vec<Vec<Row>> = vec![Vec::new(); count];
    for Row(mut values) in rows {
        let place = match values.remove(0) {
            Value::Int(place) => usize::try_from(place - 1).ok(),
            _ => None,
        };
        let set = place.and_then(|place| sets.get_mut(place));
        let set = set.ok_or_else(|| Failure::Broken(anyhow!("an answer to nothing")))?;
        set.push(Row(values));
    }
    Ok(sets)
}

/// An insert of one row as one of many, which come as an array for each parameter; nothing when it is
/// another statement, or needs its parameters elsewhere than in its row.
pub(super) fn insert_for_each(sql: &str, kinds: &[Type]) -> Option<String> {
    const VALUES: &str = " values (";
    let (target, behind) = sql.split_once(VALUES)?;
    let (row, rest) = behind.split_once(')')?;
    if !target.starts_with("insert into ") || row.contains('(') || rest.contains('$') {
        return None;
    }
    let (row, given) = (of_given(row), given(kinds, "", ""));
    Some(format!("{target} select {row} from {given}{rest}"))
}

/// Parameters as arrays, side by side as rows.
fn given(kinds: &[Type], with: &str, more: &str) -> String {
    let numbers = 1..=kinds.len();
    let columns: Vec<String> = numbers.clone().map(|number| format!("a{number}")).collect();
    let arrays: Vec<String> = numbers
        .zip(kinds)
        .map(|(number, kind)| format!("${number}::{kind}[]"))
        .collect();
    let (arrays, columns) = (arrays.join(", "), columns.join(", "));
    format!("unnest({arrays}){with} as given ({columns}{more})")
}

/// A part of a statement that takes from those rows what it took from its parameters.
fn of_given(sql: &str) -> String {
    let mut parts = sql.split('$');
    let mut changed = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.find(|c: char| !c.is_ascii_digit());
        let (number, rest) = part.split_at(digits.unwrap_or(part.len()));
        // Writing to a string can't fail.
        let _ = write!(changed, "given.a{number}{rest}");
    }
    changed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_asked_for_each_set_of_parameters() {
        let sql = "select version from cursors where consumer = $1 and subject = $2";
        assert_eq!(
            query_for_each(sql, &[Type::TEXT, Type::TEXT]),
            "select given.place, answer.* from unnest($1::text[], $2::text[]) with ordinality \
             as given (a1, a2, place) cross join lateral (select * from (select version \
             from cursors where consumer = given.a1 and subject = given.a2) as one offset 0) \
             as answer"
        );
    }

    #[test]
    fn a_row_becomes_many() {
        let sql = "insert into timers (id, due_at, rings, next_at) values ($1, $2, 0, $2) \
                   on conflict (id) do update set due_at = excluded.due_at, rings = 0";
        assert_eq!(
            insert_for_each(sql, &[Type::TEXT, Type::INT8]).as_deref(),
            Some(
                "insert into timers (id, due_at, rings, next_at) select given.a1, given.a2, 0, \
                 given.a2 from unnest($1::text[], $2::int8[]) as given (a1, a2) \
                 on conflict (id) do update set due_at = excluded.due_at, rings = 0"
            )
        );
    }

    #[test]
    fn what_is_no_row_stays_as_it_is() {
        let kinds = [Type::TEXT, Type::INT8];
        for sql in [
            "update timers set due_at = $2 where id = $1",
            "insert into timers (id, due_at) select $1, $2 where true",
            "insert into timers (id, due_at) values ($1, coalesce($2, 0))",
            "insert into timers (id) values ($1) on conflict (id) do update set due_at = $2",
        ] {
            assert_eq!(insert_for_each(sql, &kinds), None, "{sql}");
        }
    }
}
