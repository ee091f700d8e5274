//! The line before the database: contenders for one ticket go one after the other, so that all but
//! the winner are answered by a read.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use axum::http::StatusCode;
use contracts::ids::TicketId;
use platform::{Refused, Result};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many may stand in line for one ticket. At 0.1 ms for each loser this is well below the
/// patience of a browser; one more would wait for little but a refusal.
const LENGTH_MAX: usize = 4096;

/// One line for each ticket that somebody wants right now. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Line {
    tickets: Arc<Mutex<HashMap<TicketId, Gate>>>,
}

/// The head of one line, and how many stand in it (the one at the head included).
#[derive(Debug)]
struct Gate {
    turn: Arc<Semaphore>,
    waiting: usize,
}

/// A turn at the head of the line; it ends when this is dropped.
#[derive(Debug)]
pub struct Turn {
    // Dropped first: the next one starts before the place is given back.
    _turn: OwnedSemaphorePermit,
    _place: Place,
}

/// A place in the line, given back also by one who leaves before their turn.
#[derive(Debug)]
struct Place {
    line: Line,
    ticket_id: TicketId,
}

impl Line {
    /// Waits for a turn, first come first served.
    ///
    /// # Errors
    /// 429 when the line is too long.
    pub async fn join(&self, ticket_id: TicketId) -> Result<Turn> {
        let (turn, place) = self.enter(ticket_id).ok_or_else(crowded)?;
        let turn = turn.acquire_owned().await.map_err(|_| crowded())?;
        Ok(Turn {
            _turn: turn,
            _place: place,
        })
    }

    fn enter(&self, ticket_id: TicketId) -> Option<(Arc<Semaphore>, Place)> {
        let mut tickets = self.tickets.lock().unwrap_or_else(PoisonError::into_inner);
        let gate = tickets.entry(ticket_id).or_insert_with(|| Gate {
            turn: Arc::new(Semaphore::new(1)),
            waiting: 0,
        });
        if gate.waiting >= LENGTH_MAX {
            return None;
        }
        gate.waiting += 1;
        let place = Place {
            line: self.clone(),
            ticket_id,
        };
        Some((Arc::clone(&gate.turn), place))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut tickets = self
            .line
            .tickets
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(gate) = tickets.get_mut(&self.ticket_id) {
            gate.waiting -= 1;
            if gate.waiting == 0 {
                tickets.remove(&self.ticket_id);
            }
        }
    }
}

fn crowded() -> Refused {
    let message = "too many people want this ticket right now; try again in a second";
    let status = StatusCode::TOO_MANY_REQUESTS;
    Refused {
        retry_after: Some(1),
        ..Refused::new(status, "ticket_crowded", message)
    }
}

#[cfg(test)]
mod tests {
    use std::future::Future;
    use std::pin::pin;
    use std::task::{Context, Waker};

    use uuid::Uuid;

    use super::*;

    fn ticket(number: u128) -> TicketId {
        Uuid::from_u128(number).into()
    }

    fn is_ready<T>(future: std::pin::Pin<&mut impl Future<Output = T>>) -> bool {
        future
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_ready()
    }

    fn length(line: &Line) -> usize {
        line.tickets.lock().unwrap().len()
    }

    #[tokio::test]
    async fn one_at_a_time_for_each_ticket() {
        let line = Line::default();
        let first = line.join(ticket(1)).await.unwrap();
        let elsewhere = line.join(ticket(2)).await.unwrap();
        let mut second = pin!(line.join(ticket(1)));
        let mut third = pin!(line.join(ticket(1)));
        assert!(!is_ready(second.as_mut()) && !is_ready(third.as_mut()));
        drop(first);
        let second = second.await.unwrap();
        assert!(!is_ready(third.as_mut()));
        drop(second);
        drop(third.await.unwrap());
        drop(elsewhere);
        assert_eq!(length(&line), 0);
    }

    #[tokio::test]
    async fn who_leaves_early_holds_nobody_up() {
        let line = Line::default();
        let first = line.join(ticket(1)).await.unwrap();
        {
            let mut gone = pin!(line.join(ticket(1)));
            assert!(!is_ready(gone.as_mut()));
        }
        drop(first);
        drop(line.join(ticket(1)).await.unwrap());
        assert_eq!(length(&line), 0);
    }

    #[tokio::test]
    async fn a_line_has_an_end() {
        let line = Line::default();
        let places: Vec<_> = (0..LENGTH_MAX)
            .map(|_| line.enter(ticket(1)).unwrap())
            .collect();
        let refused = line.join(ticket(1)).await.unwrap_err();
        assert_eq!(refused.refused().unwrap().code, "ticket_crowded");
        assert!(line.join(ticket(2)).await.is_ok());
        drop(places);
        assert!(line.join(ticket(1)).await.is_ok());
    }
}
