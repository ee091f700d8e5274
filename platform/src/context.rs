//! What a running service is given: its database, the clock, the bus, the sessions.

use std::sync::Arc;
use std::time::Duration;

use contracts::Timestamp;

use crate::bus::Bus;
use crate::clock::Clock;
use crate::db::{Db, Wakers};
use crate::http::idempotency::InFlight;
use crate::random::{Random, uuid_v7};
use crate::session::Sessions;
use crate::shares::Left;
use crate::tasks::Tasks;

/// The pause before a copy is looked at again.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// What a running service is given. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    /// The service's name.
    pub service: &'static str,
    /// Which replica of the service this is, unlike any other.
    pub replica: Arc<str>,
    /// Its database, which nobody else opens.
    pub db: Db,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
    /// The bus; services use it through their consumers and log only.
    pub bus: Arc<dyn Bus>,
    /// Who a request comes from.
    pub sessions: Sessions,
    /// Wakes jobs by name.
    pub wakers: Wakers,
    /// Background work.
    pub tasks: Tasks,
    /// Requests with an idempotency key that are running now.
    pub in_flight: InFlight,
    /// The address under which people reach the site, if it is known.
    pub public_url: Option<Arc<str>>,
    /// Whether this replica has left the others.
    pub left: Left,
}

impl Context {
    /// The time.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A new id.
    #[must_use]
    pub fn new_id<T: From<uuid::Uuid>>(&self) -> T {
        T::from(uuid_v7(self.random.as_ref(), self.now()))
    }

    /// Whether cookies are to be sent over https only.
    #[must_use]
    pub fn secure_cookies(&self) -> bool {
        self.public_url
            .as_deref()
            .is_some_and(|url| url.starts_with("https://"))
    }

    /// Asks `look`, which reads this service's database alone, until it answers something, for at most
    /// `limit`; so that what a client has just made elsewhere can be used here at once. Where nobody
    /// else writes, it is asked again only when something was written.
    ///
    /// # Errors
    /// What `look` fails with.
    pub async fn wait_for<T>(
        &self,
        limit: Duration,
        look: impl AsyncFn() -> crate::Result<Option<T>>,
    ) -> crate::Result<Option<T>> {
        let began = self.clock.elapsed();
        let mut pause = LOOK_AGAIN;
        let mut looked_at = None;
        loop {
            // Counted before the look: what is written meanwhile is seen by the next.
            let written = (!self.db.is_shared()).then(|| self.db.writes().0);
            if written.is_none() || written != looked_at {
                looked_at = written;
                if let Some(found) = look().await? {
                    return Ok(Some(found));
                }
            }
            if self.clock.elapsed().saturating_sub(began) >= limit {
                return Ok(None);
            }
            self.clock.sleep(pause).await;
            // Looking costs little in a file, and a journey to a server.
            if self.db.is_shared() {
                pause = (pause * 2).min(LOOK_AGAIN * 10);
            }
        }
    }
}
