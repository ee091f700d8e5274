//! The event log of a service: the system of record of every aggregate that it owns.

pub mod heads;
pub mod relay;
pub(crate) mod share;
pub mod source;

use contracts::envelope::{self, Aggregate, Envelope};

use crate::db::{FAIL_IF_NONE, ToValue, Tx, Value, params};
use crate::failure::{Failure, Result};

/// Into how many partitions the aggregates of a service fall: the unit of comparison between an
/// owner and its consumers, and later of work shared between replicas. Fixed for good, because both
/// sides store it.
pub const PARTITIONS: i64 = 16;

/// The name that wakes the relay after a commit.
pub const RELAY: &str = "relay";

/// The name that wakes it when another replica publishes what was committed.
const ELSEWHERE: &str = "relay elsewhere";

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
        let raise = if version == 1 { FIRST } else { NEXT };
        let head = row_of_head(A::NAME, subject, version, incarnation);
        let envelope = serde_json::to_string(&event)?;
        let moved = moved(A::NAME, subject);
        if self.is_remote() {
            self.append_at_once((raise, head), envelope, moved).await?;
        } else {
            self.change_one_later(raise, &head, moved).await?;
            self.append_behind(A::NAME, &event, envelope).await?;
        }
        self.wake(if self.share().has(partition(subject)) {
            RELAY
        } else {
            ELSEWHERE
        });
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

    /// With one writer a head that is raised stays raised: the next steps follow by themselves.
    async fn append_behind(
        &mut self,
        aggregate: &'static str,
        event: &Envelope,
        envelope: String,
    ) -> Result<()> {
        let (subject, version) = (&event.subject, event.aggregateversion);
        self.execute_later(
            "insert into events (aggregate, subject, version, incarnation, envelope) \
             values ($1, $2, $3, $4, $5)",
            params![aggregate, subject, version, event.incarnation, envelope],
        )
        .await?;
        self.execute_later(
            "insert into outbox (position, partition) values (last_insert_rowid(), $1)",
            params![partition(subject)],
        )
        .await
    }

    /// All steps in one statement, of which nobody has to wait for a part: the event is numbered only
    /// when the head is raised, and a head that had moved fails the transaction.
    async fn append_at_once(
        &mut self,
        (raise, mut params): (&str, Vec<Value>),
        envelope: String,
        moved: impl Fn() -> Failure + 'static,
    ) -> Result<()> {
        let sql = format!(
            "with raised as ({raise} returning 1), \
             logged as (insert into events (aggregate, subject, version, incarnation, envelope) \
             select $1, $2, $3, $4, $7 from raised returning position), \
             queued as (insert into outbox (position, partition) select position, $5 from logged \
             returning 1) {FAIL_IF_NONE} queued"
        );
        params.push(envelope.to_value());
        self.require_later(&sql, &params, moved).await
    }
}

/// Raises the head of an aggregate to version 1, with the parameters of [`row_of_head`].
const FIRST: &str = "insert into heads (aggregate, subject, version, incarnation, partition, digest) \
     values ($1, $2, $3, $4, $5, $6) on conflict do nothing";

/// Raises it to a later one; the partition stays.
const NEXT: &str = "update heads set version = $3, incarnation = $4, digest = $6 \
     where aggregate = $1 and subject = $2 and version = $3 - 1 and partition = $5";

fn row_of_head(aggregate: &str, subject: &str, version: i64, incarnation: i64) -> Vec<Value> {
    let digest = digest(subject, version, incarnation);
    params![
        aggregate,
        subject,
        version,
        incarnation,
        partition(subject),
        digest
    ]
    .to_vec()
}

fn moved(aggregate: &'static str, subject: &str) -> impl Fn() -> Failure + 'static {
    let subject = subject.to_owned();
    move || Failure::Moved {
        aggregate,
        subject: subject.clone(),
    }
}
