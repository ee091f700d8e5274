//! `ticketing events`: what happens, what is held up, and what an operator does about it.

use std::process::ExitCode;

use std::time::Duration;

use platform::Clock;
use platform::clock::SystemClock;
use platform::http::health::Readiness;
use platform::tasks::Tasks;

use crate::operator::{Request, beside};
use crate::settings::{EventsAct, EventsSettings};
use crate::{control, transport};

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
    if settings.databases.are_set() {
        let mut operator = beside(&settings.databases).await?;
        if matches!(request, Request::Tail) {
            let clock = SystemClock::new();
            let clock: &dyn Clock = &clock;
            let surroundings = (clock, &Tasks::default(), &Readiness::default());
            operator.bus = transport::connect(&settings.nats, surroundings, Duration::ZERO).await?;
        }
        return control::work_on(operator, request).await;
    }
    control::ask(&settings.data_dir, request).await
}
