//! What expiration hears.

pub mod orders;
