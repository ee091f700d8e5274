//! The database: transactions that share commits and fail alone, durability, migrations, a full disk.

#[cfg(test)]
mod disk;
#[cfg(test)]
mod files;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod store;
#[cfg(test)]
mod transactions;
#[cfg(test)]
mod values;
