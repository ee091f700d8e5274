//! What a service's inbox shows of itself: how much it handles, how late, and what waits.

use std::time::Duration;

use contracts::Timestamp;
use metrics::{Label, counter, gauge, histogram};

use super::Gate;
use super::inbox::{Arrival, Verdict};

/// How often what waits is counted.
const EVERY: Duration = Duration::from_secs(15);

/// Counts what was handled of these arrivals, and how long after its owner had committed it: by two
/// machines' clocks, where they are two.
pub(super) fn handled(
    service: &'static str,
    aggregate: &'static str,
    (arrivals, verdicts): (&[Arrival], &[Verdict]),
    now: Timestamp,
) {
    let labels = vec![
        Label::from_static_parts("service", service),
        Label::from_static_parts("aggregate", aggregate),
    ];
    let delay = histogram!("ticketing_event_delay_seconds", labels.clone());
    let mut count = 0;
    for (arrival, verdict) in arrivals.iter().zip(verdicts) {
        if matches!(verdict, Verdict::Handled { .. }) {
            count += 1;
            let late = now.duration_since(arrival.event.time);
            delay.record(late.as_secs_f64().max(0.0));
        }
    }
    counter!("ticketing_events_handled_total", labels).increment(count);
}

/// Shows what waits, until the process stops.
pub(crate) async fn keep(gate: Gate) {
    let service = gate.context.service;
    let unpublished = gauge!("ticketing_events_unpublished", "service" => service);
    let parked = gauge!("ticketing_events_parked", "service" => service);
    let stuck = gauge!("ticketing_keys_stuck", "service" => service);
    let blocked = gauge!("ticketing_keys_blocked", "service" => service);
    let writes = counter!("ticketing_database_writes_total", "service" => service);
    let running = gauge!("ticketing_database_writes_running", "service" => service);
    loop {
        match gate.waiting().await {
            Ok(waiting) => {
                for (gauge, count) in [
                    (&unpublished, waiting.unpublished),
                    (&parked, waiting.parked),
                    (&stuck, waiting.stuck),
                    (&blocked, waiting.blocked),
                ] {
                    gauge.set(shown(count.unsigned_abs()));
                }
            }
            // The readiness says it.
            Err(failure) => tracing::debug!(service, %failure, "what waits is not known"),
        }
        let (ended, under_way) = gate.context.db.writes();
        writes.absolute(ended);
        running.set(shown(under_way));
        gate.context.clock.sleep(EVERY).await;
    }
}

fn shown(count: u64) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}
