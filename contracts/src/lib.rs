//! What the services say to each other and to their clients: events, API documents, ids, money.
//!
//! There is no I/O here, and nothing that only one service needs.

pub mod api;
pub mod catalogue;
pub mod envelope;
pub mod events;
pub mod ids;
pub mod money;
pub mod routing;

pub use envelope::{Aggregate, Envelope};
pub use jiff::Timestamp;
