//! The rules of payments: no I/O, no clock.

pub mod charge;
pub mod ledger;
pub mod order;
pub mod payment;
pub mod refusal;
pub mod retry;
pub mod token;
