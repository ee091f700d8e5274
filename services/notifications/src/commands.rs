//! What notifications can do; one transaction each.

pub mod hand_over;
pub mod write;
