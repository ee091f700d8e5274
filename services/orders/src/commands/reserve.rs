//! A buyer reserves a ticket.

use contracts::events::orders::Order as Aggregate;
use contracts::ids::UserId;
use platform::{Failure, Result, Tx};

use crate::Settings;
use crate::domain::order::{Changed, Order, Terms, after};
use crate::domain::refusal::Refusal;
use crate::domain::reservation::Offer;
use crate::store::epochs;
use crate::store::orders::{self, Saved};

/// Places an order on an offer. What was judged before may be out of date: the unique index on live
/// orders decides here.
///
/// # Errors
/// 409 when another order holds the ticket, or the buyer has too many unpaid ones.
pub async fn reserve(
    tx: &mut Tx,
    offer: &Offer,
    buyer_id: UserId,
    settings: &Settings,
) -> Result<Saved> {
    // What is judged below stays true until the commit: others who want the ticket, and the buyer's
    // other orders, come after it.
    tx.lock(&[
        &format!("ticket {}", offer.ticket_id),
        &format!("buyer {buyer_id}"),
    ])
    .await?;
    // Whoever waited here for the winner leaves no trace, not even in the epochs.
    if tx.is_shared() && orders::is_held(tx, offer.ticket_id).await? {
        return Err(Refusal::TicketReserved.into());
    }
    let created_at = tx.now();
    let terms = Terms {
        id: tx.new_id(),
        ticket_id: offer.ticket_id,
        buyer_id,
        seller_id: offer.seller_id,
        title: offer.title.clone(),
        price: offer.price,
        offer_version: offer.offer_version,
        epoch: epochs::next(tx, offer.ticket_id).await?,
        created_at,
        hold_until: after(created_at, settings.hold),
    };
    let Changed { order, fact } = Order::place(terms);
    if !orders::insert(tx, &order, settings.unpaid_holds_max).await? {
        return Err(why_not(tx, offer, buyer_id, settings).await?);
    }
    let subject = order.terms.id.to_string();
    let version = tx
        .append::<Aggregate>(&subject, 0, &fact, &order.public_state())
        .await?;
    Ok(Saved { version, order })
}

/// Why there is no new order.
async fn why_not(
    tx: &mut Tx,
    offer: &Offer,
    buyer_id: UserId,
    settings: &Settings,
) -> Result<Failure> {
    if orders::is_held(tx, offer.ticket_id).await? {
        return Ok(Refusal::TicketReserved.into());
    }
    if orders::unpaid(tx, buyer_id).await? >= settings.unpaid_holds_max {
        return Ok(Refusal::TooManyHolds.into());
    }
    // The order that was in the way has ended between the statements: the ticket is free.
    Ok(Failure::Moved {
        aggregate: "ticket",
        subject: offer.ticket_id.to_string(),
    })
}
