//! Failures as RFC 9457 problem documents.

use axum::response::{IntoResponse, Response};
use contracts::api::problem::{CONTENT_TYPE, FieldError, Problem};
use http::{HeaderValue, StatusCode};

use super::answer::Answer;
use crate::failure::{Failure, Refused};

impl Refused {
    /// The refusal as an answer.
    #[must_use]
    pub fn answer(&self) -> Answer {
        let alone = || {
            vec![FieldError {
                message: self.message.clone(),
                field: None,
            }]
        };
        let errors = if self.errors.is_empty() {
            alone()
        } else {
            self.errors.clone()
        };
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
                tracing::warn!(why, "unavailable");
                unavailable().answer()
            }
            Self::Broken(error) => {
                tracing::error!(error = format!("{error:#}"), "request failed");
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
    Refused::conflict(
        "changed_meanwhile",
        "this was changed at the same time; look again",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(failure: &Failure) -> (Problem, Option<String>) {
        let answer = failure.answer();
        let retry_after = answer.headers().get("retry-after");
        let retry_after = retry_after.map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(answer.headers()["content-type"], CONTENT_TYPE);
        let problem: Problem = serde_json::from_slice(answer.body()).unwrap();
        assert_eq!(problem.status, answer.status().as_u16());
        (problem, retry_after)
    }

    #[test]
    fn a_refusal_says_what_is_wrong_and_where() {
        let errors = ["title", "price"].map(|field| FieldError {
            message: "is required".to_owned(),
            field: Some(field.to_owned()),
        });
        let (problem, retry_after) = told(&Refused::fields(errors.to_vec()).into());
        assert_eq!(
            (problem.status, problem.title.as_str()),
            (400, "Bad Request")
        );
        assert_eq!(
            (problem.code.as_str(), problem.kind.as_str()),
            ("invalid_input", "about:blank")
        );
        assert_eq!(problem.errors, errors);
        assert_eq!(retry_after, None);
        let (problem, _) = told(&Refused::conflict("taken", "take another one").into());
        assert_eq!(
            problem.errors,
            [FieldError {
                message: "take another one".to_owned(),
                field: None
            }]
        );
    }

    #[test]
    fn what_passes_says_when_to_try_again() {
        let subject = || "1".to_owned();
        let cases = [
            (
                Failure::from(Refused::not_ready()),
                409,
                "not_ready",
                Some("1"),
            ),
            (
                Failure::NotYet {
                    aggregate: "thing",
                    subject: subject(),
                },
                409,
                "not_ready",
                Some("1"),
            ),
            (
                Failure::Moved {
                    aggregate: "thing",
                    subject: subject(),
                },
                409,
                "changed_meanwhile",
                None,
            ),
            (
                Failure::Unavailable("disk full".to_owned()),
                503,
                "unavailable",
                Some("1"),
            ),
        ];
        for (failure, status, code, after) in cases {
            let (problem, retry_after) = told(&failure);
            assert_eq!((problem.status, problem.code.as_str()), (status, code));
            assert_eq!(retry_after.as_deref(), after);
        }
    }

    #[test]
    fn nobody_is_told_what_broke() {
        let failure = Failure::Broken(anyhow::anyhow!("secret cause").context("more of it"));
        let answer = failure.answer();
        assert_eq!(answer.status(), 500);
        let body = String::from_utf8(answer.body().to_vec()).unwrap();
        assert!(
            body.contains("internal_error") && !body.contains("secret"),
            "{body}"
        );
    }
}
