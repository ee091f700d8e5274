//! A payment: where it stands, what the provider shows of it, and what orders decided about it.

use contracts::Timestamp;
use contracts::events::payments::{PaymentFact, PaymentState, PaymentStatus};
use contracts::ids::{OrderId, PaymentId, UserId};
use contracts::money::Money;

use super::charge::{Charge, Returned, Standing};
use super::order::Order;
use super::refusal::Refusal;

mod act;
mod decisions;
#[cfg(test)]
mod tests;

pub use act::Act;

/// The code of a payment whose authorisation the provider let go by itself.
const LAPSED: &str = "authorization_lapsed";

/// The code of a payment that never reached the provider.
const UNHEARD: &str = "provider_unavailable";

/// One attempt to pay an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payment {
    /// The payment's id.
    pub id: PaymentId,
    /// The order that it is for.
    pub order_id: OrderId,
    /// Who pays.
    pub buyer_id: UserId,
    /// Who is to get the money.
    pub seller_id: UserId,
    /// How much.
    pub amount: Money,
    /// When it was started.
    pub created_at: Timestamp,
    /// Where it stands.
    pub state: State,
    /// What orders decided about it.
    pub decision: Decision,
    /// What was given back and what is to be, oldest first.
    pub refunds: Vec<Refund>,
}

/// Where a payment stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Recorded here; what the provider made of it is not known, or it waits for the customer.
    Started {
        /// What the customer has to do, if the provider said so.
        action: Option<Action>,
    },
    /// The provider holds the amount.
    Authorized {
        /// The provider's id of the charge.
        reference: String,
    },
    /// The money was taken.
    Captured {
        /// The provider's id of the charge.
        reference: String,
    },
    /// Declined, or it could not be taken.
    Failed {
        /// The provider's stable code.
        code: String,
    },
    /// The hold was let go.
    Voided,
    /// Wholly given back.
    Refunded,
}

/// The customer has to confirm with the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// The provider's id of the charge.
    pub reference: String,
    /// Where.
    pub url: String,
}

/// What orders decided about a payment; what follows from it is private work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Decision {
    /// Nothing yet.
    Open,
    /// It is to be captured.
    Take,
    /// It is to be voided, or to be given back in full.
    Undo,
}

/// A return of money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refund {
    /// The provider's idempotency key.
    pub key: String,
    /// How much, in minor units of the payment's currency.
    pub amount_minor: i64,
    /// Whether the provider has done it.
    pub done: bool,
}

/// A change of the public state: one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Happened {
    /// What happened.
    pub fact: PaymentFact,
    /// The public state after it.
    pub state: PaymentState,
}

impl Payment {
    /// Begins to pay an order.
    ///
    /// # Errors
    /// When the order can't be paid now.
    pub fn start(
        id: PaymentId,
        order: &Order,
        now: Timestamp,
    ) -> Result<(Self, Happened), Refusal> {
        order.payable(now)?;
        Ok(Self::begin_again(id, order, now))
    }

    /// Begins a payment again that was lost; that it could begin its order has shown.
    #[must_use]
    pub fn begin_again(id: PaymentId, order: &Order, now: Timestamp) -> (Self, Happened) {
        let payment = Self {
            id,
            order_id: order.id,
            buyer_id: order.buyer_id,
            seller_id: order.seller_id,
            amount: order.amount,
            created_at: now,
            state: State::Started { action: None },
            decision: Decision::Open,
            refunds: Vec::new(),
        };
        let happened = Happened {
            fact: PaymentFact::Started,
            state: payment.public(),
        };
        (payment, happened)
    }

    /// Brings the payment to what the provider shows, and says what has happened on the way. What it
    /// shows may be old: a payment never goes back.
    ///
    /// # Errors
    /// When the charge is about another amount.
    pub fn learn(self, charge: &Charge) -> Result<(Self, Vec<Happened>), Refusal> {
        if charge.amount != self.amount {
            return Err(Refusal::OtherAmount);
        }
        let mut payment = self.note_action(charge);
        let mut happened = Vec::new();
        while let Some((state, fact)) = payment.next(charge) {
            payment.state = state;
            if let PaymentFact::Refunded { .. } = fact {
                payment.note_refund(charge);
            }
            happened.push(Happened {
                fact,
                state: payment.public(),
            });
        }
        Ok((payment, happened))
    }

    /// Whether a charge shows something that is not known of the payment.
    #[must_use]
    pub fn is_news(&self, charge: &Charge) -> bool {
        let learned = self.clone().learn(charge);
        learned.map_or(true, |(after, _)| after != *self)
    }

    /// Whether a charge shows that money went back which nobody has asked for here.
    #[must_use]
    pub fn shows_unasked_return(&self, charge: &Charge) -> bool {
        let is_asked = |key: &str| {
            let undoes = self.decision == Decision::Undo && key == self.undo_key();
            undoes || self.refunds.iter().any(|refund| refund.key == key)
        };
        let is_taken = charge.standing == Standing::Captured;
        is_taken && charge.refunds.iter().any(|back| !is_asked(&back.key))
    }

    /// The provider refused our request itself, and so did nothing.
    ///
    /// # Errors
    /// When the payment has ended, or its money was taken.
    pub fn fail(mut self, code: &str) -> Result<(Self, Happened), Refusal> {
        match self.state {
            State::Started { .. } | State::Authorized { .. } => {}
            _ => return Err(Refusal::Ended),
        }
        let code = code.to_owned();
        self.state = State::Failed { code: code.clone() };
        let happened = Happened {
            fact: PaymentFact::Failed { code },
            state: self.public(),
        };
        Ok((self, happened))
    }

    /// The provider has never heard of it, and no call can be under way any more.
    ///
    /// # Errors
    /// When the provider had already shown something of it.
    pub fn give_up(mut self) -> Result<(Self, Happened), Refusal> {
        if self.state != (State::Started { action: None }) {
            return Err(Refusal::Ended);
        }
        if self.decision != Decision::Undo {
            return self.fail(UNHEARD);
        }
        self.state = State::Voided;
        let happened = Happened {
            fact: PaymentFact::Voided,
            state: self.public(),
        };
        Ok((self, happened))
    }

    /// Where it stands, for the public.
    #[must_use]
    pub fn status(&self) -> PaymentStatus {
        match self.state {
            State::Started { .. } => PaymentStatus::Started,
            State::Authorized { .. } => PaymentStatus::Authorized,
            State::Captured { .. } => PaymentStatus::Captured,
            State::Failed { .. } => PaymentStatus::Failed,
            State::Voided => PaymentStatus::Voided,
            State::Refunded => PaymentStatus::Refunded,
        }
    }

    /// What was given back, in minor units.
    #[must_use]
    pub fn refunded_minor(&self) -> i64 {
        self.refunds
            .iter()
            .filter(|refund| refund.done)
            .map(|refund| refund.amount_minor)
            .sum()
    }

    /// Why it failed, if it did.
    #[must_use]
    pub fn failure_code(&self) -> Option<&str> {
        match &self.state {
            State::Failed { code } => Some(code),
            _ => None,
        }
    }

    /// The public state, as every event carries it.
    #[must_use]
    pub fn public(&self) -> PaymentState {
        PaymentState {
            id: self.id,
            order_id: self.order_id,
            buyer_id: self.buyer_id,
            amount_minor: self.amount.minor,
            currency: self.amount.currency,
            status: self.status(),
            refunded_minor: self.refunded_minor(),
            failure_code: self.failure_code().map(str::to_owned),
            created_at: self.created_at,
        }
    }

    /// The key under which the provider is asked for this payment.
    #[must_use]
    pub fn provider_key(&self) -> String {
        format!("{}:authorize", self.id)
    }

    /// That the customer has to confirm is nobody else's business: no event.
    fn note_action(mut self, charge: &Charge) -> Self {
        if let (State::Started { action }, Standing::ActionRequired { url }) =
            (&mut self.state, &charge.standing)
        {
            *action = Some(Action {
                reference: charge.reference.clone(),
                url: url.clone(),
            });
        }
        self
    }

    /// The next public step towards what the provider shows.
    fn next(&self, charge: &Charge) -> Option<(State, PaymentFact)> {
        let reference = charge.reference.clone();
        match (&self.state, &charge.standing) {
            (State::Started { .. }, Standing::Authorized) => {
                Some((State::Authorized { reference }, PaymentFact::Authorized))
            }
            (State::Started { .. } | State::Authorized { .. }, Standing::Captured) => {
                Some((State::Captured { reference }, PaymentFact::Captured))
            }
            (State::Started { .. } | State::Authorized { .. }, Standing::Declined { code }) => {
                Some(failed(code))
            }
            (State::Started { .. } | State::Authorized { .. }, Standing::Voided) => {
                if self.decision == Decision::Undo {
                    return Some((State::Voided, PaymentFact::Voided));
                }
                Some(failed(LAPSED))
            }
            (State::Captured { reference }, Standing::Captured) => {
                let amount_minor = self.new_refund(charge)?.amount_minor;
                let whole = self.refunded_minor() + amount_minor >= self.amount.minor;
                let reference = reference.clone();
                let state = if whole {
                    State::Refunded
                } else {
                    State::Captured { reference }
                };
                Some((state, PaymentFact::Refunded { amount_minor }))
            }
            _ => None,
        }
    }

    /// The oldest return of money that the provider shows and the payment does not count yet.
    fn new_refund<'a>(&self, charge: &'a Charge) -> Option<&'a Returned> {
        let counted = |key: &str| {
            self.refunds
                .iter()
                .any(|refund| refund.done && refund.key == key)
        };
        charge.refunds.iter().find(|refund| !counted(&refund.key))
    }

    fn note_refund(&mut self, charge: &Charge) {
        let Some(Returned { key, amount_minor }) = self.new_refund(charge).cloned() else {
            return;
        };
        self.refunds.retain(|refund| refund.key != key);
        self.refunds.push(Refund {
            key,
            amount_minor,
            done: true,
        });
        self.drop_what_is_not_there();
    }

    /// Money went back that nobody had asked for here. What was asked for and is more than what is left
    /// the provider would refuse for ever; its order hears what went back, and can be asked anew.
    fn drop_what_is_not_there(&mut self) {
        let mut left = self.amount.minor - self.refunded_minor();
        self.refunds.retain(|refund| {
            let fits = refund.done || refund.amount_minor <= left;
            if fits && !refund.done {
                left -= refund.amount_minor;
            }
            fits
        });
    }
}

fn failed(code: &str) -> (State, PaymentFact) {
    let code = code.to_owned();
    (
        State::Failed { code: code.clone() },
        PaymentFact::Failed { code },
    )
}
