//! Who of several replicas does what: leases in their common database.
//!
//! A lease is a promise of the database until a time, not a lock: who stands still for longer goes on
//! without it for a moment. What is done under one must be harmless when two do it.

use std::time::Duration;

use crate::clock::later;
use crate::db::{Row, Tx, params};
use crate::failure::Result;

/// How long a lease lasts unless it is renewed: so long nobody does the work of a replica that died.
pub const LASTS: Duration = Duration::from_secs(6);

/// How often a lease is renewed: two renewals may fail.
pub const RENEW_EVERY: Duration = Duration::from_secs(2);

/// Takes or renews a lease; whether `holder` has it now.
///
/// # Errors
/// When the database does not answer.
pub async fn take(tx: &mut Tx, name: &str, holder: &str) -> Result<bool> {
    take_for(tx, name, (holder, LASTS)).await
}

async fn take_for(tx: &mut Tx, name: &str, (holder, lasts): (&str, Duration)) -> Result<bool> {
    let now = tx.now();
    let taken = tx
        .execute(
            "insert into leases (name, holder, until) values ($1, $2, $3) \
             on conflict (name) do update set holder = excluded.holder, until = excluded.until \
             where leases.holder = excluded.holder or leases.until <= $4",
            params![name, holder, later(now, lasts), now],
        )
        .await?;
    Ok(taken == 1)
}

/// Gives back everything that `holder` has.
///
/// # Errors
/// When the database does not answer.
pub async fn give_back(tx: &mut Tx, holder: &str) -> Result<()> {
    tx.execute("delete from leases where holder = $1", params![holder])
        .await
        .map(drop)
}

/// Takes this replica's fair share of numbered leases `<work>/0` … `<work>/<count - 1>`, and gives
/// back what it has above that, for so long. Says which it has now.
///
/// # Errors
/// When the database does not answer.
pub async fn take_share(
    tx: &mut Tx,
    (work, count): (&str, i64),
    (holder, lasts): (&str, Duration),
) -> Result<Vec<i64>> {
    // One replica at a time counts and takes.
    tx.lock(&[work]).await?;
    let replica = format!("{work}/replica/{holder}");
    take_for(tx, &replica, (holder, lasts)).await?;
    let now = tx.now();
    let sql = "delete from leases where until <= $1";
    tx.execute(sql, params![now]).await?;
    let sql = "select name, holder from leases order by name";
    let rows = tx.query(sql, params![]).await?;
    let (replicas, taken) = read(&rows, work)?;
    let fair = usize::try_from(count)
        .unwrap_or(usize::MAX)
        .div_ceil(replicas.max(1));
    let mut share: Vec<i64> = taken
        .iter()
        .filter(|(_, of)| of == holder)
        .map(|(number, _)| *number)
        .collect();
    for given in share.split_off(fair.min(share.len())) {
        let name = format!("{work}/{given}");
        tx.execute("delete from leases where name = $1", params![name])
            .await?;
    }
    let is_free = |number: &i64| taken.iter().all(|(other, _)| other != number);
    let lacking = fair - share.len();
    share.extend((0..count).filter(is_free).take(lacking));
    for number in &share {
        take_for(tx, &format!("{work}/{number}"), (holder, lasts)).await?;
    }
    Ok(share)
}

/// How many replicas share some work, and who has which number of it.
fn read(rows: &[Row], work: &str) -> Result<(usize, Vec<(i64, String)>)> {
    let (mut replicas, mut taken) = (0, Vec::new());
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
            Err(_) => replicas += 1,
        }
    }
    Ok((replicas, taken))
}
