//! What an audit needs to know of messages: N1, and what still waits.

use std::collections::BTreeSet;

use contracts::Envelope;
use contracts::envelope::{Aggregate, decode_fact, decode_state};
use contracts::events::orders::Order;
use contracts::events::tickets::Ticket;
use contracts::ids::UserId;
use platform::db::params;
use platform::{Result, Tx};

use crate::domain::occasion::{self, Occasion};

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

/// A message that an event is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owed {
    /// What it is made from.
    pub template: &'static str,
    /// The event that it tells of.
    pub event_id: String,
    /// Whom it is for.
    pub person: UserId,
    /// The name of what the event is about.
    pub aggregate: &'static str,
    /// Its id.
    pub subject: String,
    /// The event's version.
    pub version: i64,
}

/// The messages that an event of orders or tickets is worth.
///
/// # Errors
/// When its state can't be read.
pub fn owed(event: &Envelope) -> Result<Vec<Owed>> {
    let mut owed = Vec::new();
    if event.aggregate == Order::NAME
        && let Some(fact) = decode_fact::<Order>(event)
    {
        let state = decode_state::<Order>(event).map_err(anyhow::Error::from)?;
        for (occasion, person) in occasion::of_order(&fact, &state) {
            owed.push(Owed::of(event, Order::NAME, (occasion, person)));
        }
    }
    if event.aggregate == Ticket::NAME
        && let Some(fact) = decode_fact::<Ticket>(event)
    {
        let state = decode_state::<Ticket>(event).map_err(anyhow::Error::from)?;
        if let Some((_, seller)) = occasion::sale(&fact, &state) {
            owed.push(Owed::of(
                event,
                Ticket::NAME,
                (Occasion::TicketSold, seller),
            ));
        }
    }
    Ok(owed)
}

impl Owed {
    fn of(
        event: &Envelope,
        aggregate: &'static str,
        (occasion, person): (Occasion, UserId),
    ) -> Self {
        Self {
            template: occasion.name(),
            event_id: event.id.clone(),
            person,
            aggregate,
            subject: event.subject.clone(),
            version: event.aggregateversion,
        }
    }
}

/// Who has closed their account, and is not written to.
///
/// # Errors
/// When the database does not answer.
pub async fn left(tx: &mut Tx) -> Result<BTreeSet<UserId>> {
    let sql = "select id from user_copies where email = ''";
    let rows = tx.query(sql, params![]).await?;
    rows.iter().map(|row| row.get(0)).collect()
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
