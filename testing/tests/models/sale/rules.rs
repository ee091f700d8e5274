//! What orders, tickets and payments do with what they hear, and what people and time do.

use super::{
    Charge, Flaw, ORDERS, Order, OrderEvent, OrderStatus, Payment, PaymentEvent, Sale, State, Step,
    TicketEvent, TicketStatus, Wish,
};

/// When a hold ends, and when one that a payment has extended does.
const HOLD: u8 = 1;
const GRACE: u8 = 2;

/// Takes the next event out of what is still to be heard.
fn first<E>(events: &mut Vec<E>) -> Option<E> {
    (!events.is_empty()).then(|| events.remove(0))
}

impl Order {
    fn say(&mut self, status: OrderStatus, event: OrderEvent) {
        self.status = status;
        match event {
            OrderEvent::Created { .. } | OrderEvent::Complete => self.for_tickets.push(event),
            OrderEvent::Awaiting | OrderEvent::Capturing | OrderEvent::PaymentRejected => {
                self.for_payments.push(event);
            }
            OrderEvent::Cancelled => {
                self.for_tickets.push(event);
                self.for_payments.push(event);
            }
        }
    }
}

impl Sale {
    pub(super) fn after(&self, state: &State, step: Step) -> Option<State> {
        let mut next = state.clone();
        match step {
            Step::Tick => {
                next.now += 1;
                (next.now <= GRACE).then_some(next)
            }
            Step::Reserve(id) => self.reserve(&mut next, id).then_some(next),
            Step::Cancel(id) | Step::Expire(id) => {
                let order = next.orders.get_mut(id)?;
                let is_due = matches!(step, Step::Cancel(_)) || next.now >= order.ends_at;
                let is_open = matches!(order.status, OrderStatus::Created | OrderStatus::Awaiting);
                let is_late = self.flaw == Flaw::ExpiryWhileCapturing
                    && order.status == OrderStatus::Capturing
                    && matches!(step, Step::Expire(_));
                if !is_due || !(is_open || is_late) {
                    return None;
                }
                next.is_decision_broken |= is_late;
                order.say(OrderStatus::Cancelled, OrderEvent::Cancelled);
                Some(next)
            }
            Step::Pay(id) => {
                let payment = next.payments.get_mut(id)?;
                if !payment.is_payable || payment.is_dead || payment.is_begun {
                    return None;
                }
                payment.is_begun = true;
                payment.for_orders.push(PaymentEvent::Started);
                payment.wish = Wish::Authorize;
                Some(next)
            }
            Step::Provide(id, agrees) => {
                let payment = next.payments.get_mut(id)?;
                self.provide(payment, agrees).then_some(next)
            }
            Step::TicketsHear(id) => self.tickets_hear(next, id),
            Step::OrdersHearOfTicket => Self::orders_hear_of_ticket(next),
            Step::PaymentsHear(id) => self.payments_hear(next, id),
            Step::OrdersHearOfPayment(id) => self.orders_hear_of_payment(next, id),
        }
    }

    fn reserve(&self, state: &mut State, id: usize) -> bool {
        let is_taken = state.orders.iter().any(|order| order.status.is_live());
        let is_refused = (is_taken && self.flaw != Flaw::NoUniqueOrder) || state.is_sold_in_copy;
        let epoch = state.orders.iter().map(|order| order.epoch).max();
        let Some(order) = state.orders.get_mut(id) else {
            return false;
        };
        if is_refused || order.status != OrderStatus::Absent {
            return false;
        }
        order.epoch = epoch.unwrap_or_default() + 1;
        order.ends_at = HOLD;
        let epoch = order.epoch;
        order.say(OrderStatus::Created, OrderEvent::Created { epoch });
        true
    }

    fn provide(&self, payment: &mut Payment, agrees: bool) -> bool {
        let (charge, event) = match (payment.wish, payment.charge, agrees) {
            (Wish::Authorize, Charge::None, true) if self.flaw == Flaw::CaptureAtOnce => {
                (Charge::Captured, Some(PaymentEvent::Authorized))
            }
            (Wish::Authorize, Charge::None, true) => {
                (Charge::Authorized, Some(PaymentEvent::Authorized))
            }
            (Wish::Capture, Charge::Authorized, true) => {
                (Charge::Captured, Some(PaymentEvent::Captured))
            }
            (Wish::Capture, Charge::Captured, true) => {
                (Charge::Captured, Some(PaymentEvent::Captured))
            }
            (Wish::Authorize, Charge::None, false) | (Wish::Capture, Charge::Authorized, false) => {
                (Charge::Failed, Some(PaymentEvent::Failed))
            }
            // What is never refused, because it is asked for until it is done.
            (Wish::Return, Charge::None | Charge::Authorized, true) => (Charge::Voided, None),
            (Wish::Return, Charge::Captured, true) => (Charge::Refunded, None),
            _ => return false,
        };
        payment.charge = charge;
        payment.for_orders.extend(event);
        payment.wish = Wish::Nothing;
        true
    }

    fn tickets_hear(&self, mut state: State, id: usize) -> Option<State> {
        let order = state.orders.get_mut(id)?;
        let event = first(&mut order.for_tickets)?;
        match (event, state.ticket) {
            (OrderEvent::Created { epoch }, _)
                if epoch <= state.epoch && self.flaw != Flaw::NoFencing => {}
            (OrderEvent::Created { epoch }, TicketStatus::Sold(_)) => {
                state.epoch = state.epoch.max(epoch);
                let refused = TicketEvent::Refused { order: id, epoch };
                state.for_orders.push(refused);
            }
            (OrderEvent::Created { epoch }, _) => {
                state.epoch = state.epoch.max(epoch);
                state.ticket = TicketStatus::Locked(id);
                let locked = TicketEvent::Locked { order: id, epoch };
                state.for_orders.push(locked);
            }
            (OrderEvent::Cancelled, TicketStatus::Locked(holder))
                if holder == id || self.flaw == Flaw::NoFencing =>
            {
                state.ticket = TicketStatus::Listed;
                state.for_orders.push(TicketEvent::Released);
            }
            (OrderEvent::Complete, TicketStatus::Locked(holder)) if holder == id => {
                state.ticket = TicketStatus::Sold(id);
                state.for_orders.push(TicketEvent::Sold);
            }
            _ => {}
        }
        Some(state)
    }

    fn orders_hear_of_ticket(mut state: State) -> Option<State> {
        let event = first(&mut state.for_orders)?;
        match event {
            TicketEvent::Locked { order, epoch } => {
                let order = state.orders.get_mut(order)?;
                if order.status == OrderStatus::Created && order.epoch == epoch {
                    order.say(OrderStatus::Awaiting, OrderEvent::Awaiting);
                }
            }
            TicketEvent::Refused { order, epoch } => {
                let order = state.orders.get_mut(order)?;
                if order.status == OrderStatus::Created && order.epoch == epoch {
                    order.say(OrderStatus::Cancelled, OrderEvent::Cancelled);
                }
            }
            TicketEvent::Sold => state.is_sold_in_copy = true,
            TicketEvent::Released => state.is_sold_in_copy = false,
        }
        Some(state)
    }

    fn payments_hear(&self, mut state: State, id: usize) -> Option<State> {
        let order = state.orders.get_mut(id)?;
        let event = first(&mut order.for_payments)?;
        let payment = state.payments.get_mut(id)?;
        match event {
            OrderEvent::Awaiting => payment.is_payable = true,
            OrderEvent::Capturing if !matches!(payment.charge, Charge::Failed) => {
                payment.wish = Wish::Capture;
            }
            OrderEvent::Cancelled => {
                payment.is_dead = true;
                if payment.wish == Wish::Authorize && self.flaw != Flaw::NothingIsReturned {
                    payment.wish = Wish::Return;
                }
            }
            OrderEvent::PaymentRejected if self.flaw != Flaw::NothingIsReturned => {
                payment.wish = Wish::Return;
            }
            _ => {}
        }
        Some(state)
    }

    fn orders_hear_of_payment(&self, mut state: State, id: usize) -> Option<State> {
        let event = first(&mut state.payments.get_mut(id)?.for_orders)?;
        let order = state.orders.get_mut(id)?;
        match (event, order.status) {
            (PaymentEvent::Started, OrderStatus::Awaiting) if state.now < order.ends_at => {
                order.ends_at = GRACE;
            }
            (PaymentEvent::Authorized, OrderStatus::Awaiting) => {
                order.say(OrderStatus::Capturing, OrderEvent::Capturing);
            }
            (PaymentEvent::Captured, OrderStatus::Capturing) => {
                order.say(OrderStatus::Complete, OrderEvent::Complete);
            }
            (PaymentEvent::Failed, OrderStatus::Capturing) => {
                order.say(OrderStatus::Cancelled, OrderEvent::Cancelled);
            }
            (PaymentEvent::Authorized, _) if self.flaw == Flaw::LatePaymentCompletes => {
                order.say(OrderStatus::Capturing, OrderEvent::Capturing);
            }
            (PaymentEvent::Authorized | PaymentEvent::Captured, status) => {
                order.say(status, OrderEvent::PaymentRejected);
            }
            _ => {}
        }
        Some(state)
    }

    pub(super) fn steps() -> Vec<Step> {
        let mut steps = vec![Step::Tick, Step::OrdersHearOfTicket];
        for id in 0..ORDERS {
            steps.extend([
                Step::Reserve(id),
                Step::Cancel(id),
                Step::Expire(id),
                Step::Pay(id),
                Step::Provide(id, true),
                Step::Provide(id, false),
                Step::TicketsHear(id),
                Step::PaymentsHear(id),
                Step::OrdersHearOfPayment(id),
            ]);
        }
        steps
    }

    /// Nothing can happen any more but that somebody buys, or cancels.
    pub(super) fn is_at_rest(&self, state: &State) -> bool {
        let goes_on =
            |step: &Step| !matches!(step, Step::Reserve(_) | Step::Cancel(_) | Step::Pay(_));
        let mut steps = Self::steps().into_iter().filter(goes_on);
        steps.all(|step| self.after(state, step).is_none())
    }
}
