//! A payment that failed, as an answer to its buyer.

use http::StatusCode;
use platform::Refused;

use crate::provider::INVALID_TOKEN;

/// What the provider's codes mean to a buyer.
const DECLINED: [(&str, &str); 12] = [
    (
        "card_declined",
        "the card was declined; use another one, or ask your bank",
    ),
    (
        "insufficient_funds",
        "there is not enough money on this card; use another one",
    ),
    ("expired_card", "this card has expired; use another one"),
    (
        "incorrect_cvc",
        "the card's security code is wrong; check it and try again",
    ),
    (
        "processing_error",
        "the card could not be processed this time; try again",
    ),
    (
        "fraudulent",
        "the card was declined; use another one, or ask your bank",
    ),
    (
        "lost_card",
        "the card was declined; use another one, or ask your bank",
    ),
    (
        "stolen_card",
        "the card was declined; use another one, or ask your bank",
    ),
    (
        "card_velocity_exceeded",
        "this card was used too often; use another one, or ask your bank",
    ),
    (
        "authentication_required",
        "the payment was not confirmed with your bank; try again",
    ),
    (
        "authorization_lapsed",
        "the bank let the payment go before it was taken; try again",
    ),
    (
        "provider_unavailable",
        "the payment provider could not be reached; try again",
    ),
];

/// 402 with the provider's code, or 400 for a token that nobody made.
pub(super) fn declined(code: &str) -> Refused {
    if code == INVALID_TOKEN {
        let message = "is not a token of the payment provider; fill in the card form again";
        return Refused::invalid(INVALID_TOKEN, message).on_field("token");
    }
    let known = DECLINED.iter().find(|(known, _)| *known == code);
    let [first, ..] = DECLINED;
    let (code, message) = known.copied().unwrap_or(first);
    Refused::new(StatusCode::PAYMENT_REQUIRED, code, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::sandbox::cards;

    #[test]
    fn every_decline_of_the_sandbox_is_a_402_in_words() {
        for (_, code) in cards::DECLINED {
            let refused = declined(code);
            assert_eq!(
                (refused.status, refused.code),
                (StatusCode::PAYMENT_REQUIRED, code)
            );
        }
        assert_eq!(declined("news_to_us").code, "card_declined");
    }

    #[test]
    fn a_token_that_nobody_made_is_bad_input() {
        let refused = declined("invalid_token");
        assert_eq!(refused.status, StatusCode::BAD_REQUEST);
        assert_eq!(refused.errors[0].field.as_deref(), Some("token"));
    }
}
