//! Guards of tickets that the simulation can switch off.

use platform::flaws::Flaw;

/// Any claim is taken, however old its epoch.
pub const EPOCH_IGNORED: Flaw = Flaw::new("tickets takes any claim, however old its epoch");

/// All of them.
pub const ALL: [Flaw; 1] = [EPOCH_IGNORED];
