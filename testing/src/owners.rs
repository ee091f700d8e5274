//! Owners' rows and their logs: equal at each world's end, and different where a test makes them so.

use anyhow::{Context as _, ensure};
use platform::Tx;

use crate::World;

impl World {
    /// Fails when an owner's row is not what its log says.
    pub(crate) async fn compare_owners(&self) -> anyhow::Result<()> {
        for (service, gate) in &self.gates {
            let found = gate.owner_differences().await?;
            ensure!(found.is_empty(), "{service}'s rows and log: {found:?}");
        }
        Ok(())
    }

    /// What an audit of the service finds after `change`, a statement that no command runs and that
    /// `undo` takes back.
    ///
    /// # Errors
    /// When a statement changes nothing, or the database does not answer.
    pub async fn found_after(
        &self,
        service: &str,
        change: &'static str,
        undo: &'static str,
    ) -> anyhow::Result<Vec<String>> {
        let run = async |sql: &'static str| {
            let work = async move |tx: &mut Tx| tx.execute(sql, &[]).await;
            let changed = self.db(service)?.write(work).await?;
            ensure!(changed > 0, "{sql}: no row");
            Ok(())
        };
        run(change).await?;
        let gate = self.gates.get(service).context("no such service")?;
        let found = gate.owner_differences().await?;
        run(undo).await?;
        Ok(found)
    }
}
