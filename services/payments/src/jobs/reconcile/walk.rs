//! Goes through all of the provider's records, and learns what went back without our knowing.
//!
//! What is open is looked up all the time, and what the provider does by itself it tells. But a backup may
//! have neither the request for a refund, nor what became of it, nor the notice: then nobody would ask again.
//! So each life of the database begins with a look at everything. Calls of the life before may still arrive;
//! when they can't any more, it looks once more; and then every day, for notices that were never sent.

use std::time::Duration;

use contracts::Timestamp;
use platform::clock::later;
use platform::{Context, Result, Tx};

use super::{PAGE, Reconciler, is_ours};
use crate::domain::charge::Charge;
use crate::domain::payment::Payment;
use crate::flaws;
use crate::jobs::settle::compare::unanswered;
use crate::provider::Position;
use crate::store::payments;
use crate::store::walks::{self, Walk};

/// How often everything is looked at.
const EVERY: Duration = Duration::from_secs(24 * 60 * 60);

/// How many pages are looked at before what is open is again: a large history takes several runs.
const PAGES_AT_ONCE: usize = 100;

impl Reconciler {
    /// Goes on with the comparison that is due, if one is; false when the provider does not answer.
    pub(super) async fn compare_all(&self, ctx: &Context) -> Result<bool> {
        let newest = async |tx: &mut Tx| Ok((walks::newest(tx).await?, tx.incarnation()));
        let (newest, incarnation) = ctx.db.read(newest).await?;
        let unheard_after = self.settlement.settings.unheard_after;
        let Some(mut walk) = due(newest, (incarnation, ctx.now()), unheard_after) else {
            return Ok(true);
        };
        for _ in 0..PAGES_AT_ONCE {
            let Some(position) = walk.position.take() else {
                break;
            };
            let listed = self.settlement.settings.provider.list(&position, PAGE);
            let page = match self.settlement.call(ctx, listed).await {
                Ok(page) => page,
                Err(error) => return Ok(unanswered(&error)),
            };
            walk.position = page.last().map(Position::of);
            for payment in unasked(ctx, page).await? {
                if !self.settlement.compare(ctx, payment).await? {
                    return Ok(false);
                }
            }
            if walk.position.is_none() {
                walk.ended += 1;
            }
            let reached = walk.clone();
            ctx.db
                .write(async move |tx: &mut Tx| walks::put(tx, &reached).await)
                .await?;
            if !is_ours(ctx).await? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

/// The comparison to go on with, or to begin. After `unheard_after` no call of an earlier life can be under
/// way any more.
fn due(
    newest: Option<Walk>,
    (incarnation, now): (i64, Timestamp),
    unheard_after: Duration,
) -> Option<Walk> {
    let ended = match newest {
        Some(walk) if walk.incarnation == incarnation => {
            if walk.position.is_some() {
                return Some(walk);
            }
            let pause = match walk.ended {
                ..=1 => unheard_after,
                _ => EVERY,
            };
            if now < later(walk.begun_at, pause) {
                return None;
            }
            walk.ended
        }
        _ if flaws::RETURNS_FORGOTTEN.is_there() => return None,
        _ => 0,
    };
    Some(Walk {
        incarnation,
        ended,
        begun_at: now,
        position: Some(Position::beginning()),
    })
}

/// The payments of which these records show that money went back which nobody has asked for.
async fn unasked(ctx: &Context, page: Vec<Charge>) -> Result<Vec<Payment>> {
    let look = async move |tx: &mut Tx| {
        let mut found = Vec::new();
        for charge in page.iter().filter(|charge| !charge.refunds.is_empty()) {
            let stored = payments::with_provider_key(tx, &charge.key).await?;
            let payment = stored.map(|stored| stored.payment);
            found.extend(payment.filter(|payment| payment.shows_unasked_return(charge)));
        }
        Ok(found)
    };
    ctx.db.read(look).await
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNHEARD_AFTER: Duration = Duration::from_secs(60);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// One that has ended, in the life 7.
    fn ended(ended: i64, begun: i64) -> Walk {
        Walk {
            incarnation: 7,
            ended,
            begun_at: at(begun),
            position: None,
        }
    }

    fn begins(ended: i64, now: i64) -> Option<Walk> {
        Some(Walk {
            incarnation: 7,
            ended,
            begun_at: at(now),
            position: Some(Position::beginning()),
        })
    }

    #[test]
    fn each_life_begins_with_one_and_a_second_when_no_call_is_under_way_any_more() {
        let due = |newest, now| due(newest, (7, at(now)), UNHEARD_AFTER);
        assert_eq!(due(None, 100), begins(0, 100));
        let earlier_life = Walk {
            incarnation: 6,
            ..ended(40, 99)
        };
        assert_eq!(due(Some(earlier_life), 100), begins(0, 100));
        assert_eq!(due(Some(ended(1, 100)), 159), None);
        assert_eq!(due(Some(ended(1, 100)), 160), begins(1, 160));
        let day = 24 * 60 * 60;
        assert_eq!(due(Some(ended(2, 100)), 99 + day), None);
        assert_eq!(due(Some(ended(2, 100)), 100 + day), begins(2, 100 + day));
    }

    #[test]
    fn one_that_has_not_ended_is_gone_on_with() {
        let half = Walk {
            position: Some(Position {
                created_at: at(5),
                reference: "ch_5".to_owned(),
            }),
            ..ended(3, 100)
        };
        let due = due(Some(half.clone()), (7, at(101)), UNHEARD_AFTER);
        assert_eq!(due, Some(half));
    }
}
