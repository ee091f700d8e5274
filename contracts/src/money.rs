//! Money: whole minor units with a currency, and the exact decimal text that people write.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use serde_json::value::RawValue;
use utoipa::ToSchema;

/// A currency by ISO 4217, written in lower case (`usd`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Currency(iso_currency::Currency);

impl Currency {
    /// The currency where none is named.
    pub const USD: Self = Self(iso_currency::Currency::USD);

    /// How many decimals its major unit has: 2 for the dollar, 0 for the yen, 3 for the Kuwaiti
    /// dinar (ISO 4217 "minor unit").
    #[must_use]
    pub fn decimals(self) -> u32 {
        self.0.exponent().map_or(0, u32::from)
    }

    /// What stands before an amount: `$`, or the code where the symbol is made of letters, whose
    /// script might turn the digits' order round.
    #[must_use]
    pub fn symbol(self) -> String {
        let symbol = self.0.symbol().to_string();
        if symbol.chars().any(char::is_alphabetic) {
            format!("{}\u{a0}", self.0.code())
        } else {
            symbol
        }
    }

    /// The code in upper case, `USD`.
    #[must_use]
    pub fn code(self) -> &'static str {
        self.0.code()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.code().to_ascii_lowercase())
    }
}

impl FromStr for Currency {
    type Err = AmountError;

    fn from_str(text: &str) -> Result<Self, AmountError> {
        let currency = iso_currency::Currency::from_code(&text.to_ascii_uppercase())
            .filter(|currency| currency.exponent().is_some())
            .ok_or(AmountError::UnknownCurrency)?;
        Ok(Self(currency))
    }
}

impl Serialize for Currency {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl schemars::JsonSchema for Currency {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Currency".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "pattern": "^[a-z]{3}$", "description": "ISO 4217, lower case"})
    }
}

/// Why a text is not an amount of money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AmountError {
    /// Not a plain decimal such as `19.99`.
    #[error("must be a plain decimal number such as 19.99")]
    NotADecimal,
    /// More decimals than the currency has.
    #[error("has more decimals than the currency allows")]
    TooManyDecimals,
    /// Larger than 64-bit minor units can hold.
    #[error("is too large")]
    TooLarge,
    /// No such code in ISO 4217.
    #[error("must be an ISO 4217 currency code such as usd")]
    UnknownCurrency,
}

/// An exact amount: minor units of a currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, schemars::JsonSchema)]
pub struct Money {
    /// In the currency's smallest unit (cents for the dollar).
    pub minor: i64,
    /// The currency of `minor`.
    pub currency: Currency,
}

impl Money {
    /// The amount in major units, exactly.
    #[must_use]
    pub fn major(self) -> Amount {
        let decimals = usize::try_from(self.currency.decimals()).unwrap_or(0);
        let digits = format!(
            "{:0width$}",
            self.minor.unsigned_abs(),
            width = decimals + 1
        );
        let (whole, fraction) = digits.split_at(digits.len().saturating_sub(decimals));
        let fraction = fraction.trim_end_matches('0');
        let sign = if self.minor < 0 { "-" } else { "" };
        let text = if fraction.is_empty() {
            format!("{sign}{whole}")
        } else {
            format!("{sign}{whole}.{fraction}")
        };
        Amount(text)
    }
}

impl fmt::Display for Money {
    /// For people: `$1,234.50`, `¥500`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decimals = usize::try_from(self.currency.decimals()).unwrap_or(0);
        let digits = format!(
            "{:0width$}",
            self.minor.unsigned_abs(),
            width = decimals + 1
        );
        let (whole, fraction) = digits.split_at(digits.len().saturating_sub(decimals));
        let mut grouped = String::new();
        for (place, digit) in whole.chars().enumerate() {
            if place > 0 && (whole.len() - place).is_multiple_of(3) {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        let sign = if self.minor < 0 { "−" } else { "" };
        write!(f, "{sign}{}{grouped}", self.currency.symbol())?;
        if fraction.is_empty() {
            Ok(())
        } else {
            write!(f, ".{fraction}")
        }
    }
}

/// A decimal as a person or a client wrote it, not yet judged against a currency.
///
/// Read from a JSON number or from a string that holds a plain decimal, by its digits and never
/// through a float; written as a JSON number.
#[derive(Debug, Clone, PartialEq, Eq, Hash, ToSchema)]
#[schema(value_type = f64)]
pub struct Amount(String);

impl Amount {
    /// Takes a plain decimal: digits, at most one point with digits on both sides, a leading minus.
    ///
    /// # Errors
    /// [`AmountError::NotADecimal`] for anything else, an exponent or a group separator included.
    pub fn parse(text: &str) -> Result<Self, AmountError> {
        let unsigned = text.strip_prefix('-').unwrap_or(text);
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
        let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        if text.len() > 64 {
            return Err(AmountError::TooLarge);
        }
        if !digits(whole) || !digits(fraction) {
            return Err(AmountError::NotADecimal);
        }
        Ok(Self(text.to_owned()))
    }

    /// The amount in the currency's minor units.
    ///
    /// # Errors
    /// When it has decimals that the currency does not, or does not fit 64 bits.
    pub fn minor(&self, currency: Currency) -> Result<i64, AmountError> {
        let (negative, unsigned) = match self.0.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, self.0.as_str()),
        };
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let decimals = usize::try_from(currency.decimals()).unwrap_or(0);
        let fraction = fraction.trim_end_matches('0');
        if fraction.len() > decimals {
            return Err(AmountError::TooManyDecimals);
        }
        let digits = format!("{whole}{fraction:0<decimals$}");
        let minor: i64 = digits.parse().map_err(|_| AmountError::TooLarge)?;
        Ok(if negative { -minor } else { minor })
    }

    /// The digits as they were written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for Amount {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let trimmed = self.0.trim_start_matches('0');
        let text = if trimmed.is_empty() || trimmed.starts_with('.') {
            format!("0{trimmed}")
        } else {
            trimmed.to_owned()
        };
        RawValue::from_string(text)
            .map_err(ser::Error::custom)?
            .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let text = raw.get();
        let plain = if text.starts_with('"') {
            serde_json::from_str::<String>(text).map_err(de::Error::custom)?
        } else {
            text.to_owned()
        };
        Self::parse(&plain).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn currency(code: &str) -> Currency {
        code.parse().unwrap()
    }

    #[test]
    fn amounts_are_read_exactly() {
        let read =
            |text: &str, code: &str| Amount::parse(text).and_then(|a| a.minor(currency(code)));
        assert_eq!(read("19.99", "usd"), Ok(1999));
        assert_eq!(read("0.1", "usd"), Ok(10));
        assert_eq!(read("20", "usd"), Ok(2000));
        assert_eq!(read("20.00", "jpy"), Ok(20));
        assert_eq!(read("1.234", "kwd"), Ok(1234));
        assert_eq!(read("-1", "usd"), Ok(-100));
        assert_eq!(read("0.001", "usd"), Err(AmountError::TooManyDecimals));
        assert_eq!(read("1.5", "jpy"), Err(AmountError::TooManyDecimals));
        assert_eq!(
            read("99999999999999999999", "usd"),
            Err(AmountError::TooLarge)
        );
        for bad in [
            "NaN", "1,99", "1e400", "", ".", ".5", "5.", "--1", "1 ", "+1", "٣", "Infinity",
        ] {
            assert_eq!(Amount::parse(bad), Err(AmountError::NotADecimal), "{bad}");
        }
    }

    #[test]
    fn json_numbers_and_strings_mean_the_same() {
        let number: Amount = serde_json::from_str("19.99").unwrap();
        let string: Amount = serde_json::from_str("\"19.99\"").unwrap();
        assert_eq!(number, string);
        assert_eq!(serde_json::to_string(&number).unwrap(), "19.99");
        assert_eq!(
            serde_json::to_string(&Amount::parse("007.50").unwrap()).unwrap(),
            "7.50"
        );
        assert!(serde_json::from_str::<Amount>("1e400").is_err());
        assert!(serde_json::from_str::<Amount>("null").is_err());
        assert!(serde_json::from_str::<Amount>("[]").is_err());
    }

    #[test]
    fn people_read_grouped_amounts() {
        let show = |minor, code: &str| {
            Money {
                minor,
                currency: currency(code),
            }
            .to_string()
        };
        assert_eq!(show(123_450, "usd"), "$1,234.50");
        assert_eq!(show(100_000_000, "usd"), "$1,000,000.00");
        assert_eq!(show(5, "usd"), "$0.05");
        assert_eq!(show(500, "jpy"), "¥500");
        assert_eq!(show(-1999, "usd"), "−$19.99");
        assert_eq!(show(18_500, "kwd"), "KWD\u{a0}18.500");
    }

    proptest! {
        #[test]
        fn writing_and_reading_money_loses_nothing(
            minor in -1_000_000_000_000i64..1_000_000_000_000,
            code in prop::sample::select(vec!["usd", "jpy", "kwd", "eur", "clf"]),
        ) {
            let money = Money { minor, currency: currency(code) };
            let json = serde_json::to_string(&money.major()).unwrap();
            let back: Amount = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(back.minor(money.currency), Ok(minor));
        }

        #[test]
        fn no_text_makes_reading_panic(text in ".{0,80}") {
            if let Ok(amount) = Amount::parse(&text) {
                let _ = amount.minor(Currency::USD);
            }
        }
    }
}
