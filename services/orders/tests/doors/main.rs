//! Orders through its doors: requests and events in, answers and events out.

#[cfg(test)]
mod cancelling;
#[cfg(test)]
mod looking;
#[cfg(test)]
mod market;
#[cfg(test)]
mod paying;
#[cfg(test)]
mod racing;
#[cfg(test)]
mod refunding;
#[cfg(test)]
mod reserving;
