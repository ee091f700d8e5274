//! The payment provider, as payments needs it: every provider that ships implements this.

pub mod notice;
pub mod sandbox;
pub mod signature;

use async_trait::async_trait;
use contracts::Timestamp;
use contracts::money::Money;

use crate::domain::charge::Charge;

/// Holds, takes and gives back money.
///
/// Every call that changes something carries an idempotency key: the same key with the same
/// request has one effect, however often it is sent. Each answers with the provider's whole record
/// as it is after the call: a void may find the money taken, a capture the hold let go.
#[async_trait]
pub trait Provider: Send + Sync + 'static {
    /// Asks for an amount to be held (or taken at once, by a provider that can't hold) from the
    /// card behind the token. A declined card is an answer, not an error.
    async fn authorize(&self, key: &str, amount: Money, token: &str) -> Answer<Charge>;

    /// Takes a held amount.
    async fn capture(&self, reference: &str, key: &str) -> Answer<Charge>;

    /// Lets a hold go.
    async fn void(&self, reference: &str, key: &str) -> Answer<Charge>;

    /// Gives an amount in minor units of a taken one back.
    async fn refund(&self, reference: &str, amount_minor: i64, key: &str) -> Answer<Charge>;

    /// What an authorisation with this key has become; `None` if the provider never saw it.
    async fn look_up(&self, key: &str) -> Answer<Option<Charge>>;

    /// At most `limit` records after this position, oldest first.
    async fn list(&self, after: &Position, limit: u32) -> Answer<Vec<Charge>>;
}

/// What a call comes back with.
pub type Answer<T> = Result<T, ProviderError>;

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// It did not answer in time: whether it acted is unknown.
    #[error("the payment provider did not answer in time")]
    Timeout,
    /// It can't be reached, or answers 5xx: whether it acted is unknown.
    #[error("the payment provider is unavailable: {0}")]
    Unavailable(String),
    /// It refuses the request itself, and did nothing.
    #[error("the payment provider refuses the request: {code}")]
    Invalid {
        /// The provider's stable code, such as `invalid_token`.
        code: String,
    },
}

/// The code of a token that the provider did not make.
pub const INVALID_TOKEN: &str = "invalid_token";

/// A place in the provider's records, which are in order of time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// When the record was made.
    pub created_at: Timestamp,
    /// The record, among those of the same time.
    pub reference: String,
}

impl Position {
    /// Before the first record.
    #[must_use]
    pub fn beginning() -> Self {
        Self {
            created_at: Timestamp::UNIX_EPOCH,
            reference: String::new(),
        }
    }

    /// Where a record stands.
    #[must_use]
    pub fn of(charge: &Charge) -> Self {
        Self {
            created_at: charge.created_at,
            reference: charge.reference.clone(),
        }
    }
}
