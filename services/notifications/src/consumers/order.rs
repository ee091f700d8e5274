//! Orders: what the buyer, and after a refund the seller, is told.

use std::sync::Arc;

use contracts::events::orders::Order;
use platform::{Consumer, Event, Result, Tx};

use crate::commands::write::write;
use crate::domain::{letter, occasion};
use crate::store::order_copies;

/// Keeps each order's price, and writes the messages.
pub fn consumer(site: Arc<str>) -> Consumer {
    Consumer::of::<Order>()
        .copy(&["order_copies"], copy)
        .react(async move |tx: &mut Tx, event: &Event<Order>| react(tx, event, &site).await)
        .remove(async |tx: &mut Tx, subject: &str| order_copies::delete(tx, subject).await)
        .build()
}

async fn copy(tx: &mut Tx, event: &Event<Order>) -> Result<()> {
    order_copies::upsert(tx, event.state.id, event.state.price()).await
}

async fn react(tx: &mut Tx, event: &Event<Order>, site: &str) -> Result<()> {
    let Some(fact) = &event.fact else {
        return Ok(());
    };
    for (occasion, person) in occasion::of_order(fact, &event.state) {
        if let Some(letter) = letter::about_order(occasion, fact, &event.state, site) {
            write(tx, (occasion, &event.id), person, &letter).await?;
        }
    }
    Ok(())
}
