//! The rules of accounts: what an address, a password and a language are.

pub mod email;
pub mod language;
pub mod password;
pub mod refusal;
pub mod reset_token;
pub mod user_agent;
