//! O1: events that a consumer does not know, or knows an older form of, block nothing.

use contracts::Aggregate;
use platform::db::{Migration, params};
use platform::{Consumer, Event, Service, Tx};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use testing::World;
use testing::owner::Owner;

use crate::stage::Stage;
use crate::toys::{Counter, CounterFact, CounterState, Moods, archive, board};

/// Counters as a later version of their owner declares them.
#[derive(Debug)]
struct NewerCounter;

impl Aggregate for NewerCounter {
    const NAME: &'static str = Counter::NAME;
    const OWNER: &'static str = Counter::OWNER;
    type State = NewerState;
    type Fact = NewerFact;
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
enum NewerState {
    Richer { value: i64, colour: String },
    Other { values: Vec<i64> },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type")]
enum NewerFact {
    #[serde(rename = "ticketing.counter.added.v1")]
    Added { amount: i64, by: String },
    #[serde(rename = "ticketing.counter.painted.v1")]
    Painted,
    #[serde(rename = "ticketing.counter.added.v2")]
    AddedMany,
}

fn richer(value: i64) -> NewerState {
    NewerState::Richer {
        value,
        colour: "red".to_owned(),
    }
}

/// Counters as the next version of a consumer knows them, while older owners write no colour.
#[derive(Debug)]
struct GrownCounter;

impl Aggregate for GrownCounter {
    const NAME: &'static str = Counter::NAME;
    const OWNER: &'static str = Counter::OWNER;
    type State = GrownState;
    type Fact = CounterFact;
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
struct GrownState {
    value: i64,
    #[serde(default)]
    colour: Option<String>,
}

const GALLERY_TABLES: &[Migration] = &[Migration {
    name: "0001_gallery",
    sqlite: "create table colours (id text not null, version bigint not null, colour text)",
}];

/// Keeps the colour of each counter at each version.
fn gallery() -> Service {
    let keep = async |tx: &mut Tx, event: &Event<GrownCounter>| {
        let sql = "insert into colours (id, version, colour) values ($1, $2, $3)";
        let colour = event.state.colour.clone();
        tx.execute(sql, params![event.subject, event.version, colour])
            .await
            .map(drop)
    };
    let consumer = Consumer::of::<GrownCounter>().copy(&["colours"], keep);
    Service::new("gallery", GALLERY_TABLES).consumer(consumer.build())
}

async fn colours(tx: &mut Tx) -> platform::Result<Vec<Option<String>>> {
    let sql = "select colour from colours order by version";
    let rows = tx.query(sql, params![]).await?;
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn o1_a_field_that_older_events_lack_is_its_default() {
    let world = World::start(vec![gallery()]).await.unwrap();
    let owner = world.owner("counters").await;
    // As while an older and a newer replica of the owner take turns.
    let added = CounterFact::Added { amount: 1 };
    let by_the_older = CounterState { value: 1 };
    owner
        .publish::<Counter>("a", &added, &by_the_older)
        .await
        .unwrap();
    owner
        .publish::<NewerCounter>("a", &NewerFact::Painted, &richer(1))
        .await
        .unwrap();
    owner
        .publish::<Counter>("a", &added, &by_the_older)
        .await
        .unwrap();
    let kept = async || {
        let kept = world.db("gallery")?.read(colours).await?;
        Ok((kept.len() == 3).then_some(kept))
    };
    let kept = world.until(kept).await.unwrap();
    assert_eq!(kept, [None, Some("red".to_owned()), None]);
    world.end().await.unwrap();
}

async fn with_pretended_owner() -> (Stage, Owner) {
    let moods = Moods::default();
    let world = World::start(vec![board(&moods), archive()]).await.unwrap();
    let owner = world.owner("counters").await;
    (Stage { world, moods }, owner)
}

#[tokio::test(flavor = "multi_thread")]
async fn o1_more_fields_are_passed_over() {
    let (stage, owner) = with_pretended_owner().await;
    let fact = NewerFact::Added {
        amount: 4,
        by: "somebody".to_owned(),
    };
    owner
        .publish::<NewerCounter>("a", &fact, &richer(4))
        .await
        .unwrap();
    stage.until_at("board", "a", 1).await;
    assert_eq!(stage.reactions("a").await, [1]);
    assert_eq!(
        stage.copy("board", "a").await.map(|(copy, _)| copy.0),
        Some(4)
    );
    stage.world.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn o1_an_unknown_type_brings_the_copy_forward_and_has_no_other_effect() {
    let (stage, owner) = with_pretended_owner().await;
    owner
        .publish::<NewerCounter>("a", &NewerFact::Painted, &richer(7))
        .await
        .unwrap();
    let known = CounterFact::Added { amount: 1 };
    owner
        .publish::<Counter>("a", &known, &CounterState { value: 8 })
        .await
        .unwrap();
    stage.until_at("board", "a", 2).await;
    assert_eq!(stage.reactions("a").await, [2]);
    assert_eq!(
        stage.copy("board", "a").await.map(|(copy, _)| copy.1),
        Some(2)
    );
    stage.world.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn o1_an_unknown_type_with_a_state_of_another_form_advances_the_cursor() {
    let (stage, owner) = with_pretended_owner().await;
    let other = NewerState::Other { values: vec![1, 2] };
    owner
        .publish::<NewerCounter>("a", &NewerFact::AddedMany, &other)
        .await
        .unwrap();
    let known = CounterFact::Added { amount: 1 };
    owner
        .publish::<Counter>("a", &known, &CounterState { value: 8 })
        .await
        .unwrap();
    stage.until_at("board", "a", 2).await;
    stage.until_at("archive", "a", 2).await;
    assert_eq!(stage.reactions("a").await, [2]);
    stage.world.end().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_known_type_with_a_state_that_cannot_be_read_is_poison() {
    let (stage, owner) = with_pretended_owner().await;
    let fact = NewerFact::Added {
        amount: 4,
        by: "somebody".to_owned(),
    };
    let other = NewerState::Other { values: vec![1, 2] };
    owner
        .publish::<NewerCounter>("a", &fact, &other)
        .await
        .unwrap();
    let _labels = stage.world.owner("labels").await;
    stage.until_stuck("a", "blocked").await;
    stage
        .gate("board")
        .skip("counter", "a", "no state")
        .await
        .unwrap();
    stage
        .until(async || {
            let gate = stage.gate("archive");
            gate.skip("counter", "a", "no state").await.ok()
        })
        .await;
    assert_eq!(stage.cursor("board", "a").await.version, 1);
    stage.gate("board").rebuild().await.unwrap();
    stage.world.end().await.unwrap();
}
