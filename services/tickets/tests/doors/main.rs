//! Tickets through its doors: requests and events in, answers and events out.

#[cfg(test)]
mod editing;
#[cfg(test)]
mod listing;
#[cfg(test)]
mod lists;
#[cfg(test)]
mod locks;
#[cfg(test)]
mod marketplace;
#[cfg(test)]
mod search;
