//! What a seller sends: judged in full only once the currency is known.

use contracts::money::{Amount, Currency};

use super::price::{PriceError, price_of};
use super::ticket::Offer;
use super::title::Title;

/// A title and an amount, and perhaps a currency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// What the seller calls the ticket.
    pub title: Title,
    /// The price in major units.
    pub amount: Amount,
    /// The currency of the price, if the seller names one.
    pub currency: Option<Currency>,
}

impl Draft {
    /// The offer, in `otherwise` where no currency is named; `major_max` as for [`price_of`].
    ///
    /// # Errors
    /// When the amount is no price in that currency.
    pub fn offer(&self, otherwise: Currency, major_max: i64) -> Result<Offer, PriceError> {
        let price = price_of(&self.amount, self.currency.unwrap_or(otherwise), major_max)?;
        Ok(Offer {
            title: self.title.clone(),
            price,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draft(amount: &str, currency: Option<&str>) -> Draft {
        Draft {
            title: Title::parse("Jazz night", 200).unwrap(),
            amount: Amount::parse(amount).unwrap(),
            currency: currency.map(|code| code.parse().unwrap()),
        }
    }

    #[test]
    fn an_unnamed_currency_is_the_one_it_was() {
        let yen: Currency = "jpy".parse().unwrap();
        assert_eq!(
            draft("500", None)
                .offer(yen, 1_000_000)
                .unwrap()
                .price
                .currency,
            yen
        );
        let named = draft("19.99", Some("usd"))
            .offer(yen, 1_000_000)
            .unwrap()
            .price;
        assert_eq!((named.minor, named.currency), (1_999, Currency::USD));
        assert!(draft("19.99", None).offer(yen, 1_000_000).is_err());
    }
}
