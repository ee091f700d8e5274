//! N1: one message for each template and event that is worth one, and none that waits.

use std::collections::{BTreeMap, BTreeSet};

use notifications::audit::{self, Audited};
use platform::gate::operator::Skipped;
use platform::{Result, Tx};

use crate::check::Finding;
use crate::check::facts::Facts;
use crate::operator::Operator;

pub async fn findings(operator: &Operator, facts: &Facts) -> anyhow::Result<Vec<Finding>> {
    // What is owed was read before: whoever has handled it by then has written.
    let gate = operator.gate("notifications")?;
    let skipped: BTreeSet<Skipped> = gate.skipped().await?.into_iter().collect();
    let look = async |tx: &mut Tx| -> Result<_> {
        Ok((audit::messages(tx).await?, audit::left(tx).await?))
    };
    let (messages, left) = gate.context.db.read(look).await?;
    let mut found = Vec::new();
    let counts = counted(&messages, &mut found);
    for owed in facts.owed() {
        let is_skipped = skipped.contains(&Skipped {
            aggregate: owed.aggregate.to_owned(),
            subject: owed.subject.clone(),
            version: owed.version,
        });
        let key = (owed.template.to_owned(), owed.event_id.clone());
        if counts.contains_key(&key) || is_skipped || left.contains(&owed.person) {
            continue;
        }
        let what = format!(
            "no message {} for version {} of {} {}",
            owed.template, owed.version, owed.aggregate, owed.subject
        );
        found.push(Finding {
            rule: "N1",
            what,
            pending: facts.is_behind(&owed.subject),
        });
    }
    Ok(found)
}

/// How often there is each message; tells of those that are there twice, and that wait.
fn counted(messages: &[Audited], found: &mut Vec<Finding>) -> BTreeMap<(String, String), u64> {
    let mut counts: BTreeMap<(String, String), u64> = BTreeMap::new();
    for message in messages {
        if !message.is_done() {
            let what = format!("message {} to be sent is {}", message.id, message.state);
            found.push(Finding::pending("L1", what));
        }
        let key = (message.template.clone(), message.event_id.clone());
        *counts.entry(key).or_default() += 1;
    }
    for ((template, event), count) in counts.iter().filter(|(_, count)| **count > 1) {
        let what = format!("{count} messages {template} for {event}");
        found.push(Finding::violation("N1", what));
    }
    counts
}
