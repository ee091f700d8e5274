//! What can go wrong: a refusal by the rules, a copy that is not there yet, a fault of our own.

use axum::http::StatusCode;
use contracts::api::problem::FieldError;

/// The result of commands, consumers and handlers.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

/// The rules say no. The caller is told why, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The HTTP status, 4xx.
    pub status: StatusCode,
    /// A stable slug for programs.
    pub code: &'static str,
    /// What is wrong and what to do, for people.
    pub message: String,
    /// Each single thing that is wrong; [`Self::message`] alone when empty.
    pub errors: Vec<FieldError>,
    /// After how many seconds it may go better (`Retry-After`).
    pub retry_after: Option<u32>,
}

impl Refused {
    /// A refusal that is about no single field.
    #[must_use]
    pub fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status,
            code,
            message: message.into(),
            errors: Vec::new(),
            retry_after: None,
        }
    }

    /// 400: the request is not of the declared form.
    #[must_use]
    pub fn invalid(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// 400 about fields.
    #[must_use]
    pub fn fields(errors: Vec<FieldError>) -> Self {
        Self {
            errors,
            ..Self::invalid("invalid_input", "some fields need to be corrected")
        }
    }

    /// 401: nobody is signed in.
    #[must_use]
    pub fn not_signed_in() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "not_signed_in", "sign in first")
    }

    /// 403: it belongs to somebody else.
    #[must_use]
    pub fn forbidden(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, message)
    }

    /// 404: there is nothing under this id or path.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "not_found",
            "there is nothing at this address",
        )
    }

    /// 409: the present state does not allow it.
    #[must_use]
    pub fn conflict(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, message)
    }

    /// 409 `not_ready`: what it needs is on its way; try again in a second.
    #[must_use]
    pub fn not_ready() -> Self {
        Self {
            retry_after: Some(1),
            ..Self::conflict(
                "not_ready",
                "this is still being prepared; try again in a second",
            )
        }
    }

    /// The same refusal, about one field.
    #[must_use]
    pub fn on_field(mut self, field: &str) -> Self {
        self.errors.push(FieldError {
            message: self.message.clone(),
            field: Some(field.to_owned()),
        });
        self
    }
}

/// Why work did not happen. Whatever it had written is rolled back.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The rules say no (4xx; a consumer acknowledges and records it).
    #[error("refused: {} ({})", .0.message, .0.code)]
    Refused(Box<Refused>),
    /// The copy of another aggregate has not arrived (a consumer parks the event; no attempt is
    /// counted).
    #[error("{aggregate} {subject} is not known here yet")]
    NotYet {
        /// The aggregate's name.
        aggregate: &'static str,
        /// Its id.
        subject: String,
    },
    /// The head of the log moved since it was read: the whole transaction is run again.
    #[error("{aggregate} {subject} was changed meanwhile")]
    Moved {
        /// The aggregate's name.
        aggregate: &'static str,
        /// Its id.
        subject: String,
    },
    /// The database, the disk or the bus does not answer (503; no attempt is counted).
    #[error("unavailable: {0}")]
    Unavailable(String),
    /// A fault of our own (500, logged once with its chain; a consumer counts an attempt).
    #[error(transparent)]
    Broken(#[from] anyhow::Error),
}

impl Failure {
    /// The refusal, if it is one.
    #[must_use]
    pub fn refused(&self) -> Option<&Refused> {
        match self {
            Self::Refused(refused) => Some(refused),
            _ => None,
        }
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        Self::Refused(Box::new(refused))
    }
}

impl From<contracts::envelope::CodecError> for Failure {
    fn from(error: contracts::envelope::CodecError) -> Self {
        Self::Broken(error.into())
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        Self::Broken(error.into())
    }
}
