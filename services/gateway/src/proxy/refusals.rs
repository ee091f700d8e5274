//! What the gateway itself says when there is no answer to pass on.

use axum::http::StatusCode;
use platform::Refused;

use super::exchange::Broken;
use super::upload::Interrupted;

/// The refusal for an exchange that brought no answer.
pub fn of(broken: &Broken) -> Refused {
    match broken {
        Broken::Unsent(..) => nobody(),
        Broken::Lost { .. } => lost(),
        Broken::TooSlow => too_slow(),
        Broken::Interrupted(why) => interrupted(*why),
    }
}

/// 503: no replica can be reached.
pub fn nobody() -> Refused {
    soon(
        "service_unreachable",
        "the part of the system that answers this can't be reached right now; try again in a second",
    )
}

/// 503: all replicas have as much as they take.
pub fn busy() -> Refused {
    soon(
        "service_busy",
        "too much is asked at the moment; try again in a second",
    )
}

/// 502: the connection broke before an answer.
pub fn lost() -> Refused {
    Refused::new(
        StatusCode::BAD_GATEWAY,
        "service_broke_off",
        "the part of the system that answers this broke off; it may or may not have done what was \
         asked: look before you try again, or repeat it with the same Idempotency-Key",
    )
}

/// 504: no answer in time.
pub fn too_slow() -> Refused {
    Refused::new(
        StatusCode::GATEWAY_TIMEOUT,
        "service_timeout",
        "the part of the system that answers this took too long; it may or may not have done what \
         was asked: look before you try again, or repeat it with the same Idempotency-Key",
    )
}

/// 400: the head of the request can be read in two ways.
pub fn ambiguous() -> Refused {
    Refused::invalid(
        "ambiguous_request",
        "the request names several hosts or lengths",
    )
}

/// The body of the request did not arrive as a whole.
pub fn interrupted(why: Interrupted) -> Refused {
    match why {
        Interrupted::TooLarge => Refused::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body_too_large",
            "the body is larger than anything that is taken here",
        ),
        Interrupted::Stalled => Refused::new(
            StatusCode::REQUEST_TIMEOUT,
            "body_timeout",
            "the body did not arrive in time",
        ),
        Interrupted::Gone => Refused::invalid("incomplete_body", "the body ended too early"),
    }
}

fn soon(code: &'static str, message: &'static str) -> Refused {
    Refused {
        retry_after: Some(1),
        ..Refused::new(StatusCode::SERVICE_UNAVAILABLE, code, message)
    }
}
