//! Identifiers: a newtype for each kind of thing, so that none can be taken for another.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// A text that is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a valid id")]
pub struct InvalidId;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash,
            Serialize, Deserialize, ToSchema, schemars::JsonSchema,
        )]
        #[serde(transparent)]
        #[schema(value_type = String, format = "uuid")]
        #[schemars(with = "String", extend("format" = "uuid"))]
        pub struct $name(Uuid);

        impl $name {
            /// The id as a UUID (version 7: its first 48 bits are Unix milliseconds).
            #[must_use]
            pub fn uuid(self) -> Uuid {
                self.0
            }
        }

        impl From<Uuid> for $name {
            fn from(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            /// Takes the hyphenated form only (36 characters), as every id is written.
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                if text.len() != 36 {
                    return Err(InvalidId);
                }
                Uuid::try_parse(text).map(Self).map_err(|_| InvalidId)
            }
        }
    )+};
}

ids! {
    /// A person who has signed up (owner: auth).
    UserId,
    /// One sign-in of a person (owner: auth).
    SessionId,
    /// A seller's listing (owner: tickets).
    TicketId,
    /// A hold on a ticket and what became of it (owner: orders).
    OrderId,
    /// One attempt to pay an order (owner: payments).
    PaymentId,
    /// One return of money, whole or partial (owner: payments).
    RefundId,
    /// A message to a person (owner: notifications).
    MessageId,
}

/// Hands all id types to a macro, for what must be done for each of them elsewhere.
#[macro_export]
macro_rules! every_id {
    ($each:ident) => {
        $each!(
            $crate::ids::UserId,
            $crate::ids::SessionId,
            $crate::ids::TicketId,
            $crate::ids::OrderId,
            $crate::ids::PaymentId,
            $crate::ids::RefundId,
            $crate::ids::MessageId,
        );
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_hyphenated_form_is_an_id() {
        let id = OrderId::from(Uuid::from_u128(0x0192_aaaa_bbbb_7ccc_8ddd_eeee_ffff_0000));
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(
            "0192aaaabbbb7ccc8dddeeeeffff0000".parse::<OrderId>(),
            Err(InvalidId)
        );
        assert_eq!("nonsense".parse::<OrderId>(), Err(InvalidId));
        assert_eq!("".parse::<OrderId>(), Err(InvalidId));
    }
}
