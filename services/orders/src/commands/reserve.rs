//! A buyer reserves a ticket.

use contracts::events::orders::Order as Aggregate;
use contracts::ids::UserId;
use platform::{Result, Tx};

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
        let held = orders::is_held(tx, offer.ticket_id).await?;
        return Err(if held {
            Refusal::TicketReserved
        } else {
            Refusal::TooManyHolds
        }
        .into());
    }
    let subject = order.terms.id.to_string();
    let version = tx
        .append::<Aggregate>(&subject, 0, &fact, &order.public_state())
        .await?;
    Ok(Saved { version, order })
}
