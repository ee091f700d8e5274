//! The tables of orders.

pub mod epochs;
pub mod orders;
pub mod ticket_copies;
