//! Statements that must change a row: what they find is compared, and nobody waits for the answer.

use super::row::Value;
use super::tx::{Link, Tx};
use crate::failure::{Failure, Result};

/// Ends a statement for PostgreSQL, before the name of what it changed: it fails when that is nothing,
/// and so ends the transaction, although the commit may already be on its way behind it.
pub(crate) const FAIL_IF_NONE: &str = "select 1 / count(*) from";

/// What a transaction fails with when a statement changed nothing.
pub(super) type Otherwise = Box<dyn Fn() -> Failure>;

impl Tx {
    /// Runs a statement that must change a row. Like [`Tx::execute_later`] it may travel with the next
    /// one or with the commit, and then the failure is theirs.
    ///
    /// # Errors
    /// What `otherwise` says when it changes none: the transaction is not committed. As
    /// [`Tx::query`].
    pub async fn change_one_later(
        &mut self,
        sql: &str,
        params: &[Value],
        otherwise: impl Fn() -> Failure + 'static,
    ) -> Result<()> {
        match &self.link {
            Link::Sqlite(_) => match self.execute(sql, params).await? {
                0 => Err(otherwise()),
                _ => Ok(()),
            },
            Link::Postgres(_) => {
                let sql = format!("with changed as ({sql} returning 1) {FAIL_IF_NONE} changed");
                self.require_later(&sql, params, otherwise).await
            }
        }
    }

    /// Runs a statement for PostgreSQL that ends in [`FAIL_IF_NONE`].
    ///
    /// # Errors
    /// As [`Self::change_one_later`].
    pub(crate) async fn require_later(
        &mut self,
        sql: &str,
        params: &[Value],
        otherwise: impl Fn() -> Failure + 'static,
    ) -> Result<()> {
        match &self.link {
            Link::Sqlite(_) => self.execute(sql, params).await.map(drop),
            Link::Postgres(session) => session.require(sql, params, Box::new(otherwise)).await,
        }
    }
}
