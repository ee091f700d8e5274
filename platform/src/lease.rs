//! Who of several replicas does what: leases in their common database.
//!
//! A lease is a promise of the database until a time, not a lock: who stands still for longer goes on
//! without it for a moment. What is done under one must be harmless when two do it.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::clock::later;
use crate::db::{Row, Tx, params};
use crate::failure::Result;

/// How long a lease lasts unless it is renewed: so long nobody does the work of a replica that died.
pub const LASTS: Duration = Duration::from_secs(6);

/// Takes or renews a lease; whether `holder` has it now.
///
/// # Errors
/// When the database does not answer.
pub async fn take(tx: &mut Tx, name: &str, holder: &str) -> Result<bool> {
    let now = tx.now();
    let until = later(now, LASTS);
    let taken = tx.execute(TAKE, params![name, holder, until, now]).await?;
    Ok(taken == 1)
}

/// Takes or renews a lease, unless another has it.
const TAKE: &str = "insert into leases (name, holder, until) values ($1, $2, $3) \
     on conflict (name) do update set holder = excluded.holder, until = excluded.until \
     where leases.holder = excluded.holder or leases.until <= $4";

/// Gives back everything that `holder` has.
///
/// # Errors
/// When the database does not answer.
pub async fn give_back(tx: &mut Tx, holder: &str) -> Result<()> {
    tx.execute("delete from leases where holder = $1", params![holder])
        .await
        .map(drop)
}

/// An SQL condition on a column with the name of a replica: it is another than `own`, and has gone. All
/// three are expressions of the statement; a replica that is there has some lease at `now`.
#[must_use]
pub fn is_gone(column: &str, own: &str, now: &str) -> String {
    format!(
        "({column} is not null and {column} <> {own} and not exists \
         (select 1 from leases where leases.holder = {column} and leases.until > {now}))"
    )
}

/// What a replica has of some numbered work.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Share {
    /// The numbers that it has now.
    pub numbers: Vec<i64>,
    /// Whether others have reason to look at theirs: it is new among them, or has given something back.
    pub concerns_others: bool,
}

/// Takes this replica's fair share of numbered leases `<work>/0` … `<work>/<count - 1>`, and gives
/// back what it has above that, for so long.
///
/// # Errors
/// When the database does not answer.
pub async fn take_share(
    tx: &mut Tx,
    (work, count): (&str, i64),
    (holder, lasts): (&str, Duration),
) -> Result<Share> {
    // One replica at a time counts and takes.
    tx.lock(&[work]).await?;
    let now = tx.now();
    let sql = "delete from leases where until <= $1";
    tx.execute_later(sql, params![now]).await?;
    let sql = "select name, holder from leases order by name";
    let rows = tx.query(sql, params![]).await?;
    let (mut replicas, taken) = read(&rows, work)?;
    let replica = format!("{work}/replica/{holder}");
    let is_new = replicas.insert(replica.clone());
    let fair = usize::try_from(count)
        .unwrap_or(usize::MAX)
        .div_ceil(replicas.len());
    let mut numbers: Vec<i64> = taken
        .iter()
        .filter(|(_, of)| of == holder)
        .map(|(number, _)| *number)
        .collect();
    let surplus = numbers.split_off(fair.min(numbers.len()));
    for given in &surplus {
        let name = format!("{work}/{given}");
        let sql = "delete from leases where name = $1";
        tx.execute_later(sql, params![name]).await?;
    }
    let is_free = |number: &i64| taken.iter().all(|(other, _)| other != number);
    let lacking = fair - numbers.len();
    numbers.extend((0..count).filter(is_free).take(lacking));
    let names = numbers.iter().map(|number| format!("{work}/{number}"));
    for name in names.chain([replica]) {
        let until = later(now, lasts);
        tx.execute_later(TAKE, params![name, holder, until, now])
            .await?;
    }
    Ok(Share {
        numbers,
        concerns_others: is_new || !surplus.is_empty(),
    })
}

/// Numbers of some work that are taken, and who has each.
type Taken = Vec<(i64, String)>;

/// Which replicas share some work, by the names of their leases, and who has which number of it.
fn read(rows: &[Row], work: &str) -> Result<(BTreeSet<String>, Taken)> {
    let (mut replicas, mut taken) = (BTreeSet::new(), Vec::new());
    for row in rows {
        let name: String = row.get(0)?;
        let Some(rest) = name
            .strip_prefix(work)
            .and_then(|rest| rest.strip_prefix('/'))
        else {
            continue;
        };
        match rest.parse() {
            Ok(number) => taken.push((number, row.get(1)?)),
            Err(_) => {
                replicas.insert(name);
            }
        }
    }
    Ok((replicas, taken))
}
