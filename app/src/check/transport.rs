//! I1, I2, I3, P1–P3, L1: logs without holes, cursors, copies, owners' rows, and what waits.

use crate::check::Finding;
use crate::check::facts::Facts;
use crate::operator::Operator;

/// How many keys that lag are listed by name.
const LISTED_MAX: usize = 20;

pub async fn findings(operator: &Operator, facts: &Facts) -> anyhow::Result<Vec<Finding>> {
    let mut found = Vec::new();
    for (service, gate) in operator.gates.iter() {
        found.extend(
            gate.holes()
                .await?
                .into_iter()
                .map(|what| Finding::violation("I1", what)),
        );
        let mut differences = gate.copy_differences().await?;
        differences.extend(gate.owner_differences().await?);
        found.extend(
            differences
                .into_iter()
                .map(|what| Finding::violation("P1", what)),
        );
        let waiting = gate.waiting().await?;
        if waiting.rebuilding {
            let what = format!("{service}: the copies are being rebuilt");
            found.push(Finding::pending("L1", what));
        }
        for (count, what) in [
            (waiting.unpublished, "events are not published"),
            (waiting.parked, "events are parked"),
            (waiting.stuck, "keys do not advance by themselves"),
        ] {
            if count > 0 {
                found.push(Finding::pending("L1", format!("{service}: {count} {what}")));
            }
        }
    }
    let (behind, ahead): (Vec<_>, Vec<_>) =
        facts.lags.iter().partition(|lag| lag.cursor < lag.head);
    for lag in ahead {
        found.push(Finding::violation(
            "P2",
            format!(
                "{}: {} {} was handled up to version {}, its log ends at {}",
                lag.consumer, lag.aggregate, lag.subject, lag.cursor, lag.head
            ),
        ));
    }
    for lag in behind.iter().take(LISTED_MAX) {
        found.push(Finding::pending(
            "L1",
            format!(
                "{}: {} {} is handled up to version {} of {}",
                lag.consumer, lag.aggregate, lag.subject, lag.cursor, lag.head
            ),
        ));
    }
    if behind.len() > LISTED_MAX {
        let more = behind.len() - LISTED_MAX;
        found.push(Finding::pending(
            "L1",
            format!("and {more} more keys are behind"),
        ));
    }
    Ok(found)
}
