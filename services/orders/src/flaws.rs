//! Guards of orders that the simulation can switch off.

use platform::flaws::Flaw;

/// Several live orders for one ticket are let in.
pub const SEVERAL_LIVE_ORDERS: Flaw = Flaw::new("a ticket may have several live orders");
/// Time ends an order whose money is being taken.
pub const EXPIRED_WHILE_CAPTURING: Flaw =
    Flaw::new("time ends an order whose money is being taken");
/// Money that comes after an order's end is not sent back.
pub const LATE_MONEY_KEPT: Flaw = Flaw::new("money that comes too late is not sent back");
/// An order ends when a timer says so, whatever its own clock says.
pub const TIMER_BELIEVED: Flaw = Flaw::new("a timer is believed without a look at the clock");

/// All of them.
pub const ALL: [Flaw; 4] = [
    SEVERAL_LIVE_ORDERS,
    EXPIRED_WHILE_CAPTURING,
    LATE_MONEY_KEPT,
    TIMER_BELIEVED,
];
