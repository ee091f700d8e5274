//! Routes requests to services by path prefix.
