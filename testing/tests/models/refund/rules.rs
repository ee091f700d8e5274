//! What orders, payments and the provider do with what they are asked and hear.

use super::{ATTEMPTS, Asked, Call, Flaw, OrderStatus, PAID, REQUESTS, Refund, State};

impl Refund {
    pub(super) fn ask(&self, state: &mut State, amount: u8) -> Option<()> {
        let may = match state.status {
            OrderStatus::Complete => amount <= PAID - state.counted,
            OrderStatus::Refunding => {
                self.flaw == Flaw::AsksAgain && amount <= PAID - state.counted
            }
            OrderStatus::Refunded => false,
        };
        if !may || state.requests == REQUESTS {
            return None;
        }
        state.log.push((state.requests, amount));
        state.requests += 1;
        state.asked_ever += amount;
        state.status = OrderStatus::Refunding;
        Some(())
    }

    pub(super) fn payments_hear(state: &mut State) -> Option<()> {
        let (request, amount) = *state.log.get(state.heard)?;
        state.heard += 1;
        let is_done = state.known.iter().any(|(of, _)| *of == request);
        let pending: u8 = state.pending().map(|asked| asked.amount).sum();
        if !is_done && amount > PAID.saturating_sub(state.total + pending) {
            // Refused: it is about money of which the order will hear that it went back.
            return Some(());
        }
        state.asked.push(Asked {
            request,
            amount,
            attempts: 0,
            is_done,
        });
        Some(())
    }

    pub(super) fn act(&self, state: &mut State) -> Option<()> {
        let begun = state.begun;
        let mut asked = state.asked.iter_mut();
        let next = asked.find(|asked| !asked.is_done && asked.attempts < ATTEMPTS)?;
        let key = match self.flaw {
            Flaw::KeyPerAttempt => (next.request, next.attempts),
            Flaw::KeyOfOwnCount => (begun, u8::from(state.has_fallen_back)),
            _ => (next.request, 0),
        };
        next.attempts += 1;
        let amount = next.amount;
        state.on_their_way.push(Call { key, amount });
        state.on_their_way.sort_unstable();
        Some(())
    }

    pub(super) fn arrive(state: &mut State, place: usize) -> Option<()> {
        if place >= state.on_their_way.len() {
            return None;
        }
        let call = state.on_their_way.remove(place);
        if !state.returned.contains_key(&call.key) && state.returned() + call.amount <= PAID {
            state.returned.insert(call.key, call.amount);
        }
        Some(())
    }

    /// What was asked for is looked up until it is done; all the rest after a restore alone.
    pub(super) fn look(&self, state: &mut State) -> Option<()> {
        if state.looks == 0 && state.pending().next().is_none() && self.flaw != Flaw::SeenCounts {
            return None;
        }
        let (key, amount) = state.news(self.flaw)?;
        state.known.push(key);
        state.known.sort_unstable();
        state.total += amount;
        state.begun += 1;
        state.told.push((amount, state.total));
        let mut asked = state.asked.iter_mut();
        let done = match self.flaw {
            Flaw::KeyOfOwnCount => asked.find(|asked| !asked.is_done),
            _ => asked.find(|asked| asked.request == key.0),
        };
        if let Some(done) = done {
            done.is_done = true;
        }
        if self.flaw != Flaw::KeptThoughGone {
            let mut left = PAID.saturating_sub(state.total);
            state.asked.retain(|asked| {
                let fits = asked.is_done || asked.amount <= left;
                if fits && !asked.is_done {
                    left -= asked.amount;
                }
                fits
            });
        }
        Some(())
    }

    /// The last look waits until no call of an earlier life can be under way any more.
    pub(super) fn looked_at_all(&self, state: &mut State) -> Option<()> {
        let is_early = state.looks == 1 && self.flaw != Flaw::ComparedOnce;
        if state.looks == 0
            || state.news(self.flaw).is_some()
            || (is_early && !state.on_their_way.is_empty())
        {
            return None;
        }
        state.looks -= 1;
        Some(())
    }

    pub(super) fn orders_hear(&self, state: &mut State) -> Option<()> {
        let (amount, total) = *state.told.get(state.counted_until)?;
        state.counted_until += 1;
        let counted = match self.flaw {
            Flaw::AddedUp => state.counted + amount,
            // A total of an earlier life may be behind.
            _ => state.counted.max(total),
        };
        if counted >= PAID {
            state.status = OrderStatus::Refunded;
        } else if counted > state.counted {
            state.status = OrderStatus::Complete;
        }
        state.counted = counted;
        Some(())
    }

    /// Payments is as it was before anybody asked, in a new life. What was on its way to orders is told
    /// again from its new log, what the order has said is heard again.
    pub(super) fn fall_back(&self, state: &mut State) -> Option<()> {
        if state.has_fallen_back {
            return None;
        }
        if self.flaw != Flaw::NotHeardAgain {
            state.heard = 0;
        }
        state.asked.clear();
        state.known.clear();
        state.told.clear();
        state.counted_until = 0;
        (state.total, state.begun) = (0, 0);
        state.looks = match self.flaw {
            Flaw::NotComparedAnew => 0,
            Flaw::ComparedOnce => 1,
            _ => 2,
        };
        state.has_fallen_back = true;
        Some(())
    }

    /// Orders is as it was before anybody asked, and hears again what payments has told.
    pub(super) fn orders_fall_back(state: &mut State) -> Option<()> {
        if state.orders_fell_back {
            return None;
        }
        state.log.clear();
        state.heard = 0;
        (state.status, state.counted) = (OrderStatus::Complete, 0);
        state.counted_until = 0;
        state.orders_fell_back = true;
        Some(())
    }
}
