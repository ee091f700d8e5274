//! Published by expiration: it only tells the time.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::envelope::Aggregate;
use crate::ids::OrderId;

/// The timer of an order; its id is the order's.
#[derive(Debug)]
pub struct Timer;

impl Aggregate for Timer {
    const NAME: &'static str = "timer";
    const OWNER: &'static str = "expiration";
    type State = TimerState;
    type Fact = TimerFact;
}

/// A timer that has rung.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TimerState {
    /// The order whose time is up.
    pub order_id: OrderId,
    /// The time that it was set to.
    #[schemars(with = "String", extend("format" = "date-time"))]
    pub due_at: Timestamp,
}

/// What happened to a timer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type")]
pub enum TimerFact {
    /// The time is up, by expiration's clock; repeated until the order has moved on.
    #[serde(rename = "ticketing.timer.due.v1")]
    Due,
}
