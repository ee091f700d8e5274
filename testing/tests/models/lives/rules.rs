//! What the owner and its consumer do.

use super::{APPENDS, Answer, Event, Flaw, Lives, Log, RESTORES, Reason, State, Step};

impl State {
    /// The events of the owner's log from this version on.
    fn events_from(&self, version: u8) -> Vec<Event> {
        let all = (1..).zip(self.log.iter().copied());
        all.filter(|(number, _)| *number >= version).collect()
    }

    fn head(&self) -> Event {
        self.events_from(1).last().copied().unwrap_or_default()
    }

    fn park(&mut self, (version, life): Event) {
        let parked = self.parked.entry(version).or_insert(life);
        *parked = life.max(*parked);
    }

    fn handle(&mut self, (version, life): Event) {
        self.copy.push(life);
        self.cursor = (version, life);
    }

    fn fall_back(&mut self, to: Log) {
        let version = u8::try_from(to.len()).unwrap_or(u8::MAX);
        self.cursor = (version, to.last().copied().unwrap_or_default());
        self.copy = to;
        self.parked.clear();
        self.stuck = Some(Reason::Gap);
    }
}

impl Lives {
    /// What a step leads to; nothing if it can't be taken or changes nothing.
    pub(super) fn after(&self, state: &State, step: Step) -> Option<State> {
        let mut next = state.clone();
        match step {
            Step::Append => append(&mut next)?,
            Step::Restore(of, kept) => restore(&mut next, of, kept)?,
            Step::Deliver(event) => self.receive(&mut next, event, None),
            Step::Lose(event) => {
                next.bus.remove(&event);
            }
            Step::Compare => self.compare(&mut next),
            Step::Ask => ask(&mut next)?,
            Step::Read => match next.answer.take()? {
                Answer::Page {
                    cursor,
                    events,
                    parked,
                } => {
                    if cursor.0 > 0 && events.first() != Some(&cursor) {
                        let log = shared(&next.log, cursor);
                        next.answer = Some(Answer::Shared { cursor, log });
                    } else {
                        self.take_page(&mut next, cursor, &events);
                        self.lack_nothing(&mut next, (cursor, &events), &parked);
                    }
                }
                Answer::Shared { cursor, log } => {
                    if next.cursor == cursor {
                        next.fall_back(log);
                    }
                }
            },
        }
        (next != *state).then_some(next)
    }

    /// Cursor and head are compared, the owner's present one.
    fn compare(&self, state: &mut State) {
        let (head, cursor) = (state.head(), state.cursor);
        if state.stuck.is_some() || state.answer.is_some() {
            return;
        }
        if cursor.0 < head.0 {
            state.stuck = Some(Reason::Gap);
        } else if cursor != head && (cursor.0 != head.0 || self.flaw != Flaw::VersionsAreCompared) {
            state.stuck = Some(Reason::Resync);
        }
    }

    /// One event comes in: from the bus, or from an answer that says what it follows on.
    fn receive(&self, state: &mut State, event: Event, before: Option<Event>) {
        let ((version, life), cursor) = (event, state.cursor);
        let is_from_log = before.is_some();
        let is_heard = self.flaw == Flaw::OldLifeIsHeard && !is_from_log;
        if life < cursor.1 && !is_heard {
            return;
        }
        let follows = cursor.0 == 0
            || before == Some(cursor)
            || (self.flaw == Flaw::AnswerIsBelieved && is_from_log)
            || (self.flaw == Flaw::NewLifeIsBelieved && !is_from_log);
        if life > cursor.1 && !follows {
            return hold(state, event, Reason::Resync);
        }
        if version <= cursor.0 {
            return;
        }
        if version > cursor.0 + 1 {
            return hold(state, event, Reason::Gap);
        }
        if state.stuck == Some(Reason::Resync) && !is_from_log {
            return state.park(event);
        }
        state.handle(event);
        if state.stuck.is_some() || !state.parked.is_empty() {
            state.stuck = None;
            self.drain(state);
        }
    }

    /// Handles what is parked directly behind the cursor.
    fn drain(&self, state: &mut State) {
        while let Some(life) = state.parked.get(&(state.cursor.0 + 1)).copied() {
            let version = state.cursor.0 + 1;
            if self.flaw != Flaw::ParkedIsBelieved && life > state.cursor.1 {
                state.stuck = Some(Reason::Resync);
                return;
            }
            if self.flaw != Flaw::ParkedIsBelieved && life < state.cursor.1 {
                state.parked.remove(&version);
                break;
            }
            state.handle((version, life));
        }
        let at = state.cursor.0;
        state.parked.retain(|version, _| *version > at);
        if !state.parked.is_empty() {
            state.stuck = Some(Reason::Gap);
        }
    }

    fn take_page(&self, state: &mut State, cursor: Event, events: &[Event]) {
        let mut before = Event::default();
        for event in events {
            if event.0 > cursor.0 {
                self.receive(state, *event, Some(before));
            }
            before = *event;
        }
    }

    /// The key has what the owner had: what was parked before from beyond it is dead.
    fn lack_nothing(
        &self,
        state: &mut State,
        (cursor, events): (Event, &[Event]),
        parked_before: &std::collections::BTreeMap<u8, u8>,
    ) {
        let head = events.last().map_or(cursor.0, |event| event.0);
        if self.flaw != Flaw::DeadStayParked {
            state.parked.retain(|version, life| {
                *version <= head || parked_before.get(version) != Some(life)
            });
        }
        if state.stuck.is_some() {
            let at = state.cursor.0;
            state.parked.retain(|version, _| *version > at);
            if state.parked.is_empty() {
                state.stuck = None;
            }
        }
    }
}

fn append(state: &mut State) -> Option<()> {
    if state.appended == APPENDS {
        return None;
    }
    state.appended += 1;
    state.log.push(state.life);
    state.bus.insert(state.head());
    Some(())
}

/// Puts the owner back to a backup of the life `of`: a new one begins.
fn restore(state: &mut State, of: usize, kept: usize) -> Option<()> {
    if state.life == RESTORES {
        return None;
    }
    state.ended.push(state.log.clone());
    state.log = state.ended.get(of)?.iter().take(kept).copied().collect();
    state.life += 1;
    Some(())
}

fn ask(state: &mut State) -> Option<()> {
    if state.stuck.is_none() || state.answer.is_some() {
        return None;
    }
    let cursor = state.cursor;
    state.answer = Some(Answer::Page {
        cursor,
        events: state.events_from(cursor.0.max(1)),
        parked: state.parked.clone(),
    });
    Some(())
}

fn hold(state: &mut State, event: Event, reason: Reason) {
    state.park(event);
    if state.stuck.is_none() || reason == Reason::Resync {
        state.stuck = Some(reason);
    }
}

/// The events of the owner's log that a cursor can have seen, the first first.
fn shared(log: &Log, cursor: Event) -> Log {
    let seen = log.iter().take(usize::from(cursor.0));
    seen.take_while(|life| **life <= cursor.1)
        .copied()
        .collect()
}
