//! What is written to whom, and what becomes of a message; no I/O.

pub mod delivery;
pub mod letter;
pub mod occasion;
pub mod plain_text;
pub mod rendering;
