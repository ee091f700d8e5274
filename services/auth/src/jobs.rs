//! What auth does by itself.

pub mod forgetting;
pub mod memory;
pub mod reset_mails;
