//! Ids in paths: what is not an id is simply not there.

use std::str::FromStr;

use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;

use crate::failure::{Failure, Refused};

/// The id in the path: the parameter `id`, or the only one there is. A malformed one is a 404.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Id<T>(pub T);

impl<S: Send + Sync, T: FromStr> FromRequestParts<S> for Id<T> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Failure> {
        let params = RawPathParams::from_request_parts(parts, state)
            .await
            .map_err(|_| Refused::not_found())?;
        let named = params.iter().find(|(name, _)| *name == "id");
        let (_, text) = named.or_else(|| params.iter().next()).ok_or_else(Refused::not_found)?;
        Ok(Self(text.parse().map_err(|_| Refused::not_found())?))
    }
}
