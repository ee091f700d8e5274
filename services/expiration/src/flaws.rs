//! Guards of expiration that the simulation can switch off.

use platform::flaws::Flaw;

/// An order that was put back to an older state gets no timer again.
pub const TIMER_GONE: Flaw = Flaw::new("an order that is put back gets no timer again");

/// All of them.
pub const ALL: [Flaw; 1] = [TIMER_GONE];
