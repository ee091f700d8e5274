//! What payments does by itself.

pub mod reconcile;
pub mod settle;
