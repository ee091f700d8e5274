//! What tickets hears.

pub mod orders;
