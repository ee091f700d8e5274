//! The mail server: takes messages, refuses them, or takes them and does not say so.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use platform::mail::{MailError, Mailer, Message};
use testing::random::Seeded;

use crate::faults::{Fault, Tally};

/// The mail server.
pub struct Post {
    choices: Seeded,
    tally: Arc<Tally>,
    /// How many of a thousand messages go wrong.
    trouble: AtomicU64,
    /// The messages that were taken, by their ids: how often.
    taken: Mutex<BTreeMap<String, u32>>,
}

impl Post {
    /// A server that takes everything.
    #[must_use]
    pub fn new(seed: u64, tally: Arc<Tally>) -> Arc<Self> {
        Arc::new(Self {
            choices: Seeded::new(seed),
            tally,
            trouble: AtomicU64::new(0),
            taken: Mutex::default(),
        })
    }

    /// From now on so many of a thousand messages go wrong.
    pub fn set(&self, trouble: u64) {
        self.trouble.store(trouble, Ordering::Relaxed);
    }

    /// How many different messages were taken, and how many came more than once.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let again = taken.values().filter(|times| **times > 1).count();
        (taken.len(), again)
    }

    fn happens(&self, fault: Fault) -> bool {
        let does = self.choices.below(1000) < self.trouble.load(Ordering::Relaxed);
        if does {
            self.tally.count(fault);
        }
        does
    }
}

#[async_trait]
impl Mailer for Post {
    async fn send(&self, message: &Message) -> Result<(), MailError> {
        let failed = |what: &str| MailError {
            temporary: true,
            message: what.to_owned(),
        };
        if self.happens(Fault::MailRefused) {
            return Err(failed("not now"));
        }
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        *taken.entry(message.message_id.clone()).or_default() += 1;
        drop(taken);
        if self.happens(Fault::MailAnswerLost) {
            return Err(failed("the connection was closed"));
        }
        Ok(())
    }
}
