//! What auth can do; one transaction each.

pub mod change_password;
pub mod end_session;
pub mod open_session;
pub mod register;
pub mod request_reset;
pub mod reset_password;
pub mod send_resets;
