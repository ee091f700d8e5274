//! The newest state of everything, folded from the owners' logs.

use std::collections::{BTreeMap, BTreeSet};

use contracts::envelope::{Aggregate, decode_state};
use contracts::events::orders::{Order, OrderState};
use contracts::events::payments::{Payment, PaymentState};
use contracts::events::tickets::{Ticket, TicketState};
use contracts::ids::{OrderId, PaymentId, TicketId};
use platform::gate::audit::Lag;
use platform::log::source;

use crate::operator::Operator;

/// What the logs say.
pub struct Facts {
    /// Every ticket.
    pub tickets: BTreeMap<TicketId, TicketState>,
    /// Every order.
    pub orders: BTreeMap<OrderId, OrderState>,
    /// Every payment.
    pub payments: BTreeMap<PaymentId, PaymentState>,
    /// Keys whose consumers are not at their heads.
    pub lags: Vec<Lag>,
    /// The ids of those.
    unsettled: BTreeSet<String>,
    events: u64,
}

impl Facts {
    /// Reads the logs of tickets, orders and payments.
    ///
    /// # Errors
    /// When a database doesn't answer.
    pub async fn read(operator: &Operator) -> anyhow::Result<Self> {
        let mut events = 0;
        let tickets = fold::<Ticket>(operator, &mut events).await?;
        let orders = fold::<Order>(operator, &mut events).await?;
        let payments = fold::<Payment>(operator, &mut events).await?;
        let mut lags = Vec::new();
        for gate in operator.gates.values() {
            lags.extend(gate.lags().await?);
        }
        let unsettled = lags.iter().map(|lag| lag.subject.clone()).collect();
        Ok(Self {
            tickets: tickets
                .into_values()
                .map(|state| (state.id, state))
                .collect(),
            orders: orders
                .into_values()
                .map(|state| (state.id, state))
                .collect(),
            payments: payments
                .into_values()
                .map(|state| (state.id, state))
                .collect(),
            lags,
            unsettled,
            events,
        })
    }

    /// Facts that a test makes up, with everybody at their heads.
    #[cfg(test)]
    pub fn of(
        tickets: BTreeMap<TicketId, TicketState>,
        orders: BTreeMap<OrderId, OrderState>,
        payments: BTreeMap<PaymentId, PaymentState>,
    ) -> Self {
        let (lags, unsettled) = (Vec::new(), BTreeSet::new());
        Self {
            tickets,
            orders,
            payments,
            lags,
            unsettled,
            events: 0,
        }
    }

    /// Whether everybody who listens has heard all about this order, its ticket and its payments.
    pub fn is_settled(&self, order: &OrderState) -> bool {
        let quiet = |id: String| !self.unsettled.contains(&id);
        quiet(order.id.to_string())
            && quiet(order.ticket_id.to_string())
            && self
                .payments
                .values()
                .filter(|payment| payment.order_id == order.id)
                .all(|payment| quiet(payment.id.to_string()))
    }

    /// How much was looked at, in words.
    pub fn counts(&self) -> String {
        format!(
            "{} tickets, {} orders, {} payments, {} events",
            self.tickets.len(),
            self.orders.len(),
            self.payments.len(),
            self.events
        )
    }
}

/// The newest state of each aggregate of a type, by id.
async fn fold<A: Aggregate>(
    operator: &Operator,
    events: &mut u64,
) -> anyhow::Result<BTreeMap<String, A::State>> {
    let db = &operator.gate(A::OWNER)?.context.db;
    let (mut states, mut after) = (BTreeMap::new(), 0);
    loop {
        let page = source::log(db, A::NAME.to_owned(), after).await?;
        let Some(last) = page.last else {
            return Ok(states);
        };
        after = last;
        for event in page.events {
            *events += 1;
            let state = decode_state::<A>(&event)?;
            states.insert(event.subject, state);
        }
    }
}
