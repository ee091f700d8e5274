//! The event log of a service: the system of record of every aggregate that it owns.

pub mod heads;
pub mod relay;
pub mod source;

use contracts::envelope::{self, Aggregate, Envelope};

use crate::db::{Tx, params};
use crate::failure::{Failure, Result};

/// Into how many partitions the aggregates of a service fall: the unit of comparison between an
/// owner and its consumers, and later of work shared between replicas. Fixed for good, because both
/// sides store it.
pub const PARTITIONS: i64 = 16;

/// The name that wakes the relay after a commit.
pub const RELAY: &str = "relay";

/// The partition of an aggregate: FNV-1a of its id.
#[must_use]
pub fn partition(subject: &str) -> i64 {
    i64::try_from(fnv_1a(subject) % PARTITIONS.unsigned_abs()).unwrap_or(0)
}

/// What stands for an event in the sums by which owners and consumers compare: 32 bits of a hash, of
/// which more than a thousand million can be summed.
#[must_use]
pub fn digest(subject: &str, version: i64, incarnation: i64) -> i64 {
    let hash = fnv_1a(&format!("{subject}/{incarnation}/{version}"));
    i64::try_from(hash >> 32).unwrap_or(0)
}

/// The hash of Fowler, Noll and Vo, 64 bits: the same in every version of every program.
pub(crate) fn fnv_1a(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

impl Tx {
    /// Appends the event that takes an aggregate from version `expected` (0: it is new) to the next,
    /// and says which version that is.
    ///
    /// # Errors
    /// [`Failure::Moved`] when the head is not `expected`.
    pub async fn append<A: Aggregate>(
        &mut self,
        subject: &str,
        expected: i64,
        fact: &A::Fact,
        state: &A::State,
    ) -> Result<i64> {
        let version = expected + 1;
        let (kind, data) = envelope::encode::<A>(fact, state)?;
        let incarnation = self.incarnation();
        let origin = self.origin().clone();
        let event = Envelope {
            specversion: "1.0".to_owned(),
            id: format!("{}/{subject}/{incarnation}/{version}", A::NAME),
            source: format!("/{}/{}/{subject}", A::OWNER, A::NAME),
            kind,
            subject: subject.to_owned(),
            time: self.now(),
            datacontenttype: "application/json".to_owned(),
            aggregate: A::NAME.to_owned(),
            aggregateversion: version,
            incarnation,
            causationid: origin.causation,
            correlationid: origin.correlation,
            traceparent: origin.traceparent,
            data,
        };
        self.raise_head(A::NAME, subject, expected).await?;
        let text = serde_json::to_string(&event)?;
        self.execute_later(
            "insert into events (aggregate, subject, version, incarnation, envelope) \
             values ($1, $2, $3, $4, $5)",
            params![A::NAME, subject, version, incarnation, text],
        )
        .await?;
        self.execute_later(
            "insert into outbox (position, partition) select position, $4 from events \
             where aggregate = $1 and subject = $2 and version = $3",
            params![A::NAME, subject, version, partition(subject)],
        )
        .await?;
        self.wake(RELAY);
        Ok(version)
    }

    /// The version of the newest event of an aggregate; 0 when there is none.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn head<A: Aggregate>(&mut self, subject: &str) -> Result<i64> {
        let row = self
            .query_opt(
                "select version from heads where aggregate = $1 and subject = $2",
                params![A::NAME, subject],
            )
            .await?;
        row.map_or(Ok(0), |row| row.get(0))
    }

    async fn raise_head(
        &mut self,
        aggregate: &'static str,
        subject: &str,
        expected: i64,
    ) -> Result<()> {
        let incarnation = self.incarnation();
        let digest = digest(subject, expected + 1, incarnation);
        let changed = if expected == 0 {
            self.execute(
                "insert into heads (aggregate, subject, version, incarnation, partition, digest) \
                 values ($1, $2, 1, $3, $4, $5) on conflict do nothing",
                params![aggregate, subject, incarnation, partition(subject), digest],
            )
            .await?
        } else {
            self.execute(
                "update heads set version = version + 1, incarnation = $4, digest = $5 \
                 where aggregate = $1 and subject = $2 and version = $3",
                params![aggregate, subject, expected, incarnation, digest],
            )
            .await?
        };
        if changed == 1 {
            return Ok(());
        }
        Err(Failure::Moved {
            aggregate,
            subject: subject.to_owned(),
        })
    }
}
