//! Holds a row while transactions that read it meet: races that come out the same each time.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use platform::{Db, Tx};
use tokio::sync::{Semaphore, oneshot};

use crate::world::World;

/// A transaction that keeps what it has locked until it is told to end.
pub struct Held {
    release: Arc<Semaphore>,
    ended: oneshot::Receiver<platform::Result<()>>,
}

impl World {
    /// Runs a statement that locks rows (`select … for update`) or a table, and keeps them locked. On a database
    /// that several connections write to.
    ///
    /// # Errors
    /// When the statement fails.
    pub async fn hold(&self, db: &Db, sql: String) -> Result<Held> {
        let (held, release) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let (end, ended) = oneshot::channel();
        let (is_held, is_released) = (Arc::clone(&held), Arc::clone(&release));
        let work = async move |tx: &mut Tx| {
            tx.execute(&sql, &[]).await?;
            is_held.add_permits(1);
            drop(is_released.acquire().await);
            Ok(())
        };
        let db = db.clone();
        self.tasks.spawn(async move {
            end.send(db.write(work).await).ok();
        });
        let held = held.acquire();
        tokio::select! {
            held = held => drop(held?),
            () = tokio::time::sleep(Duration::from_secs(5)) => anyhow::bail!("it was not to be held"),
        }
        Ok(Held { release, ended })
    }

    /// Waits until at least so many transactions of the database wait for others.
    ///
    /// # Errors
    /// When they don't.
    pub async fn until_waiting(&self, db: &Db, count: i64) -> Result<()> {
        let look = async |tx: &mut Tx| {
            let sql = "select count(*) from pg_stat_activity \
                       where datname = current_database() and wait_event_type = 'Lock'";
            tx.query_one(sql, &[]).await?.get::<i64>(0)
        };
        self.until(async || Ok((db.read(look).await? >= count).then_some(())))
            .await
    }
}

impl Held {
    /// Lets go of it.
    ///
    /// # Errors
    /// When the transaction could not be ended.
    pub async fn release(self) -> Result<()> {
        self.release.add_permits(1);
        self.ended.await??;
        Ok(())
    }
}
