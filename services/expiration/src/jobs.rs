//! What expiration does by itself.

pub mod ring;
