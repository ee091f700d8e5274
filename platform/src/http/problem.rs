//! Failures as RFC 9457 problem documents.

use axum::response::{IntoResponse, Response};
use contracts::api::problem::{CONTENT_TYPE, FieldError, Problem};
use http::{HeaderValue, StatusCode};

use super::answer::Answer;
use crate::failure::{Failure, Refused};
use crate::trace::Origin;

impl Refused {
    /// The refusal as an answer.
    #[must_use]
    pub fn answer(&self) -> Answer {
        let alone = || vec![FieldError { message: self.message.clone(), field: None }];
        let errors = if self.errors.is_empty() { alone() } else { self.errors.clone() };
        let problem = Problem {
            kind: "about:blank".to_owned(),
            title: self.status.canonical_reason().unwrap_or("Error").to_owned(),
            status: self.status.as_u16(),
            detail: Some(self.message.clone()),
            code: self.code.to_owned(),
            errors,
        };
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let answer = Answer::typed(self.status, HeaderValue::from_static(CONTENT_TYPE), body);
        match self.retry_after {
            Some(seconds) => answer.retry_after(seconds),
            None => answer,
        }
    }
}

impl Failure {
    /// The failure as an answer. A fault of our own is logged here, once, and told to nobody.
    #[must_use]
    pub fn answer(&self) -> Answer {
        match self {
            Self::Refused(refused) => refused.answer(),
            Self::NotYet { .. } => Refused::not_ready().answer(),
            Self::Moved { .. } => changed_meanwhile().answer(),
            Self::Unavailable(why) => {
                let request_id = Origin::current().correlation;
                tracing::warn!(why, request_id, "unavailable");
                unavailable().answer()
            }
            Self::Broken(error) => {
                let request_id = Origin::current().correlation;
                tracing::error!(error = format!("{error:#}"), request_id, "request failed");
                broken().answer()
            }
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        self.answer().into_response()
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        self.answer().into_response()
    }
}

/// Answers whatever no route is for: 404.
pub async fn unknown_path() -> Refused {
    Refused::not_found()
}

/// Answers a path that exists, asked with a method that it does not have: 405.
pub async fn unknown_method() -> Refused {
    method_not_allowed()
}

/// 405.
pub(crate) fn method_not_allowed() -> Refused {
    Refused::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method_not_allowed",
        "this address does not know this method",
    )
}

/// 500, without a word about the cause.
pub(crate) fn broken() -> Refused {
    Refused::new(
        StatusCode::INTERNAL_SERVER_ERROR,
        "internal_error",
        "something went wrong on our side; it has been noted",
    )
}

/// 503: worth another try soon.
pub(crate) fn unavailable() -> Refused {
    Refused {
        retry_after: Some(1),
        ..Refused::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "unavailable",
            "this can't be answered right now; try again in a second",
        )
    }
}

/// 413.
pub(crate) fn too_large(limit: usize) -> Refused {
    Refused::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "body_too_large",
        format!("the body may have {limit} bytes at most"),
    )
}

fn changed_meanwhile() -> Refused {
    Refused::conflict("changed_meanwhile", "this was changed at the same time; look again")
}
