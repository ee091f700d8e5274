//! Finds the order that a request names, and waits a moment for one that was just made.

use std::time::Duration;

use contracts::Timestamp;
use contracts::events::orders::OrderStatus;
use contracts::ids::{OrderId, UserId};
use platform::clock::later;
use platform::random::uuid_time;
use platform::{Context, Db, Refused, Result, Tx};

use crate::domain::order::Order;
use crate::store::order_copies;

/// An id that is younger may be known elsewhere already, and on its way here.
const FRESH: Duration = Duration::from_secs(5);

/// How long to wait for what is on its way.
const WAIT: Duration = Duration::from_secs(2);

/// The buyer's order, as soon as it is known here.
pub(super) async fn order_of(ctx: &Context, id: OrderId, buyer_id: UserId) -> Result<Order> {
    wait_for(ctx, id, buyer_id, |_| true).await
}

/// The buyer's order; one that is still created is given a moment to become payable.
pub(super) async fn order_to_pay(ctx: &Context, id: OrderId, buyer_id: UserId) -> Result<Order> {
    wait_for(ctx, id, buyer_id, |order| {
        order.status != OrderStatus::Created
    })
    .await
}

async fn wait_for(
    ctx: &Context,
    id: OrderId,
    buyer_id: UserId,
    ready: fn(&Order) -> bool,
) -> Result<Order> {
    let first = match find(&ctx.db, id).await? {
        Some(order) if order.buyer_id != buyer_id => return Err(not_yours().into()),
        Some(order) if ready(&order) => return Ok(order),
        None if !is_fresh(id, ctx.now()) => return Err(Refused::not_found().into()),
        first => first,
    };
    let db = ctx.db.clone();
    let look = async move || Ok(find(&db, id).await?.filter(ready));
    match ctx.wait_for(WAIT, look).await?.or(first) {
        Some(order) if order.buyer_id != buyer_id => Err(not_yours().into()),
        Some(order) => Ok(order),
        None => find(&ctx.db, id)
            .await?
            .filter(|order| order.buyer_id == buyer_id)
            .ok_or_else(|| Refused::not_found().into()),
    }
}

async fn find(db: &Db, id: OrderId) -> Result<Option<Order>> {
    db.read(async move |tx: &mut Tx| order_copies::find(tx, id).await)
        .await
}

/// The clock of the machine that made the id may be ahead.
fn is_fresh(id: OrderId, now: Timestamp) -> bool {
    let near = |made| now < later(made, FRESH) && made < later(now, FRESH);
    uuid_time(id.uuid()).is_some_and(near)
}

/// 403: somebody else's.
pub(super) fn not_yours() -> Refused {
    Refused::forbidden("not_your_order", "this order belongs to somebody else")
}
