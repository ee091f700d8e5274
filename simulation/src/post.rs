//! The mail server: takes messages, refuses them, or takes them and does not say so.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

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
}

impl Post {
    /// A server that takes everything.
    #[must_use]
    pub fn new(seed: u64, tally: Arc<Tally>) -> Arc<Self> {
        Arc::new(Self {
            choices: Seeded::new(seed),
            tally,
            trouble: AtomicU64::new(0),
        })
    }

    /// From now on so many of a thousand messages go wrong.
    pub fn set(&self, trouble: u64) {
        self.trouble.store(trouble, Ordering::Relaxed);
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
    async fn send(&self, _: &Message) -> Result<(), MailError> {
        let failed = |what: &str| MailError {
            temporary: true,
            message: what.to_owned(),
        };
        if self.happens(Fault::MailRefused) {
            return Err(failed("not now"));
        }
        if self.happens(Fault::MailAnswerLost) {
            return Err(failed("the connection was closed"));
        }
        Ok(())
    }
}
