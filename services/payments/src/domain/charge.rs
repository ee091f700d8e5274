//! What the payment provider's records show of one payment.

use contracts::Timestamp;
use contracts::money::Money;

/// The provider's record of one payment: the whole truth about the money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// Our idempotency key, under which it was asked for.
    pub key: String,
    /// The provider's own id of it.
    pub reference: String,
    /// How much was asked for.
    pub amount: Money,
    /// Where it stands.
    pub standing: Standing,
    /// What was given back, oldest first.
    pub refunds: Vec<Returned>,
    /// When the provider made it.
    pub created_at: Timestamp,
}

impl Charge {
    /// What was taken and not given back, in minor units.
    #[must_use]
    pub fn held_minor(&self) -> i64 {
        if self.standing != Standing::Captured {
            return 0;
        }
        self.amount.minor
            - self
                .refunds
                .iter()
                .map(|refund| refund.amount_minor)
                .sum::<i64>()
    }
}

/// Where a charge stands with the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// The customer has to confirm at this address first (3-D Secure).
    ActionRequired {
        /// An address of the provider, or a path of this site.
        url: String,
    },
    /// The amount is held.
    Authorized,
    /// The amount was taken.
    Captured,
    /// It was declined, or could not be taken; no money moved.
    Declined {
        /// The provider's stable code.
        code: String,
    },
    /// The hold was let go; no money moved.
    Voided,
}

/// One return of money.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Returned {
    /// Our idempotency key.
    pub key: String,
    /// How much, in minor units of the charge's currency.
    pub amount_minor: i64,
}
