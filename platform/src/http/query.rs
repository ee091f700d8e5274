//! Query strings, with problems instead of plain text for malformed ones.

use axum::extract::FromRequestParts;
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::failure::{Failure, Refused};

/// The query string as a value; 400 `invalid_query` when it is not of that form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let query = axum::extract::Query::<T>::try_from_uri(&parts.uri)
            .map_err(|rejection| Refused::invalid("invalid_query", rejection.body_text()))?;
        Ok(Self(query.0))
    }
}
