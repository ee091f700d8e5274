//! What payments can do; one transaction each.

pub mod adopt;
pub mod decide;
pub mod heed;
pub mod learn;
mod record;
pub mod start;
pub mod take;

use http::StatusCode;
use platform::{Failure, Refused};

use crate::domain::refusal::Refusal;

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        if refusal == Refusal::NotReady {
            return Refused::not_ready().into();
        }
        Refused::new(StatusCode::CONFLICT, refusal.code(), refusal.to_string()).into()
    }
}
