//! Guards of tickets that the simulation can switch off.

use platform::flaws::Flaw;

/// Any claim is taken, however old its epoch.
pub const EPOCH_IGNORED: Flaw = Flaw::new("tickets takes any claim, however old its epoch");
/// A ticket that was sold stays so, whatever its order says later.
pub const SALE_KEPT: Flaw = Flaw::new("a sale outlives the order that was paid");

/// All of them.
pub const ALL: [Flaw; 2] = [EPOCH_IGNORED, SALE_KEPT];
