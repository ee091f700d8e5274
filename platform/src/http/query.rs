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

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    struct Wanted {
        page: u8,
    }

    async fn read(query: &str) -> Result<u8, &'static str> {
        let request = http::Request::get(format!("/things?{query}"))
            .body(())
            .unwrap();
        let (mut parts, ()) = request.into_parts();
        let query = Query::<Wanted>::from_request_parts(&mut parts, &()).await;
        query
            .map(|Query(wanted)| wanted.page)
            .map_err(|failure| failure.refused().unwrap().code)
    }

    #[tokio::test]
    async fn a_malformed_query_is_a_problem() {
        assert_eq!(read("page=7&other=1").await, Ok(7));
        for bad in ["", "page=", "page=300", "page=x", "page=%FF"] {
            assert_eq!(read(bad).await, Err("invalid_query"), "{bad}");
        }
    }
}
