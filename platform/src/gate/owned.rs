//! Audits an owner's rows against its own log: each must be what the newest event says.

use std::collections::BTreeMap;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;

use contracts::envelope::{Aggregate, Envelope, decode_state};

use super::Gate;
use crate::db::{Tx, params};
use crate::failure::Result;
use crate::log::source::PAGE;

/// What a row would publish if an event were appended now.
#[derive(Debug, Clone, PartialEq)]
pub struct Current<A: Aggregate> {
    /// The aggregate's id.
    pub subject: String,
    /// The version of its newest event, if the row keeps it.
    pub version: Option<i64>,
    /// The public state.
    pub state: A::State,
}

/// The rows of an aggregate in its owner's database, to be compared with its log.
#[derive(Clone)]
pub struct Owned {
    aggregate: &'static str,
    forgets: bool,
    rows: Arc<dyn Rows>,
}

impl std::fmt::Debug for Owned {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Owned")
            .field("aggregate", &self.aggregate)
            .finish_non_exhaustive()
    }
}

impl Owned {
    /// Rows that `read` answers: those whose ids come after the given one, in order of their ids, at
    /// most so many.
    pub fn of<A: Aggregate, F>(read: F) -> Self
    where
        F: AsyncFn(&mut Tx, &str, i64) -> Result<Vec<Current<A>>> + Send + Sync + 'static,
    {
        let aggregate = PhantomData::<fn() -> A>;
        Self {
            aggregate: A::NAME,
            forgets: false,
            rows: Arc::new(Typed { read, aggregate }),
        }
    }

    /// The service deletes rows in the end; their events stay.
    #[must_use]
    pub fn forgets(mut self) -> Self {
        self.forgets = true;
        self
    }
}

/// Whether an event carries the state that a row has.
type IsTold = dyn Fn(&Envelope) -> Result<bool>;

/// What a row says of its aggregate, without its type.
struct Said {
    subject: String,
    version: Option<i64>,
    is_told_by: Box<IsTold>,
}

/// The newest event of an aggregate; without an envelope where the log has lost it.
struct Head {
    version: i64,
    envelope: Option<String>,
}

type Local<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + 'a>>;

/// A page of rows without their type.
trait Rows: Send + Sync {
    fn page<'a>(&'a self, tx: &'a mut Tx, after: &'a str) -> Local<'a, Vec<Said>>;
}

struct Typed<A, F> {
    read: F,
    aggregate: PhantomData<fn() -> A>,
}

impl<A: Aggregate, F> Rows for Typed<A, F>
where
    F: AsyncFn(&mut Tx, &str, i64) -> Result<Vec<Current<A>>> + Send + Sync + 'static,
{
    fn page<'a>(&'a self, tx: &'a mut Tx, after: &'a str) -> Local<'a, Vec<Said>> {
        Box::pin(async move {
            let rows = (self.read)(tx, after, PAGE).await?;
            Ok(rows.into_iter().map(said::<A>).collect())
        })
    }
}

fn said<A: Aggregate>(row: Current<A>) -> Said {
    let state = row.state;
    Said {
        subject: row.subject,
        version: row.version,
        is_told_by: Box::new(move |event| Ok(decode_state::<A>(event)? == state)),
    }
}

impl Gate {
    /// Aggregates of this service whose row is not what the newest event in their log says (P1).
    ///
    /// # Errors
    /// When the database doesn't answer.
    pub async fn owner_differences(&self) -> Result<Vec<String>> {
        let mut found = Vec::new();
        for owned in self.owned.iter() {
            let mut after = Some(String::new());
            while let Some(subject) = after {
                let owned = owned.clone();
                let page = async move |tx: &mut Tx| compare(tx, &owned, &subject).await;
                let (differences, last) = self.context.db.read(page).await?;
                found.extend(differences);
                after = last;
            }
        }
        Ok(found)
    }
}

/// Compares the rows and heads after an id, of one moment; says up to which id, if there may be more.
async fn compare(tx: &mut Tx, owned: &Owned, after: &str) -> Result<(Vec<String>, Option<String>)> {
    let rows = owned.rows.page(tx, after).await?;
    let heads = heads(tx, owned.aggregate, after).await?;
    let full = |length: usize| i64::try_from(length).is_ok_and(|length| length >= PAGE);
    // What lies behind the end of a full page is not known yet.
    let ends = [
        rows.last()
            .filter(|_| full(rows.len()))
            .map(|row| &row.subject),
        heads
            .last()
            .filter(|_| full(heads.len()))
            .map(|head| &head.0),
    ];
    let end = ends.into_iter().flatten().min().cloned();
    let is_known = |subject: &String| end.as_ref().is_none_or(|end| subject <= end);
    let mut heads: BTreeMap<String, Head> = heads
        .into_iter()
        .filter(|(subject, _)| is_known(subject))
        .collect();
    let mut found = Vec::new();
    for row in rows.into_iter().filter(|row| is_known(&row.subject)) {
        let head = heads.remove(&row.subject);
        if let Some(what) = difference(&row, head)? {
            found.push(format!("{} {}: {what}", owned.aggregate, row.subject));
        }
    }
    if !owned.forgets {
        let lost = heads.into_iter().map(|(subject, head)| {
            let (aggregate, version) = (owned.aggregate, head.version);
            format!("{aggregate} {subject}: no row, its log ends at {version}")
        });
        found.extend(lost);
    }
    Ok((found, end))
}

fn difference(row: &Said, head: Option<Head>) -> Result<Option<String>> {
    let Some(Head { version, envelope }) = head else {
        return Ok(Some("a row, and no event in its log".to_owned()));
    };
    if let Some(at) = row.version.filter(|at| *at != version) {
        let what = format!("the row is at version {at}, its log ends at {version}");
        return Ok(Some(what));
    }
    // A log that has lost its end is a hole, and found as such.
    let Some(envelope) = envelope else {
        return Ok(None);
    };
    let same = (row.is_told_by)(&serde_json::from_str(&envelope)?)?;
    let what = || format!("the row is not what version {version}, the last of its log, says");
    Ok((!same).then(what))
}

async fn heads(tx: &mut Tx, aggregate: &str, after: &str) -> Result<Vec<(String, Head)>> {
    let rows = tx
        .query(
            "select h.subject, h.version, e.envelope from heads h left join events e \
             on e.aggregate = h.aggregate and e.subject = h.subject and e.version = h.version \
             where h.aggregate = $1 and h.subject > $2 order by h.subject limit $3",
            params![aggregate, after, PAGE],
        )
        .await?;
    rows.iter()
        .map(|row| {
            let (version, envelope) = (row.get(1)?, row.get(2)?);
            Ok((row.get(0)?, Head { version, envelope }))
        })
        .collect()
}
