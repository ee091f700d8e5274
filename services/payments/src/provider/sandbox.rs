//! The sandbox provider: no money moves, but it remembers, dawdles and fails like a real one.

pub mod behaviour;
pub mod cards;
mod charges;
pub mod notices;

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use contracts::money::Money;
use platform::clock::Clock;
use platform::db::Migration;
use platform::{Db, Tx};
use tokio::sync::Notify;

use super::signature::Secret;
use super::{Answer, Position, Provider, ProviderError};
use crate::domain::charge::{Charge, Standing};
use behaviour::Behaviour;

/// The tables of the sandbox, in a database of its own that payments does not look into; all replicas
/// of payments have the same.
pub const MIGRATIONS: &[Migration] = &[
    Migration {
        name: "0001_sandbox",
        sqlite: include_str!("../../migrations/sandbox/0001_sandbox.sql"),
    },
    Migration {
        name: "0002_expand_notices",
        sqlite: include_str!("../../migrations/sandbox/0002_expand_notices.sql"),
    },
];

/// Where a customer confirms a payment, without the charge's id.
pub const ACTIONS: &str = "/sandbox/actions";

/// The sandbox provider.
pub struct Sandbox {
    db: Db,
    clock: Arc<dyn Clock>,
    behaviour: Mutex<Behaviour>,
    secrets: Vec<Secret>,
    /// Woken when there is something to tell.
    news: Arc<Notify>,
}

impl std::fmt::Debug for Sandbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sandbox")
            .field("behaviour", &self.behaviour)
            .finish_non_exhaustive()
    }
}

impl Sandbox {
    /// The provider over its own database, which was opened with [`MIGRATIONS`].
    #[must_use]
    pub fn new(db: Db, clock: Arc<dyn Clock>, behaviour: Behaviour) -> Self {
        Self {
            db,
            clock,
            behaviour: Mutex::new(behaviour),
            secrets: Vec::new(),
            news: Arc::default(),
        }
    }

    /// The same, which tells by itself what becomes of charges, and signs with these secrets. Without
    /// any it tells nothing.
    #[must_use]
    pub fn signing_with(self, secrets: Vec<Secret>) -> Self {
        Self { secrets, ..self }
    }

    /// Changes how it behaves from now on.
    pub fn behave(&self, behaviour: Behaviour) {
        *self
            .behaviour
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = behaviour;
    }

    /// The record of a charge, for its customer.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn charge(&self, reference: &str) -> Answer<Option<Charge>> {
        let reference = reference.to_owned();
        let work = async move |tx: &mut Tx| charges::find(tx, &reference).await;
        self.db.read(work).await.map_err(|failure| lost(&failure))
    }

    /// The record of an authorisation, at once and whatever the behaviour: for audits.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn record(&self, key: &str) -> Answer<Option<Charge>> {
        let key = key.to_owned();
        let work = async move |tx: &mut Tx| charges::with_key(tx, &key).await;
        let found = self.db.read(work).await.map_err(|failure| lost(&failure))?;
        Ok(found.map(|(charge, _)| charge))
    }

    /// What the customer answers when asked to confirm; later answers change nothing.
    ///
    /// # Errors
    /// [`ProviderError::Invalid`] for an unknown charge.
    pub async fn confirm(&self, reference: &str, approved: bool) -> Answer<Charge> {
        let granted = self.behaviour().granted();
        let decided = move |charge: &Charge, _: &str| {
            let asked = matches!(charge.standing, Standing::ActionRequired { .. });
            asked.then(|| {
                if approved {
                    granted.clone()
                } else {
                    cards::not_confirmed()
                }
            })
        };
        self.change(reference, decided).await
    }

    fn behaviour(&self) -> Behaviour {
        self.behaviour
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Runs a call as the behaviour wants it: late, not at all, or with its answer lost.
    async fn behaving<T>(&self, effect: impl Future<Output = Answer<T>>) -> Answer<T> {
        let behaviour = self.behaviour();
        if !behaviour.latency.is_zero() {
            self.clock.sleep(behaviour.latency).await;
        }
        if self.behaviour().unavailable {
            return Err(unavailable());
        }
        let answer = effect.await;
        if !behaviour.answer_delay.is_zero() {
            self.clock.sleep(behaviour.answer_delay).await;
        }
        if self.loses_answer() {
            return Err(ProviderError::Timeout);
        }
        answer
    }

    fn loses_answer(&self) -> bool {
        let mut behaviour = self
            .behaviour
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let loses = behaviour.lose_answers > 0;
        behaviour.lose_answers = behaviour.lose_answers.saturating_sub(1);
        loses
    }

    /// Brings a charge to what `decided` answers of it and its card's token, if it answers something.
    async fn change(
        &self,
        reference: &str,
        decided: impl Fn(&Charge, &str) -> Option<Standing> + Send + Sync + 'static,
    ) -> Answer<Charge> {
        let reference = reference.to_owned();
        let tells = self.tells();
        let work = async move |tx: &mut Tx| {
            charges::lock(tx, &reference).await?;
            let Some((charge, token)) = charges::with_reference(tx, &reference).await? else {
                return Ok(Err(invalid("no_such_charge")));
            };
            let Some(standing) = decided(&charge, &token) else {
                return Ok(Ok(charge));
            };
            charges::set_standing(tx, &reference, &standing).await?;
            let after = Charge { standing, ..charge };
            notices::insert(tx, &after, tells).await?;
            Ok(Ok(after))
        };
        self.write(work).await
    }

    /// Changes something; whoever sends notices is woken.
    async fn write<F>(&self, work: F) -> Answer<Charge>
    where
        F: AsyncFn(&mut Tx) -> platform::Result<Answer<Charge>> + Send + 'static,
    {
        let written = self.db.write(work).await;
        self.news.notify_one();
        written.map_err(|failure| lost(&failure))?
    }

    async fn make(&self, key: &str, amount: Money, token: &str) -> Answer<Charge> {
        let granted = self.behaviour().granted();
        let (key, token) = (key.to_owned(), token.to_owned());
        let tells = self.tells();
        let work = async move |tx: &mut Tx| {
            charges::lock(tx, &key).await?;
            if let Some((charge, first_token)) = charges::with_key(tx, &key).await? {
                let same = charge.amount == amount && first_token == token;
                return Ok(if same {
                    Ok(charge)
                } else {
                    Err(invalid("idempotency_mismatch"))
                });
            }
            let reference = charges::new_reference(tx);
            let Some(standing) = cards::standing(&token, &reference, granted.clone()) else {
                return Ok(Err(invalid(super::INVALID_TOKEN)));
            };
            let key = key.clone();
            let created_at = tx.now();
            let charge = Charge {
                key,
                reference,
                amount,
                standing,
                refunds: Vec::new(),
                created_at,
            };
            charges::insert(tx, &charge, &token).await?;
            notices::insert(tx, &charge, tells).await?;
            Ok(Ok(charge))
        };
        self.write(work).await
    }

    async fn give_back(&self, reference: &str, amount_minor: i64, key: &str) -> Answer<Charge> {
        let (reference, key) = (reference.to_owned(), key.to_owned());
        let tells = self.tells();
        let work = async move |tx: &mut Tx| {
            charges::lock(tx, &reference).await?;
            let Some(charge) = charges::find(tx, &reference).await? else {
                return Ok(Err(invalid("no_such_charge")));
            };
            if charge.refunds.iter().any(|refund| refund.key == key) {
                return Ok(Ok(charge));
            }
            if amount_minor <= 0 || amount_minor > charge.held_minor() {
                return Ok(Err(invalid("charge_not_refundable")));
            }
            charges::insert_refund(tx, &charge, &key, amount_minor).await?;
            let Some(after) = charges::find(tx, &reference).await? else {
                return Ok(Err(invalid("no_such_charge")));
            };
            notices::insert(tx, &after, tells).await?;
            Ok(Ok(after))
        };
        self.write(work).await
    }
}

#[async_trait]
impl Provider for Sandbox {
    async fn authorize(&self, key: &str, amount: Money, token: &str) -> Answer<Charge> {
        self.behaving(self.make(key, amount, token)).await
    }

    async fn capture(&self, reference: &str, _key: &str) -> Answer<Charge> {
        let taken = self.behaviour().taken();
        let decided = move |charge: &Charge, token: &str| {
            let held = charge.standing == Standing::Authorized;
            held.then(|| cards::taken(token, taken.clone()))
        };
        self.behaving(self.change(reference, decided)).await
    }

    async fn void(&self, reference: &str, _key: &str) -> Answer<Charge> {
        let decided = |charge: &Charge, _: &str| {
            let open = matches!(
                charge.standing,
                Standing::Authorized | Standing::ActionRequired { .. }
            );
            open.then_some(Standing::Voided)
        };
        self.behaving(self.change(reference, decided)).await
    }

    async fn refund(&self, reference: &str, amount_minor: i64, key: &str) -> Answer<Charge> {
        self.behaving(self.give_back(reference, amount_minor, key))
            .await
    }

    async fn look_up(&self, key: &str) -> Answer<Option<Charge>> {
        self.behaving(self.record(key)).await
    }

    async fn list(&self, after: &Position, limit: u32) -> Answer<Vec<Charge>> {
        let behaviour = self.behaviour();
        if !behaviour.latency.is_zero() {
            self.clock.sleep(behaviour.latency).await;
        }
        if behaviour.unavailable {
            return Err(unavailable());
        }
        let after = after.clone();
        let work = async move |tx: &mut Tx| charges::after(tx, &after, limit).await;
        self.db.read(work).await.map_err(|failure| lost(&failure))
    }
}

fn invalid(code: &str) -> ProviderError {
    ProviderError::Invalid {
        code: code.to_owned(),
    }
}

fn unavailable() -> ProviderError {
    ProviderError::Unavailable("503".to_owned())
}

/// The sandbox's own database failed: to its customers it is simply not there.
fn lost(failure: &platform::Failure) -> ProviderError {
    ProviderError::Unavailable(failure.to_string())
}
