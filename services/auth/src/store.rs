//! SQL, one file per table.

pub mod password_resets;
pub mod sessions;
pub mod users;
