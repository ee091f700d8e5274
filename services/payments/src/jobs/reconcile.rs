//! Compares with the provider's records, and learns from them.
//!
//! It decides nothing: each payment is brought to what the provider shows, and orders hears of it by
//! the usual events. By itself it undoes only what the provider has held for over an hour for no
//! payment of ours, or for one that has come to nothing.

mod walk;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use contracts::Timestamp;
use contracts::events::payments::PaymentStatus;
use futures::{StreamExt, TryStreamExt, stream};
use platform::clock::earlier;
use platform::{Context, Result, Tx, lease};

use super::settle::Settlement;
use super::settle::compare::{differs, show_figures, unanswered};
use crate::domain::charge::{Charge, Standing};
use crate::provider::Position;
use crate::store::{payments, reconciled};

/// How many records one step looks at.
const PAGE: u32 = 100;

/// How many are looked up at the same time.
const AT_ONCE: usize = 16;

/// The lease of the one replica that compares.
const LEASE: &str = "reconcile";

/// What changed just now is left to those who changed it; after the start of the only process nobody
/// is at work.
const SETTLING: Duration = Duration::from_secs(10);

/// Compares with the provider's records.
#[derive(Debug)]
pub struct Reconciler {
    settlement: Arc<Settlement>,
    begun: AtomicBool,
}

impl Reconciler {
    /// Asks the provider through the settlement.
    #[must_use]
    pub fn new(settlement: Arc<Settlement>) -> Self {
        show_figures();
        Self {
            settlement,
            begun: AtomicBool::new(false),
        }
    }

    /// Compares once.
    ///
    /// # Errors
    /// When the database does not answer. A provider that does not is asked again the next time.
    pub async fn run(self: Arc<Self>, ctx: Context) -> Result<Option<Duration>> {
        let first = !self.begun.swap(true, Ordering::AcqRel);
        let settling = if first && !ctx.db.is_shared() {
            Duration::ZERO
        } else {
            SETTLING
        };
        if !is_ours(&ctx).await? {
            return Ok(None);
        }
        if self.compare_open(&ctx, settling).await? && self.compare_all(&ctx).await? {
            self.undo_strangers(&ctx).await?;
        }
        Ok(None)
    }

    /// Looks up every payment whose outcome is open; false when the provider does not answer.
    async fn compare_open(&self, ctx: &Context, settling: Duration) -> Result<bool> {
        let before = ctx
            .now()
            .checked_sub(settling)
            .unwrap_or(contracts::Timestamp::MIN);
        let mut after = String::new();
        loop {
            let from = after.clone();
            let page =
                async move |tx: &mut Tx| payments::open(tx, &from, before, i64::from(PAGE)).await;
            let page = ctx.db.read(page).await?;
            let Some(last) = page.last() else {
                return Ok(true);
            };
            after = last.payment.id.to_string();
            let looks: Vec<_> = page
                .into_iter()
                .map(|stored| self.settlement.compare(ctx, stored.payment))
                .collect();
            let answered: Vec<bool> = stream::iter(looks)
                .buffer_unordered(AT_ONCE)
                .try_collect()
                .await?;
            if answered.contains(&false) || !is_ours(ctx).await? {
                return Ok(false);
            }
        }
    }

    /// Goes on through the provider's records, up to those of an hour ago.
    async fn undo_strangers(&self, ctx: &Context) -> Result<()> {
        let old = self.settlement.settings.strangers_after;
        let until = earlier(ctx.now(), old);
        let born = ctx.db.read(async |tx: &mut Tx| Ok(tx.incarnation()));
        let born = Timestamp::from_microsecond(born.await?).unwrap_or(Timestamp::MAX);
        if until < born {
            // What a backup did not have orders may still name: nobody is a stranger yet.
            return Ok(());
        }
        loop {
            let read = async |tx: &mut Tx| reconciled::position(tx).await;
            let position = ctx.db.read(read).await?;
            let listed = self.settlement.settings.provider.list(&position, PAGE);
            let page = match self.settlement.call(ctx, listed).await {
                Ok(page) => page,
                Err(error) => {
                    unanswered(&error);
                    return Ok(());
                }
            };
            let mut reached = None;
            for charge in page
                .into_iter()
                .take_while(|charge| charge.created_at <= until)
            {
                if !self.judge(ctx, &charge).await? {
                    break;
                }
                reached = Some(Position::of(&charge));
            }
            let Some(reached) = reached else {
                return Ok(());
            };
            let moved = async move |tx: &mut Tx| reconciled::set_position(tx, &reached).await;
            ctx.db.write(moved).await?;
            if !is_ours(ctx).await? {
                return Ok(());
            }
        }
    }

    /// Undoes a record that is nobody's; false when the provider does not answer.
    async fn judge(&self, ctx: &Context, charge: &Charge) -> Result<bool> {
        let key = charge.key.clone();
        let read = async move |tx: &mut Tx| payments::with_provider_key(tx, &key).await;
        let ours = ctx.db.read(read).await?;
        let status = ours.map(|stored| stored.payment.status());
        if !matches!(
            status,
            None | Some(PaymentStatus::Failed | PaymentStatus::Voided)
        ) {
            return Ok(true);
        }
        let provider = &self.settlement.settings.provider;
        let reference = charge.reference.as_str();
        let (void_key, refund_key) = (format!("{reference}:void"), format!("{reference}:refund"));
        let undone = match charge.standing {
            Standing::Authorized | Standing::ActionRequired { .. } => {
                self.settlement
                    .call(ctx, provider.void(reference, &void_key))
                    .await
            }
            Standing::Captured if charge.held_minor() > 0 => {
                let back = provider.refund(reference, charge.held_minor(), &refund_key);
                self.settlement.call(ctx, back).await
            }
            _ => return Ok(true),
        };
        match undone {
            Ok(_) => {
                differs("undone");
                tracing::warn!(reference, "the provider held money for no payment: undone");
                Ok(true)
            }
            Err(error) => Ok(unanswered(&error)),
        }
    }
}

/// Whether this replica is the one that compares; asked again with each step. That two do for a moment
/// is harmless: both learn the same, and undo under the same keys.
async fn is_ours(ctx: &Context) -> Result<bool> {
    if !ctx.db.is_shared() {
        return Ok(true);
    }
    let replica = Arc::clone(&ctx.replica);
    ctx.db
        .write(async move |tx: &mut Tx| lease::take(tx, LEASE, &replica).await)
        .await
}
