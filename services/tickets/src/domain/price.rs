//! What a ticket may cost.

use contracts::money::{Amount, AmountError, Currency, Money};

/// Why an amount is not a price; says what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PriceError {
    /// Zero or less.
    #[error("must be above zero")]
    NotAboveZero,
    /// Above the highest price.
    #[error("must be at most {0}")]
    TooHigh(Money),
    /// Smaller than the currency's smallest unit.
    #[error("must have at most {decimals} decimals in {currency}")]
    TooManyDecimals {
        /// The currency of the price.
        currency: Currency,
        /// How many decimals it has.
        decimals: u32,
    },
    /// No decimal number at all.
    #[error(transparent)]
    NotAnAmount(AmountError),
}

/// Whether an amount could be a price in some currency, for when it is not known which.
///
/// # Errors
/// When it is zero or less.
pub fn check_above_zero(amount: &Amount) -> Result<(), PriceError> {
    let digits = amount.as_str();
    if digits.starts_with('-') || digits.bytes().all(|sign| matches!(sign, b'0' | b'.')) {
        return Err(PriceError::NotAboveZero);
    }
    Ok(())
}

/// The price that `amount` is in `currency`: above zero, at most `major_max` major units.
///
/// # Errors
/// When it is not.
pub fn price_of(amount: &Amount, currency: Currency, major_max: i64) -> Result<Money, PriceError> {
    check_above_zero(amount)?;
    let highest = Money {
        minor: major_max.saturating_mul(10_i64.saturating_pow(currency.decimals())),
        currency,
    };
    let minor = amount.minor(currency).map_err(|error| match error {
        AmountError::TooLarge => PriceError::TooHigh(highest),
        AmountError::TooManyDecimals => PriceError::TooManyDecimals {
            currency,
            decimals: currency.decimals(),
        },
        other => PriceError::NotAnAmount(other),
    })?;
    if minor > highest.minor {
        return Err(PriceError::TooHigh(highest));
    }
    Ok(Money { minor, currency })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn price(text: &str, code: &str) -> Result<i64, String> {
        let amount = Amount::parse(text).unwrap();
        price_of(&amount, code.parse().unwrap(), 1_000_000)
            .map(|money| money.minor)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn prices_are_exact() {
        assert_eq!(price("19.99", "usd"), Ok(1_999));
        assert_eq!(price("0.01", "usd"), Ok(1));
        assert_eq!(price("500", "jpy"), Ok(500));
        assert_eq!(price("1.234", "kwd"), Ok(1_234));
        assert_eq!(price("20.000", "usd"), Ok(2_000));
    }

    #[test]
    fn the_highest_price_is_the_same_in_major_units_of_every_currency() {
        assert_eq!(price("1000000", "usd"), Ok(100_000_000));
        assert_eq!(price("1000000.00", "jpy"), Ok(1_000_000));
        assert_eq!(price("1000000.000", "kwd"), Ok(1_000_000_000));
        assert_eq!(
            price("1000000.01", "usd"),
            Err("must be at most $1,000,000.00".into())
        );
        assert_eq!(
            price("1000001", "jpy"),
            Err("must be at most ¥1,000,000".into())
        );
        assert_eq!(
            price("99999999999999", "usd"),
            Err("must be at most $1,000,000.00".into())
        );
        assert_eq!(
            price(&"9".repeat(60), "usd"),
            Err("must be at most $1,000,000.00".into())
        );
    }

    #[test]
    fn nothing_and_less_are_no_prices() {
        for bad in ["0", "0.00", "-1", "-0", "-0.001"] {
            assert_eq!(price(bad, "usd"), Err("must be above zero".into()), "{bad}");
        }
    }

    #[test]
    fn the_currency_limits_the_decimals() {
        assert_eq!(
            price("0.001", "usd"),
            Err("must have at most 2 decimals in usd".into())
        );
        assert_eq!(
            price("1.5", "jpy"),
            Err("must have at most 0 decimals in jpy".into())
        );
    }

    proptest! {
        #[test]
        fn a_price_is_always_within_the_limits(
            text in "-?[0-9]{1,30}(\\.[0-9]{1,6})?",
            code in prop::sample::select(vec!["usd", "jpy", "kwd", "clf"]),
        ) {
            let currency: Currency = code.parse().unwrap();
            if let Ok(money) = price_of(&Amount::parse(&text).unwrap(), currency, 1_000_000) {
                prop_assert!(money.minor > 0);
                prop_assert!(money.minor <= 1_000_000 * 10_i64.pow(currency.decimals()));
                prop_assert_eq!(money.major().minor(currency), Ok(money.minor));
            }
        }
    }
}
