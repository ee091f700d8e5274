//! The rules: when a ticket may be reserved, and what becomes of an order.

pub mod order;
pub mod refusal;
pub mod reservation;
