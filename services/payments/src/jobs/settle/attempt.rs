//! One attempt at one act: ask, then record what the provider shows.

use crate::flaws;
use platform::clock::later;
use platform::{Context, Result, Tx};

use super::Settlement;
use super::compare::went_back;
use crate::commands::learn;
use crate::commands::take::Task;
use crate::domain::charge::Charge;
use crate::domain::payment::Act;
use crate::domain::retry;
use crate::provider::{Answer, ProviderError};
use crate::store::work;

/// What an attempt found out.
#[derive(Debug, Clone)]
enum Seen {
    /// The provider's record.
    Charge(Box<Charge>),
    /// The provider has no record, and will not get one.
    Nothing,
    /// Nothing new.
    Unknown(ProviderError),
}

impl Settlement {
    /// Asks the provider and records what it shows.
    pub(super) async fn attempt(&self, ctx: &Context, task: Task) -> Result<()> {
        let seen = match self.ask(ctx, &task).await {
            Ok(seen) => seen,
            Err(error) => Seen::Unknown(error),
        };
        let pause = retry::pause(task.work.attempts);
        if let Seen::Unknown(error) = &seen {
            let (payment_id, act) = (task.payment.id, task.act.name());
            tracing::warn!(%payment_id, act, attempts = task.work.attempts, %error, "no answer from the payment provider");
        }
        let id = task.payment.id;
        let write = async move |tx: &mut Tx| {
            let of = &task.payment;
            let mut unasked = false;
            match (&seen, &task.act) {
                (Seen::Charge(charge), _) => unasked = learn::learn(tx, of, charge).await?,
                (Seen::Nothing, _) => drop(learn::give_up(tx, of).await?),
                (
                    Seen::Unknown(ProviderError::Invalid { code }),
                    Act::Authorize | Act::Watch | Act::Capture { .. },
                ) => drop(learn::fail(tx, of, code).await?),
                (Seen::Unknown(_), _) => {}
            }
            // Ends here if the act was done; else it comes again.
            learn::postpone(tx, &task.work, pause).await?;
            Ok(unasked)
        };
        went_back(id, ctx.db.write(write).await?);
        Ok(())
    }

    /// The first attempt acts. Every later one looks first, and acts again, with the same key, only
    /// if the provider shows that nothing came of it.
    async fn ask(&self, ctx: &Context, task: &Task) -> Answer<Seen> {
        let first = task.work.attempts <= 1 && task.act != Act::Watch;
        if first {
            return self.act(ctx, task).await.map(Seen::of);
        }
        let provider = &self.settings.provider;
        let key = task.payment.provider_key();
        let Some(charge) = self.call(ctx, provider.look_up(&key)).await? else {
            return self.unheard(ctx, task).await;
        };
        let learned = task.payment.clone().learn(&charge);
        let done = !learned.is_ok_and(|(after, _)| after.next_act().as_ref() == Some(&task.act));
        if done || task.act == Act::Watch {
            return Ok(Seen::of(charge));
        }
        self.act(ctx, task).await.map(Seen::of)
    }

    /// The provider has never seen the request: send it again while that is of use, else wait until
    /// it can't be under way any more.
    async fn unheard(&self, ctx: &Context, task: &Task) -> Answer<Seen> {
        if task.act != Act::Authorize {
            // A provider that forgets is not to be asked anew.
            return Err(ProviderError::Unavailable(
                "the charge is not in its records".to_owned(),
            ));
        }
        if task.payable {
            let work = task.work.clone();
            let sent = async move |tx: &mut Tx| work::mark_sent(tx, &work).await;
            let marked = ctx.db.write(sent).await;
            if !marked.map_err(|failure| ProviderError::Unavailable(failure.to_string()))? {
                // Another attempt has it, or orders wants something else: nothing is sent.
                return Err(ProviderError::Unavailable("overtaken".to_owned()));
            }
            return self.act(ctx, task).await.map(Seen::of);
        }
        let sent_at = task.work.sent_at.unwrap_or(task.payment.created_at);
        if later(sent_at, self.settings.unheard_after) <= ctx.now() {
            return Ok(Seen::Nothing);
        }
        Err(ProviderError::Timeout)
    }

    async fn act(&self, ctx: &Context, task: &Task) -> Answer<Charge> {
        let provider = &self.settings.provider;
        let key = &match &task.act {
            Act::Authorize if flaws::KEY_PER_ATTEMPT.is_there() => {
                format!("{} {}", task.work.key, task.work.attempts)
            }
            _ => task.work.key.clone(),
        };
        match &task.act {
            Act::Authorize | Act::Watch => {
                let Some(token) = &task.work.token else {
                    return Err(ProviderError::Invalid {
                        code: "no_card".to_owned(),
                    });
                };
                let asked = provider.authorize(key, task.payment.amount, token.secret());
                self.call(ctx, asked).await
            }
            Act::Capture { reference } => self.call(ctx, provider.capture(reference, key)).await,
            Act::Void { reference } => self.call(ctx, provider.void(reference, key)).await,
            Act::Refund {
                reference,
                amount_minor,
                ..
            } => {
                self.call(ctx, provider.refund(reference, *amount_minor, key))
                    .await
            }
        }
    }
}

impl Seen {
    fn of(charge: Charge) -> Self {
        Self::Charge(Box::new(charge))
    }
}
