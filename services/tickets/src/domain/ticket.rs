//! A seller's listing: what its seller may do to it, and how the lock moves between orders.

use crate::flaws;
use contracts::Timestamp;
use contracts::events::orders::TicketFate;
use contracts::events::tickets::{LockRefusal, TicketFact, TicketState, TicketStatus};
use contracts::ids::{OrderId, TicketId, UserId};
use contracts::money::Money;

use super::title::Title;

/// A listing. [`TicketStatus`] says where it stands; an order's lock ends with any higher epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ticket {
    /// Its id.
    pub id: TicketId,
    /// Who sells it.
    pub seller_id: UserId,
    /// What is offered, for how much.
    pub offer: Offer,
    /// The version that made the present offer.
    pub offer_version: i64,
    /// Whether it can be bought.
    pub status: TicketStatus,
    /// The highest order epoch that was seen: the fencing token of the lock.
    pub epoch: i64,
    /// The number of its last event.
    pub version: i64,
    /// When it was first listed.
    pub created_at: Timestamp,
}

/// What a buyer accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// What the seller calls it.
    pub title: Title,
    /// What it costs.
    pub price: Money,
}

/// A new order's claim on a ticket, from its order.created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Claim {
    /// The order.
    pub order_id: OrderId,
    /// Its place among the orders for this ticket.
    pub epoch: i64,
    /// The offer that the buyer accepted.
    pub offer_version: i64,
    /// The price that the buyer accepted.
    pub price: Money,
}

/// A change: the ticket after it, one version later, and what happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The ticket after the change.
    pub ticket: Ticket,
    /// What happened.
    pub fact: TicketFact,
}

/// What a command or an event did to a ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is another one now.
    Changed(Box<Change>),
    /// It is as it was, because what was asked for is so already or concerns a past lock.
    Unchanged(Box<Ticket>),
}

/// Why a seller may not do something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Somebody else sells it.
    #[error("this ticket is listed by somebody else; only its seller can change it")]
    NotYours,
    /// An order holds it.
    #[error("somebody is buying this ticket right now; try again when the reservation has ended")]
    Reserved,
    /// An order has paid for it.
    #[error("this ticket has been sold and can no longer be changed")]
    Sold,
    /// It was taken back for good.
    #[error("this ticket has been withdrawn; list it anew to sell it")]
    Withdrawn,
}

impl Ticket {
    /// A new listing.
    #[must_use]
    pub fn list(id: TicketId, seller_id: UserId, offer: Offer, now: Timestamp) -> Change {
        let ticket = Self {
            id,
            seller_id,
            offer,
            offer_version: 1,
            status: TicketStatus::Listed,
            epoch: 0,
            version: 1,
            created_at: now,
        };
        Change {
            ticket,
            fact: TicketFact::Listed,
        }
    }

    /// The seller changes the offer; the same offer again changes nothing.
    ///
    /// # Errors
    /// When `by` is not the seller, or the ticket is not listed.
    pub fn edit(self, by: UserId, offer: Offer) -> Result<Outcome, Refusal> {
        self.check_seller(by)?;
        match self.status {
            TicketStatus::Locked { .. } => Err(Refusal::Reserved),
            TicketStatus::Sold { .. } => Err(Refusal::Sold),
            TicketStatus::Withdrawn => Err(Refusal::Withdrawn),
            TicketStatus::Listed if self.offer == offer => Ok(self.unchanged()),
            TicketStatus::Listed => Ok(Self { offer, ..self }
                .with_new_offer()
                .changed(TicketFact::Updated)),
        }
    }

    /// The seller takes it back; once more changes nothing.
    ///
    /// # Errors
    /// When `by` is not the seller, or an order holds or has bought the ticket.
    pub fn withdraw(self, by: UserId) -> Result<Outcome, Refusal> {
        self.check_seller(by)?;
        match self.status {
            TicketStatus::Locked { .. } => Err(Refusal::Reserved),
            TicketStatus::Sold { .. } => Err(Refusal::Sold),
            TicketStatus::Withdrawn => Ok(self.unchanged()),
            TicketStatus::Listed => Ok(Self {
                status: TicketStatus::Withdrawn,
                ..self
            }
            .changed(TicketFact::Withdrawn)),
        }
    }

    /// An order claims it: it gets the lock or is refused. A lock with a lower epoch belongs to a
    /// dead order and ends either way; a claim at or below the epoch seen is of a dead order itself.
    #[must_use]
    pub fn claim(self, claim: Claim) -> Outcome {
        let Claim {
            order_id, epoch, ..
        } = claim;
        if epoch <= self.epoch && !flaws::EPOCH_IGNORED.is_there() {
            return self.unchanged();
        }
        let as_offered =
            claim.offer_version == self.offer_version && claim.price == self.offer.price;
        let (status, refusal) = match self.status {
            TicketStatus::Listed | TicketStatus::Locked { .. } if as_offered => {
                (TicketStatus::Locked { order_id }, None)
            }
            TicketStatus::Listed | TicketStatus::Locked { .. } => {
                (TicketStatus::Listed, Some(LockRefusal::OfferChanged))
            }
            sold @ TicketStatus::Sold { .. } => (sold, Some(LockRefusal::Sold)),
            TicketStatus::Withdrawn => (TicketStatus::Withdrawn, Some(LockRefusal::Withdrawn)),
        };
        let fact = match refusal {
            None => TicketFact::Locked { order_id, epoch },
            Some(reason) => TicketFact::LockRefused {
                order_id,
                epoch,
                reason,
            },
        };
        Self {
            status,
            epoch,
            ..self
        }
        .changed(fact)
    }

    /// An order was paid: the ticket is its buyer's, because orders decides who holds it. It is locked
    /// for that order, unless its lock was lost with a part of this log (an older backup) and refused
    /// when it was asked for again. A claim of a higher epoch tells that the order has ended since.
    #[must_use]
    pub fn sell(self, order_id: OrderId, epoch: i64) -> Outcome {
        let is_held = self.status == TicketStatus::Locked { order_id };
        let is_sold = self.status == TicketStatus::Sold { order_id };
        if is_sold || (!is_held && epoch < self.epoch) {
            return self.unchanged();
        }
        Self {
            status: TicketStatus::Sold { order_id },
            epoch: self.epoch.max(epoch),
            ..self
        }
        .changed(TicketFact::Sold { order_id })
    }

    /// A paid order was wholly refunded: the ticket is offered anew or taken off the market.
    #[must_use]
    pub fn take_back(self, order_id: OrderId, fate: TicketFate) -> Outcome {
        match self.status {
            TicketStatus::Sold { order_id: buyer } if buyer == order_id => match fate {
                TicketFate::Relist => Self {
                    status: TicketStatus::Listed,
                    ..self
                }
                .with_new_offer()
                .changed(TicketFact::Released { order_id }),
                TicketFate::Withdraw => Self {
                    status: TicketStatus::Withdrawn,
                    ..self
                }
                .changed(TicketFact::Withdrawn),
            },
            _ => self.unchanged(),
        }
    }

    /// The order has ended, or is not there any more: its lock is free again. One that had bought the
    /// ticket has lost that with a part of orders' log (an older backup), and its money is given back:
    /// the ticket is taken off the market, because the buyer was told that it is theirs, and may have it.
    #[must_use]
    pub fn let_go(self, order_id: OrderId) -> Outcome {
        match self.status {
            TicketStatus::Locked { order_id: holder } if holder == order_id => Self {
                status: TicketStatus::Listed,
                ..self
            }
            .changed(TicketFact::Released { order_id }),
            _ if flaws::SALE_KEPT.is_there() => self.unchanged(),
            _ => self.take_back(order_id, TicketFate::Withdraw),
        }
    }

    /// Whether its last event made the present offer.
    #[must_use]
    pub fn is_new_offer(&self) -> bool {
        self.offer_version == self.version
    }

    /// What others may know of it.
    #[must_use]
    pub fn public_state(&self) -> TicketState {
        TicketState {
            id: self.id,
            seller_id: self.seller_id,
            title: self.offer.title.as_str().to_owned(),
            price_minor: self.offer.price.minor,
            currency: self.offer.price.currency,
            status: self.status,
            offer_version: self.offer_version,
            epoch: self.epoch,
            created_at: self.created_at,
        }
    }

    fn check_seller(&self, by: UserId) -> Result<(), Refusal> {
        if self.seller_id == by {
            Ok(())
        } else {
            Err(Refusal::NotYours)
        }
    }

    fn with_new_offer(self) -> Self {
        Self {
            offer_version: self.version + 1,
            ..self
        }
    }

    fn changed(self, fact: TicketFact) -> Outcome {
        let ticket = Self {
            version: self.version + 1,
            ..self
        };
        Outcome::Changed(Box::new(Change { ticket, fact }))
    }

    fn unchanged(self) -> Outcome {
        Outcome::Unchanged(Box::new(self))
    }
}

#[cfg(test)]
mod tests;
