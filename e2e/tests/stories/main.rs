//! Whole-system stories, through HTTP against the real program; each ends in a clean audit at rest.

#[cfg(test)]
mod crash;
#[cfg(test)]
mod data;
#[cfg(test)]
mod endings;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod input;
#[cfg(test)]
mod late;
#[cfg(test)]
mod mail;
#[cfg(test)]
mod offers;
#[cfg(test)]
mod people;
#[cfg(test)]
mod races;
#[cfg(test)]
mod refusals;
#[cfg(test)]
mod start;
