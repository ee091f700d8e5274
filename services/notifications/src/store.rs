//! SQL, one file per table.

pub mod messages;
pub mod order_copies;
pub mod user_copies;
