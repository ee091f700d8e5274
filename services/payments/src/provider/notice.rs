//! What a provider tells by itself: something has become of a charge.
//!
//! Notices come late, twice and in any order, and whoever has the secret can make one up. So what one
//! says is a reason to look, never what is believed.

use contracts::Timestamp;
use contracts::money::{Currency, Money};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::domain::charge::{Charge, Returned, Standing};

/// The kinds of notices that say something of a charge; others are passed over.
const KINDS: &str = "charge.";

/// A notice of the payment provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Notice {
    /// The provider's own id of it: the same each time it is sent.
    pub id: String,
    /// What happened: `charge.authorized`, say.
    #[serde(rename = "type")]
    pub kind: String,
    /// What it happened to.
    #[schema(value_type = ChargeSaid)]
    pub data: serde_json::Value,
}

/// A charge, as a notice describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChargeSaid {
    /// Our idempotency key, under which it was asked for.
    pub key: String,
    /// The provider's own id of it.
    pub reference: String,
    /// How much was asked for, in minor units.
    pub amount_minor: i64,
    /// ISO 4217 in lower case.
    #[schema(value_type = String)]
    pub currency: Currency,
    /// Where it stands.
    #[serde(flatten)]
    pub standing: StandingSaid,
    /// What was given back, oldest first.
    #[serde(default)]
    pub refunds: Vec<RefundSaid>,
    /// When the provider made it.
    #[schema(value_type = String, format = DateTime)]
    pub created_at: Timestamp,
}

/// Where a charge stands, as a notice describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "status", rename_all = "snake_case")]
pub enum StandingSaid {
    /// The customer has to confirm at this address first.
    ActionRequired {
        /// Where.
        url: String,
    },
    /// The amount is held.
    Authorized,
    /// The amount was taken.
    Captured,
    /// It was declined, or could not be taken.
    Declined {
        /// The provider's stable code.
        code: String,
    },
    /// The hold was let go.
    Voided,
}

/// One return of money, as a notice describes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RefundSaid {
    /// Our idempotency key.
    pub key: String,
    /// How much, in minor units.
    pub amount_minor: i64,
}

impl Notice {
    /// What it says of a charge; `None` if it is about something else.
    ///
    /// # Errors
    /// When what it says of a charge can't be read.
    pub fn charge(&self) -> serde_json::Result<Option<Charge>> {
        if !self.kind.starts_with(KINDS) {
            return Ok(None);
        }
        ChargeSaid::deserialize(&self.data).map(|said| Some(said.into()))
    }

    /// What is sent of a charge that has come to stand where it does.
    ///
    /// # Errors
    /// When it does not serialise: a fault of our own.
    pub fn of(id: String, charge: &Charge) -> serde_json::Result<Self> {
        let what = match &charge.standing {
            Standing::Captured if !charge.refunds.is_empty() => "refunded",
            Standing::Captured => "captured",
            Standing::ActionRequired { .. } => "action_required",
            Standing::Authorized => "authorized",
            Standing::Declined { .. } => "declined",
            Standing::Voided => "voided",
        };
        Ok(Self {
            id,
            kind: format!("{KINDS}{what}"),
            data: serde_json::to_value(ChargeSaid::from(charge))?,
        })
    }
}

impl From<&Charge> for ChargeSaid {
    fn from(charge: &Charge) -> Self {
        let refund = |returned: &Returned| RefundSaid {
            key: returned.key.clone(),
            amount_minor: returned.amount_minor,
        };
        Self {
            key: charge.key.clone(),
            reference: charge.reference.clone(),
            amount_minor: charge.amount.minor,
            currency: charge.amount.currency,
            standing: match charge.standing.clone() {
                Standing::ActionRequired { url } => StandingSaid::ActionRequired { url },
                Standing::Authorized => StandingSaid::Authorized,
                Standing::Captured => StandingSaid::Captured,
                Standing::Declined { code } => StandingSaid::Declined { code },
                Standing::Voided => StandingSaid::Voided,
            },
            refunds: charge.refunds.iter().map(refund).collect(),
            created_at: charge.created_at,
        }
    }
}

impl From<ChargeSaid> for Charge {
    fn from(said: ChargeSaid) -> Self {
        let returned = |refund: RefundSaid| Returned {
            key: refund.key,
            amount_minor: refund.amount_minor,
        };
        Self {
            key: said.key,
            reference: said.reference,
            amount: Money {
                minor: said.amount_minor,
                currency: said.currency,
            },
            standing: match said.standing {
                StandingSaid::ActionRequired { url } => Standing::ActionRequired { url },
                StandingSaid::Authorized => Standing::Authorized,
                StandingSaid::Captured => Standing::Captured,
                StandingSaid::Declined { code } => Standing::Declined { code },
                StandingSaid::Voided => Standing::Voided,
            },
            refunds: said.refunds.into_iter().map(returned).collect(),
            created_at: said.created_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn charge(standing: Standing) -> Charge {
        Charge {
            key: "p:authorize".to_owned(),
            reference: "ch_1".to_owned(),
            amount: Money {
                minor: 2000,
                currency: Currency::USD,
            },
            standing,
            refunds: Vec::new(),
            created_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn what_is_said_of_a_charge_is_read_again() {
        let code = "card_declined".to_owned();
        let url = "/bank".to_owned();
        for (standing, kind) in [
            (Standing::ActionRequired { url }, "charge.action_required"),
            (Standing::Authorized, "charge.authorized"),
            (Standing::Captured, "charge.captured"),
            (Standing::Declined { code }, "charge.declined"),
            (Standing::Voided, "charge.voided"),
        ] {
            let charge = charge(standing);
            let notice = Notice::of("evt_1".to_owned(), &charge).unwrap();
            assert_eq!(notice.kind, kind);
            let sent = serde_json::to_string(&notice).unwrap();
            let read: Notice = serde_json::from_str(&sent).unwrap();
            assert_eq!(read.charge().unwrap(), Some(charge));
        }
        let mut refunded = charge(Standing::Captured);
        refunded.refunds.push(Returned {
            key: "r".to_owned(),
            amount_minor: 5,
        });
        let notice = Notice::of("evt_2".to_owned(), &refunded).unwrap();
        assert_eq!(notice.kind, "charge.refunded");
        assert_eq!(notice.charge().unwrap(), Some(refunded));
    }

    #[test]
    fn what_is_about_something_else_says_nothing_of_a_charge() {
        let read = |text| serde_json::from_str::<Notice>(text).unwrap().charge();
        let other = read(r#"{"id": "evt_1", "type": "payout.paid", "data": {"to": "a bank"}}"#);
        assert_eq!(other.unwrap(), None);
        assert!(read(r#"{"id": "evt_1", "type": "charge.captured", "data": {}}"#).is_err());
    }
}
