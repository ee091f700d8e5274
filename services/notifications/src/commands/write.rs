//! Writes a message, once for its occasion and event.

use askama::Template;
use contracts::ids::UserId;
use platform::{Failure, Result, Tx};

use crate::domain::letter::Letter;
use crate::domain::occasion::Occasion;
use crate::store::messages::{self, Draft};
use crate::store::user_copies;

/// The job that hands messages over.
pub const SEND: &str = "send";

#[derive(Template)]
#[template(path = "letter.txt")]
struct Text<'a> {
    letter: &'a Letter,
}

#[derive(Template)]
#[template(path = "letter.html")]
struct Html<'a> {
    letter: &'a Letter,
}

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
    let (text, html) = rendered(letter)?;
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

/// The letter as text and as HTML.
///
/// # Errors
/// When a template fails: a fault of our own.
pub fn rendered(letter: &Letter) -> Result<(String, String)> {
    let broken = |error: askama::Error| Failure::Broken(error.into());
    let text = Text { letter }.render().map_err(broken)?;
    let html = Html { letter }.render().map_err(broken)?;
    Ok((text, html))
}
