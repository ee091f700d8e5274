//! What payments does by itself.

pub mod heed;
pub mod reconcile;
pub mod settle;
pub mod tell;
