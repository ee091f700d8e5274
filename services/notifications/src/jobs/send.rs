//! Hands due messages to the mailer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures::StreamExt;
use futures::stream::FuturesUnordered;
use platform::clock::until;
use platform::mail::{MailError, Mailer, Message};
use platform::{Context, Job, Result, Tx};

use crate::commands::hand_over::{next_due, release, report, take_due};
use crate::commands::write::SEND;
use crate::domain::delivery::{Outcome, State};
use crate::store::messages::Due;

/// How often it looks when nobody wakes it.
const INTERVAL: Duration = Duration::from_secs(30);

/// How many outcomes one transaction notes.
const NOTED_TOGETHER: usize = 64;

/// The job.
pub fn job(mailer: Arc<dyn Mailer>) -> Job {
    let released = Arc::new(AtomicBool::new(false));
    Job::new(SEND, INTERVAL, move |ctx: Context| {
        run(ctx, Arc::clone(&mailer), Arc::clone(&released))
    })
    .for_all_replicas()
}

async fn run(
    ctx: Context,
    mailer: Arc<dyn Mailer>,
    released: Arc<AtomicBool>,
) -> Result<Option<Duration>> {
    // Who else works on a shared database may well be alive: its leases end by themselves.
    if !ctx.db.is_shared() && !released.load(Ordering::Acquire) {
        ctx.db.write(async |tx: &mut Tx| release(tx).await).await?;
        released.store(true, Ordering::Release);
    }
    loop {
        let (lease, most) = (mailer.patience(), i64::try_from(mailer.at_once()));
        let most = most.unwrap_or(i64::MAX);
        let take = async move |tx: &mut Tx| take_due(tx, most, lease).await;
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
    let next = ctx.db.read(async |tx: &mut Tx| next_due(tx).await).await?;
    // Not before a moment has passed: another replica may hold what is due.
    Ok(next.map(|at| until(ctx.now(), at).max(Duration::from_millis(50))))
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
