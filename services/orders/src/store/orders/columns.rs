//! How an order's state is spread over columns, and read back.

use anyhow::{Context as _, anyhow};
use contracts::events::orders::{CancelReason, TicketFate};
use contracts::ids::PaymentId;
use contracts::money::Money;
use platform::Result;
use platform::db::Row;

use super::Saved;
use crate::domain::order::{Grace, Order, Sale, State, Terms};

/// The columns in the order in which [`read`] takes them.
pub const COLUMNS: &str = "version, id, ticket_id, buyer_id, seller_id, title, price_minor, \
    currency, offer_version, epoch, created_at, hold_until, expires_at, status, payment_id, \
    grace_spent, refunded_minor, refund_minor, refund_fate, cancel_reason";

/// The columns of a state.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stored {
    /// Which state.
    pub status: String,
    /// The payment that has extended the order, or the chosen one.
    pub payment_id: Option<PaymentId>,
    /// Whether the payment that had extended it has failed.
    pub grace_spent: bool,
    /// What was given back so far, in minor units.
    pub refunded_minor: i64,
    /// What was asked back, in minor units.
    pub refund_minor: Option<i64>,
    /// What becomes of the ticket.
    pub refund_fate: Option<String>,
    /// Why it was cancelled.
    pub cancel_reason: Option<String>,
}

impl Stored {
    /// Spreads a state over its columns.
    pub fn of(state: &State) -> Self {
        let sold = |status: &str, sale: &Sale| Self {
            status: status.to_owned(),
            payment_id: Some(sale.payment_id),
            refunded_minor: sale.refunded_minor,
            ..Self::default()
        };
        let unsold = |status: &str, payment_id: Option<PaymentId>| Self {
            status: status.to_owned(),
            payment_id,
            ..Self::default()
        };
        match state {
            State::Created => unsold("created", None),
            State::AwaitingPayment {
                grace: Grace::Unused,
            } => unsold("awaiting_payment", None),
            State::AwaitingPayment {
                grace: Grace::Running(payment_id),
            } => unsold("awaiting_payment", Some(*payment_id)),
            State::AwaitingPayment {
                grace: Grace::Spent,
            } => Self {
                grace_spent: true,
                ..unsold("awaiting_payment", None)
            },
            State::Capturing { payment_id } => unsold("capturing", Some(*payment_id)),
            State::Complete(sale) => sold("complete", sale),
            State::Refunding {
                sale,
                amount_minor,
                fate,
            } => Self {
                refund_minor: Some(*amount_minor),
                refund_fate: Some(fate_text(*fate).to_owned()),
                ..sold("refunding", sale)
            },
            State::Refunded(sale) => sold("refunded", sale),
            State::Cancelled { reason, payment_id } => Self {
                cancel_reason: Some(reason_text(*reason).to_owned()),
                ..unsold("cancelled", *payment_id)
            },
        }
    }

    /// Puts the columns together again.
    pub fn state(self) -> anyhow::Result<State> {
        let payment_id = self.payment_id;
        let chosen = || payment_id.context("no chosen payment");
        let sale = || {
            let payment_id = chosen()?;
            anyhow::Ok(Sale {
                payment_id,
                refunded_minor: self.refunded_minor,
            })
        };
        Ok(match self.status.as_str() {
            "created" => State::Created,
            "awaiting_payment" => State::AwaitingPayment {
                grace: match payment_id {
                    Some(payment_id) => Grace::Running(payment_id),
                    None if self.grace_spent => Grace::Spent,
                    None => Grace::Unused,
                },
            },
            "capturing" => State::Capturing {
                payment_id: chosen()?,
            },
            "complete" => State::Complete(sale()?),
            "refunding" => State::Refunding {
                sale: sale()?,
                amount_minor: self.refund_minor.context("no refund")?,
                fate: fate(self.refund_fate.as_deref())?,
            },
            "refunded" => State::Refunded(sale()?),
            "cancelled" => State::Cancelled {
                reason: reason(self.cancel_reason.as_deref())?,
                payment_id,
            },
            other => return Err(anyhow!("no state is called {other:?}")),
        })
    }
}

/// Reads [`COLUMNS`].
pub fn read(row: &Row) -> Result<Saved> {
    let terms = Terms {
        id: row.get(1)?,
        ticket_id: row.get(2)?,
        buyer_id: row.get(3)?,
        seller_id: row.get(4)?,
        title: row.get(5)?,
        price: Money {
            minor: row.get(6)?,
            currency: row.get(7)?,
        },
        offer_version: row.get(8)?,
        epoch: row.get(9)?,
        created_at: row.get(10)?,
        hold_until: row.get(11)?,
    };
    let stored = Stored {
        status: row.get(13)?,
        payment_id: row.get(14)?,
        grace_spent: row.get(15)?,
        refunded_minor: row.get(16)?,
        refund_minor: row.get(17)?,
        refund_fate: row.get(18)?,
        cancel_reason: row.get(19)?,
    };
    let state = stored
        .state()
        .with_context(|| format!("order {}", terms.id))?;
    Ok(Saved {
        version: row.get(0)?,
        order: Order {
            terms,
            expires_at: row.get(12)?,
            state,
        },
    })
}

fn fate_text(fate: TicketFate) -> &'static str {
    match fate {
        TicketFate::Relist => "relist",
        TicketFate::Withdraw => "withdraw",
    }
}

fn fate(text: Option<&str>) -> anyhow::Result<TicketFate> {
    match text {
        Some("relist") => Ok(TicketFate::Relist),
        Some("withdraw") => Ok(TicketFate::Withdraw),
        other => Err(anyhow!("no fate is called {other:?}")),
    }
}

fn reason_text(reason: CancelReason) -> &'static str {
    match reason {
        CancelReason::Buyer => "buyer",
        CancelReason::Expired => "expired",
        CancelReason::PaymentFailed => "payment_failed",
        CancelReason::TicketWithdrawn => "ticket_withdrawn",
        CancelReason::TicketSold => "ticket_sold",
        CancelReason::OfferChanged => "offer_changed",
    }
}

fn reason(text: Option<&str>) -> anyhow::Result<CancelReason> {
    Ok(match text {
        Some("buyer") => CancelReason::Buyer,
        Some("expired") => CancelReason::Expired,
        Some("payment_failed") => CancelReason::PaymentFailed,
        Some("ticket_withdrawn") => CancelReason::TicketWithdrawn,
        Some("ticket_sold") => CancelReason::TicketSold,
        Some("offer_changed") => CancelReason::OfferChanged,
        other => return Err(anyhow!("no reason is called {other:?}")),
    })
}

#[cfg(test)]
mod tests {
    use uuid::Uuid;

    use super::*;

    #[test]
    fn every_state_is_read_as_it_was_stored() {
        let payment_id = PaymentId::from(Uuid::from_u128(7));
        let sale = Sale {
            payment_id,
            refunded_minor: 30,
        };
        let reasons = [
            CancelReason::Buyer,
            CancelReason::Expired,
            CancelReason::PaymentFailed,
            CancelReason::TicketWithdrawn,
            CancelReason::TicketSold,
            CancelReason::OfferChanged,
        ];
        let mut states = vec![
            State::Created,
            State::AwaitingPayment {
                grace: Grace::Unused,
            },
            State::AwaitingPayment {
                grace: Grace::Running(payment_id),
            },
            State::AwaitingPayment {
                grace: Grace::Spent,
            },
            State::Capturing { payment_id },
            State::Complete(sale),
            State::Refunding {
                sale,
                amount_minor: 9,
                fate: TicketFate::Relist,
            },
            State::Refunding {
                sale,
                amount_minor: 9,
                fate: TicketFate::Withdraw,
            },
            State::Refunded(sale),
            State::Cancelled {
                reason: CancelReason::PaymentFailed,
                payment_id: Some(payment_id),
            },
        ];
        states.extend(reasons.map(|reason| State::Cancelled {
            reason,
            payment_id: None,
        }));
        for state in states {
            assert_eq!(Stored::of(&state).state().unwrap(), state);
        }
    }

    #[test]
    fn columns_that_do_not_go_together_are_refused() {
        let stored = |status: &str| Stored {
            status: status.to_owned(),
            ..Stored::default()
        };
        for status in [
            "capturing",
            "complete",
            "refunding",
            "refunded",
            "cancelled",
            "lost",
        ] {
            assert!(stored(status).state().is_err(), "{status}");
        }
    }
}
