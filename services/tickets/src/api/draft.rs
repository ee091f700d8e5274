//! Reads what a seller sends, and names every bad field at once.

use contracts::money::Currency;
use platform::Result;
use platform::http::fields::Fields;

use crate::Settings;
use crate::domain::price::{check_above_zero, price_of};
use crate::domain::{Draft, Title};

/// The draft in a body; the price is judged in `otherwise` where no currency is named.
///
/// # Errors
/// 400 with every bad field.
pub fn draft_in(fields: &mut Fields, otherwise: Currency, settings: Settings) -> Result<Draft> {
    let title = fields.text("title", |text| Title::parse(text, settings.title_chars_max));
    let amount = fields.amount("price");
    let currency = fields.optional_text("currency", str::parse::<Currency>);
    if let Some(amount) = &amount {
        let judged = match currency {
            Some(named) => {
                price_of(amount, named.unwrap_or(otherwise), settings.price_major_max).map(drop)
            }
            // The currency is bad: what no currency would allow is still said.
            None => check_above_zero(amount),
        };
        if let Err(error) = judged {
            fields.reject("price", error.to_string());
        }
    }
    let (title, amount, currency) = fields.take((title, amount, currency))?;
    Ok(Draft {
        title,
        amount,
        currency,
    })
}
