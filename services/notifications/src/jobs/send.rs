//! Hands due messages to the mailer.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use platform::clock::until;
use platform::mail::{MailError, Mailer, Message};
use platform::{Context, Job, Result, Tx};

use crate::commands::hand_over::{next_due, release, release_of_gone, report, take_due};
use crate::commands::write::SEND;
use crate::domain::delivery::{Outcome, State};
use crate::store::messages::Due;

/// How often it looks when nobody wakes it.
const INTERVAL: Duration = Duration::from_secs(30);

/// How often it looks, where others work on the same database, whether one of them has gone in the
/// middle of handing over.
const LOOK_FOR_GONE: Duration = Duration::from_secs(5);

/// The shortest pause: another replica may hold what is due.
const PAUSE_LEAST: Duration = Duration::from_millis(50);

/// How many outcomes one transaction notes.
const NOTED_TOGETHER: usize = 64;

/// The job.
pub fn job(mailer: Arc<dyn Mailer>) -> Job {
    let released_at = Arc::default();
    Job::new(SEND, INTERVAL, move |ctx: Context| {
        run(ctx, Arc::clone(&mailer), Arc::clone(&released_at))
    })
    .for_all_replicas()
}

/// When it was looked last for what others that have gone were handing over, by the clock that never
/// goes back.
type ReleasedAt = Mutex<Option<Duration>>;

async fn run(
    ctx: Context,
    mailer: Arc<dyn Mailer>,
    released_at: Arc<ReleasedAt>,
) -> Result<Option<Duration>> {
    release_left(&ctx, &released_at).await?;
    let replica = &ctx.replica;
    loop {
        let (lease, most) = (mailer.patience(), i64::try_from(mailer.at_once()));
        let (most, replica) = (most.unwrap_or(i64::MAX), Arc::clone(replica));
        let take = async move |tx: &mut Tx| take_due(tx, most, (&replica, lease)).await;
        let due = ctx.db.write(take).await?;
        if due.is_empty() {
            break;
        }
        let handed: FuturesUnordered<_> = due
            .into_iter()
            .map(|message| hand_over(mailer.as_ref(), message))
            .collect();
        // Those that are done at the same time are noted together.
        let mut done = handed.ready_chunks(NOTED_TOGETHER);
        while let Some(done) = done.next().await {
            note(&ctx, done).await?;
        }
    }
    let look = async |tx: &mut Tx| next_due(tx).await;
    let (next, others_send) = ctx.db.read(look).await?;
    let next = next.map(|at| until(ctx.now(), at).max(PAUSE_LEAST));
    Ok(next.map(|pause| match others_send {
        true => pause.min(LOOK_FOR_GONE),
        false => pause,
    }))
}

/// Makes due again what is left of others: at the start of the only process, whatever was being handed
/// over; on a shared database, now and then, what replicas were handing over that have gone.
async fn release_left(ctx: &Context, released_at: &ReleasedAt) -> Result<()> {
    let (is_shared, now) = (ctx.db.is_shared(), ctx.clock.elapsed());
    let before = *released_at.lock().unwrap_or_else(PoisonError::into_inner);
    let is_time = match before {
        None => true,
        Some(before) => is_shared && now.saturating_sub(before) >= LOOK_FOR_GONE,
    };
    if !is_time {
        return Ok(());
    }
    let replica = Arc::clone(&ctx.replica);
    let work = async move |tx: &mut Tx| match is_shared {
        true => release_of_gone(tx, &replica).await,
        false => release(tx).await,
    };
    ctx.db.write(work).await?;
    *released_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(now);
    Ok(())
}

/// A message that was handed to the mailer, and what came of it.
#[derive(Clone)]
struct Handed {
    message: Due,
    outcome: Outcome,
    error: String,
}

async fn hand_over(mailer: &dyn Mailer, due: Due) -> Handed {
    let message = Message {
        to: due.recipient.clone(),
        subject: due.subject.clone(),
        text: due.text.clone(),
        html: due.html.clone(),
        // Not our own id: also a message that is written again after a restored backup is the same.
        message_id: format!("{}/{}", due.template, due.event_id),
    };
    let (outcome, error) = judge(mailer.send(&message).await);
    Handed {
        message: due,
        outcome,
        error,
    }
}

async fn note(ctx: &Context, handed: Vec<Handed>) -> Result<()> {
    let reported = handed.clone();
    let states = ctx
        .db
        .write(async move |tx: &mut Tx| {
            let mut states = Vec::with_capacity(reported.len());
            for one in &reported {
                states.push(report(tx, &one.message, one.outcome, &one.error).await?);
            }
            Ok(states)
        })
        .await?;
    for (Handed { message, error, .. }, state) in handed.iter().zip(states) {
        let (id, template) = (&message.id, &message.template);
        match state {
            State::Failed => {
                tracing::error!(message = id, template, error, "a message was given up");
            }
            State::Queued => {
                tracing::warn!(message = id, template, error, "a message was not sent yet");
            }
            State::Sending | State::Sent => {}
        }
    }
    Ok(())
}

fn judge(sent: Result<(), MailError>) -> (Outcome, String) {
    match sent {
        Ok(()) => (Outcome::Taken, String::new()),
        Err(error) if error.temporary => (Outcome::NotNow, error.message),
        Err(error) => (Outcome::Never, error.message),
    }
}
