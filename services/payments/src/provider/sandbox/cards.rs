//! The well-known test tokens, and what becomes of each.

use super::ACTIONS;
use crate::domain::charge::Standing;

/// Tokens of cards that are good for any amount.
pub const GOOD: [&str; 10] = [
    "tok_visa",
    "tok_visa_debit",
    "tok_mastercard",
    "tok_mastercard_debit",
    "tok_mastercard_prepaid",
    "tok_amex",
    "tok_discover",
    "tok_diners",
    "tok_jcb",
    "tok_unionpay",
];

/// Tokens of cards that are declined, and the code of each.
pub const DECLINED: [(&str, &str); 11] = [
    ("tok_chargeDeclined", "card_declined"),
    ("tok_chargeDeclinedInsufficientFunds", "insufficient_funds"),
    ("tok_chargeDeclinedExpiredCard", "expired_card"),
    ("tok_chargeDeclinedIncorrectCvc", "incorrect_cvc"),
    ("tok_chargeDeclinedProcessingError", "processing_error"),
    ("tok_chargeDeclinedFraudulent", "fraudulent"),
    ("tok_chargeDeclinedLostCard", "lost_card"),
    ("tok_chargeDeclinedStolenCard", "stolen_card"),
    ("tok_visa_chargeDeclinedLostCard", "lost_card"),
    ("tok_visa_chargeDeclinedStolenCard", "stolen_card"),
    (
        "tok_visa_chargeDeclinedVelocityLimitExceeded",
        "card_velocity_exceeded",
    ),
];

/// Tokens of cards whose owner has to confirm each payment.
pub const CONFIRMED: [&str; 2] = ["tok_threeDSecureRequired", "tok_threeDSecure2Required"];

/// The token of a card whose payments are authorised and can't be captured.
pub const CAPTURE_DECLINED: &str = "tok_captureDeclined";

/// What becomes of a charge on this card; `None` for a token that nobody made.
pub(super) fn standing(token: &str, reference: &str, granted: Standing) -> Option<Standing> {
    if GOOD.contains(&token) {
        return Some(granted);
    }
    if token == CAPTURE_DECLINED {
        // Where money is taken at once there is no later moment for the refusal.
        let captured = granted == Standing::Captured;
        return Some(if captured { not_captured() } else { granted });
    }
    if CONFIRMED.contains(&token) {
        return Some(Standing::ActionRequired {
            url: action_url(reference),
        });
    }
    let (_, code) = DECLINED.iter().find(|(declined, _)| *declined == token)?;
    Some(Standing::Declined {
        code: (*code).to_owned(),
    })
}

/// What becomes of a held charge on this card when it is captured.
pub(super) fn taken(token: &str, taken: Standing) -> Standing {
    if token == CAPTURE_DECLINED {
        not_captured()
    } else {
        taken
    }
}

/// What becomes of a charge whose capture is refused: the hold is gone, and nothing was taken.
pub(super) fn not_captured() -> Standing {
    Standing::Declined {
        code: "card_declined".to_owned(),
    }
}

/// Where a charge's customer confirms.
pub(super) fn action_url(reference: &str) -> String {
    format!("{ACTIONS}/{reference}")
}

/// What becomes of a charge whose customer refuses to confirm.
pub(super) fn not_confirmed() -> Standing {
    Standing::Declined {
        code: "authentication_required".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_token_has_its_fate() {
        let fate = |token| standing(token, "ch_1", Standing::Authorized);
        for token in GOOD {
            assert_eq!(fate(token), Some(Standing::Authorized), "{token}");
        }
        for (token, code) in DECLINED {
            assert_eq!(
                fate(token),
                Some(Standing::Declined {
                    code: code.to_owned()
                })
            );
        }
        for token in CONFIRMED {
            let url = "/sandbox/actions/ch_1".to_owned();
            assert_eq!(
                fate(token),
                Some(Standing::ActionRequired { url }),
                "{token}"
            );
        }
        assert_eq!(fate(CAPTURE_DECLINED), Some(Standing::Authorized));
        let at_once = standing(CAPTURE_DECLINED, "ch_1", Standing::Captured);
        assert_eq!(at_once, Some(not_captured()));
        assert_eq!(taken(CAPTURE_DECLINED, Standing::Captured), not_captured());
        assert_eq!(taken("tok_visa", Standing::Captured), Standing::Captured);
        assert_eq!(fate("tok_nobody"), None);
        assert_eq!(fate("TOK_VISA"), None);
    }
}
