//! Begins to pay an order: everything that the provider's answer needs is durable before it is asked.

use contracts::Timestamp;
use contracts::events::payments::Payment as Event;
use contracts::ids::OrderId;
use platform::trace::Origin;
use platform::{Failure, Refused, Result, Tx};

use super::take::Task;
use crate::domain::payment::{Act, Payment};
use crate::domain::token::Token;
use crate::store::due::Taker;
use crate::store::order_copies;
use crate::store::payments::{self, Stored};
use crate::store::work::{self, Work};

/// What a buyer asks for.
#[derive(Debug, Clone)]
pub struct Wish {
    /// The order to pay.
    pub order_id: OrderId,
    /// The card.
    pub token: Token,
    /// The request's idempotency key.
    pub idempotency_key: Option<String>,
    /// Whose the first attempt is, and for how long.
    pub taker: Taker,
}

/// What a wish led to.
#[derive(Debug, Clone)]
pub enum Started {
    /// A new payment, and its first attempt.
    New(Box<Task>),
    /// The payment that an earlier request with the same key has begun.
    Again(Box<Stored>),
    /// The payment that is under way.
    UnderWay(Box<Stored>),
}

/// Begins a payment, or finds the one that is there.
///
/// # Errors
/// When the order is unknown or can't be paid now.
pub async fn start(tx: &mut Tx, wish: &Wish) -> Result<Started> {
    // Neither another start nor the order's end comes between here and the commit.
    payments::lock(tx, wish.order_id).await?;
    let key = wish.idempotency_key.as_deref();
    if let Some(key) = key
        && let Some(stored) = payments::with_key(tx, wish.order_id, key).await?
    {
        return Ok(Started::Again(Box::new(stored)));
    }
    let order = order_copies::find(tx, wish.order_id)
        .await?
        .ok_or_else(Refused::not_found)?;
    if order.is_being_paid()
        && let Some(stored) = payments::live(tx, wish.order_id).await?.into_iter().next()
    {
        return Ok(Started::UnderWay(Box::new(stored)));
    }
    let (payment, happened) = Payment::start(tx.new_id(), &order, tx.now())?;
    let subject = payment.id.to_string();
    let moved = || Failure::Moved {
        aggregate: "payment",
        subject: subject.clone(),
    };
    let stored = Stored {
        payment: payment.clone(),
        version: 1,
    };
    if !payments::insert(tx, &stored, key).await? {
        // Another replica was faster: the whole transaction runs again and finds its payment.
        return Err(moved());
    }
    tx.append::<Event>(&subject, 0, &happened.fact, &happened.state)
        .await?;
    let work = first_work(&payment, wish, (tx.now(), tx.origin().clone()));
    work::insert_taken(tx, &work, &wish.taker).await?;
    let act = Act::Authorize;
    Ok(Started::New(Box::new(Task {
        work,
        payment,
        act,
        payable: true,
    })))
}

fn first_work(payment: &Payment, wish: &Wish, (now, origin): (Timestamp, Origin)) -> Work {
    Work {
        payment_id: payment.id,
        act: Act::Authorize.name().to_owned(),
        key: payment.provider_key(),
        token: Some(wish.token.clone()),
        attempts: 1,
        sent_at: Some(now),
        origin,
    }
}
