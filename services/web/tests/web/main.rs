//! The pages through their door: a browser in front, a canned API behind.

mod acts;
mod away;
mod doors;
#[expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test may panic"
)]
mod fake;
mod pages;
mod people;
#[expect(clippy::unwrap_used, reason = "a test may panic")]
mod world;
