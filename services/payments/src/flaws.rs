//! Guards of payments that the simulation can switch off.

use platform::flaws::Flaw;

/// The money is taken as soon as it is held.
pub const CAPTURED_UNDECIDED: Flaw = Flaw::new("money is taken before orders has decided");
/// Each attempt goes to the provider under a key of its own.
pub const KEY_PER_ATTEMPT: Flaw = Flaw::new("each attempt to pay has a provider key of its own");
/// The payment of an order that was lost is left alone.
pub const LOST_ORDER_KEPT: Flaw = Flaw::new("a lost order keeps its payment");
/// What a notice of the provider says is believed, instead of looked up.
pub const NOTICE_BELIEVED: Flaw = Flaw::new("the word of a notice is believed");
/// Anybody's notice is taken for the provider's.
pub const SIGNATURE_IGNORED: Flaw = Flaw::new("nobody looks who has signed a notice");
/// A payment that was lost with an older backup is not taken on again.
pub const LOST_PAYMENT_LEFT: Flaw = Flaw::new("a lost payment is not taken on again");

/// What went back before a restore, and no backup knows of, is not looked for.
pub const RETURNS_FORGOTTEN: Flaw =
    Flaw::new("money that a backup has not seen go back is forgotten");

/// All of them.
pub const ALL: [Flaw; 7] = [
    CAPTURED_UNDECIDED,
    KEY_PER_ATTEMPT,
    LOST_ORDER_KEPT,
    LOST_PAYMENT_LEFT,
    NOTICE_BELIEVED,
    RETURNS_FORGOTTEN,
    SIGNATURE_IGNORED,
];
