//! The expiration service.
