//! What a service does with the events of one aggregate: its copy, and its reactions.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;

use contracts::envelope::{self, Aggregate, Envelope};

use crate::db::Tx;
use crate::failure::Result;

/// One event, decoded for its consumer.
#[derive(Debug, Clone)]
pub struct Event<A: Aggregate> {
    /// The aggregate's id.
    pub subject: String,
    /// Its version after the change.
    pub version: i64,
    /// When its owner committed the change.
    pub time: contracts::Timestamp,
    /// The public state after the change.
    pub state: A::State,
    /// What happened; `None` for a type that this version of the program doesn't know.
    pub fact: Option<A::Fact>,
    /// The event's id, the same at every delivery: the key of effects outside the database.
    pub id: String,
}

/// A future that stays on its thread.
type Local<'a> = Pin<Box<dyn Future<Output = Result<()>> + 'a>>;

/// A consumer's two parts without their types.
trait Handle: Send + Sync {
    fn handle<'a>(&'a self, tx: &'a mut Tx, envelope: &'a Envelope) -> Local<'a>;
    fn apply<'a>(&'a self, tx: &'a mut Tx, envelope: &'a Envelope) -> Local<'a>;
    fn remove<'a>(&'a self, tx: &'a mut Tx, subject: &'a str) -> Local<'a>;
    fn fell_back<'a>(
        &'a self,
        tx: &'a mut Tx,
        subject: &'a str,
        newest: Option<&'a Envelope>,
    ) -> Local<'a>;
}

/// What a service does with the events of one aggregate type. It hears all of them, never a subset.
#[derive(Clone)]
pub struct Consumer {
    /// The aggregate's name.
    pub aggregate: &'static str,
    /// The service that owns the aggregate.
    pub owner: &'static str,
    /// The tables that `apply` alone writes.
    pub copies: &'static [&'static str],
    /// Whether there is anything besides the copy: then its transactions are synced.
    pub reacts: bool,
    handle: Arc<dyn Handle>,
}

impl std::fmt::Debug for Consumer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Consumer")
            .field("aggregate", &self.aggregate)
            .finish_non_exhaustive()
    }
}

impl Consumer {
    /// A consumer of `A` that keeps nothing and does nothing yet.
    #[must_use]
    pub fn of<A: Aggregate>() -> ConsumerBuilder<A, Nothing, Nothing, Nothing, Nothing> {
        ConsumerBuilder {
            copies: &[],
            reacts: false,
            typed: Typed {
                apply: Nothing,
                react: Nothing,
                remove: Nothing,
                fell_back: Nothing,
                aggregate: PhantomData,
            },
        }
    }

    /// Brings the copy to the event's state, then does what is more than a copy: own state, own
    /// events, effects.
    pub(crate) async fn handle(&self, tx: &mut Tx, envelope: &Envelope) -> Result<()> {
        self.handle.handle(tx, envelope).await
    }

    /// Brings the copy to the event's state. Pure: a rebuild runs it alone.
    pub(crate) async fn apply(&self, tx: &mut Tx, envelope: &Envelope) -> Result<()> {
        self.handle.apply(tx, envelope).await
    }

    /// Forgets the copy of an aggregate, to make it anew or because its owner has lost it.
    pub(crate) async fn remove(&self, tx: &mut Tx, subject: &str) -> Result<()> {
        self.handle.remove(tx, subject).await
    }

    /// Brings what is more than a copy to a state that is older than what was handled.
    pub(crate) async fn fell_back(
        &self,
        tx: &mut Tx,
        subject: &str,
        newest: Option<&Envelope>,
    ) -> Result<()> {
        self.handle.fell_back(tx, subject, newest).await
    }
}

/// Does nothing with an event.
#[derive(Debug, Clone, Copy)]
pub struct Nothing;

/// A part of a consumer that handles an event of `A`.
pub trait Part<A: Aggregate>: Send + Sync + 'static {
    /// Whether it does anything at all: if not, nothing needs to be decoded for it.
    const ACTS: bool = true;

    /// Handles it.
    fn call<'a>(&'a self, tx: &'a mut Tx, event: &'a Event<A>) -> Local<'a>;
}

impl<A: Aggregate> Part<A> for Nothing {
    const ACTS: bool = false;

    fn call<'a>(&'a self, _: &'a mut Tx, _: &'a Event<A>) -> Local<'a> {
        Box::pin(std::future::ready(Ok(())))
    }
}

impl<A: Aggregate, F> Part<A> for F
where
    F: AsyncFn(&mut Tx, &Event<A>) -> Result<()> + Send + Sync + 'static,
{
    fn call<'a>(&'a self, tx: &'a mut Tx, event: &'a Event<A>) -> Local<'a> {
        Box::pin(self(tx, event))
    }
}

/// A part that forgets a subject.
pub trait Remove: Send + Sync + 'static {
    /// Forgets it.
    fn call<'a>(&'a self, tx: &'a mut Tx, subject: &'a str) -> Local<'a>;
}

impl Remove for Nothing {
    fn call<'a>(&'a self, _: &'a mut Tx, _: &'a str) -> Local<'a> {
        Box::pin(std::future::ready(Ok(())))
    }
}

impl<F> Remove for F
where
    F: AsyncFn(&mut Tx, &str) -> Result<()> + Send + Sync + 'static,
{
    fn call<'a>(&'a self, tx: &'a mut Tx, subject: &'a str) -> Local<'a> {
        Box::pin(self(tx, subject))
    }
}

/// A part that deals with an aggregate that was put back to an older state, or lost.
pub trait FellBack<A: Aggregate>: Send + Sync + 'static {
    /// Deals with it; `newest` is the event that it is back at.
    fn call<'a>(
        &'a self,
        tx: &'a mut Tx,
        subject: &'a str,
        newest: Option<&'a Event<A>>,
    ) -> Local<'a>;
}

impl<A: Aggregate> FellBack<A> for Nothing {
    fn call<'a>(&'a self, _: &'a mut Tx, _: &'a str, _: Option<&'a Event<A>>) -> Local<'a> {
        Box::pin(std::future::ready(Ok(())))
    }
}

impl<A: Aggregate, F> FellBack<A> for F
where
    F: AsyncFn(&mut Tx, &str, Option<&Event<A>>) -> Result<()> + Send + Sync + 'static,
{
    fn call<'a>(
        &'a self,
        tx: &'a mut Tx,
        subject: &'a str,
        newest: Option<&'a Event<A>>,
    ) -> Local<'a> {
        Box::pin(self(tx, subject, newest))
    }
}

struct Typed<A, F, G, H, L> {
    apply: F,
    react: G,
    remove: H,
    fell_back: L,
    aggregate: PhantomData<fn() -> A>,
}

/// Puts a [`Consumer`] together.
pub struct ConsumerBuilder<A, F, G, H, L> {
    copies: &'static [&'static str],
    reacts: bool,
    typed: Typed<A, F, G, H, L>,
}

impl<A: Aggregate, G, H, L> ConsumerBuilder<A, Nothing, G, H, L> {
    /// Keeps a copy in `tables`, which nothing else writes. `apply` is pure: it depends on the event
    /// and on what earlier events of the same aggregate have left in the tables, on nothing else.
    pub fn copy<F: Part<A>>(
        self,
        tables: &'static [&'static str],
        apply: F,
    ) -> ConsumerBuilder<A, F, G, H, L> {
        ConsumerBuilder {
            copies: tables,
            reacts: self.reacts,
            typed: Typed {
                apply,
                react: self.typed.react,
                remove: self.typed.remove,
                fell_back: self.typed.fell_back,
                aggregate: self.typed.aggregate,
            },
        }
    }
}

impl<A: Aggregate, F, H, L> ConsumerBuilder<A, F, Nothing, H, L> {
    /// Reacts with own state, own events, or work for a job.
    pub fn react<G: Part<A>>(self, react: G) -> ConsumerBuilder<A, F, G, H, L> {
        ConsumerBuilder {
            copies: self.copies,
            reacts: true,
            typed: Typed {
                apply: self.typed.apply,
                react,
                remove: self.typed.remove,
                fell_back: self.typed.fell_back,
                aggregate: self.typed.aggregate,
            },
        }
    }
}

impl<A: Aggregate, F, G, L> ConsumerBuilder<A, F, G, Nothing, L> {
    /// Forgets the copy of an aggregate: it is made anew, or its owner has lost it.
    pub fn remove<H: Remove>(self, remove: H) -> ConsumerBuilder<A, F, G, H, L> {
        ConsumerBuilder {
            copies: self.copies,
            reacts: self.reacts,
            typed: Typed {
                apply: self.typed.apply,
                react: self.typed.react,
                remove,
                fell_back: self.typed.fell_back,
                aggregate: self.typed.aggregate,
            },
        }
    }
}

impl<A: Aggregate, F, G, H> ConsumerBuilder<A, F, G, H, Nothing> {
    /// Deals with an aggregate that its owner put back to an older state, this one, or has lost
    /// altogether, when it was restored from a backup. What reacted to later events is not asked again:
    /// of a lost one nobody will ever speak, and an older state may never change.
    pub fn fell_back<L: FellBack<A>>(self, fell_back: L) -> ConsumerBuilder<A, F, G, H, L> {
        ConsumerBuilder {
            copies: self.copies,
            reacts: self.reacts,
            typed: Typed {
                apply: self.typed.apply,
                react: self.typed.react,
                remove: self.typed.remove,
                fell_back,
                aggregate: self.typed.aggregate,
            },
        }
    }
}

impl<A: Aggregate, F: Part<A>, G: Part<A>, H: Remove, L: FellBack<A>>
    ConsumerBuilder<A, F, G, H, L>
{
    /// The consumer.
    #[must_use]
    pub fn build(self) -> Consumer {
        Consumer {
            aggregate: A::NAME,
            owner: A::OWNER,
            copies: self.copies,
            reacts: self.reacts,
            handle: Arc::new(self.typed),
        }
    }
}

impl<A: Aggregate, F: Part<A>, G: Part<A>, H: Remove, L: FellBack<A>> Handle
    for Typed<A, F, G, H, L>
{
    fn handle<'a>(&'a self, tx: &'a mut Tx, envelope: &'a Envelope) -> Local<'a> {
        Box::pin(async move {
            if !F::ACTS && !G::ACTS {
                return Ok(());
            }
            let Some(event) = decode::<A>(envelope)? else {
                return Ok(());
            };
            self.apply.call(tx, &event).await?;
            self.react.call(tx, &event).await
        })
    }

    fn apply<'a>(&'a self, tx: &'a mut Tx, envelope: &'a Envelope) -> Local<'a> {
        Box::pin(async move {
            if !F::ACTS {
                return Ok(());
            }
            let Some(event) = decode::<A>(envelope)? else {
                return Ok(());
            };
            self.apply.call(tx, &event).await
        })
    }

    fn remove<'a>(&'a self, tx: &'a mut Tx, subject: &'a str) -> Local<'a> {
        self.remove.call(tx, subject)
    }

    fn fell_back<'a>(
        &'a self,
        tx: &'a mut Tx,
        subject: &'a str,
        newest: Option<&'a Envelope>,
    ) -> Local<'a> {
        Box::pin(async move {
            let event = match newest {
                Some(envelope) => decode::<A>(envelope)?,
                None => None,
            };
            // A state that is not known here was none to react to either.
            if newest.is_some() && event.is_none() {
                return Ok(());
            }
            self.fell_back.call(tx, subject, event.as_ref()).await
        })
    }
}

/// Reads an event; nothing when neither its type nor its state is known here, because its publisher
/// is newer: that blocks nothing.
fn decode<A: Aggregate>(envelope: &Envelope) -> Result<Option<Event<A>>> {
    let fact = envelope::decode_fact::<A>(envelope);
    let state = match envelope::decode_state::<A>(envelope) {
        Ok(state) => state,
        Err(error) if fact.is_none() => {
            tracing::warn!(event = envelope.id, kind = envelope.kind, %error, "an event of a newer schema is passed over");
            return Ok(None);
        }
        Err(error) => return Err(error.into()),
    };
    Ok(Some(Event {
        subject: envelope.subject.clone(),
        version: envelope.aggregateversion,
        time: envelope.time,
        state,
        fact,
        id: envelope.id.clone(),
    }))
}
