//! Writes a message, once for its occasion and event.

use contracts::ids::UserId;
use platform::{Failure, Result, Tx};

use crate::domain::letter::Letter;
use crate::domain::occasion::Occasion;
use crate::domain::rendering::rendered;
use crate::store::messages::{self, Draft};
use crate::store::user_copies;

/// The job that hands messages over.
pub const SEND: &str = "send";

/// Writes a letter to a person, unless it was written before. Somebody who has closed their account
/// is not written to.
///
/// # Errors
/// [`Failure::NotYet`] when the person is not known here yet.
pub async fn write(
    tx: &mut Tx,
    (occasion, event_id): (Occasion, &str),
    person: UserId,
    letter: &Letter,
) -> Result<()> {
    let recipient = user_copies::email(tx, person).await?;
    let recipient = recipient.ok_or_else(|| Failure::NotYet {
        aggregate: "user",
        subject: person.to_string(),
    })?;
    if recipient.is_empty() {
        return Ok(());
    }
    let (text, html) = rendered(letter).map_err(anyhow::Error::from)?;
    let draft = Draft {
        template: occasion.name(),
        event_id,
        person,
        recipient,
        text,
        html,
    };
    messages::insert(tx, &draft, &letter.subject).await?;
    tx.wake(SEND);
    Ok(())
}
