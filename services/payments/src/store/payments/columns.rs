//! How a payment stands in its row.

use contracts::events::payments::PaymentStatus;
use contracts::money::Money;
use platform::Result;
use platform::db::Row;

use super::Stored;
use crate::domain::payment::{self, Action, Decision, Payment, Refund};
use crate::store::unknown;

pub(super) const COLUMNS: &str = "id, order_id, buyer_id, seller_id, amount_minor, currency, \
    status, decision, reference, action_url, failure_code, version, created_at";

/// The columns that a state fills.
#[derive(Default)]
pub(super) struct State<'a> {
    pub(super) reference: Option<&'a str>,
    pub(super) action_url: Option<&'a str>,
    pub(super) failure_code: Option<&'a str>,
}

impl<'a> State<'a> {
    pub(super) fn of(payment: &'a Payment) -> Self {
        match &payment.state {
            payment::State::Started {
                action: Some(action),
            } => Self {
                reference: Some(&action.reference),
                action_url: Some(&action.url),
                failure_code: None,
            },
            payment::State::Authorized { reference } | payment::State::Captured { reference } => {
                Self {
                    reference: Some(reference),
                    ..Self::default()
                }
            }
            payment::State::Failed { code } => Self {
                failure_code: Some(code),
                ..Self::default()
            },
            payment::State::Started { action: None }
            | payment::State::Voided
            | payment::State::Refunded => Self::default(),
        }
    }
}

pub(super) fn read(row: &Row, refunds: Vec<Refund>) -> Result<Stored> {
    let payment = Payment {
        id: row.get(0)?,
        order_id: row.get(1)?,
        buyer_id: row.get(2)?,
        seller_id: row.get(3)?,
        amount: Money {
            minor: row.get(4)?,
            currency: row.get(5)?,
        },
        state: state(row)?,
        decision: decision(&row.get::<String>(7)?)?,
        created_at: row.get(12)?,
        refunds,
    };
    Ok(Stored {
        payment,
        version: row.get(11)?,
    })
}

fn state(row: &Row) -> Result<payment::State> {
    let word: String = row.get(6)?;
    let reference: Option<String> = row.get(8)?;
    let needed = || {
        reference
            .clone()
            .ok_or_else(|| unknown("reference of a payment", &word))
    };
    Ok(match word.as_str() {
        "started" => {
            let url: Option<String> = row.get(9)?;
            let action = match url {
                Some(url) => Some(Action {
                    reference: needed()?,
                    url,
                }),
                None => None,
            };
            payment::State::Started { action }
        }
        "authorized" => payment::State::Authorized {
            reference: needed()?,
        },
        "captured" => payment::State::Captured {
            reference: needed()?,
        },
        "failed" => payment::State::Failed { code: row.get(10)? },
        "voided" => payment::State::Voided,
        "refunded" => payment::State::Refunded,
        other => return Err(unknown("payment status", other)),
    })
}

pub(super) fn status_word(status: PaymentStatus) -> &'static str {
    match status {
        PaymentStatus::Started => "started",
        PaymentStatus::Authorized => "authorized",
        PaymentStatus::Captured => "captured",
        PaymentStatus::Failed => "failed",
        PaymentStatus::Voided => "voided",
        PaymentStatus::Refunded => "refunded",
    }
}

pub(super) fn decision_word(decision: Decision) -> &'static str {
    match decision {
        Decision::Open => "open",
        Decision::Take => "take",
        Decision::Undo => "undo",
    }
}

fn decision(word: &str) -> Result<Decision> {
    Ok(match word {
        "open" => Decision::Open,
        "take" => Decision::Take,
        "undo" => Decision::Undo,
        other => return Err(unknown("decision", other)),
    })
}
