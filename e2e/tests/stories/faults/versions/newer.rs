//! Tickets as a later version declares and writes them: with the seat, and with a type of event that
//! nobody knows yet.

use std::sync::Arc;
use std::time::Duration;

use contracts::Aggregate;
use contracts::envelope::{Envelope, decode_state};
use contracts::events::tickets::{Ticket, TicketState};
use e2e::Cluster;
use platform::bus::jetstream;
use platform::clock::SystemClock;
use platform::db::{Migration, PostgresSettings, params};
use platform::gate::{Gate, GateSettings};
use platform::http::health::Readiness;
use platform::log::PARTITIONS;
use platform::random::SystemRandom;
use platform::run::{Process, begin, open_shared, prepare};
use platform::tasks::Tasks;
use platform::{Service, Tx, lease};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::faults::PATIENCE;

/// Listings with their seats.
#[derive(Debug)]
struct SeatedTicket;

impl Aggregate for SeatedTicket {
    const NAME: &'static str = Ticket::NAME;
    const OWNER: &'static str = Ticket::OWNER;
    type State = SeatedState;
    type Fact = SeatedFact;
}

/// A listing after a change.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
struct SeatedState {
    #[serde(flatten)]
    known: TicketState,
    /// Where one sits; older versions write none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seat: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type")]
enum SeatedFact {
    /// A type that is known, with a field that is not.
    #[serde(rename = "ticketing.ticket.updated.v1")]
    Updated { seats_left: i64 },
    /// A type that is not known.
    #[serde(rename = "ticketing.ticket.seated.v1")]
    Seated { seat: String },
}

/// The present version has run the first.
const MIGRATIONS: &[Migration] = &[
    Migration {
        name: "0001_tickets",
        sqlite: "select 'the present version has run it'",
    },
    Migration {
        name: "0002_expand_seats",
        sqlite: "alter table tickets add column seat text",
    },
];

/// A replica of tickets in the later version: it migrates, publishes and answers beside the others.
pub struct NewerTickets {
    gate: Gate,
    tasks: Tasks,
}

impl NewerTickets {
    pub async fn start(cluster: &Cluster) -> Self {
        let tasks = Tasks::default();
        let settings = jetstream::Settings::new(cluster.nats_url().unwrap());
        let bus = jetstream::connect(&settings, &tasks).await.unwrap();
        let process = Process {
            clock: Arc::new(SystemClock::new()),
            random: Arc::new(SystemRandom),
            bus: Arc::new(bus),
            tasks: tasks.clone(),
            public_keys: Vec::new(),
            public_url: None,
            readiness: Readiness::default(),
            gate: GateSettings::default(),
        };
        let service = Service::new("tickets", MIGRATIONS);
        let settings = PostgresSettings::new(&cluster.database_url("tickets").unwrap());
        let db = open_shared(&process, &settings, service.schema()).await;
        let prepared = prepare(&process, service, db.unwrap()).await.unwrap();
        let (gate, _) = begin(prepared).await.unwrap();
        Self { gate, tasks }
    }

    /// Gives a ticket its seat, and says so by an event that nobody knows.
    pub async fn seat(&self, ticket: &str, seat: &str) -> i64 {
        let told = SeatedFact::Seated {
            seat: seat.to_owned(),
        };
        self.change(ticket, told, seat, None).await
    }

    /// Changes seat and price, and says so by an event that everybody knows an older form of.
    pub async fn offer(&self, ticket: &str, seat: &str, price_minor: i64) -> i64 {
        let told = SeatedFact::Updated { seats_left: 1 };
        self.change(ticket, told, seat, Some(price_minor)).await
    }

    async fn change(
        &self,
        ticket: &str,
        told: SeatedFact,
        seat: &str,
        price_minor: Option<i64>,
    ) -> i64 {
        let (ticket, seat) = (ticket.to_owned(), seat.to_owned());
        let work =
            async move |tx: &mut Tx| {
                let (head, mut state) = newest(tx, &ticket).await?;
                state.seat = Some(seat.clone());
                if let Some(price) = price_minor {
                    state.known.price_minor = price;
                    state.known.offer_version = head + 1;
                }
                let version = tx
                    .append::<SeatedTicket>(&ticket, head, &told, &state)
                    .await?;
                let known = &state.known;
                tx.execute(
                "update tickets set seat = $2, price_minor = $3, offer_version = $4, version = $5 \
                 where id = $1",
                params![ticket, seat, known.price_minor, known.offer_version, version],
            )
            .await?;
                Ok(version)
            };
        self.gate.context.db.write(work).await.unwrap()
    }

    /// The seat in a ticket's row, and in the newest event of its log.
    pub async fn seats(&self, ticket: &str) -> (Option<String>, Option<String>) {
        let ticket = ticket.to_owned();
        let look = async move |tx: &mut Tx| {
            let sql = "select seat from tickets where id = $1";
            let row = tx.query_one(sql, params![ticket]).await?.get(0)?;
            Ok((row, newest(tx, &ticket).await?.1.seat))
        };
        self.gate.context.db.read(look).await.unwrap()
    }

    /// Waits until so many replicas share the partitions of the log evenly: each publishes its own.
    pub async fn until_shared_by(&self, replicas: usize) {
        let fair = vec![PARTITIONS / i64::try_from(replicas).unwrap(); replicas];
        let shared = async {
            while self.shares().await != fair {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        };
        let shared = tokio::time::timeout(PATIENCE, shared).await;
        assert!(shared.is_ok(), "{:?}", self.shares().await);
    }

    /// How many partitions of the log each replica publishes.
    async fn shares(&self) -> Vec<i64> {
        let look = async |tx: &mut Tx| {
            let sql = "select count(*) from leases where name like 'relay/%' \
                       and name not like 'relay/replica/%' group by holder";
            let rows = tx.query(sql, params![]).await?;
            rows.iter().map(|row| row.get(0)).collect()
        };
        self.gate.context.db.read(look).await.unwrap()
    }

    /// Ends as a process does that is told to.
    pub async fn end(self) {
        assert!(self.tasks.stop(Duration::from_secs(5)).await);
        let replica = Arc::clone(&self.gate.context.replica);
        let leave = async move |tx: &mut Tx| lease::give_back(tx, &replica).await;
        self.gate.context.db.write(leave).await.unwrap();
    }
}

/// The newest version of a ticket and its state; in the events of older versions there is no seat.
async fn newest(tx: &mut Tx, ticket: &str) -> platform::Result<(i64, SeatedState)> {
    let sql = "select e.envelope from heads h join events e on e.aggregate = h.aggregate \
               and e.subject = h.subject and e.version = h.version \
               where h.aggregate = 'ticket' and h.subject = $1";
    let text: String = tx.query_one(sql, params![ticket]).await?.get(0)?;
    let event: Envelope = serde_json::from_str(&text)?;
    Ok((
        event.aggregateversion,
        decode_state::<SeatedTicket>(&event)?,
    ))
}
