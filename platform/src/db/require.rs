//! Statements that must change a row: what they find is compared, and nobody waits for the answer.

use std::cell::Cell;
use std::rc::Rc;

use super::row::Value;
use super::tx::{Link, Tx};
use crate::failure::{Failure, Result};

/// A number that a statement answers, once that has been heard: at the latest when the transaction is
/// committed.
pub(crate) type Heard = Rc<Cell<Option<i64>>>;

/// Ends a statement for PostgreSQL, before the name of what it changed: it fails when that is nothing,
/// and so ends the transaction, although the commit may already be on its way behind it.
pub(super) const FAIL_IF_NONE: &str = "select 1 / count(*) from";

/// What becomes of a statement that must change something.
pub(super) struct Required {
    /// What the transaction fails with when it changed nothing.
    pub(super) otherwise: Box<dyn Fn() -> Failure>,
    /// What it answered else.
    pub(super) heard: Heard,
}

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
                self.require_later(&sql, params, otherwise).await.map(drop)
            }
        }
    }

    /// Runs a statement for PostgreSQL that fails by a division by zero when it changes nothing; the
    /// number that it answers.
    ///
    /// # Errors
    /// As [`Self::change_one_later`].
    pub(crate) async fn require_later(
        &mut self,
        sql: &str,
        params: &[Value],
        otherwise: impl Fn() -> Failure + 'static,
    ) -> Result<Heard> {
        let heard = Heard::default();
        if let Link::Postgres(session) = &self.link {
            let required = Required {
                otherwise: Box::new(otherwise),
                heard: Rc::clone(&heard),
            };
            session.require(sql, params, required).await?;
        }
        Ok(heard)
    }
}
