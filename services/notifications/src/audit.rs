//! What an audit needs to know of messages: N1, and what still waits.

use platform::db::params;
use platform::{Result, Tx};

/// A message as an audit sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audited {
    /// Its id.
    pub id: String,
    /// What it is made from.
    pub template: String,
    /// The event that it tells of.
    pub event_id: String,
    /// `queued`, `sending`, `sent` or `failed`.
    pub state: String,
}

impl Audited {
    /// Whether nothing is to be done about it any more.
    #[must_use]
    pub fn is_done(&self) -> bool {
        matches!(self.state.as_str(), "sent" | "failed")
    }
}

/// All messages.
///
/// # Errors
/// When the database does not answer.
pub async fn messages(tx: &mut Tx) -> Result<Vec<Audited>> {
    let rows = tx
        .query(
            "select id, template, event_id, state from messages order by id",
            params![],
        )
        .await?;
    rows.iter()
        .map(|row| {
            Ok(Audited {
                id: row.get(0)?,
                template: row.get(1)?,
                event_id: row.get(2)?,
                state: row.get(3)?,
            })
        })
        .collect()
}
