//! What every store must do, asked of SQLite's file and of PostgreSQL by the same cases; and what
//! becomes of PostgreSQL's when the server fails.

#[cfg(test)]
mod appending;
#[cfg(test)]
mod cases;
#[cfg(test)]
mod conflicts;
#[cfg(test)]
mod encryption;
#[cfg(test)]
mod inboxes;
#[cfg(test)]
mod leases;
#[cfg(test)]
mod migrations;
#[cfg(test)]
mod outages;
#[cfg(test)]
mod postgres;
#[cfg(test)]
mod rig;
#[cfg(test)]
mod sqlite;
#[cfg(test)]
mod sums;
#[cfg(test)]
mod together;
mod transactions;
#[cfg(test)]
mod values;
