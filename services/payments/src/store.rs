//! The tables of payments.

pub mod due;
pub mod hints;
pub mod ledger;
pub mod order_copies;
pub mod payments;
pub mod reconciled;
pub mod refunds;
pub mod walks;
pub mod work;

use anyhow::anyhow;
use platform::Failure;
use platform::db::Migration;

/// The history of the service's tables.
pub const MIGRATIONS: &[Migration] = &[
    Migration {
        name: "0001_payments",
        sqlite: include_str!("../migrations/0001_payments.sql"),
    },
    Migration {
        name: "0002_origins",
        sqlite: include_str!("../migrations/0002_origins.sql"),
    },
    Migration {
        name: "0003_expand_hints",
        sqlite: include_str!("../migrations/0003_expand_hints.sql"),
    },
    Migration {
        name: "0004_expand_adopted",
        sqlite: include_str!("../migrations/0004_expand_adopted.sql"),
    },
    Migration {
        name: "0005_expand_holder",
        sqlite: include_str!("../migrations/0005_expand_holder.sql"),
    },
    Migration {
        name: "0006_expand_walks",
        sqlite: include_str!("../migrations/0006_expand_walks.sql"),
    },
];

/// A column holds a word that this version of the program does not know.
fn unknown(column: &str, word: &str) -> Failure {
    Failure::Broken(anyhow!("an unknown {column}: {word}"))
}
