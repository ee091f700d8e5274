//! A newer version of tickets: says what present consumers don't know, and adds a field to what they do.

use contracts::envelope::Aggregate;
use platform::db::params;
use platform::{Db, Result, Tx};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A ticket as the newer version knows it.
#[derive(Debug)]
struct SeatedTicket;

/// What the newer version says besides.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type")]
enum SeatedFact {
    #[serde(rename = "ticketing.ticket.seated.v1")]
    Seated { seat: String },
}

impl Aggregate for SeatedTicket {
    const NAME: &'static str = "ticket";
    const OWNER: &'static str = "tickets";
    type State = Value;
    type Fact = SeatedFact;
}

/// Gives the ticket that was changed last a seat; whether there was one.
///
/// # Errors
/// When the database does not answer.
pub async fn seat_one(db: &Db) -> Result<Option<String>> {
    let work = async |tx: &mut Tx| {
        let sql = "select subject, version, envelope from events where aggregate = 'ticket' \
                   order by position desc limit 1";
        let Some(row) = tx.query_opt(sql, &[]).await? else {
            return Ok(None);
        };
        let (subject, head, text): (String, i64, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let envelope: Value = serde_json::from_str(&text)?;
        let state = envelope.pointer("/data/state").and_then(Value::as_object);
        let mut state = state.cloned().unwrap_or_default();
        let seat = format!("row {head}");
        state.insert("seat".to_owned(), Value::from(seat.clone()));
        let state = Value::from(state);
        let fact = SeatedFact::Seated { seat };
        let version = tx
            .append::<SeatedTicket>(&subject, head, &fact, &state)
            .await?;
        let sql = "update tickets set version = $2 where id = $1";
        tx.execute(sql, params![subject, version]).await?;
        Ok(Some(subject))
    };
    db.write(work).await
}
