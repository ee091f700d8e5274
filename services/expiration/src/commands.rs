//! What expiration can do; each command runs in the transaction that it is given.

pub mod follow;
pub mod ring;
