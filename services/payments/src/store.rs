//! The tables of payments.

pub mod ledger;
pub mod order_copies;
pub mod payments;
pub mod reconciled;
pub mod refunds;
pub mod work;

use anyhow::anyhow;
use platform::Failure;

/// A column holds a word that this version of the program does not know.
fn unknown(column: &str, word: &str) -> Failure {
    Failure::Broken(anyhow!("an unknown {column}: {word}"))
}
