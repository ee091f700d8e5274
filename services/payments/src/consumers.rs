//! What payments hears.

pub mod order;
