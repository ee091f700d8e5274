//! Compares payments with the provider's records and with their orders.

use std::collections::{HashMap, HashSet};

use contracts::events::orders::OrderStatus;
use contracts::events::payments::PaymentStatus;

use super::Audited;
use crate::domain::charge::{Charge, Standing};

/// Something that must not be, or must not stay.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The invariant, such as `M1`.
    pub rule: &'static str,
    /// What was found.
    pub what: String,
    /// Whether it may be that things are under way: a violation only at rest.
    pub pending: bool,
}

/// What is wrong with the money, given all payments and all the provider's records.
#[must_use]
pub fn findings(payments: &[Audited], charges: &[Charge]) -> Vec<Finding> {
    let by_key: HashMap<&str, &Charge> = charges
        .iter()
        .map(|charge| (charge.key.as_str(), charge))
        .collect();
    let mut found = Vec::new();
    for audited in payments {
        let charge = by_key.get(audited.payment.provider_key().as_str()).copied();
        found.extend(with_the_order(audited, charge));
        found.extend(with_the_provider(audited, charge));
    }
    let ours: HashSet<String> = payments
        .iter()
        .map(|audited| audited.payment.provider_key())
        .collect();
    for charge in charges.iter().filter(|charge| !ours.contains(&charge.key)) {
        let holds = charge.standing == Standing::Authorized || charge.held_minor() > 0;
        if holds {
            let what = format!(
                "the provider holds {} for no payment of ours",
                charge.reference
            );
            found.push(Finding {
                rule: "M3",
                what,
                pending: true,
            });
        }
    }
    found
}

fn with_the_order(audited: &Audited, charge: Option<&Charge>) -> Vec<Finding> {
    let payment = &audited.payment;
    let under_way = audited.is_under_way();
    let finding = |rule, pending, what: &str| Finding {
        rule,
        what: format!("payment {}: {what}", payment.id),
        pending,
    };
    let taken = charge.is_some_and(|charge| charge.held_minor() > 0);
    let held = charge.is_some_and(|charge| charge.standing == Standing::Authorized);
    let Some(order) = &audited.order else {
        // An order that was lost with an older backup keeps nobody's money.
        let is_undone = !taken && !held && !under_way;
        let unknown = finding("M4", true, "its order is not known");
        return if is_undone { Vec::new() } else { vec![unknown] };
    };
    let sold = matches!(order.status, OrderStatus::Complete | OrderStatus::Refunding);
    let dead = matches!(order.status, OrderStatus::Cancelled | OrderStatus::Refunded);
    let live = payment.status() == PaymentStatus::Captured;
    let capturing = order.status == OrderStatus::Capturing;
    let mut found = Vec::new();
    if order.amount != payment.amount {
        found.push(finding("M4", false, "not the amount of its order"));
    }
    if taken && sold && order.payment_id != Some(payment.id) {
        found.push(finding("M2", under_way, "its order has chosen another one"));
    }
    if taken && !sold {
        let what = "its money is held, its order is not complete";
        found.push(finding("M1", under_way || capturing, what));
    }
    if live && sold && !taken {
        found.push(finding("M1", under_way, "nothing is held for its order"));
    }
    if held && dead {
        found.push(finding(
            "M3",
            under_way,
            "authorised for an order that has ended",
        ));
    }
    found
}

fn with_the_provider(audited: &Audited, charge: Option<&Charge>) -> Option<Finding> {
    let payment = &audited.payment;
    let agrees = match (payment.status(), charge) {
        (PaymentStatus::Started, _) => true,
        (PaymentStatus::Failed | PaymentStatus::Voided, None) => true,
        (_, None) => false,
        (status, Some(charge)) => {
            charge.amount == payment.amount
                && match status {
                    PaymentStatus::Started => true,
                    PaymentStatus::Authorized => charge.standing == Standing::Authorized,
                    PaymentStatus::Captured | PaymentStatus::Refunded => {
                        charge.standing == Standing::Captured
                            && charge.held_minor()
                                == payment.amount.minor - payment.refunded_minor()
                    }
                    PaymentStatus::Failed | PaymentStatus::Voided => {
                        charge.standing != Standing::Authorized && charge.held_minor() == 0
                    }
                }
        }
    };
    if agrees {
        return None;
    }
    let shown = charge.map_or_else(
        || "nothing".to_owned(),
        |charge| {
            let (standing, held) = (&charge.standing, charge.held_minor());
            format!("{} {standing:?}, {held} minor units held", charge.amount)
        },
    );
    let what = format!(
        "payment {}: {} {:?}, {} minor units refunded here; the provider shows {shown}",
        payment.id,
        payment.amount,
        payment.status(),
        payment.refunded_minor(),
    );
    Some(Finding {
        rule: "M1",
        what,
        pending: audited.is_under_way(),
    })
}

#[cfg(test)]
mod tests;
