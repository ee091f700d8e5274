//! What orders can do; one transaction each.

pub mod cancel;
pub mod hear;
pub mod record;
pub mod refund;
pub mod reserve;
