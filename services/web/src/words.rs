//! What people read for amounts, sellers, reasons and refusals.

use contracts::events::orders::CancelReason;
use contracts::ids::UserId;
use contracts::money::{Amount, Currency, Money};

/// An amount for a person, `$1,234.50`; as the API wrote it if the currency is unknown here.
pub fn money(amount: &Amount, currency: &str) -> String {
    let money = currency.parse::<Currency>().and_then(|currency| {
        Ok(Money {
            minor: amount.minor(currency)?,
            currency,
        })
    });
    match money {
        Ok(money) => money.to_string(),
        Err(_) => amount.to_string(),
    }
}

/// What is to stand beside an amount so that its currency is clear: the code, unless it is in `money`.
pub fn code(money: &str, currency: &str) -> String {
    let code = currency.to_uppercase();
    if money.contains(&code) {
        return String::new();
    }
    code
}

/// Whether the amount is nothing at all.
pub fn is_zero(amount: &Amount) -> bool {
    amount
        .as_str()
        .bytes()
        .all(|byte| matches!(byte, b'0' | b'.' | b'-'))
}

/// What a seller is called where no name is known: the last characters of the id, which are
/// drawn at random and tell nothing else.
pub fn seller(id: UserId) -> String {
    let text = id.to_string();
    let tail: String = text.chars().skip(text.len().saturating_sub(6)).collect();
    format!("Seller {}", tail.to_uppercase())
}

/// A short number by which people can speak of an order.
pub fn order_number(id: &str) -> String {
    let tail: String = id.chars().skip(id.len().saturating_sub(8)).collect();
    tail.to_uppercase()
}

/// Why an order ended without a sale, and what that means for the buyer.
pub fn cancelled_because(reason: Option<CancelReason>) -> &'static str {
    match reason {
        Some(CancelReason::Buyer) => "You cancelled this order. Nothing was charged.",
        Some(CancelReason::Expired) => {
            "The time to pay ran out, so the ticket went back on sale. Nothing was charged."
        }
        Some(CancelReason::PaymentFailed) => {
            "The payment could not be taken, so the ticket went back on sale. Nothing was charged."
        }
        Some(CancelReason::TicketWithdrawn) => {
            "The seller took the ticket off the market before it was yours. Nothing was charged."
        }
        Some(CancelReason::TicketSold) => {
            "Somebody else had already bought this ticket. Nothing was charged."
        }
        Some(CancelReason::OfferChanged) => {
            "The seller changed the offer while you were ordering. Nothing was charged; have a \
             look at the new offer."
        }
        None => "This order was cancelled. Nothing was charged.",
    }
}

/// Why a card was declined and what to do, by the provider's stable code.
pub fn declined_because(code: &str) -> Option<&'static str> {
    Some(match code {
        "insufficient_funds" => "There is not enough money on this card. Use another one.",
        "expired_card" => "This card has expired. Use another one.",
        "incorrect_cvc" => "The security code is wrong. Check it and try again.",
        "authentication_required" | "customer_action_required" => {
            "The bank wants you to confirm the payment, and that was not done. Try again."
        }
        "card_declined" | "fraudulent" | "lost_card" | "stolen_card" => {
            "The bank declined this card. Use another one, or ask your bank."
        }
        "card_velocity_exceeded" => {
            "This card was used too often in a short time. Use another one, or wait a while."
        }
        "processing_error" => "The card could not be processed this time. Try again.",
        _ => return None,
    })
}

/// How a message begins that lacks its subject: the field.
const PREDICATES: [&str; 6] = ["must ", "is ", "has ", "can't ", "can ", "may "];

/// The message as a sentence; `label` comes before it when it lacks a subject.
pub fn sentence(label: &str, message: &str) -> String {
    let lacks_subject = PREDICATES.iter().any(|begin| message.starts_with(begin));
    let subject = match label {
        "" => "This",
        label => label,
    };
    let mut text = if lacks_subject {
        format!("{subject} {message}")
    } else {
        capital(message)
    };
    if !text.ends_with(['.', '!', '?']) {
        text.push('.');
    }
    text
}

fn capital(text: &str) -> String {
    let mut rest = text.chars();
    let first = rest.next().into_iter().flat_map(char::to_uppercase);
    first.chain(rest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_read_as_money() {
        let show = |text: &str, code: &str| money(&Amount::parse(text).unwrap(), code);
        assert_eq!(show("1234.5", "usd"), "$1,234.50");
        assert_eq!(show("500", "jpy"), "¥500");
        assert_eq!(show("5", "???"), "5");
        assert_eq!(code(&show("5", "usd"), "usd"), "USD");
        assert_eq!(code(&show("18.5", "kwd"), "kwd"), "", "KWD 18.500");
        assert!(is_zero(&Amount::parse("0.00").unwrap()));
        assert!(!is_zero(&Amount::parse("0.01").unwrap()));
    }

    #[test]
    fn refusals_become_sentences() {
        assert_eq!(
            sentence("Price", "must be above zero"),
            "Price must be above zero."
        );
        assert_eq!(sentence("Price", "Give a price."), "Give a price.");
        assert_eq!(sentence("Link", "this link is old"), "This link is old.");
        assert_eq!(sentence("", "must be less"), "This must be less.");
        assert_eq!(sentence("", ""), ".");
    }
}
