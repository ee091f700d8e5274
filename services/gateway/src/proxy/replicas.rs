//! A service's replicas: which of them gets the next request, and what is known of each.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

use axum::http::uri::Authority;
use metrics::{Gauge, gauge};

/// What is known of a replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Health {
    /// It says that it is ready.
    Ready,
    /// It says that it is not, or has not been asked yet: only where no other is ready.
    Unready,
    /// It can't be reached.
    Dead,
}

/// One replica of a service.
#[derive(Debug)]
pub struct Replica {
    /// Where it is.
    pub authority: Authority,
    address: SocketAddr,
    service: &'static str,
    health: AtomicU8,
    in_flight: AtomicUsize,
    up: Gauge,
}

impl Replica {
    fn new(service: &'static str, address: SocketAddr) -> Option<Self> {
        let labels = [
            ("service", service.to_owned()),
            ("address", address.to_string()),
        ];
        Some(Self {
            authority: address.to_string().parse().ok()?,
            address,
            service,
            health: AtomicU8::new(1),
            in_flight: AtomicUsize::new(0),
            up: gauge!("ticketing_gateway_upstream_up", &labels),
        })
    }

    /// What is known of it.
    pub fn health(&self) -> Health {
        match self.health.load(Ordering::Relaxed) {
            0 => Health::Ready,
            1 => Health::Unready,
            _ => Health::Dead,
        }
    }

    /// Notes what was found out.
    pub fn note(&self, health: Health) {
        let (code, up) = match health {
            Health::Ready => (0, 1.0),
            Health::Unready => (1, 0.0),
            Health::Dead => (2, 0.0),
        };
        self.up.set(up);
        if self.health.swap(code, Ordering::Relaxed) != code {
            let (service, address) = (self.service, self.address);
            tracing::info!(service, %address, ?health, "a replica changed");
        }
    }
}

/// A request that is being answered by a replica, until it is dropped.
#[derive(Debug)]
pub struct InFlight(pub Arc<Replica>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Who gets a request.
pub enum Choice {
    /// This one.
    Taken(InFlight),
    /// All that could are busy.
    Busy,
    /// There is none.
    Nobody,
}

/// The replicas of one service.
pub struct Replicas {
    /// The service.
    pub service: &'static str,
    /// The addresses that the operator named, `host:port`.
    pub named: Vec<String>,
    in_flight_max: usize,
    known: RwLock<Arc<[Arc<Replica>]>>,
    turn: AtomicUsize,
}

impl Replicas {
    /// None are known until the names are resolved.
    pub fn new(service: &'static str, named: Vec<String>, in_flight_max: usize) -> Self {
        Self {
            service,
            named,
            in_flight_max,
            known: RwLock::new(Arc::new([])),
            turn: AtomicUsize::new(0),
        }
    }

    /// Those that are known.
    pub fn known(&self) -> Arc<[Arc<Replica>]> {
        Arc::clone(&self.known.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// These are the addresses from now on; what is known of those that stay is kept.
    pub fn become_those_at(&self, addresses: &[SocketAddr]) {
        let before = self.known();
        let of = |address: &SocketAddr| {
            let known = before.iter().find(|replica| replica.address == *address);
            match known {
                Some(known) => Some(Arc::clone(known)),
                None => Replica::new(self.service, *address).map(Arc::new),
            }
        };
        let after: Arc<[Arc<Replica>]> = addresses.iter().filter_map(of).collect();
        for gone in before
            .iter()
            .filter(|old| !addresses.contains(&old.address))
        {
            gone.up.set(0.0);
        }
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = after;
    }

    /// The ready one with the fewest requests in flight, in turn where there are several; one that has
    /// `failed` this request only where there is no other.
    pub fn choose(&self, failed: &[Arc<Replica>]) -> Choice {
        let known = self.known();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let first = turn.checked_rem(known.len()).unwrap_or(0);
        let in_turn = known.iter().skip(first).chain(known.iter().take(first));
        // Where all seem to be dead the next to be asked may have come back.
        let best = in_turn.min_by_key(|replica| {
            let has_failed = failed.iter().any(|failed| Arc::ptr_eq(failed, replica));
            let in_flight = replica.in_flight.load(Ordering::Relaxed);
            (has_failed, replica.health(), in_flight)
        });
        let Some(best) = best else {
            return Choice::Nobody;
        };
        let taken = InFlight(Arc::clone(best));
        if best.in_flight.fetch_add(1, Ordering::Relaxed) >= self.in_flight_max {
            return Choice::Busy;
        }
        Choice::Taken(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replicas(count: u16, in_flight_max: usize) -> Replicas {
        let replicas = Replicas::new("orders", Vec::new(), in_flight_max);
        let addresses: Vec<SocketAddr> = (1..=count)
            .map(|port| SocketAddr::from(([127, 0, 0, 1], port)))
            .collect();
        replicas.become_those_at(&addresses);
        for replica in replicas.known().iter() {
            replica.note(Health::Ready);
        }
        replicas
    }

    fn take(replicas: &Replicas) -> Option<InFlight> {
        match replicas.choose(&[]) {
            Choice::Taken(taken) => Some(taken),
            Choice::Busy | Choice::Nobody => None,
        }
    }

    fn port(taken: Option<&InFlight>) -> u16 {
        taken.unwrap().0.address.port()
    }

    #[test]
    fn equals_take_turns_and_the_least_busy_goes_first() {
        let replicas = replicas(3, 10);
        let mut turns: Vec<u16> = (0..3).map(|_| port(take(&replicas).as_ref())).collect();
        turns.sort_unstable();
        assert_eq!(turns, [1, 2, 3]);
        let held = [take(&replicas), take(&replicas)];
        let third = take(&replicas);
        let mut all: Vec<u16> = held.iter().map(|one| port(one.as_ref())).collect();
        all.push(port(third.as_ref()));
        all.sort_unstable();
        assert_eq!(all, [1, 2, 3], "one each");
    }

    #[test]
    fn who_is_not_ready_gets_nothing_while_another_is() {
        let replicas = replicas(2, 10);
        let known = replicas.known();
        known[0].note(Health::Unready);
        assert!((0..4).all(|_| port(take(&replicas).as_ref()) == 2));
        known[1].note(Health::Dead);
        assert!((0..4).all(|_| port(take(&replicas).as_ref()) == 1));
        known[0].note(Health::Dead);
        assert!(take(&replicas).is_some(), "one of them may have come back");
    }

    #[test]
    fn who_has_failed_a_request_gets_it_again_only_alone() {
        let replicas = replicas(2, 10);
        let failed = [Arc::clone(&replicas.known()[0])];
        for _ in 0..4 {
            let Choice::Taken(taken) = replicas.choose(&failed) else {
                panic!("there are two")
            };
            assert_eq!(port(Some(&taken)), 2);
        }
    }

    #[test]
    fn above_the_limit_it_is_busy_until_a_request_ends() {
        let replicas = replicas(1, 2);
        let held = [take(&replicas), take(&replicas)];
        assert!(held.iter().all(Option::is_some));
        assert!(matches!(replicas.choose(&[]), Choice::Busy));
        drop(held);
        assert!(take(&replicas).is_some());
    }

    #[test]
    fn what_is_known_of_those_that_stay_is_kept() {
        let replicas = replicas(2, 10);
        let held = take(&replicas);
        let stays = held.as_ref().unwrap().0.address;
        let comes = SocketAddr::from(([127, 0, 0, 1], 9));
        replicas.become_those_at(&[stays, comes]);
        let known = replicas.known();
        assert_eq!(known.len(), 2);
        assert!(Arc::ptr_eq(&known[0], &held.as_ref().unwrap().0));
        assert_eq!(known[1].health(), Health::Unready);
    }
}
