//! When a ticket may be reserved.

use crate::flaws;
use contracts::ids::{TicketId, UserId};
use contracts::money::{Amount, AmountError, Money};

use super::refusal::Refusal;

/// What a buyer asks for, and what they believe the offer to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wish {
    /// The ticket.
    pub ticket_id: TicketId,
    /// Who wants it.
    pub buyer_id: UserId,
    /// The price that the buyer has seen.
    pub price: Option<Amount>,
    /// The ticket's version that the buyer has seen.
    pub version: Option<i64>,
}

/// What is known here of a ticket: a copy, which may lag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The ticket.
    pub ticket_id: TicketId,
    /// Who sells it.
    pub seller_id: UserId,
    /// What the seller calls it.
    pub title: String,
    /// The asking price.
    pub price: Money,
    /// The ticket's version that this was copied from.
    pub version: i64,
    /// The version of the present offer.
    pub offer_version: i64,
    /// Whether it is on the market.
    pub market: Market,
}

/// Whether a ticket is on the market. A lock is not told apart: orders knows its own holds better
/// than a copy that lags.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Market {
    /// It is offered.
    Open,
    /// An order has paid for it.
    Sold,
    /// Its seller took it back.
    Withdrawn,
}

/// The holds that stand in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holds {
    /// Live orders on the ticket.
    pub on_ticket: i64,
    /// Orders of the buyer that wait for money.
    pub of_buyer: i64,
    /// How many of those a buyer may have.
    pub of_buyer_max: i64,
}

/// Whether the copy is older than the version that the buyer has seen: then a newer one is on its way.
#[must_use]
pub fn is_behind(seen: Option<i64>, offer: &Offer) -> bool {
    seen.is_some_and(|seen| seen > offer.version)
}

/// Why a wish is not granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    /// The expected price is none in the ticket's currency.
    BadPrice(AmountError),
    /// The rules say no.
    Refused(Refusal),
}

impl From<Refusal> for Denied {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Whether the buyer may have the ticket, as far as is known here.
///
/// # Errors
/// The first rule that says no; a price that can't be read comes before all rules.
pub fn judge(wish: &Wish, offer: &Offer, holds: Holds) -> Result<(), Denied> {
    let minor = |price: &Amount| price.minor(offer.price.currency);
    let expected_minor = wish
        .price
        .as_ref()
        .map(minor)
        .transpose()
        .map_err(Denied::BadPrice)?;
    if wish
        .version
        .is_some_and(|version| version < offer.offer_version)
    {
        return Err(Refusal::OfferChanged.into());
    }
    if wish.buyer_id == offer.seller_id {
        return Err(Refusal::OwnTicket.into());
    }
    match offer.market {
        Market::Sold => return Err(Refusal::TicketSold.into()),
        Market::Withdrawn => return Err(Refusal::TicketWithdrawn.into()),
        Market::Open => {}
    }
    if holds.on_ticket > 0 && !flaws::SEVERAL_LIVE_ORDERS.is_there() {
        return Err(Refusal::TicketReserved.into());
    }
    if expected_minor.is_some_and(|minor| minor != offer.price.minor) {
        return Err(Refusal::PriceChanged.into());
    }
    if holds.of_buyer >= holds.of_buyer_max {
        return Err(Refusal::TooManyHolds.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use contracts::money::Currency;
    use uuid::Uuid;

    use super::*;

    fn offer() -> Offer {
        Offer {
            ticket_id: Uuid::from_u128(1).into(),
            seller_id: Uuid::from_u128(2).into(),
            title: "Front row".to_owned(),
            price: Money {
                minor: 1999,
                currency: Currency::USD,
            },
            version: 7,
            offer_version: 5,
            market: Market::Open,
        }
    }

    fn wish() -> Wish {
        let offer = offer();
        let buyer_id = Uuid::from_u128(3).into();
        Wish {
            ticket_id: offer.ticket_id,
            buyer_id,
            price: None,
            version: None,
        }
    }

    fn priced(text: &str) -> Wish {
        Wish {
            price: Some(Amount::parse(text).unwrap()),
            ..wish()
        }
    }

    fn seen(version: i64) -> Wish {
        Wish {
            version: Some(version),
            ..wish()
        }
    }

    const FREE: Holds = Holds {
        on_ticket: 0,
        of_buyer: 0,
        of_buyer_max: 10,
    };

    #[test]
    fn an_open_offer_can_be_had_with_or_without_an_expectation() {
        for wish in [
            wish(),
            priced("19.99"),
            priced("19.990"),
            seen(5),
            seen(6),
            seen(7),
        ] {
            assert_eq!(judge(&wish, &offer(), FREE), Ok(()), "{wish:?}");
        }
        assert_eq!(
            judge(
                &wish(),
                &offer(),
                Holds {
                    of_buyer: 9,
                    ..FREE
                }
            ),
            Ok(())
        );
    }

    #[test]
    fn each_rule_refuses_with_its_own_reason() {
        let sold = Offer {
            market: Market::Sold,
            ..offer()
        };
        let withdrawn = Offer {
            market: Market::Withdrawn,
            ..offer()
        };
        let own = Wish {
            buyer_id: offer().seller_id,
            ..wish()
        };
        let held = Holds {
            on_ticket: 1,
            ..FREE
        };
        let cases = [
            (seen(4), offer(), FREE, Refusal::OfferChanged),
            (own, offer(), FREE, Refusal::OwnTicket),
            (wish(), sold, FREE, Refusal::TicketSold),
            (wish(), withdrawn, FREE, Refusal::TicketWithdrawn),
            (wish(), offer(), held, Refusal::TicketReserved),
            (priced("20"), offer(), FREE, Refusal::PriceChanged),
            (priced("-1"), offer(), FREE, Refusal::PriceChanged),
            (
                wish(),
                offer(),
                Holds {
                    of_buyer: 10,
                    ..FREE
                },
                Refusal::TooManyHolds,
            ),
        ];
        for (wish, offer, holds, refusal) in cases {
            assert_eq!(judge(&wish, &offer, holds), Err(Denied::Refused(refusal)));
        }
    }

    #[test]
    fn a_price_that_the_currency_does_not_have_is_bad_input() {
        let denied = judge(&priced("0.001"), &offer(), FREE);
        assert_eq!(denied, Err(Denied::BadPrice(AmountError::TooManyDecimals)));
    }

    #[test]
    fn a_copy_is_behind_what_the_buyer_has_seen() {
        assert!(is_behind(Some(8), &offer()));
        assert!(!is_behind(Some(7), &offer()));
        assert!(!is_behind(None, &offer()));
    }
}
