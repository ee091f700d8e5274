//! What is deployed, for tests that look at it: the image, a container of it, the manifests, and a cluster.

pub mod cluster;
pub mod container;
pub mod image;
pub mod manifests;
pub mod policy;
pub mod tools;
