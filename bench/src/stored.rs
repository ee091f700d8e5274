//! What a service has stored, asked of its database itself: figures that no answer tells.

use std::time::Duration;

use anyhow::{Context, bail};
use e2e::{Composition, Marketplace};
use rusqlite::{Connection, OpenFlags};

use crate::apart::database_of;
use crate::workloads::now;

/// How often it is looked again.
const LOOK: Duration = Duration::from_millis(25);

/// How long something may take that is waited for.
const WITHIN: Duration = Duration::from_secs(600);

/// Part of an event's envelope, as a text.
pub fn field(composition: Composition, path: &[&str]) -> String {
    let (last, before) = path.split_last().unwrap_or((&"", &[]));
    match composition {
        Composition::Embedded => format!("json_extract(envelope, '$.{}')", path.join(".")),
        Composition::Apart => {
            let before: String = before.iter().map(|part| format!(" -> '{part}'")).collect();
            format!("(envelope::json{before} ->> '{last}')")
        }
    }
}

/// The first column of what a query answers, as texts.
pub async fn ask(
    marketplace: &Marketplace,
    service: &'static str,
    sql: String,
) -> anyhow::Result<Vec<String>> {
    let answered = match marketplace.composition() {
        Composition::Embedded => {
            let path = marketplace.data_dir().join(format!("{service}.db"));
            tokio::task::spawn_blocking(move || {
                let flags = OpenFlags::SQLITE_OPEN_READ_ONLY;
                let connection = Connection::open_with_flags(path, flags)?;
                connection.busy_timeout(Duration::from_secs(5))?;
                let sql = format!("select cast(answer as text) from ({sql})");
                let mut query = connection.prepare(&sql)?;
                let rows = query.query_map([], |row| row.get(0))?;
                Ok(rows.collect::<Result<Vec<String>, _>>()?)
            })
            .await?
        }
        Composition::Apart => {
            let reached = database_of(marketplace)?;
            tokio::task::spawn_blocking(move || {
                let sql = format!("select answer from ({sql}) as asked");
                let lines = reached.psql(service, &sql)?;
                anyhow::Ok(lines.lines().map(str::to_owned).collect())
            })
            .await?
        }
    };
    answered.with_context(|| format!("asking the database of {service}"))
}

/// Waits until a count is zero; answers how long that took.
pub async fn until_none(
    marketplace: &Marketplace,
    service: &'static str,
    sql: &str,
) -> anyhow::Result<Duration> {
    let began = now();
    loop {
        let left = ask(
            marketplace,
            service,
            format!("select count(*) as answer from {sql}"),
        )
        .await?;
        if left == ["0"] {
            return Ok(began.elapsed());
        }
        if began.elapsed() > WITHIN {
            bail!("{left:?} are left after {WITHIN:?}: {sql}");
        }
        tokio::time::sleep(LOOK).await;
    }
}
