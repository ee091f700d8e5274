//! `ticketing events`: what happens, what is held up, and what an operator does about it.

use std::process::ExitCode;

use crate::control;
use crate::operator::Request;
use crate::settings::{EventsAct, EventsSettings};

/// Asks the marketplace and prints its answer.
///
/// # Errors
/// When it can't be done.
pub async fn events(settings: EventsSettings) -> anyhow::Result<ExitCode> {
    let request = match settings.act {
        EventsAct::Tail => Request::Tail,
        EventsAct::Show { aggregate, id } => Request::Show { aggregate, id },
        EventsAct::Parked => Request::Stuck {
            blocked_only: false,
        },
        EventsAct::Blocked => Request::Stuck { blocked_only: true },
        EventsAct::Redrive {
            service,
            aggregate,
            id,
        } => Request::Redrive {
            service,
            aggregate,
            id,
        },
        EventsAct::Skip {
            service,
            aggregate,
            id,
            reason,
        } => Request::Skip {
            service,
            aggregate,
            id,
            reason,
        },
        EventsAct::Rebuild { service } => Request::Rebuild { service },
    };
    control::ask(&settings.data_dir, request).await
}
