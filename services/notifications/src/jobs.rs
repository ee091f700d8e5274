//! What notifications does by itself.

pub mod forgetting;
pub mod send;
