//! Hashes passwords off the async threads, with a bound on how many at once and how many in line.

mod argon;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::anyhow;
use argon2::Params;
use platform::random::Random;
use platform::tasks::Tasks;
use platform::{Context, Failure, Result};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::domain::password::Password;
use crate::domain::refusal::Refusal;

pub use argon::Memory;

/// What one hash costs. The default is OWASP's current advice for Argon2id: 19 MiB of memory, two
/// passes, one lane (Password Storage Cheat Sheet), which is also the library's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cost(Params);

impl Cost {
    /// So much memory, in KiB, and so many passes over it, by one lane.
    ///
    /// # Errors
    /// When Argon2 does not know such a cost.
    pub fn new(memory_kib: u32, passes: u32) -> anyhow::Result<Self> {
        let params = Params::new(memory_kib, passes, 1, None);
        params
            .map(Self)
            .map_err(|error| anyhow!("password hashing: {error}"))
    }

    /// What an unknown address is compared with: of this cost, and made of no password.
    fn dummy(&self) -> String {
        let (memory, passes, lanes) = (self.0.m_cost(), self.0.t_cost(), self.0.p_cost());
        let (salt, output) = ("A".repeat(22), "A".repeat(43));
        format!("$argon2id$v=19$m={memory},t={passes},p={lanes}${salt}${output}")
    }
}

/// Hashes and compares passwords. Cheap to clone.
#[derive(Clone)]
pub struct Hashing {
    params: Params,
    memory: Memory,
    running: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
    waiting_max: usize,
    random: Arc<dyn Random>,
    tasks: Tasks,
    dummy: Arc<str>,
}

/// How much is hashed at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// At most so many hashes run: each takes a core and the memory of its [`Cost`].
    pub running: usize,
    /// At most so many wait.
    pub waiting: usize,
}

/// What comparing a password has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is another password.
    Wrong,
    /// It is the password.
    Right,
    /// It is the password, and here is a hash of today's cost to replace the old one with.
    Outdated(String),
}

/// A place in the line, given back when dropped.
struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Hashing {
    /// As `bounds` allow, in this memory.
    #[must_use]
    pub fn new(cost: &Cost, bounds: Bounds, memory: Memory, ctx: &Context) -> Self {
        Self::on(
            cost,
            bounds,
            memory,
            (ctx.random.clone(), ctx.tasks.clone()),
        )
    }

    fn on(
        cost: &Cost,
        bounds: Bounds,
        memory: Memory,
        (random, tasks): (Arc<dyn Random>, Tasks),
    ) -> Self {
        Self {
            params: cost.0.clone(),
            memory,
            running: Arc::new(Semaphore::new(bounds.running.max(1))),
            waiting: Arc::default(),
            waiting_max: bounds.waiting,
            random,
            tasks,
            dummy: cost.dummy().into(),
        }
    }

    /// The hash of a new password, as a PHC string.
    ///
    /// # Errors
    /// [`Refusal::Busy`] when too many wait.
    pub async fn hash(&self, password: Password) -> Result<String> {
        let permit = self.wait().await?;
        let this = self.clone();
        self.run(permit, move || this.hash_now(&password)).await
    }

    /// Whether `password` is the one that `stored` was made of; with nothing stored it takes as long
    /// and is wrong. `go_on` is asked when it is this one's turn; `on_wrong` is called before the next
    /// one's turn comes, also when the caller has gone away.
    ///
    /// # Errors
    /// [`Refusal::Busy`] when too many wait; what `go_on` fails with.
    pub async fn verify(
        &self,
        password: Password,
        stored: Option<&str>,
        go_on: impl FnOnce() -> Result<()>,
        on_wrong: impl FnOnce() + Send + 'static,
    ) -> Result<Verdict> {
        let permit = self.wait().await?;
        go_on()?;
        let this = self.clone();
        let stored = stored.map(str::to_owned);
        self.run(permit, move || {
            let verdict = this.compare_now(&password, stored.as_deref())?;
            if verdict == Verdict::Wrong {
                on_wrong();
            }
            Ok(verdict)
        })
        .await
    }

    fn compare_now(&self, password: &Password, stored: Option<&str>) -> anyhow::Result<Verdict> {
        let against = stored.unwrap_or(&self.dummy);
        let is_right = argon::is_of(&self.memory, password.as_bytes(), against)?;
        match stored {
            Some(stored) if is_right && argon::is_current(&self.params, stored) => {
                Ok(Verdict::Right)
            }
            Some(_) if is_right => self.hash_now(password).map(Verdict::Outdated),
            _ => Ok(Verdict::Wrong),
        }
    }

    fn hash_now(&self, password: &Password) -> anyhow::Result<String> {
        // 16 bytes: what the PHC string format recommends.
        let mut salt = [0; 16];
        self.random.fill(&mut salt);
        argon::hash(&self.memory, &self.params, password.as_bytes(), &salt)
    }

    /// The permit goes with the work: a caller that goes away does not end it, nor free its core.
    async fn run<T: Send + 'static>(
        &self,
        permit: OwnedSemaphorePermit,
        work: impl FnOnce() -> anyhow::Result<T> + Send + 'static,
    ) -> Result<T> {
        let bounded = move || {
            let outcome = work();
            drop(permit);
            outcome
        };
        Ok(self.tasks.blocking(bounded).await??)
    }

    async fn wait(&self) -> Result<OwnedSemaphorePermit> {
        if let Ok(permit) = Arc::clone(&self.running).try_acquire_owned() {
            return Ok(permit);
        }
        let ahead = self.waiting.fetch_add(1, Ordering::AcqRel);
        let _place = Place(Arc::clone(&self.waiting));
        if ahead >= self.waiting_max {
            return Err(Refusal::Busy.into());
        }
        let closed = |_| Failure::Unavailable("password hashing has ended".to_owned());
        Arc::clone(&self.running)
            .acquire_owned()
            .await
            .map_err(closed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use platform::random::SystemRandom;

    fn hashing(passes: u32, waiting: usize) -> Hashing {
        with_cost(&Cost::new(64, passes).unwrap(), waiting)
    }

    fn with_cost(cost: &Cost, waiting: usize) -> Hashing {
        let bounds = Bounds {
            running: 1,
            waiting,
        };
        let surroundings = (Arc::new(SystemRandom) as _, Tasks::default());
        Hashing::on(cost, bounds, Memory::default(), surroundings)
    }

    fn password(text: &str) -> Password {
        Password::typed(text).unwrap()
    }

    #[tokio::test]
    async fn a_password_is_known_again() {
        let hashing = hashing(1, 8);
        let stored = hashing.hash(password("correct horse")).await.unwrap();
        let verify = async |text: &str| {
            hashing
                .verify(password(text), Some(&stored), || Ok(()), || ())
                .await
                .unwrap()
        };
        assert_eq!(verify("correct horse").await, Verdict::Right);
        assert_eq!(verify("Correct horse").await, Verdict::Wrong);
        assert_ne!(
            stored,
            hashing.hash(password("correct horse")).await.unwrap(),
            "salted"
        );
    }

    #[tokio::test]
    async fn nobody_is_compared_at_the_same_cost() {
        let hashing = hashing(1, 8);
        let verdict = hashing
            .verify(password("any"), None, || Ok(()), || ())
            .await;
        assert_eq!(verdict.unwrap(), Verdict::Wrong);
        assert!(argon::is_current(&hashing.params, &hashing.dummy));
    }

    #[tokio::test]
    async fn the_default_is_owasps_advice() {
        let hashing = with_cost(&Cost::default(), 1);
        let hash = hashing.hash(password("correct horse")).await.unwrap();
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
    }

    #[tokio::test]
    async fn an_old_hash_is_replaced() {
        let old = hashing(1, 8).hash(password("correct horse")).await.unwrap();
        let today = hashing(2, 8);
        let Verdict::Outdated(new) = today
            .verify(password("correct horse"), Some(&old), || Ok(()), || ())
            .await
            .unwrap()
        else {
            panic!("the old hash is still good enough");
        };
        assert!(new.contains("t=2"));
        assert_eq!(
            today
                .verify(password("correct horse"), Some(&new), || Ok(()), || ())
                .await
                .unwrap(),
            Verdict::Right
        );
        assert_eq!(
            today
                .verify(password("wrong"), Some(&old), || Ok(()), || ())
                .await
                .unwrap(),
            Verdict::Wrong
        );
    }

    #[tokio::test]
    async fn a_full_line_is_told_to_come_back() {
        let hashing = hashing(1, 1);
        let held = hashing.wait().await.unwrap();
        let waiting = hashing.clone();
        let mut second = std::pin::pin!(waiting.wait());
        assert!(poll_once(second.as_mut()).is_none(), "one waits");
        let refused = hashing.hash(password("correct horse")).await.unwrap_err();
        assert_eq!(refused.refused().map(|refused| refused.code), Some("busy"));
        drop(held);
        drop(second.await.unwrap());
        assert!(hashing.hash(password("correct horse")).await.is_ok());
    }

    #[tokio::test]
    async fn whose_turn_comes_is_asked_once_more() {
        let hashing = hashing(1, 1);
        let refuse = || Err(Refusal::TooManyFailures { retry_after: 3 }.into());
        let refused = hashing
            .verify(password("x"), None, refuse, || ())
            .await
            .unwrap_err();
        assert_eq!(
            refused.refused().map(|refused| refused.code),
            Some("too_many_failures")
        );
    }

    fn poll_once<F: Future>(future: std::pin::Pin<&mut F>) -> Option<F::Output> {
        match future.poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        }
    }
}
