//! What is to be asked of the provider next.

use crate::flaws;

use super::{Decision, Payment, State};

/// What is to be asked of the provider next. One at a time for each payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Ask for the amount to be held, and stay with it until the outcome is known.
    Authorize,
    /// Look whether the customer has confirmed.
    Watch,
    /// Take the held amount.
    Capture {
        /// The provider's id of the charge.
        reference: String,
    },
    /// Let the hold go.
    Void {
        /// The provider's id of the charge.
        reference: String,
    },
    /// Give money back.
    Refund {
        /// The provider's id of the charge.
        reference: String,
        /// The provider's idempotency key.
        key: String,
        /// How much, in minor units.
        amount_minor: i64,
    },
}

impl Act {
    /// Its name in the work table.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Authorize => "authorize",
            Self::Watch => "watch",
            Self::Capture { .. } => "capture",
            Self::Void { .. } => "void",
            Self::Refund { .. } => "refund",
        }
    }
}

impl Payment {
    /// What is to be asked of the provider now; `None` when nothing is.
    #[must_use]
    pub fn next_act(&self) -> Option<Act> {
        match (&self.state, self.decision) {
            (State::Started { action: None }, _) => Some(Act::Authorize),
            (
                State::Started {
                    action: Some(action),
                },
                Decision::Undo,
            ) => Some(Act::Void {
                reference: action.reference.clone(),
            }),
            (State::Started { action: Some(_) }, _) => Some(Act::Watch),
            (State::Authorized { reference }, decision)
                if decision == Decision::Take || flaws::CAPTURED_UNDECIDED.is_there() =>
            {
                Some(Act::Capture {
                    reference: reference.clone(),
                })
            }
            (State::Authorized { reference }, Decision::Undo) => Some(Act::Void {
                reference: reference.clone(),
            }),
            (State::Captured { reference }, decision) => self.next_refund(reference, decision),
            _ => None,
        }
    }

    /// The provider's idempotency key of an act.
    #[must_use]
    pub fn key_of(&self, act: &Act) -> String {
        match act {
            Act::Authorize | Act::Watch => self.provider_key(),
            Act::Capture { .. } => format!("{}:capture", self.id),
            Act::Void { .. } => format!("{}:void", self.id),
            Act::Refund { key, .. } => key.clone(),
        }
    }

    /// The provider's idempotency key of giving everything back.
    pub(super) fn undo_key(&self) -> String {
        format!("{}:undo", self.id)
    }

    fn next_refund(&self, reference: &str, decision: Decision) -> Option<Act> {
        let reference = reference.to_owned();
        if decision == Decision::Undo {
            let amount_minor = self.amount.minor - self.refunded_minor();
            return Some(Act::Refund {
                reference,
                key: self.undo_key(),
                amount_minor,
            });
        }
        let asked = self.refunds.iter().find(|refund| !refund.done)?;
        let (key, amount_minor) = (asked.key.clone(), asked.amount_minor);
        Some(Act::Refund {
            reference,
            key,
            amount_minor,
        })
    }
}
