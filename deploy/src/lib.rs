//! What is deployed, for tests that look at it: the image, and a container of it.

pub mod container;
pub mod image;
pub mod tools;
