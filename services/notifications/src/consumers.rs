//! Events in: one file per aggregate.

pub mod order;
pub mod ticket;
pub mod user;
