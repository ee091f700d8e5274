//! Everything goes wrong at once, by a seed: in the end every copy is the fold of its owner's log,
//! every event has had its effects once and in order, and no work is left over.

use testing::Faults;
use testing::random::Seeded;

use crate::stage::Stage;
use crate::toys::Mood;

const IDS: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];
const MOODS: [Mood; 5] = [
    Mood::Broken,
    Mood::Panics,
    Mood::Unavailable,
    Mood::Confused,
    Mood::NeedsLabel,
];

async fn storm(seed: u64) {
    let chance = Seeded::new(seed);
    let pick = |list: &[&'static str]| {
        list[usize::try_from(chance.below(u64::try_from(list.len()).unwrap())).unwrap()]
    };
    let mut stage = Stage::start().await;
    stage.world.bus.reseed(seed);
    for _ in 0..250 {
        let id = pick(&IDS);
        match chance.below(100) {
            0..60 => drop(
                stage
                    .add(id, i64::try_from(chance.below(50)).unwrap())
                    .await,
            ),
            60..70 => stage.label(id, "text").await,
            70..78 => stage
                .moods
                .set(id, MOODS[usize::try_from(chance.below(5)).unwrap()]),
            78..86 => stage.moods.heal(id),
            86..94 => stage.world.bus.set(Faults {
                lost: chance.below(40),
                doubled: chance.below(40),
                delayed: chance.below(60),
                unconfirmed: chance.below(30),
                unheard: chance.below(100),
                unanswered: chance.below(60),
            }),
            94..98 => stage
                .world
                .clock
                .advance(std::time::Duration::from_secs(chance.below(40))),
            98 => drop(stage.gate("archive").rebuild().await),
            _ => {
                stage = stage.restart().await;
                stage.world.bus.reseed(chance.next());
            }
        }
    }
    stage.mend_wires();
    stage.moods.heal_all();
    // A rebuild that failed is ended by the next start, which also tries what is blocked once more.
    let stage = stage.restart().await;
    stage.end(&IDS).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn i1_to_i8_hold_through_a_storm() {
    for seed in 1..=4 {
        storm(seed).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn i1_to_i8_hold_through_another_storm() {
    for seed in 101..=104 {
        storm(seed).await;
    }
}
