//! The composition of all services.
