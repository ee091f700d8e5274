//! The delivery protocol against loss, duplication, re-ordering, poison, gaps and crashes: a toy owner
//! and a toy consumer on a faulty bus, and on a real broker. Tests named `i1_` to `i8_` each assert that invariant.

#[cfg(test)]
mod applied_at_last;
#[cfg(test)]
mod blocked;
#[cfg(test)]
mod durable;
#[cfg(test)]
mod in_line;
#[cfg(test)]
mod jetstream;
#[cfg(test)]
mod log;
#[cfg(test)]
mod logs;
#[cfg(test)]
mod new_life;
#[cfg(test)]
mod once_in_order;
#[cfg(test)]
mod operator;
#[cfg(test)]
mod owners;
#[cfg(test)]
mod prefix;
#[cfg(test)]
mod replicas;
#[cfg(test)]
mod schemas;
#[cfg(test)]
mod shares;
#[cfg(test)]
mod stage;
#[cfg(test)]
mod storm;
#[cfg(test)]
mod toys;
#[cfg(test)]
mod waiting;
