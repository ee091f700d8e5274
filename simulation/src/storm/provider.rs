//! What the payment provider does that nobody expects of it.

use std::sync::Arc;
use std::time::Duration;

use payments::provider::Provider as _;

use super::later;
use crate::executor::FOREVER;
use crate::faults::Fault;
use crate::verdict::look;
use crate::world::World;

/// Somebody at the provider gives a buyer money back, all that is left or a part of it, and it tells of that
/// as of everything.
pub(super) fn give_back(world: &World) -> anyhow::Result<()> {
    let taken = "select reference || ' ' || (amount_minor - (select coalesce(sum(amount_minor), 0) \
                 from refunds where refunds.reference = charges.reference)) \
                 from charges where standing = 'captured' order by created_at, reference";
    let held = look(&world.provider_disk, "charges", taken)?;
    let Some((reference, left)) = world
        .choices
        .one_of(&held)
        .and_then(|one| one.split_once(' '))
    else {
        return Ok(());
    };
    let left: i64 = left.parse()?;
    let amount_minor = if world.choices.below(2) == 0 {
        left
    } else {
        left / 3
    };
    if amount_minor > 0 {
        let (reference, key) = (
            reference.to_owned(),
            format!("by hand {}", world.choices.next()),
        );
        world.fault(Fault::GivenBack, || {
            format!("the provider gives {amount_minor} of {reference} back by hand")
        });
        let provider = Arc::clone(&world.provider);
        world.executor.spawn(FOREVER, async move {
            drop(provider.refund(&reference, amount_minor, &key).await);
        });
    }
    Ok(())
}

/// It is late, loses its answers, is not there or can't take what it holds, and after a while is well again.
pub(super) fn misbehave(world: &World, fault: Fault, lasts: Duration) {
    let mut behaviour = world.usual_provider();
    match fault {
        Fault::ProviderLate if world.choices.below(2) == 0 => behaviour.latency = lasts * 3,
        Fault::ProviderLate => behaviour.answer_delay = lasts * 3,
        Fault::ProviderAnswerLost => behaviour.lose_answers = 4,
        Fault::ProviderUnavailable => behaviour.unavailable = true,
        _ => behaviour.decline_captures = true,
    }
    world.fault(fault, || format!("the provider: {behaviour:?}"));
    world.provider.behave(behaviour);
    later(world, lasts * 2, |world| {
        world.provider.behave(world.usual_provider());
    });
}
