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
        let (_, text) = named
            .or_else(|| params.iter().next())
            .ok_or_else(Refused::not_found)?;
        Ok(Self(text.parse().map_err(|_| Refused::not_found())?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::Router;
    use axum::body::Body;
    use axum::routing::get;
    use contracts::ids::OrderId;
    use http::Request;
    use tower::ServiceExt as _;

    async fn status(path: &str) -> u16 {
        let one = async |Id(id): Id<OrderId>| id.to_string();
        let routes = Router::new()
            .route("/things/{id}", get(one))
            .route("/things/{kind}/parts/{id}", get(one))
            .route("/others/{only}", get(one));
        let request = Request::get(path).body(Body::empty()).unwrap();
        routes.oneshot(request).await.unwrap().status().as_u16()
    }

    #[tokio::test]
    async fn what_is_no_id_is_not_there() {
        let id = "0192aaaa-bbbb-7ccc-8ddd-eeeeffff0000";
        assert_eq!(status(&format!("/things/{id}")).await, 200);
        assert_eq!(status(&format!("/things/odd/parts/{id}")).await, 200);
        assert_eq!(status(&format!("/others/{id}")).await, 200);
        for bad in [
            "1",
            "%FF",
            "%00",
            "0192aaaabbbb7ccc8dddeeeeffff0000",
            "'or'1'='1",
        ] {
            assert_eq!(status(&format!("/things/{bad}")).await, 404, "{bad}");
        }
    }
}
