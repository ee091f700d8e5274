//! The sandbox's test cards: what each of them does when one pays with it.

/// A card that the sandbox knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Card {
    /// What stands for it at the provider.
    pub token: &'static str,
    /// What it is and does.
    pub name: &'static str,
}

/// The card that is chosen at first: it pays.
pub const FIRST: &str = "tok_visa";

/// Every card that the form offers.
pub const CARDS: [Card; 8] = [
    Card {
        token: FIRST,
        name: "Visa ending 4242: pays",
    },
    Card {
        token: "tok_mastercard",
        name: "Mastercard ending 4444: pays",
    },
    Card {
        token: "tok_amex",
        name: "American Express ending 0005: pays",
    },
    Card {
        token: "tok_chargeDeclined",
        name: "Visa ending 0002: is declined",
    },
    Card {
        token: "tok_chargeDeclinedInsufficientFunds",
        name: "Visa ending 9995: declined, not enough money",
    },
    Card {
        token: "tok_chargeDeclinedExpiredCard",
        name: "Visa ending 0069: declined, expired",
    },
    Card {
        token: "tok_captureDeclined",
        name: "Visa ending 0341: is accepted, and then can not be charged",
    },
    Card {
        token: "tok_threeDSecureRequired",
        name: "Visa ending 3220: asks you to confirm first",
    },
];
