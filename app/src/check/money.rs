//! M1–M4: payments against orders, the ledger and the provider's own records.

use std::sync::Arc;

use contracts::events::orders::OrderStatus;
use contracts::events::payments::{PaymentState, PaymentStatus};
use payments::domain::charge::Charge;
use payments::provider::sandbox::Sandbox;
use payments::provider::sandbox::behaviour::Behaviour;
use payments::provider::{Position, Provider};
use platform::clock::SystemClock;
use platform::{Result, Tx};

use crate::check::Finding;
use crate::check::facts::Facts;
use crate::operator::Operator;

pub async fn findings(operator: &Operator, facts: &Facts) -> anyhow::Result<Vec<Finding>> {
    let mut found: Vec<Finding> = facts
        .payments
        .values()
        .filter_map(|payment| with_its_order(facts, payment))
        .collect();
    for order in facts.orders.values() {
        let paid = matches!(order.status, OrderStatus::Complete | OrderStatus::Refunding);
        let status = order
            .payment_id
            .and_then(|id| facts.payments.get(&id))
            .map(|p| p.status);
        if paid && status != Some(PaymentStatus::Captured) {
            let what = format!(
                "order {} is {:?}, its payment is {status:?}",
                order.id, order.status
            );
            found.push(Finding {
                rule: "M1",
                what,
                pending: !facts.is_settled(order),
            });
        }
    }
    found.extend(with_the_provider(operator, facts).await?);
    Ok(found)
}

/// M1–M4 between the two logs: captured only for the chosen payment of a paid order, nothing held
/// for a dead one, and the order's own amount.
fn with_its_order(facts: &Facts, payment: &PaymentState) -> Option<Finding> {
    let Some(order) = facts.orders.get(&payment.order_id) else {
        return with_a_lost_order(payment);
    };
    let pending = !facts.is_settled(order);
    let say = |rule, what: String| {
        Some(Finding {
            rule,
            what,
            pending,
        })
    };
    if payment.amount() != order.price() {
        let what = format!("payment {} is not of its order's amount", payment.id);
        return Some(Finding::violation("M4", what));
    }
    let chosen = order.payment_id == Some(payment.id);
    match (payment.status, order.status) {
        (PaymentStatus::Captured, OrderStatus::Capturing) if chosen => Some(Finding::pending(
            "M1",
            format!("order {} is being paid", order.id),
        )),
        (PaymentStatus::Captured, OrderStatus::Complete | OrderStatus::Refunding) if chosen => None,
        (PaymentStatus::Captured, status) => say(
            "M1",
            format!(
                "payment {} is captured, its order is {status:?}",
                payment.id
            ),
        ),
        (PaymentStatus::Authorized, OrderStatus::Cancelled | OrderStatus::Refunded) => say(
            "M3",
            format!("payment {} is held for an order that has ended", payment.id),
        ),
        (PaymentStatus::Started | PaymentStatus::Authorized, _) => Some(Finding::pending(
            "M1",
            format!("payment {} has not ended", payment.id),
        )),
        _ => None,
    }
}

/// An order that was lost with an older backup of orders keeps nobody's money.
fn with_a_lost_order(payment: &PaymentState) -> Option<Finding> {
    if !payment.status.is_live() {
        return None;
    }
    let what = format!("payment {} is for an unknown order", payment.id);
    Some(Finding::pending("M4", what))
}

async fn with_the_provider(operator: &Operator, facts: &Facts) -> anyhow::Result<Vec<Finding>> {
    let look = async |tx: &mut Tx| -> Result<_> {
        let payments = payments::audit::payments(tx).await?;
        let ledger = payments::audit::ledger(tx, &payments).await?;
        Ok((payments, ledger, payments::audit::open_work(tx).await?))
    };
    let db = &operator.gate("payments")?.context.db;
    // The provider's records first: each has a payment's row by then.
    let charges = charges(operator).await?;
    let (payments, ledger, open) = db.read(look).await?;
    let mut found = Vec::new();
    for finding in payments::audit::findings(&payments, &charges)
        .into_iter()
        .chain(ledger)
    {
        found.push(Finding {
            rule: finding.rule,
            what: finding.what,
            pending: finding.pending,
        });
    }
    if payments.len() != facts.payments.len() {
        let what = format!(
            "{} payments, {} in their log",
            payments.len(),
            facts.payments.len()
        );
        found.push(Finding {
            rule: "I1",
            what,
            pending: !facts.stood_still(),
        });
    }
    if open > 0 {
        found.push(Finding::pending(
            "L1",
            format!("payments: {open} acts are still to be done"),
        ));
    }
    Ok(found)
}

/// All records of the provider.
async fn charges(operator: &Operator) -> anyhow::Result<Vec<Charge>> {
    let clock = Arc::new(SystemClock::new());
    let sandbox = Sandbox::new(operator.sandbox.clone(), clock, Behaviour::default());
    let (mut all, mut after) = (Vec::new(), Position::beginning());
    loop {
        let page = sandbox.list(&after, 500).await?;
        let Some(last) = page.last() else {
            return Ok(all);
        };
        after = Position::of(last);
        all.extend(page);
    }
}
