//! Which numbered work of a service this replica does, of several that share it by leases: the
//! partitions that it publishes, and the consumers that it hears.
//!
//! Who comes, leaves or gives something back says so to the others, and they look again at once: what
//! changes hands waits for a word, not for the next renewal. A word that is lost costs that.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::{Mutex, Notify};

use crate::context::Context;
use crate::db::{Durability, Tx};
use crate::failure::Result;
use crate::lease::{self, Share};
use crate::log::{PARTITIONS, RELAY};
use crate::trace::Origin;

/// How often the shares are renewed.
pub const RENEW_EVERY: Duration = Duration::from_secs(1);

/// For how long nobody does what a replica that died has done: two renewals may fail.
pub const LAST: Duration = Duration::from_secs(3);

/// What consumers are shared as.
const HEAR: &str = "hear";

/// The loop that keeps the shares.
const SHARES: &str = "shares";

/// What the words begin with that make other replicas look at their shares; behind it is who says so.
const WORD: &str = "shares/";

/// The numbers of the consumers that this replica hears, and who waits for them to change.
///
/// tokio's `watch` wakes those who wait in an order that it draws by itself; here it is that in which
/// they came, so that a simulation can be told again.
#[derive(Debug, Clone, Default)]
pub(crate) struct Turns(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    mine: std::sync::Mutex<Vec<i64>>,
    changed: Notify,
}

impl Turns {
    /// Whether this replica hears that one.
    pub(crate) fn have(&self, number: i64) -> bool {
        let mine = self.0.mine.lock().unwrap_or_else(PoisonError::into_inner);
        mine.contains(&number)
    }

    /// Waits until this replica hears that one, or until it does not.
    pub(crate) async fn until(&self, number: i64, is_heard: bool) {
        loop {
            let changed = self.0.changed.notified();
            if self.have(number) == is_heard {
                return;
            }
            changed.await;
        }
    }

    fn set(&self, numbers: Vec<i64>) {
        let mut mine = self.0.mine.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::replace(&mut *mine, numbers) != *mine {
            drop(mine);
            self.0.changed.notify_waiters();
        }
    }
}

/// Takes this replica's part of the work, the first time before it returns, until the process stops.
/// The partitions go to the relay; which consumers are to be heard is in what is returned.
pub(crate) async fn keep(context: &Context, consumers: usize) -> Turns {
    let turns = Turns::default();
    let keeper = Keeper {
        context: context.clone(),
        consumers: i64::try_from(consumers).unwrap_or(0),
        hears: turns.clone(),
    };
    keeper.renew().await;
    context.tasks.spawn(async move {
        let again = keeper.context.wakers.get(SHARES);
        loop {
            tokio::select! {
                biased;
                () = again.notified() => {}
                () = keeper.context.clock.sleep(RENEW_EVERY) => {}
            }
            keeper.renew().await;
        }
    });
    turns
}

/// Whether this replica has left. Who renews holds it, so that nothing is taken behind who leaves.
#[derive(Debug, Clone, Default)]
pub struct Left(Arc<Mutex<bool>>);

/// Gives everything back that this replica has, says so, and takes nothing any more. What it is at goes
/// on until its tasks are stopped: that takes a while, in which the others already do its part.
///
/// # Errors
/// When the database or the bus does not answer: the others wait until the leases have run out.
pub async fn leave(context: &Context) -> Result<()> {
    let replica = Arc::clone(&context.replica);
    let give_back = async move |tx: &mut Tx| lease::give_back(tx, &replica).await;
    let mut left = context.left.0.lock().await;
    *left = true;
    let given_back = context.db.write(give_back).await;
    drop(left);
    look_again(context);
    given_back?;
    say(context).await?;
    context.bus.flush().await;
    Ok(())
}

/// Takes a word that wakes replicas for itself if it is about shares; whether it is.
pub(crate) fn heard(context: &Context, word: &str) -> bool {
    let Some(by) = word.strip_prefix(WORD) else {
        return false;
    };
    if *by != *context.replica {
        look_again(context);
    }
    true
}

/// Looks soon at what is to be had: words may have been missed.
pub(crate) fn look_again(context: &Context) {
    context.wakers.wake(SHARES);
}

async fn say(context: &Context) -> Result<()> {
    let word = format!("{WORD}{}", context.replica);
    Ok(context.bus.nudge(context.service, &word).await?)
}

struct Keeper {
    context: Context,
    consumers: i64,
    hears: Turns,
}

impl Keeper {
    async fn renew(&self) {
        let context = &self.context;
        let left = context.left.0.lock().await;
        let taken = match *left {
            true => Ok(Default::default()),
            false => self.take().await,
        };
        drop(left);
        let [relay, hear]: [Share; 2] = taken.unwrap_or_else(|failure| {
            // What it had may be another's by now, and it is no time to hear anything.
            tracing::warn!(service = context.service, %failure, "no share of the work");
            Default::default()
        });
        if context.wakers.share.set(&relay.numbers) {
            context.wakers.wake(RELAY);
        }
        self.hears.set(hear.numbers);
        if (relay.concerns_others || hear.concerns_others)
            && let Err(failure) = say(context).await
        {
            tracing::debug!(service = context.service, %failure, "a word about shares was lost");
        }
    }

    /// A lease that a crash of the database forgets is taken again.
    async fn take(&self) -> Result<[Share; 2]> {
        let (replica, consumers) = (Arc::clone(&self.context.replica), self.consumers);
        let take = async move |tx: &mut Tx| {
            let holder = (&*replica, LAST);
            let relay = lease::take_share(tx, (RELAY, PARTITIONS), holder).await?;
            let hear = lease::take_share(tx, (HEAR, consumers), holder).await?;
            Ok([relay, hear])
        };
        self.context
            .db
            .run(Durability::Relaxed, Origin::default(), take)
            .await
    }
}
