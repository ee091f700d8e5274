//! N1: one message for each template and event that is worth one, and none that waits.

use std::collections::{BTreeMap, BTreeSet};

use contracts::envelope::Aggregate;
use contracts::events::orders::Order;
use contracts::events::tickets::Ticket;
use notifications::audit::{self, Audited, Owed};
use platform::gate::operator::Skipped;
use platform::log::source;
use platform::{Result, Tx};

use crate::check::Finding;
use crate::check::facts::Facts;
use crate::operator::Operator;

pub async fn findings(operator: &Operator, facts: &Facts) -> anyhow::Result<Vec<Finding>> {
    // What is owed first: whoever has handled it by then has written.
    let mut owed = owed_by::<Order>(operator).await?;
    owed.extend(owed_by::<Ticket>(operator).await?);
    let gate = operator.gate("notifications")?;
    let skipped: BTreeSet<Skipped> = gate.skipped().await?.into_iter().collect();
    let look = async |tx: &mut Tx| -> Result<_> {
        Ok((audit::messages(tx).await?, audit::left(tx).await?))
    };
    let (messages, left) = gate.context.db.read(look).await?;
    let mut found = Vec::new();
    let counts = counted(&messages, &mut found);
    for owed in owed {
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

/// What the log of this type is worth.
async fn owed_by<A: Aggregate>(operator: &Operator) -> anyhow::Result<Vec<Owed>> {
    let db = &operator.gate(A::OWNER)?.context.db;
    let (mut owed, mut after) = (Vec::new(), 0);
    loop {
        let page = source::log(db, A::NAME.to_owned(), after).await?;
        let Some(last) = page.last else {
            return Ok(owed);
        };
        after = last;
        for event in page.events {
            owed.extend(audit::owed(&event)?);
        }
    }
}
