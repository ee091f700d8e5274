//! The newest state of everything, folded from the owners' logs.

use std::collections::{BTreeMap, BTreeSet};

use contracts::envelope::{Aggregate, decode_state};
use contracts::events::orders::{Order, OrderState};
use contracts::events::payments::{Payment, PaymentState};
use contracts::events::tickets::{Ticket, TicketState};
use contracts::ids::{OrderId, PaymentId, TicketId};
use notifications::audit::{Owed, owed};
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
    heard: Heard,
}

/// What is gathered while the logs are read.
#[derive(Default)]
struct Heard {
    events: u64,
    owed: Vec<Owed>,
}

impl Facts {
    /// Reads the logs of tickets, orders and payments.
    ///
    /// # Errors
    /// When a database doesn't answer.
    pub async fn read(operator: &Operator) -> anyhow::Result<Self> {
        let mut heard = Heard::default();
        // What comes later in a sale is read first: whatever it refers to is then there.
        let payments = fold::<Payment>(operator, &mut heard).await?;
        let orders = fold::<Order>(operator, &mut heard).await?;
        let tickets = fold::<Ticket>(operator, &mut heard).await?;
        let mut lags = Vec::new();
        for gate in operator.gates.values() {
            lags.extend(gate.lags().await?);
        }
        let mut unsettled: BTreeSet<String> = lags.iter().map(|lag| lag.subject.clone()).collect();
        unsettled.extend(moved(operator, &payments).await?);
        unsettled.extend(moved(operator, &orders).await?);
        unsettled.extend(moved(operator, &tickets).await?);
        Ok(Self {
            tickets: tickets.by_id(|state| state.id),
            orders: orders.by_id(|state| state.id),
            payments: payments.by_id(|state| state.id),
            lags,
            unsettled,
            heard,
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
            heard: Heard::default(),
        }
    }

    /// Whether everybody who listens has heard all about this order, its ticket and its payments.
    pub fn is_settled(&self, order: &OrderState) -> bool {
        let quiet = |id: String| !self.is_behind(&id);
        quiet(order.id.to_string())
            && quiet(order.ticket_id.to_string())
            && self
                .payments
                .values()
                .filter(|payment| payment.order_id == order.id)
                .all(|payment| quiet(payment.id.to_string()))
    }

    /// Whether somebody has not heard all about this.
    pub fn is_behind(&self, subject: &str) -> bool {
        self.unsettled.contains(subject)
    }

    /// The messages that what happened is worth.
    pub fn owed(&self) -> &[Owed] {
        &self.heard.owed
    }

    /// Whether nothing changed while it was looked at.
    pub fn stood_still(&self) -> bool {
        self.unsettled.is_empty()
    }

    /// How much was looked at, in words.
    pub fn counts(&self) -> String {
        format!(
            "{} tickets, {} orders, {} payments, {} events",
            self.tickets.len(),
            self.orders.len(),
            self.payments.len(),
            self.heard.events
        )
    }
}

/// The newest state of each aggregate of a type, with its version, by id.
struct Fold<A: Aggregate>(BTreeMap<String, (i64, A::State)>);

impl<A: Aggregate> Fold<A> {
    fn by_id<I: Ord>(self, id: impl Fn(&A::State) -> I) -> BTreeMap<I, A::State> {
        self.0
            .into_values()
            .map(|(_, state)| (id(&state), state))
            .collect()
    }
}

async fn fold<A: Aggregate>(operator: &Operator, heard: &mut Heard) -> anyhow::Result<Fold<A>> {
    let db = &operator.gate(A::OWNER)?.context.db;
    let (mut states, mut after) = (BTreeMap::new(), 0);
    loop {
        let page = source::log(db, A::NAME.to_owned(), after).await?;
        let Some(last) = page.last else {
            return Ok(Fold(states));
        };
        after = last;
        for event in page.events {
            heard.events += 1;
            heard.owed.extend(owed(&event)?);
            let state = decode_state::<A>(&event)?;
            states.insert(event.subject, (event.aggregateversion, state));
        }
    }
}

/// The ids of what has moved on since it was read: what others are doing with it is not known. Nothing
/// moves where a copy is looked at.
async fn moved<A: Aggregate>(operator: &Operator, read: &Fold<A>) -> anyhow::Result<Vec<String>> {
    let db = &operator.gate(A::OWNER)?.context.db;
    if !db.is_shared() {
        return Ok(Vec::new());
    }
    let heads = source::all_heads(db, A::NAME).await?;
    let has_moved =
        |(id, version): &(String, i64)| read.0.get(id).is_none_or(|(known, _)| known != version);
    Ok(heads
        .into_iter()
        .filter(has_moved)
        .map(|(id, _)| id)
        .collect())
}
