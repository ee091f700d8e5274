//! A payment as its buyer sees it.

use contracts::api::payments::PaymentView;
use contracts::money::Money;

use crate::domain::payment::{Decision, State};
use crate::store::payments::Stored;

/// What the buyer sees.
pub(super) fn view(stored: &Stored) -> PaymentView {
    let payment = &stored.payment;
    let currency = payment.amount.currency;
    let action_url = match &payment.state {
        State::Started {
            action: Some(action),
        } if payment.decision != Decision::Undo => Some(action.url.clone()),
        _ => None,
    };
    PaymentView {
        id: payment.id,
        order_id: payment.order_id,
        status: payment.status(),
        amount: payment.amount.major(),
        currency: currency.to_string(),
        refunded: Money {
            minor: payment.refunded_minor(),
            currency,
        }
        .major(),
        failure_code: payment.failure_code().map(str::to_owned),
        action_url,
        created_at: payment.created_at,
    }
}
