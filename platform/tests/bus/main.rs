//! What every bus must do, asked of each; and what becomes of JetStream's when servers fail.

#[cfg(test)]
mod cluster;
#[cfg(test)]
mod connecting;
#[cfg(test)]
mod in_process;
#[cfg(test)]
mod keeping;
#[cfg(test)]
mod outages;
#[cfg(test)]
mod rig;
#[cfg(test)]
mod single;
#[cfg(test)]
mod suite;
#[cfg(test)]
mod suite_of_words;
