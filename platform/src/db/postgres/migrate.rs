//! Brings a PostgreSQL database to the newest migration; of several processes one at a time.

use std::rc::Rc;

use anyhow::{Context as _, anyhow, bail};
use deadpool_postgres::Object;

use super::pool::Worker;
use crate::Failure;
use crate::db::migrate::{Migration, missing, refuse_newer};

/// The name of the lock that lets one process migrate at a time; any fixed number serves.
const LOCK: i64 = 7_165_829_410_022;

/// Checks the database, migrates it if so wished, and says which life of the log it is.
pub(super) async fn open(
    worker: &Rc<Worker>,
    migrations: &[Migration],
    may_migrate: bool,
    now: i64,
) -> anyhow::Result<i64> {
    let client = worker.first_client().await?;
    check_collation(&client).await?;
    let lock = format!("set lock_timeout = '60s'; select pg_advisory_lock({LOCK})");
    client.batch_execute(&lock).await?;
    let outcome = migrate(&client, migrations, may_migrate, now).await;
    if outcome.is_err() {
        // A step that failed leaves its transaction open, in which nothing else can be done.
        drop(client.batch_execute("rollback").await);
    }
    let unlock = format!("select pg_advisory_unlock({LOCK}); reset lock_timeout");
    let unlocked = client.batch_execute(&unlock).await;
    let life = outcome?;
    unlocked?;
    Ok(life)
}

/// Paging and search compare texts byte by byte, as SQLite does.
async fn check_collation(client: &Object) -> anyhow::Result<()> {
    // The catalogue's names don't say it: lc_collate may be C, and ICU compares. Every language puts
    // a before B. Which library compares can be chosen since PostgreSQL 15.
    let sql = "select datname::text, pg_encoding_to_char(encoding)::text, \
               'B'::text < 'a'::text and 'a-b'::text < 'aa'::text, \
               case when current_setting('server_version_num')::int >= 150000 \
               then 'locale_provider libc ' else '' end \
               from pg_database where datname = current_database()";
    let row = client.query_one(sql, &[]).await?;
    let (name, encoding, is_bytewise, provider): (String, String, bool, String) = (
        row.try_get(0)?,
        row.try_get(1)?,
        row.try_get(2)?,
        row.try_get(3)?,
    );
    if is_bytewise && encoding == "UTF8" {
        return Ok(());
    }
    let how = if is_bytewise {
        "byte by byte"
    } else {
        "as a language does"
    };
    bail!(
        "the database {name} compares texts {how} in {encoding}; make it with: create database {name} \
         template template0 encoding 'UTF8' {provider}lc_collate 'C' lc_ctype 'C'"
    )
}

async fn migrate(
    client: &Object,
    migrations: &[Migration],
    may_migrate: bool,
    now: i64,
) -> anyhow::Result<i64> {
    client
        .batch_execute(
            "create table if not exists migrations (name text primary key, place bigint not null)",
        )
        .await?;
    let rows = client
        .query("select name from migrations order by place", &[])
        .await?;
    let done: Vec<String> = rows
        .iter()
        .map(|row| row.try_get(0))
        .collect::<Result<_, _>>()?;
    refuse_newer(&done, migrations)?;
    for step in missing(&done, migrations) {
        if !may_migrate {
            // Somebody else is at it, most likely: whoever waits for a server waits for this too.
            let lacks = format!(
                "the database lacks migration {}: run ticketing migrate first",
                step.name
            );
            return Err(Failure::Unavailable(lacks).into());
        }
        client
            .batch_execute(&format!(
                "begin; {}; insert into migrations (name, place) \
                 select '{}', count(*) from migrations; commit",
                step.for_postgres(),
                step.name
            ))
            .await
            .map_err(|error| anyhow!(super::errors::chain(&error)))
            .with_context(|| format!("migration {}", step.name))?;
    }
    incarnation(client, now).await
}

/// Which life of the log this is; the first begins now.
async fn incarnation(client: &Object, now: i64) -> anyhow::Result<i64> {
    let insert = "insert into meta (name, value) values ('incarnation', $1) on conflict do nothing";
    client.execute(insert, &[&now]).await?;
    let look = "select value from meta where name = 'incarnation'";
    Ok(client.query_one(look, &[]).await?.try_get(0)?)
}
