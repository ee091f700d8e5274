//! Toy services: `counters` and `labels` own an aggregate each; `board` copies both and tallies what it
//! hears; `archive` only copies.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use contracts::Aggregate;
use platform::db::{Migration, params};
use platform::{Consumer, Current, Event, Failure, Owned, Refused, Result, Service, Tx};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A number that is added to.
#[derive(Debug)]
pub struct Counter;

impl Aggregate for Counter {
    const NAME: &'static str = "counter";
    const OWNER: &'static str = "counters";
    type State = CounterState;
    type Fact = CounterFact;
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CounterState {
    pub value: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type")]
pub enum CounterFact {
    #[serde(rename = "ticketing.counter.added.v1")]
    Added { amount: i64 },
}

/// What a counter is called.
#[derive(Debug)]
pub struct Label;

impl Aggregate for Label {
    const NAME: &'static str = "label";
    const OWNER: &'static str = "labels";
    type State = LabelState;
    type Fact = LabelFact;
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LabelState {
    pub text: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type")]
pub enum LabelFact {
    #[serde(rename = "ticketing.label.written.v1")]
    Written,
}

/// What board has heard of a counter: its own aggregate, one event for each that it reacted to.
#[derive(Debug)]
pub struct Tally;

impl Aggregate for Tally {
    const NAME: &'static str = "tally";
    const OWNER: &'static str = "board";
    type State = CounterState;
    type Fact = TallyFact;
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type")]
pub enum TallyFact {
    #[serde(rename = "ticketing.tally.made.v1")]
    Made,
}

const OWNER_TABLES: &[Migration] = &[Migration {
    name: "0001_counters",
    sqlite: "create table counters (id text primary key, value bigint not null, version bigint not null)",
}];

const BOARD_TABLES: &[Migration] = &[Migration {
    name: "0001_board",
    sqlite: "create table counter_copies (id text primary key, value bigint not null, \
             version bigint not null, digest bigint not null); \
             create table label_copies (id text primary key, text text not null); \
             create table fall_backs (position integer primary key, id text not null, \
             version bigint not null); \
             create table reactions (position integer primary key, id text not null, \
             version bigint not null, amount bigint not null)",
}];

/// The owner of counters.
pub fn counters() -> Service {
    Service::new("counters", OWNER_TABLES).owned(Owned::of(current_counters))
}

async fn current_counters(tx: &mut Tx, after: &str, limit: i64) -> Result<Vec<Current<Counter>>> {
    let sql = "select id, value, version from counters where id > $1 order by id limit $2";
    let rows = tx.query(sql, params![after, limit]).await?;
    rows.iter()
        .map(|row| {
            Ok(Current {
                subject: row.get(0)?,
                version: Some(row.get(2)?),
                state: CounterState { value: row.get(1)? },
            })
        })
        .collect()
}

/// The owner of labels.
pub fn labels() -> Service {
    Service::new("labels", &[])
}

/// Copies counters and labels, and reacts to each change of a counter.
pub fn board(moods: &Moods) -> Service {
    let moods = moods.clone();
    let reactor = async move |tx: &mut Tx, event: &Event<Counter>| react(tx, event, &moods).await;
    Service::new("board", BOARD_TABLES)
        .consumer(
            Consumer::of::<Counter>()
                .copy(&["counter_copies"], copy_counter)
                .react(reactor)
                .remove(remove_counter)
                .fell_back(note_fall_back)
                .build(),
        )
        .consumer(
            Consumer::of::<Label>()
                .copy(&["label_copies"], copy_label)
                .build(),
        )
}

/// Notes the version that a counter is back at, 0 for one that is lost.
async fn note_fall_back(tx: &mut Tx, id: &str, newest: Option<&Event<Counter>>) -> Result<()> {
    let version = newest.map_or(0, |event| event.version);
    let sql = "insert into fall_backs (id, version) values ($1, $2)";
    tx.execute(sql, params![id, version]).await.map(drop)
}

/// Copies counters and does nothing else: its transactions are not synced.
pub fn archive() -> Service {
    Service::new("archive", BOARD_TABLES).consumer(
        Consumer::of::<Counter>()
            .copy(&["counter_copies"], copy_counter)
            .remove(remove_counter)
            .build(),
    )
}

/// How board's reaction to a counter goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    Broken,
    Panics,
    Refuses,
    Unavailable,
    /// Answers that a head moved, although nobody moved it.
    Confused,
    /// Needs the counter's label first.
    NeedsLabel,
}

/// The moods of counters by id (well, if none), and every call of the reaction.
#[derive(Debug, Clone, Default)]
pub struct Moods {
    moods: Arc<Mutex<HashMap<String, Mood>>>,
    calls: Arc<Mutex<Vec<(String, i64)>>>,
}

impl Moods {
    pub fn set(&self, id: &str, mood: Mood) {
        self.moods.lock().unwrap().insert(id.to_owned(), mood);
    }

    pub fn heal(&self, id: &str) {
        self.moods.lock().unwrap().remove(id);
    }

    pub fn heal_all(&self) {
        self.moods.lock().unwrap().clear();
    }

    /// How often the reaction to this event was called.
    pub fn calls(&self, id: &str, version: i64) -> usize {
        let calls = self.calls.lock().unwrap();
        calls
            .iter()
            .filter(|call| call.0 == id && call.1 == version)
            .count()
    }

    fn of(&self, id: &str) -> Option<Mood> {
        self.moods.lock().unwrap().get(id).copied()
    }
}

/// Adds to a counter: the owner's one command.
pub async fn add(tx: &mut Tx, id: &str, amount: i64) -> Result<i64> {
    let row = tx
        .query_opt(
            "select value, version from counters where id = $1",
            params![id],
        )
        .await?;
    let (value, version) = match row {
        Some(row) => (row.get::<i64>(0)?, row.get::<i64>(1)?),
        None => (0, 0),
    };
    let state = CounterState {
        value: value + amount,
    };
    let version = tx
        .append::<Counter>(id, version, &CounterFact::Added { amount }, &state)
        .await?;
    tx.execute(
        "insert into counters (id, value, version) values ($1, $2, $3) \
         on conflict (id) do update set value = excluded.value, version = excluded.version",
        params![id, state.value, version],
    )
    .await?;
    Ok(version)
}

/// What a copy's digest becomes with one more event: it tells order, repetition and omission.
pub fn digest(before: i64, version: i64, value: i64) -> i64 {
    (before * 31 + version * 7 + value.rem_euclid(1_000)).rem_euclid(1_000_000_007)
}

async fn copy_counter(tx: &mut Tx, event: &Event<Counter>) -> Result<()> {
    let (id, value, version) = (&event.subject, event.state.value, event.version);
    let row = tx
        .query_opt(
            "select digest from counter_copies where id = $1",
            params![id],
        )
        .await?;
    let before = row.map_or(Ok(0), |row| row.get(0))?;
    tx.execute(
        "insert into counter_copies (id, value, version, digest) values ($1, $2, $3, $4) \
         on conflict (id) do update set value = excluded.value, version = excluded.version, \
         digest = excluded.digest",
        params![id, value, version, digest(before, version, value)],
    )
    .await?;
    Ok(())
}

async fn remove_counter(tx: &mut Tx, id: &str) -> Result<()> {
    tx.execute("delete from counter_copies where id = $1", params![id])
        .await
        .map(drop)
}

async fn copy_label(tx: &mut Tx, event: &Event<Label>) -> Result<()> {
    tx.execute(
        "insert into label_copies (id, text) values ($1, $2) \
         on conflict (id) do update set text = excluded.text",
        params![event.subject, event.state.text],
    )
    .await
    .map(drop)
}

async fn react(tx: &mut Tx, event: &Event<Counter>, moods: &Moods) -> Result<()> {
    let id = &event.subject;
    moods
        .calls
        .lock()
        .unwrap()
        .push((id.clone(), event.version));
    let Some(CounterFact::Added { amount }) = event.fact else {
        return Ok(());
    };
    tx.execute(
        "insert into reactions (id, version, amount) values ($1, $2, $3)",
        params![id, event.version, amount],
    )
    .await?;
    let tallied = tx.head::<Tally>(id).await?;
    tx.append::<Tally>(id, tallied, &TallyFact::Made, &event.state)
        .await?;
    // Only now, so that there is something to roll back.
    match moods.of(id) {
        None => Ok(()),
        Some(Mood::Broken) => Err(Failure::Broken(anyhow::anyhow!("poison"))),
        Some(Mood::Panics) => panic!("poison"),
        Some(Mood::Refuses) => Err(Refused::conflict("not_liked", "the rules say no").into()),
        Some(Mood::Unavailable) => Err(Failure::Unavailable("no answer".to_owned())),
        Some(Mood::Confused) => tx
            .append::<Tally>(id, tallied, &TallyFact::Made, &event.state)
            .await
            .map(drop),
        Some(Mood::NeedsLabel) => {
            let label = tx
                .query_opt("select 1 from label_copies where id = $1", params![id])
                .await?;
            label.map(drop).ok_or(Failure::NotYet {
                aggregate: Label::NAME,
                subject: id.clone(),
            })
        }
    }
}
