//! Request bodies: how large they may be, and how a client that sends more still hears about it.

use axum::extract::Request;
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use super::problem::too_large;
use crate::failure::{Refused, Result};

/// How many bytes a request's body may have unless a setting says otherwise: the largest form of
/// ours fits many times.
pub const LIMIT: usize = 64 * 1024;

/// How large the body of this request may be, as the layers around the routes have set it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BodyLimit(pub(crate) usize);

/// Reads a whole body.
///
/// # Errors
/// 413 when it is too large, 400 when the client stopped in the middle.
pub async fn read(request: Request) -> Result<Bytes> {
    let limit = request.extensions().get::<BodyLimit>().map_or(LIMIT, |limit| limit.0);
    match Limited::new(request.into_body(), limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if is_too_large(error.as_ref()) => Err(too_large(limit).into()),
        Err(_) => Err(Refused::invalid("incomplete_body", "the body ended too early").into()),
    }
}

fn is_too_large(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<LengthLimitError>() {
            return true;
        }
        cause = error.source();
    }
    false
}
