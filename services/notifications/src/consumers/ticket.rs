//! Tickets: a seller is told that one is sold.

use std::sync::Arc;

use contracts::events::tickets::Ticket;
use platform::{Consumer, Event, Failure, Result, Tx};

use crate::commands::write::write;
use crate::domain::letter::{self, Sale};
use crate::domain::occasion::{self, Occasion};
use crate::store::order_copies;

/// Writes to the seller of a sold ticket. What the event does not say, the price that the buyer
/// accepted, comes from the copy of the order.
pub fn consumer(site: Arc<str>) -> Consumer {
    Consumer::of::<Ticket>()
        .react(async move |tx: &mut Tx, event: &Event<Ticket>| react(tx, event, &site).await)
        .build()
}

async fn react(tx: &mut Tx, event: &Event<Ticket>, site: &str) -> Result<()> {
    let ticket = &event.state;
    let Some((order_id, seller_id)) = event
        .fact
        .as_ref()
        .and_then(|fact| occasion::sale(fact, ticket))
    else {
        return Ok(());
    };
    let price = order_copies::price(tx, order_id).await?;
    let price = price.ok_or_else(|| Failure::NotYet {
        aggregate: "order",
        subject: order_id.to_string(),
    })?;
    let sale = Sale {
        ticket_id: ticket.id,
        order_id,
        title: ticket.title.clone(),
        price,
    };
    let letter = letter::about_sale(&sale, site);
    write(tx, (Occasion::TicketSold, &event.id), seller_id, &letter).await
}
