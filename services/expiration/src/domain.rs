//! The rules of a timer: when it is armed, and when it rings again.

pub mod repeat;
pub mod timer;
