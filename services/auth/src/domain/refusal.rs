//! Why a request about an account is refused: the stable codes that clients see.

use http::StatusCode;
use platform::{Failure, Refused};

/// Why a person does not get what they asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Somebody has signed up with this address.
    EmailInUse,
    /// No such address, or another password. Which of the two is nobody's business.
    WrongCredentials,
    /// The password until now is another one.
    WrongPassword,
    /// The link was used, is older than it may be, or never was one.
    ResetLinkInvalid,
    /// The idempotency key was used for another request.
    KeyReused,
    /// Too many wrong passwords, for an account or from an address.
    TooManyFailures {
        /// After how many seconds another try is heard.
        retry_after: u32,
    },
    /// More people want to be signed in at this moment than can be served.
    Busy,
}

impl Refusal {
    /// The status, the stable slug, and what is wrong and what to do, for people.
    #[must_use]
    pub fn answer(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::EmailInUse => (
                StatusCode::CONFLICT,
                "email_in_use",
                "somebody has signed up with this address; sign in, or reset the password",
            ),
            Self::WrongCredentials => (
                StatusCode::BAD_REQUEST,
                "wrong_credentials",
                "the e-mail address or the password is wrong",
            ),
            Self::WrongPassword => (
                StatusCode::BAD_REQUEST,
                "wrong_password",
                "this is not your password until now",
            ),
            Self::ResetLinkInvalid => (
                StatusCode::BAD_REQUEST,
                "reset_link_invalid",
                "this link does not work any more; ask for a new one",
            ),
            Self::KeyReused => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "idempotency_key_reused",
                "this idempotency key was used for another request; take a new one",
            ),
            Self::TooManyFailures { .. } => (
                StatusCode::TOO_MANY_REQUESTS,
                "too_many_failures",
                "too many wrong passwords; wait a little and try again",
            ),
            Self::Busy => (
                StatusCode::SERVICE_UNAVAILABLE,
                "busy",
                "very many people are signing in right now; try again in a moment",
            ),
        }
    }

    /// The field of the request that it is about.
    fn field(self) -> Option<&'static str> {
        match self {
            Self::EmailInUse => Some("email"),
            Self::WrongPassword => Some("current"),
            _ => None,
        }
    }

    fn retry_after(self) -> Option<u32> {
        match self {
            Self::TooManyFailures { retry_after } => Some(retry_after),
            // By then a good part of those who wait has been served.
            Self::Busy => Some(2),
            _ => None,
        }
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        let (status, code, message) = refusal.answer();
        let refused = Self {
            retry_after: refusal.retry_after(),
            ..Self::new(status, code, message)
        };
        match refusal.field() {
            Some(field) => refused.on_field(field),
            None => refused,
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Refused::from(refusal).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_names_its_field_and_when_to_come_back() {
        let refused = Refused::from(Refusal::EmailInUse);
        assert_eq!(
            (refused.status.as_u16(), refused.code),
            (409, "email_in_use")
        );
        assert_eq!(refused.errors[0].field.as_deref(), Some("email"));
        let refused = Refused::from(Refusal::TooManyFailures { retry_after: 7 });
        assert_eq!(
            (refused.status.as_u16(), refused.retry_after),
            (429, Some(7))
        );
        assert_eq!(Refused::from(Refusal::Busy).status.as_u16(), 503);
    }
}
