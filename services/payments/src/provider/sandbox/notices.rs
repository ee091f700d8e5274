//! The sandbox tells what becomes of charges: rows that are kept until somebody has heard them.
//!
//! What is told is written with the change that it tells of, in the words of that moment; it is sent
//! a little later, again and again until it is answered with success.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use contracts::Timestamp;
use http::Request;
use http::header::CONTENT_TYPE;
use platform::clock::{later, until};
use platform::db::{Durability, Row};
use platform::random::hex_of;
use platform::trace::Origin;
use platform::{Result, Tx, params};
use tokio::sync::Notify;

use super::Sandbox;
use crate::domain::charge::Charge;
use crate::domain::retry;
use crate::provider::notice::Notice;
use crate::provider::signature::{SIGNATURE, sign};

/// Where this service hears notices.
pub const DOOR: &str = "/api/payments/webhooks";

/// How long after a change it is told: whoever asked for it has its answer by then, as with providers
/// that are elsewhere, and the notice is no news.
const AFTER: Duration = Duration::from_millis(250);

/// For how long nobody else sends what one is sending: longer than a request may take.
const LEASE: Duration = Duration::from_secs(40);

/// A notice that is to be sent now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parcel {
    /// The notice's id: the same each time.
    pub id: String,
    /// The charge that it is about.
    pub reference: String,
    /// What it says.
    pub body: String,
    /// What proves who says it, as of now.
    pub signature: String,
    /// How often it was sent, this time included.
    pub attempts: i64,
}

impl Parcel {
    /// The request that brings it.
    ///
    /// # Errors
    /// When no request can be made of it: a fault of our own.
    pub fn request(&self) -> http::Result<Request<Body>> {
        Request::post(DOOR)
            .header(CONTENT_TYPE, "application/json")
            .header(SIGNATURE, &self.signature)
            .body(Body::from(self.body.clone()))
    }
}

/// What is to be sent now, and when more is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Due {
    /// What is to be sent.
    pub parcels: Vec<Parcel>,
    /// In how long more is due, if nothing is now.
    pub next: Option<Duration>,
}

impl Sandbox {
    /// Whether it tells anything.
    pub(super) fn tells(&self) -> bool {
        !self.secrets.is_empty()
    }

    /// Woken when there may be something new to tell.
    #[must_use]
    pub fn news(&self) -> Arc<Notify> {
        Arc::clone(&self.news)
    }

    /// Takes at most `limit` notices that are to be sent now; nobody else sends them for a while.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn due(&self, limit: i64) -> Result<Due> {
        let next = self.db.read(async |tx: &mut Tx| next_due(tx).await);
        let Some(next) = next.await? else {
            return Ok(Due::default());
        };
        let wait = until(self.clock.now(), next);
        if !wait.is_zero() {
            let (parcels, next) = (Vec::new(), Some(wait));
            return Ok(Due { parcels, next });
        }
        let take = async move |tx: &mut Tx| take_due(tx, limit).await;
        // A crash that takes this with it lets a notice be sent once more.
        let taken = self
            .db
            .run(Durability::Relaxed, Origin::current(), take)
            .await?;
        let now = self.clock.now();
        let signed = taken.into_iter().map(|parcel| Parcel {
            signature: sign(&self.secrets, parcel.body.as_bytes(), now),
            ..parcel
        });
        Ok(Due {
            parcels: signed.collect(),
            next: None,
        })
    }

    /// Notes which notices were heard; the others are sent again after a pause that doubles.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn sent(&self, outcomes: Vec<(Parcel, bool)>) -> Result<()> {
        let note = async move |tx: &mut Tx| {
            for (parcel, is_heard) in &outcomes {
                if *is_heard {
                    remove(tx, parcel).await?;
                } else {
                    postpone(tx, parcel).await?;
                }
            }
            Ok(())
        };
        self.db
            .run(Durability::Relaxed, Origin::current(), note)
            .await
    }

    /// How many notices nobody has heard yet.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn untold(&self) -> Result<i64> {
        let count = async |tx: &mut Tx| {
            let counted = tx.query_one("select count(*) from notices", &[]);
            counted.await?.get(0)
        };
        self.db.read(count).await
    }
}

/// Tells of a charge that has changed, if anything is told at all.
pub(super) async fn insert(tx: &mut Tx, charge: &Charge, tells: bool) -> Result<()> {
    if !tells {
        return Ok(());
    }
    let id = format!("evt_{}", hex_of(&tx.random_bytes::<16>()));
    let body = serde_json::to_string(&Notice::of(id.clone(), charge)?)?;
    let now = tx.now();
    tx.execute_later(
        "insert into notices (id, reference, body, attempts, next_try_at, created_at) \
         values ($1, $2, $3, 0, $4, $5)",
        params![id, charge.reference, body, later(now, AFTER), now],
    )
    .await
}

async fn next_due(tx: &mut Tx) -> Result<Option<Timestamp>> {
    tx.query_one("select min(next_try_at) from notices", &[])
        .await?
        .get(0)
}

async fn take_due(tx: &mut Tx, limit: i64) -> Result<Vec<Parcel>> {
    let now = tx.now();
    let sql = format!(
        "with due as materialized (select id from notices where next_try_at <= $1 \
         order by next_try_at, created_at, id limit $2{}) \
         update notices set attempts = attempts + 1, next_try_at = $3 \
         where id in (select id from due) returning id, reference, body, attempts",
        tx.skip_locked()
    );
    let rows = tx
        .query(&sql, params![now, limit, later(now, LEASE)])
        .await?;
    rows.iter().map(read).collect()
}

async fn remove(tx: &mut Tx, parcel: &Parcel) -> Result<()> {
    tx.execute_later("delete from notices where id = $1", params![parcel.id])
        .await
}

async fn postpone(tx: &mut Tx, parcel: &Parcel) -> Result<()> {
    let next_try_at = later(tx.now(), retry::pause(parcel.attempts));
    tx.execute_later(
        "update notices set next_try_at = $3 where id = $1 and attempts = $2",
        params![parcel.id, parcel.attempts, next_try_at],
    )
    .await
}

fn read(row: &Row) -> Result<Parcel> {
    Ok(Parcel {
        id: row.get(0)?,
        reference: row.get(1)?,
        body: row.get(2)?,
        signature: String::new(),
        attempts: row.get(3)?,
    })
}
