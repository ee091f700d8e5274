//! The seller gives money back.

use contracts::events::orders::TicketFate;
use contracts::ids::{OrderId, UserId};
use contracts::money::Amount;
use platform::{Refused, Result, Tx};

use super::record::record;
use crate::store::orders::{self, Saved};

/// What a seller asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// How much in major units; the whole rest if `None`.
    pub amount: Option<Amount>,
    /// What becomes of the ticket once the whole is given back.
    pub fate: TicketFate,
}

/// Asks payments to give money back.
///
/// # Errors
/// 404, 403 when somebody else is the seller, 400 for an amount that can't be given back, 409 when
/// the order is not complete.
pub async fn refund(tx: &mut Tx, id: OrderId, seller_id: UserId, ask: &Ask) -> Result<Saved> {
    let saved = orders::load(tx, id).await?.ok_or_else(Refused::not_found)?;
    if saved.order.terms.seller_id != seller_id {
        return Err(Refused::forbidden("not_yours", "only the seller can give money back").into());
    }
    let currency = saved.order.terms.price.currency;
    let minor = |amount: &Amount| amount.minor(currency);
    let amount_minor = ask
        .amount
        .as_ref()
        .map(minor)
        .transpose()
        .map_err(|error| Refused::invalid("invalid_input", error.to_string()).on_field("amount"))?;
    let changed = saved.order.ask_refund(amount_minor, ask.fate)?;
    record(tx, saved.version, changed).await
}
