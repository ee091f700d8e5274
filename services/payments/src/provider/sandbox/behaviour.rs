//! How the sandbox is told to misbehave.

use std::time::Duration;

use super::cards;
use crate::domain::charge::Standing;

/// How the sandbox behaves; by default as well as a provider can.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Behaviour {
    /// How long each call takes before anything happens.
    pub latency: Duration,
    /// How long the answer takes after it has happened: an answer that comes late.
    pub answer_delay: Duration,
    /// How many of the next calls about a single charge act and lose their answer.
    pub lose_answers: u32,
    /// Whether every call is answered 503, without effect.
    pub unavailable: bool,
    /// Whether money is taken at once, as by providers that can't hold an amount.
    pub capture_immediately: bool,
    /// Whether captures fail and let the hold go.
    pub decline_captures: bool,
}

impl Behaviour {
    /// What a good card leads to.
    pub(super) fn granted(&self) -> Standing {
        if self.capture_immediately {
            Standing::Captured
        } else {
            Standing::Authorized
        }
    }

    /// What a capture leads to.
    pub(super) fn taken(&self) -> Standing {
        if self.decline_captures {
            return cards::not_captured();
        }
        Standing::Captured
    }
}
