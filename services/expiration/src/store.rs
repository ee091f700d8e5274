//! The tables of expiration.

pub mod order_copies;
pub mod timers;
