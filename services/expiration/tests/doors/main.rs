//! Expiration through its doors: the events of orders in, timers' events out.

#[cfg(test)]
mod crowds;
#[cfg(test)]
mod replicas;
#[cfg(test)]
mod station;
#[cfg(test)]
mod timers;
