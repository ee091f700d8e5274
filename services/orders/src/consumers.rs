//! What orders hears.

pub mod payment;
pub mod ticket;
pub mod timer;
