//! What tickets can do; each command runs in the transaction that it is given.

pub mod edit;
pub mod list;
pub mod lock;
pub mod withdraw;

use contracts::events::tickets::{self, TicketFact, TicketStatus};
use contracts::ids::TicketId;
use platform::{Failure, Refused, Result, Tx};

use crate::domain::words::words_of;
use crate::domain::{Change, Outcome, Refusal, Ticket};
use crate::store::{tickets as rows, title_words};

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        let message = refusal.to_string();
        match refusal {
            Refusal::NotYours => Refused::forbidden("not_your_ticket", message),
            Refusal::Reserved => Refused::conflict("ticket_reserved", message),
            Refusal::Sold => Refused::conflict("ticket_sold", message),
            Refusal::Withdrawn => Refused::conflict("ticket_withdrawn", message),
        }
        .into()
    }
}

/// The ticket that a request names.
async fn requested(tx: &mut Tx, id: TicketId) -> Result<Ticket> {
    Ok(rows::find(tx, id).await?.ok_or_else(Refused::not_found)?)
}

/// Stores what became of a ticket, with its event if it changed.
async fn settle(tx: &mut Tx, outcome: Outcome) -> Result<Ticket> {
    match outcome {
        Outcome::Unchanged(ticket) => Ok(*ticket),
        Outcome::Changed(change) => {
            append(tx, &change).await?;
            let Change { ticket, fact } = *change;
            if ticket.is_new_offer() {
                take_from_search(tx, &ticket).await?;
                rows::update_offer(tx, &ticket).await?;
                put_into_search(tx, &ticket).await?;
            } else if leaves_the_market(ticket.status, &fact) {
                take_from_search(tx, &ticket).await?;
            }
            rows::update(tx, &ticket).await?;
            Ok(ticket)
        }
    }
}

async fn append(tx: &mut Tx, Change { ticket, fact }: &Change) -> Result<i64> {
    let (subject, state) = (ticket.id.to_string(), ticket.public_state());
    tx.append::<tickets::Ticket>(&subject, ticket.version - 1, fact, &state)
        .await
}

async fn put_into_search(tx: &mut Tx, ticket: &Ticket) -> Result<()> {
    title_words::add(tx, ticket, &words_of(ticket.offer.title.as_str())).await
}

async fn take_from_search(tx: &mut Tx, ticket: &Ticket) -> Result<()> {
    let words = rows::words(tx, ticket.id).await?;
    title_words::remove(tx, ticket, &words).await
}

fn leaves_the_market(status: TicketStatus, fact: &TicketFact) -> bool {
    matches!(status, TicketStatus::Sold { .. } | TicketStatus::Withdrawn)
        && matches!(fact, TicketFact::Sold { .. } | TicketFact::Withdrawn)
}
